//! All contracts on a chain, with feed, publishers, model, verifier versions, risk oracle and market registered.

use alloy::{
    primitives::{Address, B256, U256, address, aliases::U96, b256, keccak256},
    sol_types::SolCall,
};
use anyhow::{Context, Result, ensure};

use crate::{
    abi::{
        Constructors, CreditTerms, IFeedRegistry, ILendingMarket, IModelRegistry, IRiskEnvelope, IRiskOracle,
        IVerifierRouter,
    },
    artifacts::{Verifier, creation_code},
    chain::Chain,
    kit::{Aggregated, Kit},
};

/// Anvil's public accounts and keys, by role.
pub mod accounts {
    use super::{Address, B256, address, b256};

    /// Deploys and owns everything.
    pub const OWNER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    /// Key of [`OWNER`].
    pub const OWNER_KEY: B256 = b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    /// Signs observations.
    pub const PUBLISHER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
    /// Key of [`PUBLISHER`].
    pub const PUBLISHER_KEY: B256 = b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
    /// Delivers answers.
    pub const OPERATOR: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
    /// Key of [`OPERATOR`].
    pub const OPERATOR_KEY: B256 = b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a");
    /// Asks and pays.
    pub const USER: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
    /// Is credited for answers.
    pub const PAYEE: Address = address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65");
    /// Signs observations as well, in a feed with two publishers.
    pub const SECOND_PUBLISHER: Address = address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc");
    /// Key of [`SECOND_PUBLISHER`].
    pub const SECOND_PUBLISHER_KEY: B256 = b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba");
    /// Nobody in particular: takes part in attacks.
    pub const STRANGER: Address = address!("976EA74026E726554dB657fA54763abd0C3a0aa9");
    /// May freeze verifier versions.
    pub const GUARDIAN: Address = address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f");
    /// Signs observations as well, in a feed with three publishers.
    pub const THIRD_PUBLISHER: Address = address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955");
    /// Key of [`THIRD_PUBLISHER`].
    pub const THIRD_PUBLISHER_KEY: B256 = b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356");
    /// Key of [`STRANGER`].
    pub const STRANGER_KEY: B256 = b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e");
}

/// Gas that a generated verifier is given. More than it needs by about a third.
pub const GAS_CAP: u64 = 600_000;
/// Id of the universal narrow shape in router and registry.
pub const SHAPE: u32 = 1;
/// Seconds between observations.
pub const PERIOD: u64 = 60;
/// Type of update that the market follows.
pub const UPDATE_TYPE: &str = "RiskParameters";
/// The market's parameters before the first proven answer, basis points.
pub const INITIAL: [u64; 3] = [7_500, 8_000, 650];
/// Fee of a direct request, wei.
pub const DIRECT_FEE: u64 = 1_000_000_000_000_000;
/// Fee of an aggregated request, wei.
pub const AGGREGATED_FEE: u64 = 3_000_000_000_000_000;
/// Price of callback gas, wei per gas.
pub const CALLBACK_GAS_PRICE: u64 = 1_000_000_000;
/// Gas of the risk oracle's callback.
pub const CALLBACK_GAS: u32 = 600_000;
/// Seconds from a market's request to its deadline.
pub const TIME_TO_LIVE: u64 = 1_800;
/// Greatest age of an observation at a market's request, seconds.
pub const MAX_DATA_AGE: u64 = 600;
/// Seconds for which an update that is past a soft limit waits for the guardian.
pub const MAX_HELD_AGE: u64 = 7_200;
/// Seconds after which the last good value counts as stale.
pub const STALE_AFTER: u64 = 86_400;
/// Greatest age of an observation when the risk oracle takes it, seconds.
pub const MAX_DELIVERY_AGE: u64 = 3_600;

