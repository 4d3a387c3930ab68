//! Errors of commands: one place prints them, in one sentence, and chooses the exit code.

use std::process::ExitCode;

use crate::{
    chain::{ChainError, tx::SendError},
    config::ConfigError,
    deploy::DeployError,
    runtime::RuntimeError,
    wallet::WalletError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or a file that it names is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration: exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key: exit code 2.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A proof or digest was checked and is wrong: exit code 3.
    #[error("{0}")]
    Refused(String),
    /// The chain: exit code 4.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A transaction: exit code 4.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Deployment and registration: exit code 4.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// Nobody answered a request: exit code 5.
    #[error("{0}")]
    Unanswered(String),
    /// A service ended for good: exit code 1.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Anything else: exit code 1.
    #[error("{0}")]
    Other(String),
}

impl CliError {
    /// Any other error, in its own words.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// Exit code, as the variants say.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Other(_) | Self::Runtime(_) => 1,
            Self::Usage(_) | Self::Config(_) | Self::Wallet(_) => 2,
            Self::Refused(_) => 3,
            Self::Chain(_) | Self::Send(_) | Self::Deploy(_) => 4,
            Self::Unanswered(_) => 5,
        }
    }

    /// Prints the error on stderr and returns the exit code.
    #[expect(clippy::print_stderr, reason = "the one place that prints errors")]
    pub fn report(&self) -> ExitCode {
        eprintln!("dodona: {self}");
        ExitCode::from(self.code())
    }
}
