//! What the prover stores.

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::Binding;
use crate::engine::{Proof, SlotAnswer};

/// A proof with what it is bound to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProvedAnswer {
    /// What the proof is bound to.
    pub binding: Binding,
    /// The answer.
    pub answer: SlotAnswer,
    /// The proof.
    pub proof: Proof,
    /// Seconds that proving took.
    pub seconds: f64,
}

/// Outputs to a word (docs/protocol.md).
const LANES: usize = 3;

/// The output words of an answer: three signed 64-bit lanes each, offset binary; flags in the first.
pub fn output_words(answer: &SlotAnswer) -> Vec<U256> {
    let pack = |chunk: &[i64]| {
        let lanes = chunk.iter().enumerate();
        lanes.fold(U256::ZERO, |word, (j, &out)| word | (U256::from(offset(out)) << (64 * j)))
    };
    let mut words: Vec<U256> = answer.outputs.chunks(LANES).map(pack).collect();
    if let Some(first) = words.first_mut() {
        *first |= U256::from(u8::from(answer.in_domain)) << 192;
        *first |= U256::from(u8::from(answer.unsaturated)) << 193;
    }
    words
}

/// `out + 2^63`.
const fn offset(out: i64) -> u64 {
    out.cast_unsigned() ^ (1 << 63)
}
