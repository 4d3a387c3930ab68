//! The generated verifiers fit a contract, and verification costs what the README says. Figures: `target/e2e/gas.json`.

use alloy::primitives::{Address, Bytes, U256};
use anyhow::Result;
use dodona_circuits::api::Mode;
use dodona_tests::{
    chain::{Chain, GAS},
    paths,
    scene::{Asked, Scene},
    stack::accounts,
};
use serde_json::{Value, json};

/// EIP-170.
const CODE_LIMIT: usize = 24_576;
/// Gas of a transaction straight to the verifier, calldata and the 21,000 of any transaction included.
const DIRECT_GAS: u64 = 430_000;
const AGGREGATED_GAS: u64 = 490_000;

async fn verification_gas(chain: &Chain, verifier: Address, data: Vec<u8>) -> Result<u64> {
    let receipt = chain.send(accounts::STRANGER, Some(verifier), Bytes::from(data), U256::ZERO, GAS).await?;
    assert!(receipt.success(), "the generated verifier refuses a right proof");
    Ok(receipt.gas())
}

/// Runtime size, verification gas, delivery gas and proof size of one mode.
async fn figures(mode: Mode) -> Result<(usize, u64, Value)> {
    let scene = Scene::new(mode).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let Asked { request, observed, answer } = scene.ask().await?;
    let context = stack.context(request.id, mode, answer.payee, answer.expiry).await?;
    let words = scene.kit.model.words(mode, context, &[observed.slot])?.concat();
    let (verifier, runtime, data) = match &scene.shape {
        None => (stack.direct_verifier, &scene.kit.direct.runtime, [words.as_slice(), &answer.proof].concat()),
        Some(shape) => {
            let (limbs, proof) = answer.proof.split_at(12 * 32);
            let call = dodona_tests::abi::IProofVerifier::implementationCall {};
            let implementation = chain.view(stack.aggregated_wrapper, &call).await?;
            (implementation, &shape.verifier.runtime, [limbs, &shape.vk_digest, &words, proof].concat())
        }
    };
    assert_eq!(chain.code(verifier).await?, *runtime, "deployed as compiled");
    let verify = verification_gas(chain, verifier, data).await?;
    let delivery = stack.deliver(&answer).await?.gas();
    let figures = json!({
        "code_bytes": runtime.len(),
        "proof_bytes": answer.proof.len(),
        "verify_gas": verify,
        "fulfil_gas": delivery,
    });
    Ok((runtime.len(), verify, figures))
}

#[tokio::test]
async fn generated_verifiers_fit_and_cost_what_is_promised() -> Result<()> {
    let direct = figures(Mode::Direct).await?;
    let aggregated = figures(Mode::Aggregated).await?;
    let dir = paths::root().join("target/e2e");
    std::fs::create_dir_all(&dir)?;
    let text = serde_json::to_string_pretty(&json!({"direct": direct.2, "aggregated": aggregated.2}))?;
    std::fs::write(dir.join("gas.json"), text + "\n")?;
    for (mode, (size, gas, _), limit) in [("direct", direct, DIRECT_GAS), ("aggregated", aggregated, AGGREGATED_GAS)] {
        assert!(size < CODE_LIMIT, "{mode}: expected less than {CODE_LIMIT} bytes of code, got {size}");
        assert!(gas <= limit, "{mode}: expected at most {limit} gas, got {gas}");
    }
    Ok(())
}