/// Addresses and ids of a deployment.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The chain.
    pub chain: Chain,
    /// Block after which everything is deployed.
    pub start_block: u64,
    /// Feed registry.
    pub feeds: Address,
    /// Model registry.
    pub models: Address,
    /// Verifier router.
    pub router: Address,
    /// Operators' stake.
    pub staking: Address,
    /// The oracle.
    pub oracle: Address,
    /// The direct wrapper.
    pub direct_wrapper: Address,
    /// The generated verifier of direct proofs.
    pub direct_verifier: Address,
    /// The aggregated wrapper; zero without aggregated mode.
    pub aggregated_wrapper: Address,
    /// Router version of direct mode.
    pub direct_version: u32,
    /// Router version of aggregated mode; 0 without it.
    pub aggregated_version: u32,
    /// The risk oracle.
    pub risk_oracle: Address,
    /// The lending market.
    pub market: Address,
    /// Its collateral.
    pub collateral: Address,
    /// The feed, with two publishers, or three where the model asks for as many.
    pub feed: B256,
    /// Hash of its schema.
    pub schema: B256,
    /// The model.
    pub model: B256,
    /// Digest of the setup that all verifiers belong to.
    pub srs_digest: B256,
    /// What was registered.
    pub spec: IModelRegistry::ModelSpec,
}

fn arguments<C: SolCall>(call: &C) -> Vec<u8> {
    call.abi_encode().split_off(4)
}

/// A wrapper, its code hash and, for aggregated mode, its implementation's.
struct Version {
    wrapper: Address,
    implementation: B256,
    srs: B256,
}

/// Deploys step by step; every step is a transaction of [`accounts::OWNER`], so addresses are the same in every run.
struct Deployer<'a> {
    chain: &'a Chain,
    owner: Address,
}

impl Deployer<'_> {
    async fn create(&self, name: &str, arguments: Vec<u8>) -> Result<Address> {
        let code = [creation_code(name)?, arguments].concat();
        self.chain.deploy(self.owner, code).await.with_context(|| format!("deploying {name}"))
    }

    async fn generated(&self, verifier: &Verifier) -> Result<Address> {
        self.chain.deploy(self.owner, verifier.creation.to_vec()).await.context("deploying a generated verifier")
    }

    async fn send<C: SolCall>(&self, to: Address, call: &C) -> Result<()> {
        self.chain.transact(self.owner, to, call, U256::ZERO).await.map(drop)
    }

    async fn code_hash(&self, account: Address) -> Result<B256> {
        Ok(keccak256(self.chain.code(account).await?))
    }

    async fn add_version(&self, router: Address, version: &Version) -> Result<u32> {
        let call = IVerifierRouter::addVersionCall {
            verifier: version.wrapper,
            codeHash: self.code_hash(version.wrapper).await?,
            implementationCodeHash: version.implementation,
            srsDigest: version.srs,
        };
        self.send(router, &call).await?;
        self.chain.view(router, &IVerifierRouter::versionCountCall {}).await
    }
}

impl Stack {
    /// Deploys and registers everything; with `aggregated`, also the shape's verifier and the model's key digest.
    ///
    /// # Errors
    /// Contracts that are not built, or a step that reverts.
    pub async fn deploy(chain: &Chain, kit: &Kit, aggregated: Option<&Aggregated>) -> Result<Self> {
        let mut stack = Self::without_market(chain, kit, aggregated).await?;
        deploy_market(&Deployer { chain, owner: accounts::OWNER }, &mut stack).await?;
        Ok(stack)
    }

