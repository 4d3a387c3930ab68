//! Which nonce and fees the next transaction of a job takes.
//!
//! A job with a live transaction keeps its nonce. Otherwise a nonce of a live transaction that nobody needs
//! any more (its job was reorged away or has expired) is taken over, which also keeps that transaction from
//! costing gas for nothing. Otherwise the next free one is taken.

use alloy::primitives::B256;

use crate::{
    chain::tx::Fees,
    store::{StoredTx, TxStatus},
};

/// A nonce, and the fees that a replacement on it must beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The nonce.
    pub nonce: u64,
    /// Highest fees among the live transactions on it.
    pub beat: Option<Fees>,
}

/// Chooses the slot for `job`. `live`: the account's live transactions; `needed`: whether a job's transaction is
/// still wanted; `mined`: transactions of the account that are mined; `pending`: those, and the pool's.
pub fn slot(job: B256, live: &[StoredTx], needed: impl Fn(B256) -> bool, mined: u64, pending: u64) -> Slot {
    let open = || live.iter().filter(|t| t.status == TxStatus::Live && t.nonce >= mined);
    let own = open().find(|t| t.job == job).map(|t| t.nonce);
    let orphan = || {
        let held = |nonce: u64| open().any(|t| t.nonce == nonce && needed(t.job));
        open().map(|t| t.nonce).filter(|&n| !held(n)).min()
    };
    let after = open().map(|t| t.nonce + 1).max().unwrap_or(0);
    let nonce = own.or_else(orphan).unwrap_or_else(|| after.max(mined).max(pending));
    let beat = open()
        .filter(|t| t.nonce == nonce)
        .map(|t| Fees { max_fee: t.max_fee, priority: t.priority_fee })
        .reduce(Fees::max);
    Slot { nonce, beat }
}
