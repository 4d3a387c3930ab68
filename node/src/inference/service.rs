//! The stage.

use async_trait::async_trait;

use crate::{
    collector::Collected,
    engine::Served,
    job::{Event, Job, State},
    runtime::{Failure, Outcome, Stage},
    store::{Store, load_blob},
};

/// The inference stage.
pub struct Inference {
    /// The store.
    pub store: Store,
    /// The models.
    pub served: Served,
}

#[async_trait]
impl Stage for Inference {
    fn name(&self) -> &'static str {
        "inference"
    }

    fn states(&self) -> &'static [State] {
        &[State::Collected]
    }

    async fn work(&self, job: &Job) -> Result<Outcome, Failure> {
        let id = job.request.model_id;
        if !self.served.contains_key(&id) {
            return Ok(Outcome::Done(Event::Failed(format!("model {id} is no longer served"))));
        }
        let collected: Collected = match load_blob(&self.store, job.observations, State::Requested).await? {
            Ok(collected) => collected,
            Err(back) => return Ok(Outcome::Done(back)),
        };
        let served = self.served.clone();
        let run = move || served.get(&id).map(|m| m.engine.infer(&collected.sources));
        let answer = tokio::task::spawn_blocking(run).await.map_err(Failure::restart)?;
        match answer {
            None => Ok(Outcome::Done(Event::Failed(format!("model {id} is no longer served")))),
            Some(Err(error)) => Ok(Outcome::Done(Event::Failed(format!("inference: {error}")))),
            Some(Ok(answer)) => {
                tracing::info!(job = %job.id(), outputs = ?answer.outputs, in_domain = answer.in_domain, "answer");
                let bytes = serde_json::to_vec(&answer).map_err(Failure::fatal)?;
                let blob = self.store.call(move |s| s.blobs().put(&bytes)).await.map_err(Failure::restart)?;
                Ok(Outcome::Done(Event::Inferred(blob)))
            }
        }
    }
}