    /// As [`Self::deploy`], for a model that no risk oracle could follow: its addresses stay zero.
    ///
    /// # Errors
    /// As there.
    pub async fn without_market(chain: &Chain, kit: &Kit, aggregated: Option<&Aggregated>) -> Result<Self> {
        let owner = accounts::OWNER;
        let on = Deployer { chain, owner };
        let start_block = chain.height().await?;
        let feeds = on.create("FeedRegistry", Vec::new()).await?;
        let models = on.create("ModelRegistry", arguments(&Constructors::modelRegistryCall { feeds })).await?;
        let srs = B256::from(kit.direct.srs_digest);
        let terms = Constructors::verifierRouterCall { owner, guardian: accounts::GUARDIAN, srsDigest: srs, delay: 0 };
        let router = on.create("VerifierRouter", arguments(&terms)).await?;
        let staking = on.create("OperatorStaking", Vec::new()).await?;
        let oracle = on
            .create(
                "DodonaOracle",
                arguments(&Constructors::oracleCall {
                    owner,
                    models,
                    feeds,
                    router,
                    staking,
                    directFee: U96::from(DIRECT_FEE),
                    aggregatedFee: U96::from(AGGREGATED_FEE),
                    callbackGasPrice: CALLBACK_GAS_PRICE,
                    listed: true,
                }),
            )
            .await?;

        let gas_cap = U256::from(GAS_CAP);
        let direct_verifier = on.generated(&kit.direct).await?;
        let wrapper = arguments(&Constructors::directWrapperCall { gasCap: gas_cap });
        let direct_wrapper = on.create("VerifierWrapper.sol:DirectVerifier", wrapper).await?;
        let version = Version { wrapper: direct_wrapper, implementation: B256::ZERO, srs };
        let direct_version = on.add_version(router, &version).await?;
        let (aggregated_wrapper, aggregated_version) = match aggregated {
            None => (Address::ZERO, 0),
            Some(shape) => deploy_aggregated(&on, router, shape).await?,
        };

        let feed = register_feed(&on, feeds, kit).await?;
        let sources = &kit.model.manifest().sources;
        let schema = sources.first().context("the model has no source")?.schema_hash.into();
        let spec = model_spec(&on, kit, aggregated, direct_verifier, &vec![feed; sources.len()]).await?;
        let model = register_model(&on, models, direct_verifier, &spec).await?;
        Ok(Self {
            chain: chain.clone(),
            start_block,
            feeds,
            models,
            router,
            staking,
            oracle,
            direct_wrapper,
            direct_verifier,
            aggregated_wrapper,
            direct_version,
            aggregated_version,
            risk_oracle: Address::ZERO,
            market: Address::ZERO,
            collateral: Address::ZERO,
            feed,
            schema,
            model,
            srs_digest: srs,
            spec,
        })
    }

    /// The market's LTV, liquidation threshold and bonus in basis points, and the update they come from (0: none yet).
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn parameters(&self) -> Result<([u64; 3], u64)> {
        let now = self.chain.view(self.market, &ILendingMarket::riskParametersCall {}).await?;
        Ok(([now.ltv.to(), now.lt.to(), now.lb.to()], now.updateId.to()))
    }

    /// Registers a model that differs from the risk model only in having the feed twice as source: two publishers must
    /// have signed.
    ///
    /// # Errors
    /// The registration reverts.
    pub async fn register_quorum_model(&self) -> Result<B256> {
        let on = Deployer { chain: &self.chain, owner: accounts::OWNER };
        let source = self.spec.sources.first().context("the model has no source")?;
        let spec = IModelRegistry::ModelSpec { sources: vec![source.clone(), source.clone()], ..self.spec.clone() };
        register_model(&on, self.models, self.direct_verifier, &spec).await
    }

    /// Deploys a token and a pool of credit-gated loans in it; returns pool and token.
    ///
    /// # Errors
    /// The creation reverts.
    pub async fn deploy_credit_loan(&self, terms: CreditTerms) -> Result<(Address, Address)> {
        let on = Deployer { chain: &self.chain, owner: accounts::OWNER };
        let call = Constructors::tokenCall { name: "Example DEBT".to_owned(), symbol: "DEBT".to_owned() };
        let token = on.create("ExampleToken", arguments(&call)).await?;
        let call = Constructors::creditLoanCall { oracle: self.oracle, token, terms };
        Ok((on.create("CreditLoan", arguments(&call)).await?, token))
    }

