//! The shared vectors: `fixtures/vectors.json` comes from an independent implementation of docs/protocol.md
//! (`fixtures/make_vectors.py`); circuit, publisher, node and contracts must all agree with it.

use std::fs;

use alloy::primitives::{Address, B256, U256, aliases::U96};
use anyhow::{Context, Result};
use dodona::{
    bindings::IFeedRegistry::ObservationHeader,
    engine::{Poseidon, SlotAnswer},
    feed::{Commitments, FeedDomain, Schema},
    job::Mode,
    prover::{Binding, context, output_words},
};
use dodona_circuits::{
    api,
    evm::{word_from_bytes, word_to_bytes},
    gadgets::poseidon,
    inference::statement,
};
use dodona_tests::{
    abi::{IDodonaOracle, IFeedRegistry},
    paths,
    scene::Scene,
    stack::accounts,
};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    schemas: BTreeMap<String, SchemaVector>,
    permutation: Permutation,
    inputs: Vec<Input>,
    contexts: Vec<ContextVector>,
    outputs: Vec<Output>,
    headers: Vec<HeaderVector>,
}

#[derive(Deserialize)]
struct SchemaVector {
    bytes: String,
    hash: B256,
    field: U256,
}

#[derive(Deserialize)]
struct Permutation {
    input: [u64; 3],
    output: [B256; 3],
}

#[derive(Deserialize)]
struct Input {
    schema: String,
    values: Vec<i64>,
    salt: B256,
    words: Vec<B256>,
    commitment: B256,
}

#[derive(Deserialize)]
struct ContextVector {
    chain_id: u64,
    oracle: Address,
    mode: u8,
    ids: Vec<B256>,
    payee: Address,
    expiry: u64,
    word: U256,
}

#[derive(Deserialize)]
struct Output {
    values: Vec<i64>,
    in_domain: bool,
    unsaturated: bool,
    words: Vec<B256>,
}

#[derive(Deserialize)]
struct HeaderVector {
    chain_id: u64,
    registry: Address,
    header: Header,
    digest: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    feed_id: B256,
    set_epoch: u32,
    seq: u64,
    commitment: U256,
    observed_at: u64,
    valid_until: u64,
}

impl From<&Header> for ObservationHeader {
    fn from(h: &Header) -> Self {
        Self {
            feedId: h.feed_id,
            setEpoch: h.set_epoch,
            seq: h.seq,
            commitment: h.commitment,
            observedAt: h.observed_at,
            validUntil: h.valid_until,
        }
    }
}

