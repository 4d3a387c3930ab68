//! The outer key: one for all models and sizes of an inner shape.

use halo2_base::gates::{circuit::CircuitBuilderStage, flex_gate::MultiPhaseThreadBreakPoints};
use halo2_proofs::{
    halo2curves::bn256::G1Affine,
    plonk::{ProvingKey, VerifyingKey, keygen_pk2},
};
use serde::{Deserialize, Serialize};
use snark_verifier::verifier::plonk::PlonkProtocol;
use snark_verifier_sdk::halo2::aggregation::{AggregationCircuit, AggregationConfigParams};
use std::path::Path;

use super::{
    AggregateError,
    circuit::{build, dummy},
    inner::structure_digest,
};
use crate::keys::{
    Progress, Srs, SrsDigest,
    files::{KeyInfo, KeyKind, OpenKey, write_key},
};

/// Rows that halo2-base keeps free at the end of each column, for blinding.
const FREE_ROWS: usize = 20;
/// Sizes that the stock circuit can have: below, its table and columns do not fit; above, memory does not.
const OUTER_K: std::ops::RangeInclusive<u32> = 16..=24;
const STAGE: &str = "aggregation keys";

/// Everything about an outer circuit that is not in its key's polynomials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregationShape {
    /// Name of the inner shape.
    pub inner_shape: String,
    /// SHA-256 of the inner protocol's structure, hexadecimal: what the outer key holds as constants.
    pub structure: String,
    /// Number of inner words.
    pub words: usize,
    /// Base-2 logarithm of the outer circuit's rows.
    pub degree: u32,
    /// Advice columns without lookup.
    pub advice: usize,
    /// Advice columns under the range lookup.
    pub lookup_advice: usize,
    /// Fixed columns for constants.
    pub fixed: usize,
    /// Bits of the range table.
    pub lookup_bits: usize,
    /// Where the virtual column is cut.
    pub break_points: MultiPhaseThreadBreakPoints,
}

impl AggregationShape {
    /// The configuration that halo2-base's builder wants.
    pub(super) fn config(&self) -> AggregationConfigParams {
        AggregationConfigParams {
            degree: self.degree,
            num_advice: self.advice,
            num_lookup_advice: self.lookup_advice,
            num_fixed: self.fixed,
            lookup_bits: self.lookup_bits,
        }
    }

    /// Refuses an inner protocol that differs in anything that the outer key holds as a constant.
    pub(super) fn check(&self, protocol: &PlonkProtocol<G1Affine>) -> Result<(), AggregateError> {
        let got = structure_digest(protocol)?;
        if got == self.structure {
            Ok(())
        } else {
            Err(AggregateError::Shape { expected: self.structure.clone(), got })
        }
    }
}

/// The outer proving key (with its verifying key), its shape and the setup it belongs to.
#[derive(Debug)]
pub struct AggregationKey {
    pub(super) proving_key: ProvingKey<G1Affine>,
    /// The shape.
    pub shape: AggregationShape,
    /// The setup's digest.
    pub srs: SrsDigest,
}

impl AggregationKey {
    /// The outer verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey<G1Affine> {
        self.proving_key.get_vk()
    }

    /// What the key's file says of itself; the file holds shape and break points too.
    fn info(&self) -> Result<KeyInfo, AggregateError> {
        let extra = serde_json::to_value(&self.shape).map_err(|e| AggregateError::Circuit(e.to_string()))?;
        Ok(KeyInfo { extra, ..Self::expected(&self.shape.inner_shape, self.srs, self.shape.degree) })
    }

    fn expected(inner_shape: &str, srs: SrsDigest, k: u32) -> KeyInfo {
        KeyInfo {
            kind: KeyKind::AggregationPk,
            shape: inner_shape.to_owned(),
            model: None,
            srs,
            k,
            extra: serde_json::Value::Null,
        }
    }

    /// Writes the key's file.
    ///
    /// # Errors
    /// [`AggregateError::Key`].
    pub fn write(&self, path: &Path) -> Result<(), AggregateError> {
        Ok(write_key(path, &self.info()?, &self.proving_key)?)
    }

    /// Reads the key of an inner shape from its file, for the SRS that it will be used with.
    ///
    /// # Errors
    /// [`AggregateError::Key`], with the field that differs.
    pub fn read(path: &Path, inner_shape: &str, srs: &Srs) -> Result<Self, AggregateError> {
        let open = OpenKey::open(path, &Self::expected(inner_shape, srs.digest(), srs.k()))?;
        let shape: AggregationShape = open.extra()?;
        let proving_key = open.proving_key::<AggregationCircuit>(shape.config())?;
        Ok(Self { proving_key, shape, srs: srs.digest() })
    }

    pub(super) fn check_srs(&self, srs: &Srs) -> Result<(), AggregateError> {
        if srs.k() != self.shape.degree {
            return Err(AggregateError::SrsSize { expected: self.shape.degree, got: srs.k() });
        }
        if srs.digest() != self.srs {
            return Err(AggregateError::SrsDigest { expected: self.srs.to_string(), got: srs.digest().to_string() });
        }
        Ok(())
    }
}

/// Makes the outer key of an inner shape. Any inner key of the shape, of any size, gives the same result. The SRS's
/// size is the outer circuit's: 2^20 rows suit an inner shape of about 33 commitments.
///
/// # Errors
/// [`AggregateError::Circuit`] if the prover's library refuses the circuit.
pub fn keygen(
    srs: &Srs,
    inner_shape: &str,
    protocol: &PlonkProtocol<G1Affine>,
    progress: &dyn Progress,
) -> Result<AggregationKey, AggregateError> {
    let degree = srs.k();
    if !OUTER_K.contains(&degree) {
        let (least, most) = (OUTER_K.start(), OUTER_K.end());
        return Err(AggregateError::Circuit(format!("outer k: expected {least} to {most}, got {degree}")));
    }
    progress.step(STAGE, 0, 2);
    let lookup_bits = degree as usize - 1;
    let first = AggregationConfigParams { degree, lookup_bits, ..Default::default() };
    let inner = dummy(protocol);
    let mut circuit = build(CircuitBuilderStage::Keygen, first, srs, &inner)?;
    let config = circuit.calculate_params(Some(FREE_ROWS));
    tracing::debug!(?config, "outer circuit");
    progress.step(STAGE, 1, 2);
    let proving_key = keygen_pk2(srs.params(), &circuit, false).map_err(|e| AggregateError::Circuit(e.to_string()))?;
    let shape = AggregationShape {
        inner_shape: inner_shape.to_owned(),
        structure: structure_digest(protocol)?,
        words: inner.words.len(),
        degree,
        advice: config.num_advice,
        lookup_advice: config.num_lookup_advice,
        fixed: config.num_fixed,
        lookup_bits: config.lookup_bits,
        break_points: circuit.break_points(),
    };
    progress.step(STAGE, 2, 2);
    Ok(AggregationKey { proving_key, shape, srs: srs.digest() })
}
