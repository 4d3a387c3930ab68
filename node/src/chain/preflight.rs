//! Checks at start: a wrong chain or address must end the process with a clear word, not look like silence.

use alloy::primitives::Address;

use super::{Chain, ChainError};

/// Compares the endpoint's chain id.
///
/// # Errors
/// [`ChainError::OtherChain`], or that of the request.
pub async fn check_chain(chain: &dyn Chain, expected: u64) -> Result<(), ChainError> {
    let got = chain.chain_id().await?;
    if got == expected { Ok(()) } else { Err(ChainError::OtherChain { expected, got }) }
}

/// Looks for code at every address.
///
/// # Errors
/// [`ChainError::NoCode`] for the first without, or that of the request.
pub async fn check_code(chain: &dyn Chain, contracts: &[(&'static str, Address)]) -> Result<(), ChainError> {
    for &(name, address) in contracts {
        if chain.code(address).await?.is_empty() {
            return Err(ChainError::NoCode { name, address });
        }
    }
    Ok(())
}
