//! Header digests against a value computed elsewhere; signatures by the contract's rules; schema units.

use alloy::primitives::{U256, address, b256};

use super::*;
use crate::{bindings::IFeedRegistry::ObservationHeader, wallet::Wallet};

pub(crate) const KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

pub(crate) fn domain() -> FeedDomain {
    FeedDomain { chain_id: 31_337, registry: address!("00000000000000000000000000000000000000fe") }
}

fn header() -> ObservationHeader {
    ObservationHeader {
        feedId: b256!("1111111111111111111111111111111111111111111111111111111111111111"),
        setEpoch: 1,
        seq: 28_000_000,
        commitment: U256::from(0xabcdef_u64),
        observedAt: 1_680_000_000,
        validUntil: 1_680_003_600,
    }
}

/// Computed with `cast keccak` and `cast abi-encode` from the text of docs/protocol.md.
#[test]
fn the_digest_is_that_of_eip_712() {
    let expected = b256!("f7a38e7e199b534e899f4a10dde68afbbba9c0dd2f232f569f91634c303c0e7c");
    assert_eq!(domain().digest(&header()), expected);
}

/// `cast keccak "$(cat models/risk/schema.json)"`: that file is in canonical form.
#[test]
fn the_schema_of_the_risk_model_has_the_hash_of_its_file() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/risk/schema.json");
    let schema = Schema::load(&path).unwrap();
    let expected = b256!("2396461ccc750efcb4f0284ff44bdf104bd068236f50c22fca331e7be6946ad6");
    assert_eq!((schema.hash().unwrap(), schema.period), (expected, 60));
}

#[test]
fn a_signature_recovers_to_its_key_only_for_its_header_and_domain() {
    let wallet = Wallet::from_hex(KEY).unwrap();
    let signature = domain().sign(&header(), &wallet).unwrap();
    assert_eq!(signature, domain().sign(&header(), &wallet).unwrap());
    assert_eq!(domain().signer(&header(), &signature), Ok(wallet.address()));
    let other = ObservationHeader { seq: 28_000_001, ..header() };
    assert_ne!(domain().signer(&other, &signature), Ok(wallet.address()));
    let elsewhere = FeedDomain { chain_id: 1, ..domain() };
    assert_ne!(elsewhere.signer(&header(), &signature), Ok(wallet.address()));
}

#[test]
fn malleable_and_malformed_signatures_are_refused_by_reason() {
    let wallet = Wallet::from_hex(KEY).unwrap();
    let good = domain().sign(&header(), &wallet).unwrap().to_vec();
    assert_eq!(domain().signer(&header(), &good[..64]), Err(HeaderError::Length(64)));
    let mut bad_v = good.clone();
    bad_v[64] -= 27;
    assert_eq!(domain().signer(&header(), &bad_v), Err(HeaderError::V(bad_v[64])));
    let order = alloy::primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    let high = order - U256::from_be_slice(&good[32..64]);
    let mut flipped = good.clone();
    flipped[32..64].copy_from_slice(&high.to_be_bytes::<32>());
    flipped[64] = 55 - flipped[64];
    assert_eq!(domain().signer(&header(), &flipped), Err(HeaderError::HighS(high)));
}

fn schema() -> Schema {
    let field = |name: &str, scale| Field { name: name.to_owned(), unit: "fraction".to_owned(), scale };
    Schema { name: "two".to_owned(), version: 1, period: 60, fields: vec![field("a", 10), field("b", 1_000_000)] }
}

#[test]
fn values_round_half_to_even() {
    let encode = |a: f64| schema().encode(&[a, 0.0]).unwrap()[0];
    assert_eq!([encode(0.25), encode(0.35), encode(-0.25), encode(0.05), encode(0.15)], [2, 4, -2, 0, 2]);
}

#[test]
fn values_that_do_not_fit_are_refused_with_the_field() {
    let error = schema().encode(&[1.0, f64::NAN]).unwrap_err();
    assert_eq!(error.to_string(), "schema two, field b: expected a finite value within ±2^40 units, got NaN");
    let error = schema().encode(&[1.1e12, 0.0]).unwrap_err();
    assert!(matches!(error, SchemaError::Value { field, .. } if field == "a"));
    assert_eq!(schema().encode(&[1.0]).unwrap_err().to_string(), "schema two: expected 2 values, got 1");
}

#[test]
fn the_canonical_bytes_are_compact_json_in_order() {
    let text = r#"{"name":"two","version":1,"period":60,"fields":[{"name":"a","unit":"fraction","scale":10},{"name":"b","unit":"fraction","scale":1000000}]}"#;
    assert_eq!(schema().hash().unwrap(), alloy::primitives::keccak256(text));
}
