//! What this publisher has committed to. One row for each (feed, set epoch, sequence number), written once.
//!
//! `synchronous = FULL`: a row that [`Book::commit`] returned is on disk.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::B256;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::PublishError;
use crate::feed::Observation;

/// Version of the table.
const VERSION: i64 = 1;

/// The book.
#[derive(Clone)]
pub struct Book(Arc<Mutex<Connection>>);

impl Book {
    /// Opens or creates `dir/publisher.sqlite`.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn open(dir: &Path) -> Result<Self, PublishError> {
        std::fs::create_dir_all(dir).map_err(|source| PublishError::Io { path: dir.to_path_buf(), source })?;
        let mut conn = Connection::open(dir.join("publisher.sqlite"))?;
        conn.busy_timeout(std::time::Duration::from_secs(10))?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let got: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        match got {
            0 => {
                tx.execute_batch(
                    "CREATE TABLE observations (
                         feed      TEXT NOT NULL,
                         set_epoch INTEGER NOT NULL,
                         seq       INTEGER NOT NULL,
                         row       INTEGER NOT NULL,
                         body      TEXT NOT NULL,
                         PRIMARY KEY (feed, set_epoch, seq)
                     ) STRICT;",
                )?;
                tx.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            _ => return Err(PublishError::Row(format!("expected schema version {VERSION}, got {got}"))),
        }
        tx.commit()?;
        Ok(Self(Arc::new(Mutex::new(conn))))
    }

    /// Stores what `make` builds for `seq`, unless something is stored for it already; returns what is stored.
    /// `make` gets the number of the source's row to publish: one more than the feed's last, from 0.
    ///
    /// # Errors
    /// [`PublishError`] of the database or of `make`; then nothing is stored.
    pub fn commit(
        &self,
        feed: B256,
        set_epoch: u32,
        seq: u64,
        make: impl FnOnce(usize) -> Result<Observation, PublishError>,
    ) -> Result<Observation, PublishError> {
        let mut conn = self.lock()?;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let feed_text = feed.to_string();
        let stored: Option<String> = tx
            .query_row(
                "SELECT body FROM observations WHERE feed = ?1 AND set_epoch = ?2 AND seq = ?3",
                params![feed_text, set_epoch, int(seq)?],
                |r| r.get(0),
            )
            .optional()?;
        if let Some(body) = stored {
            return parse(&body);
        }
        let last: Option<i64> =
            tx.query_row("SELECT max(row) FROM observations WHERE feed = ?1", [&feed_text], |r| r.get(0))?;
        let row = last.map_or(0, |r| r + 1);
        let observation = make(usize::try_from(row).unwrap_or_default())?;
        let body = serde_json::to_string(&observation).map_err(|e| PublishError::Row(e.to_string()))?;
        tx.execute(
            "INSERT INTO observations (feed, set_epoch, seq, row, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![feed_text, set_epoch, int(seq)?, row, body],
        )?;
        tx.commit()?;
        Ok(observation)
    }

    /// The newest observation of a feed.
    ///
    /// # Errors
    /// [`PublishError`] of the database.
    pub fn latest(&self, feed: B256) -> Result<Option<Observation>, PublishError> {
        self.one("WHERE feed = ?1 ORDER BY seq DESC, set_epoch DESC LIMIT 1", params![feed.to_string()])
    }

    /// Observation `seq` of a feed, of the newest set that has it.
    ///
    /// # Errors
    /// [`PublishError`] of the database.
    pub fn at(&self, feed: B256, seq: u64) -> Result<Option<Observation>, PublishError> {
        let Ok(seq) = int(seq) else { return Ok(None) };
        self.one("WHERE feed = ?1 AND seq = ?2 ORDER BY set_epoch DESC LIMIT 1", params![feed.to_string(), seq])
    }

    fn one(&self, tail: &str, args: &[&dyn rusqlite::ToSql]) -> Result<Option<Observation>, PublishError> {
        let body: Option<String> =
            self.lock()?.query_row(&format!("SELECT body FROM observations {tail}"), args, |r| r.get(0)).optional()?;
        body.as_deref().map(parse).transpose()
    }

    fn lock(&self) -> Result<MutexGuard<'_, Connection>, PublishError> {
        self.0.lock().map_err(|_| PublishError::Interrupted)
    }
}

fn parse(body: &str) -> Result<Observation, PublishError> {
    serde_json::from_str(body).map_err(|e| PublishError::Row(e.to_string()))
}

fn int(value: u64) -> Result<i64, PublishError> {
    i64::try_from(value).map_err(|_| PublishError::Row(format!("expected an integer below 2^63, got {value}")))
}
