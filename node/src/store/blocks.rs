//! The watched part of the chain: hashes of scanned blocks, and the rollback of a reorg.

use alloy::primitives::B256;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Store, StoreError,
    jobs::{self, hash, int, uint},
};
use crate::job::{BlockId, Event, Fulfilment, Job, Request, State};

/// Blocks kept for finding the common ancestor of a reorg.
const KEPT: u64 = 1024;

/// A scanned block.
pub type SeenBlock = BlockId;

/// Something that the watcher read from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// A request that this node can serve.
    Requested(Box<Request>, BlockId),
    /// An answer.
    Fulfilled(B256, Fulfilment),
    /// A refund, with its block.
    Refunded(B256, BlockId),
}

impl Store {
    /// The last scanned block.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn tip(&self) -> Result<Option<SeenBlock>, StoreError> {
        self.block_at_most(u64::MAX >> 1)
    }

    /// The highest stored block with a number of at most `number`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn block_at_most(&self, number: u64) -> Result<Option<SeenBlock>, StoreError> {
        let row: Option<(i64, String)> = self.read(|c| {
            Ok(c.query_row(
                "SELECT number, hash FROM blocks WHERE number <= ?1 ORDER BY number DESC LIMIT 1",
                [int(number)?],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .optional()?)
        })?;
        row.map(|(n, h)| Ok(BlockId { number: uint(n)?, hash: hash(&h)? })).transpose()
    }

    /// Records a scanned range: its `blocks` and everything seen in it, all or nothing. Returns the jobs
    /// that changed.
    ///
    /// # Errors
    /// [`StoreError`] of the database or the state machine.
    pub fn advance(&self, blocks: &[SeenBlock], sightings: &[Sighting]) -> Result<Vec<Job>, StoreError> {
        self.write(|tx| {
            let mut changed = Vec::new();
            for sighting in sightings {
                changed.extend(see(tx, sighting)?);
            }
            for block in blocks {
                tx.execute(
                    "INSERT OR REPLACE INTO blocks (number, hash) VALUES (?1, ?2)",
                    params![int(block.number)?, block.hash.to_string()],
                )?;
            }
            if let Some(last) = blocks.iter().map(|b| b.number).max() {
                tx.execute("DELETE FROM blocks WHERE number < ?1", [int(last.saturating_sub(KEPT))?])?;
            }
            Ok(changed)
        })
    }

    /// Forgets every block above `ancestor` and undoes what was seen in them: requests become `Reorged`,
    /// answers are taken back. Returns the jobs that changed.
    ///
    /// # Errors
    /// [`StoreError`] of the database or the state machine.
    pub fn roll_back(&self, ancestor: u64) -> Result<Vec<Job>, StoreError> {
        self.write(|tx| {
            let mut changed = Vec::new();
            let bound = int(ancestor)?;
            let gone = jobs::query(tx, "WHERE seen_number > ?1 AND state != 'reorged' ORDER BY id", params![bound])?;
            for job in gone {
                changed.push(jobs::apply(tx, job.id(), None, Event::RequestGone)?);
            }
            for job in jobs::query(tx, "WHERE final_number > ?1 AND state = 'final' ORDER BY id", params![bound])? {
                changed.push(take_back(tx, &job)?);
            }
            tx.execute("DELETE FROM blocks WHERE number > ?1", [bound])?;
            Ok(changed)
        })
    }
}

/// Takes an answer back. If this node's transaction for it is known, the job waits for it as `Submitted`.
fn take_back(tx: &Transaction<'_>, job: &Job) -> Result<Job, StoreError> {
    let mut job = jobs::apply(tx, job.id(), None, Event::Unfulfilled)?;
    let sent: i64 = tx.query_row("SELECT count(*) FROM txs WHERE job = ?1", [job.id().to_string()], |r| r.get(0))?;
    if sent > 0 {
        tx.execute("UPDATE txs SET status = 'live' WHERE job = ?1 AND status = 'mined'", [job.id().to_string()])?;
        if job.state == job.request.mode.proved() {
            job = jobs::apply(tx, job.id(), None, Event::Submitted)?;
        }
    }
    Ok(job)
}

fn see(tx: &Transaction<'_>, sighting: &Sighting) -> Result<Option<Job>, StoreError> {
    match sighting {
        Sighting::Requested(request, block) => match jobs::load(tx, request.id)? {
            None => {
                let job = Job::new((**request).clone(), *block);
                jobs::insert(tx, &job)?;
                Ok(Some(job))
            }
            Some(job) if job.state == State::Reorged => {
                let event = Event::RequestSeen(request.clone(), *block);
                jobs::apply(tx, request.id, None, event).map(Some)
            }
            Some(_) => Ok(None),
        },
        Sighting::Fulfilled(id, fulfilment) => match jobs::load(tx, *id)? {
            Some(job) if job.state != State::Reorged && job.fulfilment.as_ref() != Some(fulfilment) => {
                tx.execute("UPDATE txs SET status = 'mined' WHERE hash = ?1", [fulfilment.tx.to_string()])?;
                jobs::apply(tx, *id, None, Event::Fulfilled(fulfilment.clone())).map(Some)
            }
            _ => Ok(None),
        },
        Sighting::Refunded(id, block) => match jobs::load(tx, *id)? {
            Some(job) if job.state.is_open() => {
                let why = format!("the requester was refunded in block {}", block.number);
                jobs::apply(tx, *id, None, Event::Expired(why)).map(Some)
            }
            _ => Ok(None),
        },
    }
}
