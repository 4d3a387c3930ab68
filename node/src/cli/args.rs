//! The commands and their options.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256, aliases::U96};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{job::Mode, wallet::KeyConfig};

/// Proven answers of machine-learning models, on chain.
#[derive(Debug, Parser)]
#[command(name = "dodona", version, about, propagate_version = true)]
pub(super) struct Cli {
    /// Folder of structured reference strings and shared keys [default: the user's data folder]
    #[arg(long, global = true, env = "DODONA_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Compile a model, show its report, recompute its digest
    #[command(subcommand)]
    Model(ModelCommand),
    /// Make the keys of a compiled model
    Keys(KeysArgs),
    /// Structured reference strings
    #[command(subcommand)]
    Srs(SrsCommand),
    /// Prove a model's answer for an input file
    Prove(ProveArgs),
    /// Verify a proof file
    Verify(VerifyArgs),
    /// Generate the Solidity verifiers of a model
    Verifier(VerifierArgs),
    /// Deploy the contracts
    Deploy(DeployArgs),
    /// Compare what is deployed with the sources, and a registered model with its files
    VerifyDeployment(VerifyDeploymentArgs),
    /// Register feeds, publisher sets and models
    #[command(subcommand)]
    Register(RegisterCommand),
    /// Sign and serve observations
    Publish(ConfigArgs),
    /// Run an operator: watch, collect, infer, prove, submit
    Run(ConfigArgs),
    /// Ask the oracle and wait for the answer
    Request(RequestArgs),
    /// A local chain with contracts, a publisher and an operator, for development
    Devnet(DevnetArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModeArg {
    Direct,
    Aggregated,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Direct => Self::Direct,
            ModeArg::Aggregated => Self::Aggregated,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ModesArg {
    Direct,
    Aggregated,
    Both,
}

impl ModesArg {
    pub(super) fn modes(self) -> Vec<Mode> {
        match self {
            Self::Direct => vec![Mode::Direct],
            Self::Aggregated => vec![Mode::Aggregated],
            Self::Both => vec![Mode::Direct, Mode::Aggregated],
        }
    }
}

/// Which structured reference string.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct SrsArgs {
    /// Use the imported ceremony's string instead of the INSECURE development one
    #[arg(long)]
    pub ceremony: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Compile an ONNX file into a model folder
    Compile {
        /// The ONNX file
        onnx: PathBuf,
        /// Folder to write
        #[arg(short, long, value_name = "DIR")]
        out: PathBuf,
        /// Specification of sources and outputs (model.json)
        #[arg(long, value_name = "FILE")]
        spec: Option<PathBuf>,
        /// Typical inputs: {"input_data": [[reals], ..]}; without them, ranges come from the declared domain alone
        #[arg(long, value_name = "FILE")]
        calibration: Option<PathBuf>,
        /// Inferences that one proof covers
        #[arg(long, visible_alias = "batch", value_name = "N", default_value_t = 1)]
        slots: usize,
        /// 32 bytes in hex, below the field's order: makes the model private
        #[arg(long, value_name = "HEX")]
        salt: Option<B256>,
        /// Make the model private with a fresh random salt, which is written to salt.hex
        #[arg(long, conflicts_with = "salt")]
        private: bool,
        /// Print the manifest as JSON, as when stdout is not a terminal
        #[arg(long)]
        json: bool,
    },
    /// Show accuracy, size and predicted cost of a compiled model (report.html shows them with plots)
    Report {
        /// Model folder
        dir: PathBuf,
    },
    /// Draw a compiled model's circuit as SVG
    Layout {
        /// Model folder
        dir: PathBuf,
        /// File to write
        #[arg(short, long, value_name = "FILE", default_value = "layout.svg")]
        out: PathBuf,
    },
    /// Recompute the key's digest from ONNX file, parameters and salt, and compare
    Verify {
        /// Model folder
        dir: PathBuf,
        /// Registered digest
        #[arg(long)]
        digest: B256,
        #[command(flatten)]
        srs: SrsArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    /// Model folder
    pub dir: PathBuf,
    /// Modes to make keys for
    #[arg(long, value_enum, default_value_t = ModesArg::Direct)]
    pub mode: ModesArg,
    #[command(flatten)]
    pub srs: SrsArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum SrsCommand {
    /// Make the INSECURE development string of 2^k points
    Dev {
        /// Logarithm of the number of points
        #[arg(long)]
        k: u32,
    },
    /// Check a ceremony's file by pairing and keep it
    Import {
        /// The file
        file: PathBuf,
        /// Refuse any other size
        #[arg(long)]
        k: Option<u32>,
    },
    /// Show what a string is
    Info {
        /// Logarithm of the number of points
        #[arg(long)]
        k: u32,
        #[command(flatten)]
        srs: SrsArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// Model folder
    pub dir: PathBuf,
    /// JSON: {"input_data": [[reals], ..]}, or {"context": "0x..", "slots": [{"sources": [{"values": [..], "salt": "0x.."}]}]}
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Proof file to write
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Mode
    #[arg(long, value_enum, default_value_t = ModeArg::Direct)]
    pub mode: ModeArg,
    #[command(flatten)]
    pub srs: SrsArgs,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Model folder
    pub dir: PathBuf,
    /// Proof file
    pub proof: PathBuf,
    /// Print JSON, as when stdout is not a terminal
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub srs: SrsArgs,
}

#[derive(Debug, Args)]
pub(super) struct VerifierArgs {
    /// Model folder
    pub dir: PathBuf,
    /// Folder to write
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Modes to generate verifiers for
    #[arg(long, value_enum, default_value_t = ModesArg::Direct)]
    pub mode: ModesArg,
    #[command(flatten)]
    pub srs: SrsArgs,
}

/// The chain that a one-off command talks to.
#[derive(Debug, Clone, Args)]
pub(super) struct RpcArgs {
    /// JSON-RPC endpoint
    #[arg(long, env = "DODONA_RPC_URL", default_value = "http://127.0.0.1:8545")]
    pub rpc_url: String,
    /// Chain id that the endpoint must report
    #[arg(long)]
    pub chain_id: Option<u64>,
}

/// Where the sender's key comes from. A key itself cannot be given on the command line.
#[derive(Debug, Clone, Args)]
pub(super) struct KeyArgs {
    /// Environment variable with the key
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "keystore",
        default_value_if("keystore", clap::builder::ArgPredicate::IsPresent, None),
        default_value = "DODONA_KEY"
    )]
    pub key_env: Option<String>,
    /// Encrypted keystore file
    #[arg(long, value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password
    #[arg(long, value_name = "FILE", requires = "keystore")]
    pub password_file: Option<PathBuf>,
    /// Environment variable with the keystore's password
    #[arg(long, value_name = "NAME", requires = "keystore")]
    pub password_env: Option<String>,
}

impl From<&KeyArgs> for KeyConfig {
    fn from(args: &KeyArgs) -> Self {
        Self {
            keystore: args.keystore.clone(),
            password_file: args.password_file.clone(),
            password_env: args.password_env.clone(),
            env: if args.keystore.is_some() { None } else { args.key_env.clone() },
        }
    }
}

/// The contracts' folder.
#[derive(Debug, Clone, Args)]
pub(super) struct ContractsArgs {
    /// Folder of the Foundry project, built
    #[arg(long, value_name = "DIR", default_value = "contracts")]
    pub contracts: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DeployArgs {
    #[command(flatten)]
    pub rpc: RpcArgs,
    #[command(flatten)]
    pub key: KeyArgs,
    #[command(flatten)]
    pub contracts: ContractsArgs,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "deployment.json")]
    pub out: PathBuf,
    /// Folder of `dodona verifier` with the aggregated verifier
    #[arg(long, value_name = "DIR")]
    pub aggregated: Option<PathBuf>,
    /// Digest of the ceremony's string; the INSECURE development string's if absent
    #[arg(long, value_name = "HEX")]
    pub srs_digest: Option<B256>,
    /// Deploy for the INSECURE development string, whose proofs anyone can forge
    #[arg(long)]
    pub allow_dev_srs: bool,
    /// May freeze verifier versions; the deploying account if absent
    #[arg(long)]
    pub guardian: Option<Address>,
    /// Seconds from the proposal of a verifier version to its activation; 0 only with the development string [default: two days, or 0 with it]
    #[arg(long)]
    pub delay: Option<u64>,
    /// Fee of a direct answer, wei
    #[arg(long, default_value = "1000000000000000")]
    pub direct_fee: U96,
    /// Fee of an aggregated answer, wei
    #[arg(long, default_value = "2000000000000000")]
    pub aggregated_fee: U96,
    /// wei for each unit of callback gas
    #[arg(long, default_value = "1000000000")]
    pub callback_gas_price: u64,
}

#[derive(Debug, Args)]
pub(super) struct VerifyDeploymentArgs {
    #[command(flatten)]
    pub rpc: RpcArgs,
    #[command(flatten)]
    pub contracts: ContractsArgs,
    /// Deployment file
    #[arg(long, value_name = "FILE", default_value = "deployment.json")]
    pub deployment: PathBuf,
    /// Model folder: its hashes, digest and direct verifier are made again from its files
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// The model's id in the registry
    #[arg(long, value_name = "HEX", requires = "model")]
    pub model_id: Option<B256>,
    /// Make the model's digest and the shape's aggregated verifier again too (minutes)
    #[arg(long, requires = "model")]
    pub aggregated: bool,
    #[command(flatten)]
    pub srs: SrsArgs,
}

/// A deployment to work on.
#[derive(Debug, Clone, Args)]
pub(super) struct DeploymentArgs {
    #[command(flatten)]
    pub rpc: RpcArgs,
    #[command(flatten)]
    pub key: KeyArgs,
    /// Deployment file
    #[arg(long, value_name = "FILE", default_value = "deployment.json")]
    pub deployment: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum RegisterCommand {
    /// Create a feed
    Feed {
        /// Schema file
        schema: PathBuf,
        /// Publishers of the first set
        #[arg(long, value_delimiter = ',', required = true)]
        publishers: Vec<Address>,
        /// wei that each publisher must have bonded for its observations to count
        #[arg(long, default_value = "0")]
        min_bond: U96,
        /// Tells feeds of one owner and schema apart
        #[arg(long, default_value_t = B256::ZERO)]
        salt: B256,
        #[command(flatten)]
        target: DeploymentArgs,
    },
    /// Start the next publisher set of a feed
    Publisher {
        /// The feed
        feed: B256,
        /// Publishers of the next set
        #[arg(long, value_delimiter = ',', required = true)]
        publishers: Vec<Address>,
        /// Seconds for which the set before it stays good
        #[arg(long, default_value_t = 0)]
        overlap: u64,
        #[command(flatten)]
        target: DeploymentArgs,
    },
    /// Activate a proposed verifier version whose delay is over
    Activate {
        /// The version
        version: u32,
        #[command(flatten)]
        target: DeploymentArgs,
    },
    /// Register a compiled model with its verifier
    Model {
        /// Model folder
        dir: PathBuf,
        /// Folder of `dodona verifier`
        #[arg(long, value_name = "DIR")]
        verifiers: PathBuf,
        /// Feed of each source, in order
        #[arg(long, value_delimiter = ',', required = true)]
        feeds: Vec<B256>,
        /// Register the digest of aggregated mode too
        #[arg(long)]
        aggregated: bool,
        #[command(flatten)]
        srs: SrsArgs,
        #[command(flatten)]
        contracts: ContractsArgs,
        #[command(flatten)]
        target: DeploymentArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Configuration file
    #[arg(short, long, value_name = "FILE", default_value = "dodona.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    /// The model
    pub model: B256,
    /// How the answer must be proven
    #[arg(long, value_enum, default_value_t = ModeArg::Direct)]
    pub mode: ModeArg,
    /// Seconds from now to the deadline
    #[arg(long, default_value_t = 600)]
    pub ttl: u64,
    /// Seconds that the observation may be older than the request
    #[arg(long, default_value_t = 600)]
    pub max_data_age: u64,
    /// Seconds that the observation may be old when delivered; 0: no limit
    #[arg(long, default_value_t = 0)]
    pub max_delivery_age: u64,
    /// wei to pay; the quoted fee if absent
    #[arg(long)]
    pub fee: Option<U256>,
    /// wei that an operator who accepts the request must reserve; the oracle's least if absent
    #[arg(long, default_value = "0")]
    pub penalty: U96,
    /// Print the id and do not wait
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub target: DeploymentArgs,
}

#[derive(Debug, Args)]
pub(super) struct DevnetArgs {
    /// Model folder, compiled, with keys
    pub dir: PathBuf,
    /// Folder to work in
    #[arg(long, value_name = "DIR", default_value = "target/devnet")]
    pub work: PathBuf,
    /// Schema of the feed
    #[arg(long, value_name = "FILE", default_value = "models/risk/schema.json")]
    pub schema: PathBuf,
    /// Observations to publish
    #[arg(long, value_name = "FILE", default_value = "models/risk/observations.json")]
    pub observations: PathBuf,
    /// Port of the chain; 0: a free one
    #[arg(long, default_value_t = 8545)]
    pub port: u16,
    /// Serve aggregated requests too
    #[arg(long)]
    pub aggregated: bool,
    #[command(flatten)]
    pub contracts: ContractsArgs,
}
