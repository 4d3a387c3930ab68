//! Jobs in the database: insert, look up, change.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use super::{Store, StoreError};
use crate::job::{BlockId, Event, Job, State};

const COLUMNS: &str = "request, seen_number, seen_hash, state, version, observations, answer, proof, \
                       fulfilment, reason, attempts, not_before";

/// One line of a job's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// What happened.
    pub event: String,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// Reason, if the event has one.
    pub note: Option<String>,
    /// Unix seconds, by this machine's clock.
    pub at: u64,
}

impl Store {
    /// The job with this id.
    ///
    /// # Errors
    /// [`StoreError::NoJob`] if there is none.
    pub fn job(&self, id: B256) -> Result<Job, StoreError> {
        self.read(|c| load(c, id))?.ok_or(StoreError::NoJob(id))
    }

    /// All jobs, the most recently changed first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn jobs(&self, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.read(|c| query(c, "ORDER BY updated_at DESC, id LIMIT ?1", params![limit]))
    }

    /// Jobs in `state` that may be taken at `now` (Unix seconds), the nearest deadline first.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn jobs_ready(&self, state: State, now: u64) -> Result<Vec<Job>, StoreError> {
        self.read(|c| {
            query(c, "WHERE state = ?1 AND not_before <= ?2 ORDER BY deadline, id", params![state.name(), int(now)?])
        })
    }

    /// Identifiers of the jobs whose transaction is still wanted.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn submitted_ids(&self) -> Result<std::collections::BTreeSet<B256>, StoreError> {
        self.read(|c| Ok(query(c, "WHERE state = 'submitted'", params![])?.iter().map(Job::id).collect()))
    }

    /// Number of jobs by state, every state listed.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.read(|c| {
            let mut stmt = c.prepare_cached("SELECT count(*) FROM jobs WHERE state = ?1")?;
            let count = |s: State| Ok((s, stmt.query_row([s.name()], |r| r.get::<_, i64>(0))?.unsigned_abs()));
            State::ALL.into_iter().map(count).collect()
        })
    }

    /// History of a job, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn history(&self, id: B256) -> Result<Vec<Transition>, StoreError> {
        self.read(|c| {
            let mut stmt = c.prepare_cached(
                "SELECT event, from_state, to_state, note, at FROM transitions WHERE job = ?1 ORDER BY seq",
            )?;
            let rows = stmt.query_map([id.to_string()], |r| {
                let at: i64 = r.get(4)?;
                Ok(Transition {
                    event: r.get(0)?,
                    from: r.get(1)?,
                    to: r.get(2)?,
                    note: r.get(3)?,
                    at: at.unsigned_abs(),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Applies `event` to the job in one transaction and returns the job after it. With `expected` set,
    /// refuses if the job's version is another: the work was done on a job that has changed since.
    ///
    /// # Errors
    /// [`StoreError::NoJob`], [`StoreError::Stale`], [`StoreError::Transition`].
    pub fn apply(&self, id: B256, expected: Option<u64>, event: Event) -> Result<Job, StoreError> {
        self.write(|tx| apply(tx, id, expected, event))
    }

    /// Stores how long `what` took, smoothed (¾ old, ¼ new, never below the new value's half).
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn record_timing(&self, what: &str, seconds: f64) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO timings (what, seconds) VALUES (?1, ?2)
                 ON CONFLICT (what) DO UPDATE SET seconds = max(0.75 * seconds + 0.25 * ?2, 0.5 * ?2)",
                params![what, seconds],
            )?;
            Ok(())
        })
    }

    /// Smoothed seconds that `what` takes, if it was ever done.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn timing(&self, what: &str) -> Result<Option<f64>, StoreError> {
        self.read(|c| {
            Ok(c.query_row("SELECT seconds FROM timings WHERE what = ?1", [what], |r| r.get(0)).optional()?)
        })
    }
}

/// Inserts a job seen for the first time.
pub(super) fn insert(tx: &Transaction<'_>, job: &Job) -> Result<(), StoreError> {
    save(tx, job)?;
    log(tx, job, "request_seen", "none")
}

