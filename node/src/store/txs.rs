//! Signed transactions. A transaction is stored, with its job's change to `Submitted`, before it is sent,
//! so after a kill the same bytes are sent again and no second nonce is ever used for a job.

use alloy::primitives::{Address, B256};
use rusqlite::{Connection, Row, Transaction, params};

use super::{
    Store, StoreError,
    jobs::{self, hash, int, now, uint},
};
use crate::job::{Event, Job, State};

/// What is known about a stored transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// It may be pending or mined; it must be watched.
    Live,
    /// Its event was seen on the canonical chain.
    Mined,
    /// It can no longer be mined (its nonce was used by another), or it was mined and reverted.
    Dead,
}

impl TxStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Mined => "mined",
            Self::Dead => "dead",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        [Self::Live, Self::Mined, Self::Dead]
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| StoreError::Row(format!("expected a transaction status, got {text:?}")))
    }
}

/// A signed transaction as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTx {
    /// Transaction hash.
    pub hash: B256,
    /// Job that it answers.
    pub job: B256,
    /// Sending account.
    pub sender: Address,
    /// Account nonce.
    pub nonce: u64,
    /// Signed EIP-2718 bytes.
    pub raw: Vec<u8>,
    /// `maxFeePerGas` in wei.
    pub max_fee: u128,
    /// `maxPriorityFeePerGas` in wei.
    pub priority_fee: u128,
    /// What is known of it.
    pub status: TxStatus,
    /// Unix seconds at signing.
    pub created_at: u64,
}

impl Store {
    /// Stores a signed transaction and moves its job to `Submitted`, in one step. `expected` is the job's version.
    ///
    /// # Errors
    /// [`StoreError::SecondNonce`] if the job has a live transaction with another nonce; otherwise those of
    /// [`Store::apply`].
    pub fn submit(&self, expected: u64, new: &StoredTx) -> Result<Job, StoreError> {
        self.write(|tx| {
            for old in of_job(tx, new.job)? {
                if old.status == TxStatus::Live && old.nonce != new.nonce {
                    return Err(StoreError::SecondNonce { job: new.job, expected: old.nonce, got: new.nonce });
                }
            }
            insert(tx, new)?;
            jobs::apply(tx, new.job, Some(expected), Event::Submitted)
        })
    }

    /// Transactions of a job, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn txs_of(&self, job: B256) -> Result<Vec<StoredTx>, StoreError> {
        self.read(|c| of_job(c, job))
    }

    /// Live transactions of `sender` whatever their job's state, by nonce.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn live_txs(&self, sender: Address) -> Result<Vec<StoredTx>, StoreError> {
        self.read(|c| {
            select(c, "WHERE sender = ?1 AND status = 'live' ORDER BY nonce, created_at", params![sender.to_string()])
        })
    }

    /// Sets the status of one transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub fn set_tx_status(&self, tx_hash: B256, status: TxStatus) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE txs SET status = ?2 WHERE hash = ?1", params![tx_hash.to_string(), status.name()])?;
            Ok(())
        })
    }

    /// Marks the job's live transactions dead and takes the job back to its proof, in one step, so that it
    /// may be sent with a new nonce. `expected` is the job's version.
    ///
    /// # Errors
    /// Those of [`Store::apply`].
    pub fn abandon_txs(&self, job: B256, expected: u64, reason: String) -> Result<Job, StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE txs SET status = 'dead' WHERE job = ?1 AND status = 'live'", [job.to_string()])?;
            let row = jobs::load(tx, job)?.ok_or(StoreError::NoJob(job))?;
            let to: State = row.request.mode.proved();
            jobs::apply(tx, job, Some(expected), Event::RolledBack { to, reason })
        })
    }
}

fn insert(tx: &Transaction<'_>, new: &StoredTx) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO txs (hash, job, sender, nonce, raw, max_fee, priority_fee, status, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            new.hash.to_string(),
            new.job.to_string(),
            new.sender.to_string(),
            int(new.nonce)?,
            new.raw,
            new.max_fee.to_string(),
            new.priority_fee.to_string(),
            new.status.name(),
            int(if new.created_at == 0 { now() } else { new.created_at })?,
        ],
    )?;
    Ok(())
}

fn of_job(conn: &Connection, job: B256) -> Result<Vec<StoredTx>, StoreError> {
    select(conn, "WHERE job = ?1 ORDER BY created_at, rowid", params![job.to_string()])
}

fn select(conn: &Connection, tail: &str, args: &[&dyn rusqlite::ToSql]) -> Result<Vec<StoredTx>, StoreError> {
    let sql =
        format!("SELECT hash, job, sender, nonce, raw, max_fee, priority_fee, status, created_at FROM txs {tail}");
    let mut stmt = conn.prepare_cached(&sql)?;
    let mut rows = stmt.query(args)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(decode(row)?);
    }
    Ok(out)
}

fn decode(row: &Row<'_>) -> Result<StoredTx, StoreError> {
    let sender: String = row.get(2)?;
    Ok(StoredTx {
        hash: hash(&row.get::<_, String>(0)?)?,
        job: hash(&row.get::<_, String>(1)?)?,
        sender: sender.parse().map_err(|_| StoreError::Row(format!("expected an address, got {sender:?}")))?,
        nonce: uint(row.get(3)?)?,
        raw: row.get(4)?,
        max_fee: fee(&row.get::<_, String>(5)?)?,
        priority_fee: fee(&row.get::<_, String>(6)?)?,
        status: TxStatus::parse(&row.get::<_, String>(7)?)?,
        created_at: uint(row.get(8)?)?,
    })
}

fn fee(text: &str) -> Result<u128, StoreError> {
    text.parse().map_err(|_| StoreError::Row(format!("expected a fee in wei, got {text:?}")))
}
