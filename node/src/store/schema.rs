//! The tables. `docs/ops/store.md` explains them for those who look in from outside.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// Version of the schema below.
pub(super) const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash   TEXT NOT NULL
) STRICT;

CREATE TABLE jobs (
    id              TEXT PRIMARY KEY,
    state           TEXT NOT NULL,
    mode            TEXT NOT NULL,
    model           TEXT NOT NULL,
    version         INTEGER NOT NULL,
    request         TEXT NOT NULL,
    seen_number     INTEGER NOT NULL,
    seen_hash       TEXT NOT NULL,
    deadline        INTEGER NOT NULL,
    observations    TEXT,
    answer          TEXT,
    proof           TEXT,
    fulfilment      TEXT,
    final_number    INTEGER,
    reason          TEXT,
    attempts        INTEGER NOT NULL,
    not_before      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, deadline);

CREATE TABLE transitions (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    job        TEXT NOT NULL REFERENCES jobs (id),
    event      TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    note       TEXT,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX transitions_by_job ON transitions (job, seq);

CREATE TABLE txs (
    hash         TEXT PRIMARY KEY,
    job          TEXT NOT NULL REFERENCES jobs (id),
    sender       TEXT NOT NULL,
    nonce        INTEGER NOT NULL,
    raw          BLOB NOT NULL,
    max_fee      TEXT NOT NULL,
    priority_fee TEXT NOT NULL,
    status       TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX txs_by_job ON txs (job, status);

CREATE TABLE timings (
    what    TEXT PRIMARY KEY,
    seconds REAL NOT NULL
) STRICT;
";

/// Sets the connection up and creates the tables, or checks their version.
pub(super) fn prepare(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    conn.busy_timeout(std::time::Duration::from_secs(10))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let got: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    match got {
        0 => {
            tx.execute_batch(TABLES)?;
            tx.pragma_update(None, "user_version", VERSION)?;
        }
        VERSION => {}
        _ => return Err(StoreError::Version { path: path.to_path_buf(), expected: VERSION, got }),
    }
    tx.commit()?;
    Ok(())
}
