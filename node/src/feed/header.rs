//! The header that a publisher signs (EIP-712), as `FeedRegistry` checks it.

use std::borrow::Cow;

use alloy::{
    primitives::{Address, B256, Bytes, Signature, U256},
    sol_types::{Eip712Domain, SolStruct},
};

use crate::{
    bindings::IFeedRegistry::ObservationHeader,
    wallet::{Wallet, WalletError},
};

/// Half of secp256k1's order, rounded down: the greatest `s` that is accepted.
const HALF_ORDER: U256 =
    alloy::primitives::uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// The EIP-712 domain of one feed registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedDomain {
    /// Chain of the registry.
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
}

/// Why a signature is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HeaderError {
    /// Not 65 bytes.
    #[error("signature: expected 65 bytes, got {0}")]
    Length(usize),
    /// `v` is another number.
    #[error("signature: expected v to be 27 or 28, got {0}")]
    V(u8),
    /// `s` is in the upper half.
    #[error("signature: expected s in the lower half of the order, got {0}")]
    HighS(U256),
    /// No key made this signature.
    #[error("signature: it recovers to no account")]
    NoSigner,
}

impl FeedDomain {
    fn domain(&self) -> Eip712Domain {
        Eip712Domain {
            name: Some(Cow::Borrowed("Dodona FeedRegistry")),
            version: Some(Cow::Borrowed("1")),
            chain_id: Some(U256::from(self.chain_id)),
            verifying_contract: Some(self.registry),
            salt: None,
        }
    }

    /// EIP-712's domain separator, as the registry computes it.
    pub fn separator(&self) -> B256 {
        self.domain().separator()
    }

    /// Digest that is signed.
    pub fn digest(&self, header: &ObservationHeader) -> B256 {
        header.eip712_signing_hash(&self.domain())
    }

    /// Signs a header: 65 bytes `r ‖ s ‖ v`, low `s`, `v` 27 or 28. The same header always gets the same signature.
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn sign(&self, header: &ObservationHeader, wallet: &Wallet) -> Result<Bytes, WalletError> {
        Ok(Bytes::copy_from_slice(&wallet.sign(self.digest(header))?.as_bytes()))
    }

    /// Account that signed a header, by the rules of the contract.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn signer(&self, header: &ObservationHeader, signature: &[u8]) -> Result<Address, HeaderError> {
        if signature.len() != 65 {
            return Err(HeaderError::Length(signature.len()));
        }
        let v = signature[64];
        if v != 27 && v != 28 {
            return Err(HeaderError::V(v));
        }
        let r = U256::from_be_slice(&signature[..32]);
        let s = U256::from_be_slice(&signature[32..64]);
        if s > HALF_ORDER {
            return Err(HeaderError::HighS(s));
        }
        Signature::new(r, s, v == 28)
            .recover_address_from_prehash(&self.digest(header))
            .map_err(|_| HeaderError::NoSigner)
    }
}
