//! Keys of an inference circuit. Proofs: [`crate::evm`] (direct) and [`crate::aggregate`] (inner proofs).

use halo2_base::halo2_proofs as base;
use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine};
use halo2_proofs::plonk::{ProvingKey, VerifyingKey, keygen_pk2, keygen_vk_custom};
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;

use super::circuit::InferenceCircuit;
use super::error::Error;

// The crate that snark-verifier is built on is the one that we name; this fails to compile if the two ever differ.
const _: fn(base::plonk::Error) -> halo2_proofs::plonk::Error = |error| error;

/// Makes the proving key of a laid-out task (its values are of no account).
///
/// # Errors
/// An SRS of another size than the layout's, or halo2's refusal.
pub fn keygen(params: &ParamsKZG<Bn256>, circuit: &InferenceCircuit) -> Result<ProvingKey<G1Affine>, Error> {
    check_k(params, circuit)?;
    Ok(keygen_pk2(params, circuit, false)?)
}

/// Makes the verifying key alone.
///
/// # Errors
/// As [`keygen`].
pub fn verifying_key(params: &ParamsKZG<Bn256>, circuit: &InferenceCircuit) -> Result<VerifyingKey<G1Affine>, Error> {
    check_k(params, circuit)?;
    Ok(keygen_vk_custom(params, circuit, false)?)
}

fn check_k(params: &ParamsKZG<Bn256>, circuit: &InferenceCircuit) -> Result<(), Error> {
    let (expected, got) = (circuit.layout().k, params.k());
    if expected == got { Ok(()) } else { Err(Error::SrsSize { expected, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{prove_inner, verify_inner};
    use crate::evm;
    use crate::gadgets::DEGREE;
    use crate::inference::layout::Layout;
    use crate::inference::tests::matrix;
    use crate::keys::{Silent, Srs};
    use crate::testing::layout;

    const INPUTS: [i64; 8] = [700, -5, 3, 4, 5, 6, 7, 650];

    /// Makes proofs of both transcripts, which must verify, and be refused for another word; returns their lengths and the key's columns.
    fn proofs(layout: Layout) -> ([usize; 2], [usize; 2]) {
        let circuit = InferenceCircuit::new(layout);
        let srs = Srs::dev(circuit.layout().k, &Silent).unwrap();
        let pk = keygen(srs.params(), &circuit).unwrap();
        let cs = pk.get_vk().cs();
        assert_eq!(cs.degree(), DEGREE);
        assert_eq!(cs.permutation().get_columns().len(), 4);
        assert_eq!(cs.blinding_factors() + 1, crate::inference::layout::BLINDING_ROWS);
        let columns = [cs.num_advice_columns(), cs.num_fixed_columns()];

        let inner = prove_inner(&srs, &pk, &circuit, circuit.words()).unwrap();
        verify_inner(&srs, &inner).unwrap();
        let proof = evm::prove(&srs, &pk, &circuit, circuit.words()).unwrap();
        evm::verify(&srs, pk.get_vk(), circuit.words(), &proof).unwrap();
        let mut other = circuit.words().to_vec();
        other[3] += halo2_proofs::halo2curves::bn256::Fr::one();
        assert!(matches!(evm::verify(&srs, pk.get_vk(), &other, &proof), Err(evm::EvmError::Rejected(_))));
        ([inner.proof.len(), proof.len()], columns)
    }

    #[test]
    fn proofs_of_both_transcripts_verify_and_have_the_pinned_shape() {
        assert_eq!(proofs(layout(INPUTS)), ([1760, 2368], [10, 10]));
    }

    #[test]
    fn proofs_of_the_wide_shape_verify_and_have_the_pinned_shape() {
        assert_eq!(proofs(matrix::layout(INPUTS)), ([2080, 2784], [13, 11]));
    }

    #[test]
    fn srs_of_another_size_is_refused() {
        let circuit = InferenceCircuit::new(layout(INPUTS));
        let srs = Srs::dev(8, &Silent).unwrap();
        assert!(matches!(keygen(srs.params(), &circuit), Err(Error::SrsSize { expected: 11, got: 8 })));
    }
}
