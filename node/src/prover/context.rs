//! The context: word 0 of the instance, which binds a proof to one use.

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolValue,
};
use serde::{Deserialize, Serialize};

use crate::job::Mode;

/// What a proof is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Chain of the oracle.
    pub chain_id: u64,
    /// The oracle.
    pub oracle: Address,
    /// Mode of the proof.
    pub mode: Mode,
    /// The requests that the proof answers, in order.
    pub ids: Vec<B256>,
    /// Account that is paid.
    pub payee: Address,
    /// Last second at which the proof may be used.
    pub expiry: u64,
}

/// `uint256(keccak256(abi.encode(chainId, oracle, mode, ids, payee, expiry))) >> 8`.
pub fn context(binding: &Binding) -> U256 {
    let encoded = (
        U256::from(binding.chain_id),
        binding.oracle,
        U256::from(binding.mode.code()),
        binding.ids.clone(),
        binding.payee,
        U256::from(binding.expiry),
    )
        .abi_encode_params();
    U256::from_be_bytes(keccak256(encoded).0) >> 8
}
