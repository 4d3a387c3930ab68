//! `vkDigest`: what a registered model's verifying key is known by.
//!
//! Message, in this order: the number of preprocessed commitments; for every one (fixed columns in their order, then permutation columns) the limbs of `x`,
//! then of `y`, three of 88 bits each, least significant first; the transcript's initial state; `k`. Tag `dodona.vk.v1`.
//! The number is a constant of the outer key; it is in the message so that digests of different shapes never share a message.

use halo2_proofs::halo2curves::{
    CurveAffine,
    bn256::{Fq, Fr, G1Affine},
    ff::PrimeField,
};
use snark_verifier::{util::arithmetic::fe_to_limbs, verifier::plonk::PlonkProtocol};
use snark_verifier_sdk::{BITS, LIMBS};

use super::{
    AggregateError,
    sponge::{hash, tag},
};

/// The tag of the digest's sponge.
pub(super) const TAG: &str = "dodona.vk.v1";

/// The message that `vkDigest` hashes, from an inner protocol.
///
/// # Errors
/// [`AggregateError::Circuit`] if the protocol has no transcript state (Halo2 always sets one).
pub fn vk_message(protocol: &PlonkProtocol<G1Affine>) -> Result<Vec<Fr>, AggregateError> {
    let state = protocol
        .transcript_initial_state
        .ok_or_else(|| AggregateError::Circuit("the inner protocol has no transcript state".to_owned()))?;
    let mut message = vec![Fr::from(protocol.preprocessed.len() as u64)];
    message.extend(protocol.preprocessed.iter().flat_map(point_limbs));
    message.push(state);
    message.push(Fr::from(protocol.domain.k as u64));
    Ok(message)
}

/// The digest of an inner verifying key, as the outer circuit computes it.
///
/// # Errors
/// As [`vk_message`].
pub fn vk_digest(protocol: &PlonkProtocol<G1Affine>) -> Result<Fr, AggregateError> {
    hash(tag(TAG), &vk_message(protocol)?).ok_or_else(|| AggregateError::Circuit("empty digest message".to_owned()))
}

/// Limbs of `x`, then of `y`; the identity is `(0, 0)`.
fn point_limbs(point: &G1Affine) -> Vec<Fr> {
    let limbs = |coordinate: Fq| fe_to_limbs::<Fq, Fr, LIMBS, BITS>(coordinate);
    let (x, y) = Option::from(point.coordinates())
        .map_or((Fq::from_u128(0), Fq::from_u128(0)), |at: halo2_proofs::halo2curves::Coordinates<G1Affine>| {
            (*at.x(), *at.y())
        });
    [limbs(x), limbs(y)].concat()
}
