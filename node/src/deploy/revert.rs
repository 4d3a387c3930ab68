//! Revert data in words.

use alloy::sol_types::{Panic, Revert, SolError, SolInterface};

use crate::bindings::{
    IDodonaOracle, IFeedRegistry, IModelRegistry, IOperatorStaking, IProofVerifier, IPublisherBonds, IVerifierRouter,
};

/// Name and arguments of the error in `data`: one of Dodona's contracts, or Solidity's own. Otherwise the bytes.
pub fn revert_reason(data: &[u8]) -> String {
    if let Ok(e) = Revert::abi_decode(data) {
        return e.reason;
    }
    if let Ok(e) = Panic::abi_decode(data) {
        return format!("panic 0x{:02x}", e.code);
    }
    if let Ok(e) = IDodonaOracle::IDodonaOracleErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IFeedRegistry::IFeedRegistryErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IModelRegistry::IModelRegistryErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IProofVerifier::IProofVerifierErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IVerifierRouter::IVerifierRouterErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IOperatorStaking::IOperatorStakingErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    if let Ok(e) = IPublisherBonds::IPublisherBondsErrors::abi_decode(data) {
        return inner(&format!("{e:?}"));
    }
    format!("unknown error 0x{}", hex::encode(data))
}

/// `Name(Name { a: 1 })` is `Name { a: 1 }`.
fn inner(debug: &str) -> String {
    debug.split_once('(').map_or(debug, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest)).to_owned()
}
