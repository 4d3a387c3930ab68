//! What is registered, and how refusals read.

use alloy::{primitives::U256, sol_types::SolError};

use super::{register::decimals, revert_reason};
use crate::bindings::IDodonaOracle;

#[test]
fn reverts_are_named_with_their_arguments() {
    let error = IDodonaOracle::FeeTooLow { expected: U256::from(5), got: U256::from(3) };
    assert_eq!(revert_reason(&error.abi_encode()), "FeeTooLow { expected: 5, got: 3 }");
    assert_eq!(revert_reason(&IDodonaOracle::ProofRefused {}.abi_encode()), "ProofRefused");
    assert_eq!(revert_reason(&[0xde, 0xad, 0xbe, 0xef]), "unknown error 0xdeadbeef");
    let text = alloy::sol_types::Revert::from("no").abi_encode();
    assert_eq!(revert_reason(&text), "no");
}

#[test]
fn output_scales_must_be_one_power_of_ten() {
    assert_eq!(decimals(&[1, 1, 1]).unwrap(), 0);
    assert_eq!(decimals(&[1_000_000]).unwrap(), 6);
    let error = decimals(&[10, 100]).unwrap_err().to_string();
    assert_eq!(error, "scales of the outputs: expected one power of ten for all, got [10, 100]");
    assert!(decimals(&[3]).is_err());
}