/// See [`Store::apply`].
pub(super) fn apply(tx: &Transaction<'_>, id: B256, expected: Option<u64>, event: Event) -> Result<Job, StoreError> {
    let job = load(tx, id)?.ok_or(StoreError::NoJob(id))?;
    if let Some(expected) = expected
        && expected != job.version
    {
        return Err(StoreError::Stale { id, expected, got: job.version });
    }
    let name = event.name();
    let next = job.apply(event)?;
    save(tx, &next)?;
    // A stage that waits for the same thing again and again leaves one line, not one every few seconds.
    if next.state != job.state || next.reason != job.reason {
        log(tx, &next, name, job.state.name())?;
    }
    Ok(next)
}

/// The job with this id, if there is one.
pub(super) fn load(conn: &Connection, id: B256) -> Result<Option<Job>, StoreError> {
    Ok(query(conn, "WHERE id = ?1", params![id.to_string()])?.pop())
}

/// Jobs that `tail` (a WHERE, ORDER or LIMIT clause) selects.
pub(super) fn query(conn: &Connection, tail: &str, args: &[&dyn rusqlite::ToSql]) -> Result<Vec<Job>, StoreError> {
    let mut stmt = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs {tail}"))?;
    let mut rows = stmt.query(args)?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(decode(row)?);
    }
    Ok(jobs)
}

fn save(tx: &Transaction<'_>, job: &Job) -> Result<(), StoreError> {
    let fulfilment = job.fulfilment.as_ref().map(encode).transpose()?;
    tx.execute(
        "INSERT OR REPLACE INTO jobs (id, state, mode, model, version, request, seen_number, seen_hash, deadline,
             observations, answer, proof, fulfilment, final_number, reason, attempts, not_before, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            job.id().to_string(),
            job.state.name(),
            job.request.mode.name(),
            job.request.model_id.to_string(),
            int(job.version)?,
            encode(&job.request)?,
            int(job.seen.number)?,
            job.seen.hash.to_string(),
            int(job.request.deadline)?,
            job.observations.map(|h| h.to_string()),
            job.answer.map(|h| h.to_string()),
            job.proof.map(|h| h.to_string()),
            fulfilment,
            job.fulfilment.as_ref().map(|f| int(f.block.number)).transpose()?,
            job.reason,
            job.attempts,
            int(job.not_before)?,
            int(now())?,
        ],
    )?;
    Ok(())
}

fn log(tx: &Transaction<'_>, job: &Job, event: &str, from: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO transitions (job, event, from_state, to_state, note, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![job.id().to_string(), event, from, job.state.name(), job.reason, int(now())?],
    )?;
    Ok(())
}

fn decode(row: &Row<'_>) -> Result<Job, StoreError> {
    let state: String = row.get(3)?;
    let fulfilment: Option<String> = row.get(8)?;
    Ok(Job {
        request: parse(&row.get::<_, String>(0)?)?,
        seen: BlockId { number: uint(row.get(1)?)?, hash: hash(&row.get::<_, String>(2)?)? },
        state: state.parse().map_err(|e: crate::job::UnknownState| StoreError::Row(e.to_string()))?,
        version: uint(row.get(4)?)?,
        observations: opt_hash(row.get(5)?)?,
        answer: opt_hash(row.get(6)?)?,
        proof: opt_hash(row.get(7)?)?,
        fulfilment: fulfilment.as_deref().map(parse).transpose()?,
        reason: row.get(9)?,
        attempts: row.get(10)?,
        not_before: uint(row.get(11)?)?,
    })
}

/// Unix time in seconds.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// SQLite integers are signed.
pub(super) fn int(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Row(format!("expected an integer below 2^63, got {value}")))
}

/// Counterpart of [`int`].
pub(super) fn uint(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Row(format!("expected an integer from 0 on, got {value}")))
}

/// A hash as stored.
pub(super) fn hash(text: &str) -> Result<B256, StoreError> {
    text.parse().map_err(|_| StoreError::Row(format!("expected a 32-byte hash, got {text:?}")))
}

fn opt_hash(text: Option<String>) -> Result<Option<B256>, StoreError> {
    text.as_deref().map(hash).transpose()
}

fn encode<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Row(e.to_string()))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Row(e.to_string()))
}