fn vectors() -> Result<Vectors> {
    let path = paths::root().join("tests/fixtures/vectors.json");
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

#[test]
fn circuits_agree_with_the_vectors() -> Result<()> {
    let vectors = vectors()?;
    let output = poseidon::permute(&vectors.permutation.input.map(Into::into));
    assert_eq!(output.map(|word| B256::from(word_to_bytes(&word))), vectors.permutation.output);
    for schema in vectors.schemas.values() {
        assert_eq!(word_to_bytes(&statement::schema_field(&schema.hash.0)), schema.field.to_be_bytes::<32>());
    }
    for input in &vectors.inputs {
        let words =
            statement::pack(&input.values).iter().map(|word| B256::from(word_to_bytes(word))).collect::<Vec<_>>();
        assert_eq!(words, input.words, "{:?}", input.values);
        let schema = vectors.schemas[&input.schema].hash;
        assert_eq!(api::commitment(schema.0, &input.values, input.salt.0)?, input.commitment.0, "{:?}", input.values);
    }
    for output in &vectors.outputs {
        let words = statement::pack_outputs(&output.values, output.in_domain, output.unsaturated);
        let words = words.iter().map(|word| B256::from(word_to_bytes(word))).collect::<Vec<_>>();
        assert_eq!(words, output.words, "{:?}", output.values);
    }
    for vector in &vectors.contexts {
        let word = statement::Context {
            chain_id: vector.chain_id,
            oracle: vector.oracle.into_array(),
            mode: vector.mode,
            request_ids: vector.ids.iter().map(|id| id.0).collect(),
            payee: vector.payee.into_array(),
            expiry: vector.expiry,
        }
        .word();
        assert_eq!(word, vector.word.to_be_bytes::<32>());
        word_from_bytes(&word)?;
    }
    Ok(())
}

#[test]
fn publisher_and_node_agree_with_the_vectors() -> Result<()> {
    let vectors = vectors()?;
    for vector in vectors.schemas.values() {
        let schema: Schema = serde_json::from_str(&vector.bytes)?;
        assert_eq!(schema.hash()?, vector.hash);
    }
    for input in &vectors.inputs {
        let schema = vectors.schemas[&input.schema].hash;
        let commitment = Poseidon.commitment(schema, &input.values, input.salt).unwrap();
        assert_eq!(B256::from(commitment), input.commitment);
    }
    for vector in &vectors.contexts {
        let binding = Binding {
            chain_id: vector.chain_id,
            oracle: vector.oracle,
            mode: if vector.mode == 0 { Mode::Direct } else { Mode::Aggregated },
            ids: vector.ids.clone(),
            payee: vector.payee,
            expiry: vector.expiry,
        };
        assert_eq!(context(&binding), vector.word);
    }
    for output in &vectors.outputs {
        let answer =
            SlotAnswer { outputs: output.values.clone(), in_domain: output.in_domain, unsaturated: output.unsaturated };
        let words: Vec<B256> = output_words(&answer).into_iter().map(B256::from).collect();
        assert_eq!(words, output.words);
    }
    for vector in &vectors.headers {
        let domain = FeedDomain { chain_id: vector.chain_id, registry: vector.registry };
        assert_eq!(domain.digest(&(&vector.header).into()), vector.digest);
    }
    Ok(())
}

/// The contracts' code is placed at the vectors' addresses, since both encodings contain the contract's own.
#[tokio::test]
async fn contracts_agree_with_the_vectors() -> Result<()> {
    let vectors = vectors()?;
    let scene = Scene::new(dodona_circuits::api::Mode::Direct).await?;
    let (stack, chain) = (&scene.stack, &scene.stack.chain);
    let place = async |from: Address, to: Address| -> Result<()> {
        let code = chain.code(from).await?;
        chain.rpc::<serde_json::Value>("anvil_setCode", json!([to, code])).await.map(drop)
    };
    let mut checked = 0;
    for vector in vectors.contexts.iter().filter(|vector| vector.chain_id == 31_337) {
        place(stack.oracle, vector.oracle).await?;
        let call = IDodonaOracle::contextOfCall {
            ids: vector.ids.clone(),
            mode: vector.mode,
            payee: vector.payee,
            expiry: vector.expiry,
        };
        assert_eq!(chain.view(vector.oracle, &call).await?, vector.word);
        checked += 1;
    }
    for vector in vectors.headers.iter().filter(|vector| vector.chain_id == 31_337) {
        place(stack.feeds, vector.registry).await?;
        let call = IFeedRegistry::digestOfCall { header: (&vector.header).into() };
        assert_eq!(chain.view(vector.registry, &call).await?, vector.digest);
        checked += 1;
    }
    for vector in vectors.schemas.values() {
        let create = IFeedRegistry::createFeedCall {
            schemaHash: vector.hash,
            length: 1,
            period: 60,
            minBond: U96::ZERO,
            publishers: vec![accounts::PUBLISHER],
            salt: B256::repeat_byte(9),
        };
        let created: IFeedRegistry::FeedCreated =
            chain.transact(accounts::STRANGER, stack.feeds, &create, U256::ZERO).await?.event()?;
        let field = chain.view(stack.feeds, &IFeedRegistry::schemaFieldCall { feedId: created.feedId }).await?;
        assert_eq!(field, vector.field);
        checked += 1;
    }
    assert_eq!(checked, 4 + 2 + vectors.schemas.len());
    Ok(())
}
