//! The wide shape, aggregated: its own key, proof and verifier on the chain.

use alloy::primitives::{Bytes, U256};
use anyhow::Result;
use dodona_circuits::api::{Slot, SourceInput};
use dodona_tests::{
    anvil::{Anvil, AnvilOptions},
    chain::GAS,
    fixtures,
    kit::Kit,
    stack::accounts,
};

/// EIP-170.
const CODE_LIMIT: usize = 24_576;
/// Gas of a transaction straight to the verifier, calldata and the 21,000 of any transaction included.
const VERIFY_GAS: u64 = 490_000;

#[tokio::test]
async fn an_aggregated_proof_of_the_wide_shape_is_taken_and_a_changed_one_is_not() -> Result<()> {
    let kit = Kit::wide()?;
    let size = kit.model.size(dodona_circuits::api::Mode::Aggregated)?;
    assert!(size.wide, "expected a model of the wide shape, got {}", size.shape);
    let shape = kit.aggregated(&dodona_circuits::keys::Silent)?;
    let values = (0..64).map(|i| (i * 37 % 200 - 100) * 1000).collect();
    let slot = Slot { sources: vec![SourceInput { values, salt: [1; 32] }] };
    let proof = fixtures::aggregated(&kit, &shape, [2; 32], &slot)?;
    assert_eq!(proof.vk_digest, shape.vk_digest);

    let anvil = Anvil::start(AnvilOptions::default()).await?;
    let chain = anvil.chain();
    let verifier = chain.deploy(accounts::STRANGER, shape.verifier.creation.to_vec()).await?;
    let code = chain.code(verifier).await?;
    assert_eq!(code, shape.verifier.runtime);
    assert!(code.len() < CODE_LIMIT, "expected less than {CODE_LIMIT} bytes of code, got {}", code.len());

    let words = [&proof.limbs[..], &[proof.vk_digest], &proof.words].concat().concat();
    let right = [words.as_slice(), &proof.proof].concat();
    let receipt = chain.send(accounts::STRANGER, Some(verifier), Bytes::from(right.clone()), U256::ZERO, GAS).await?;
    assert!(receipt.success(), "the verifier refuses a right proof");
    assert!(receipt.gas() <= VERIFY_GAS, "expected at most {VERIFY_GAS} gas, got {}", receipt.gas());
    // A limb, the digest, the answer's word, the proof's first and last bytes.
    let first_word = 13 * 32;
    for at in [31, 12 * 32 + 31, first_word + 2 * 32 + 31, words.len() + 31, right.len() - 1] {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        let receipt = chain.send(accounts::STRANGER, Some(verifier), Bytes::from(wrong), U256::ZERO, GAS).await?;
        assert!(!receipt.success(), "the verifier takes a proof with byte {at} changed");
    }
    Ok(())
}