    /// Deploys the consumer that behaves as told.
    ///
    /// # Errors
    /// The creation reverts.
    pub async fn deploy_consumer(&self) -> Result<Address> {
        let on = Deployer { chain: &self.chain, owner: accounts::OWNER };
        on.create("Consumers.sol:Consumer", arguments(&Constructors::consumerCall { oracle: self.oracle })).await
    }
}

async fn deploy_aggregated(on: &Deployer<'_>, router: Address, shape: &Aggregated) -> Result<(Address, u32)> {
    let implementation = on.generated(&shape.verifier).await?;
    let call = Constructors::aggregatedWrapperCall {
        implementation,
        shape: SHAPE,
        wordCount: U256::from(16),
        outerProofLength: U256::from(shape.verifier.proof_length),
        gasCap: U256::from(GAS_CAP),
    };
    let wrapper = on.create("VerifierWrapper.sol:AggregatedVerifier", arguments(&call)).await?;
    let implementation = on.code_hash(implementation).await?;
    let version = Version { wrapper, implementation, srs: B256::from(shape.verifier.srs_digest) };
    Ok((wrapper, on.add_version(router, &version).await?))
}

/// The one feed that all of the model's sources are of.
async fn register_feed(on: &Deployer<'_>, feeds: Address, kit: &Kit) -> Result<B256> {
    let sources = &kit.model.manifest().sources;
    let source = sources.first().context("the model has no source")?;
    ensure!(sources.iter().all(|other| other == source), "expected sources of one schema");
    let (schema, length) = (source.schema_hash.into(), u32::try_from(source.length)?);
    let mut publishers = vec![accounts::PUBLISHER, accounts::SECOND_PUBLISHER];
    if sources.len() > publishers.len() {
        publishers.push(accounts::THIRD_PUBLISHER);
    }
    let call = IFeedRegistry::createFeedCall {
        schemaHash: schema,
        length,
        period: PERIOD,
        minBond: U96::ZERO,
        publishers,
        salt: B256::ZERO,
    };
    on.send(feeds, &call).await?;
    let id = IFeedRegistry::feedIdOfCall {
        owner: on.owner,
        schemaHash: schema,
        length,
        period: PERIOD,
        minBond: U96::ZERO,
        salt: B256::ZERO,
    };
    on.chain.view(feeds, &id).await
}

async fn model_spec(
    on: &Deployer<'_>,
    kit: &Kit,
    aggregated: Option<&Aggregated>,
    direct_verifier: Address,
    feeds: &[B256],
) -> Result<IModelRegistry::ModelSpec> {
    let manifest = kit.model.manifest();
    ensure!(manifest.sources.len() == feeds.len(), "expected {} feeds, got {}", manifest.sources.len(), feeds.len());
    let source = |(entry, feed): (&dodona_circuits::api::manifest::SourceEntry, &B256)| {
        Ok(IModelRegistry::Source { kind: 0, feedId: *feed, length: u32::try_from(entry.length)? })
    };
    Ok(IModelRegistry::ModelSpec {
        author: on.owner,
        onnxHash: manifest.onnx_hash.into(),
        quantHash: manifest.quant_hash.into(),
        sources: manifest.sources.iter().zip(feeds).map(source).collect::<Result<_>>()?,
        nOutputs: u16::try_from(manifest.outputs.len())?,
        outputDecimals: 0,
        isPrivate: manifest.private,
        shape: aggregated.map_or(0, |_| SHAPE),
        vkDigests: aggregated.map(|shape| U256::from_be_bytes(shape.vk_digest)).into_iter().collect(),
        directVerifierCodeHash: on.code_hash(direct_verifier).await?,
        directProofLength: u32::try_from(kit.direct.proof_length)?,
    })
}

