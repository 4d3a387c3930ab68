//! The node's memory: one SQLite file and one folder of blobs.
//!
//! Everything that must survive a kill goes through here, in one transaction a step, with
//! `synchronous = FULL`. The database never holds what a blob holds; it holds the blob's hash.
//!
//! | file | what |
//! |---|---|
//! | `schema.rs` | the tables (documented in `docs/ops/store.md`) and their version |
//! | `jobs.rs` | jobs, their transitions, what stages ask for |
//! | `blocks.rs` | the watched blocks and the rollback of a reorg |
//! | `txs.rs` | signed transactions, stored before they are sent |
//! | `blobs.rs` | the content-addressed folder |
//! | `error.rs` | what can go wrong |

mod blobs;
mod blocks;
mod error;
mod jobs;
mod schema;
#[cfg(test)]
mod tests;
mod txs;

pub use blobs::Blobs;
pub use blocks::{SeenBlock, Sighting};
pub use error::StoreError;
pub use jobs::Transition;
pub use txs::{StoredTx, TxStatus};

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Handle on the store; clones share one connection.
#[derive(Clone)]
pub struct Store {
    conn: Arc<Mutex<Connection>>,
    blobs: Blobs,
}

impl Store {
    /// Opens or creates the store in `dir` (`node.sqlite` and `blobs/`).
    ///
    /// # Errors
    /// The folder cannot be made, the file is no SQLite database, or it has another schema version.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| StoreError::Io { path: dir.to_path_buf(), source })?;
        let path = dir.join("node.sqlite");
        let mut conn = Connection::open(&path)?;
        schema::prepare(&mut conn, &path)?;
        let blobs = Blobs::open(&dir.join("blobs"))?;
        Ok(Self { conn: Arc::new(Mutex::new(conn)), blobs })
    }

    /// The blob folder.
    pub const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Binds the store to a chain and an oracle on first use, and compares on every later one.
    ///
    /// # Errors
    /// [`StoreError::OtherDeployment`] if the store was made for another chain or oracle.
    pub fn bind(&self, chain_id: u64, oracle: alloy::primitives::Address) -> Result<(), StoreError> {
        let got = format!("chain {chain_id}, oracle {oracle}");
        self.write(|tx| {
            let stored: Option<String> =
                tx.query_row("SELECT value FROM meta WHERE key = 'deployment'", [], |r| r.get(0)).optional()?;
            match stored {
                Some(expected) if expected != got => Err(StoreError::OtherDeployment { expected, got }),
                Some(_) => Ok(()),
                None => {
                    tx.execute("INSERT INTO meta (key, value) VALUES ('deployment', ?1)", [&got])?;
                    Ok(())
                }
            }
        })
    }

    /// Runs `work` on a blocking thread: SQLite must not hold up the runtime.
    ///
    /// # Errors
    /// Those of `work`, or [`StoreError::Interrupted`] if the runtime is going down.
    pub async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.map_err(|_| StoreError::Interrupted)?
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        self.conn.lock().map_err(|_| StoreError::Interrupted)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&*self.lock()?)
    }

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut conn = self.lock()?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let out = work(&tx)?;
        tx.commit()?;
        Ok(out)
    }
}

/// Reads and decodes a job's artefact. A missing or damaged one is the job's trouble, not the stage's: the
/// inner error is the event that takes the job back to `source`, from where it is made again.
///
/// # Errors
/// [`Failure`](crate::runtime::Failure) if the store itself fails.
pub async fn load_blob<T: serde::de::DeserializeOwned>(
    store: &Store,
    blob: Option<alloy::primitives::B256>,
    source: crate::job::State,
) -> Result<Result<T, crate::job::Event>, crate::runtime::Failure> {
    let back = |reason: String| Ok(Err(crate::job::Event::RolledBack { to: source, reason }));
    let Some(hash) = blob else { return back("the artefact is not recorded".to_owned()) };
    match store.call(move |s| s.blobs().get(hash)).await {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Ok(value)),
            Err(error) => back(format!("blob {hash} cannot be decoded: {error}")),
        },
        Err(error) if error.is_bad_blob() => back(error.to_string()),
        Err(error) => Err(crate::runtime::Failure::restart(error)),
    }
}