async fn register_model(
    on: &Deployer<'_>,
    models: Address,
    direct_verifier: Address,
    spec: &IModelRegistry::ModelSpec,
) -> Result<B256> {
    on.send(models, &IModelRegistry::registerCall { spec: spec.clone() }).await?;
    let model = on.chain.view(models, &IModelRegistry::computeIdCall { spec: spec.clone() }).await?;
    on.send(models, &IModelRegistry::setDirectVerifierCall { modelId: model, verifier: direct_verifier }).await?;
    Ok(model)
}

/// The envelope's limits. Steps may be as large as the held-out days need, which include the fall of February 2018, and several in one day.
fn limits() -> IRiskEnvelope::Limits {
    let field = |min, max, max_step| IRiskEnvelope::FieldLimits {
        min,
        max,
        maxStep: max_step,
        weekBudget: 10 * max_step,
        monthBudget: 20 * max_step,
        maxStepBps: u32::MAX,
        moves: IRiskEnvelope::Direction::Both,
        delayFree: IRiskEnvelope::Direction::None,
    };
    let rule = |kind, a, b| IRiskEnvelope::Rule { kind, a, b, c: 0, low: 0, high: 0, extra: 0 };
    IRiskEnvelope::Limits {
        fields: vec![field(2_000, 9_000, 2_500), field(2_500, 9_500, 2_500), field(100, 2_000, 1_000)],
        rules: vec![rule(IRiskEnvelope::RuleKind::Threshold, 0, 1), rule(IRiskEnvelope::RuleKind::Bonus, 1, 2)],
        minDelay: 0,
        holdBps: 10_000,
    }
}

/// Envelope, risk oracle, tokens, price and market.
async fn deploy_market(on: &Deployer<'_>, stack: &mut Stack) -> Result<()> {
    let owner = on.owner;
    let envelope = on.create("RiskEnvelope", arguments(&Constructors::envelopeCall { owner })).await?;
    let call = Constructors::riskOracleCall {
        owner,
        guardian: accounts::GUARDIAN,
        oracle: stack.oracle,
        envelope,
        srsDigest: stack.srs_digest,
    };
    let risk_oracle = on.create("RiskOracle", arguments(&call)).await?;
    on.send(envelope, &IRiskEnvelope::bindCall { riskOracle: risk_oracle }).await?;
    let token =
        |name: &str| arguments(&Constructors::tokenCall { name: format!("Example {name}"), symbol: name.to_owned() });
    let collateral = on.create("ExampleToken", token("COLL")).await?;
    let debt = on.create("ExampleToken", token("DEBT")).await?;
    let price = Constructors::priceCall { owner, price: U256::from(1_000_000_000_000_000_000_u64) };
    let price = on.create("ExamplePrice", arguments(&price)).await?;
    let [ltv, lt, lb] = INITIAL.map(U256::from);
    let call = Constructors::marketCall {
        collateral,
        debt,
        price,
        riskOracle: risk_oracle,
        updateType: UPDATE_TYPE.to_owned(),
        ltv,
        lt,
        lb,
    };
    let market = on.create("LendingMarket", arguments(&call)).await?;
    let call =
        IRiskEnvelope::setLimitsCall { market: collateral, updateType: UPDATE_TYPE.to_owned(), limits: limits() };
    on.send(envelope, &call).await?;
    let source = IRiskOracle::Source {
        modelId: stack.model,
        directVersion: stack.direct_version,
        aggregatedVersion: stack.aggregated_version,
        callbackGasLimit: CALLBACK_GAS,
        timeToLive: TIME_TO_LIVE,
        maxDataAge: MAX_DATA_AGE,
        maxDeliveryAge: MAX_DELIVERY_AGE,
        maxHeldAge: MAX_HELD_AGE,
        staleAfter: STALE_AFTER,
        seed: vec![ltv, lt, lb],
    };
    let call = IRiskOracle::setSourceCall { market: collateral, updateType: UPDATE_TYPE.to_owned(), source };
    on.send(risk_oracle, &call).await?;
    (stack.risk_oracle, stack.market, stack.collateral) = (risk_oracle, market, collateral);
    Ok(())
}
