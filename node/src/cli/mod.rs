//! The command line. Results go to stdout, as JSON where a program may read them; everything else to stderr. `model compile` and `verify` print text
//! when stdout is a terminal, and JSON with `--json` or when it is not.
//!
//! | file | what |
//! |---|---|
//! | `args.rs` | the commands and their options |
//! | `error.rs` | one error type, one place that prints it, exit codes |
//! | `progress.rs` | progress bars on stderr |
//! | `circuit.rs` | model, keys, srs, prove, verify, verifier |
//! | `chain.rs` | deploy, register, request |
//! | `audit.rs` | verify-deployment |
//! | `node.rs` | run, publish |
//! | `devnet.rs` | a local chain with everything on it |

mod args;
mod audit;
mod chain;
mod circuit;
mod devnet;
mod error;
mod node;
mod progress;
#[cfg(test)]
mod tests;

pub use error::CliError;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use args::{Cli, Command};

/// Parses the command line, runs the command, prints an error in one sentence, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn dispatch(cli: Cli) -> Result<(), CliError> {
    let home = home(cli.home)?;
    match cli.command {
        Command::Model(command) => circuit::model(&home, command),
        Command::Keys(args) => circuit::keys(&home, &args),
        Command::Srs(command) => circuit::srs(&home, command),
        Command::Prove(args) => circuit::prove(&home, &args),
        Command::Verify(args) => circuit::verify(&home, &args),
        Command::Verifier(args) => circuit::verifier(&home, &args),
        Command::Deploy(args) => block_on(chain::deploy(args)),
        Command::VerifyDeployment(args) => block_on(audit::verify_deployment(&home, args)),
        Command::Register(command) => block_on(chain::register(&home, command)),
        Command::Request(args) => block_on(chain::request(args)),
        Command::Publish(args) => block_on(node::publish(&args.config)),
        Command::Run(args) => block_on(node::run(&args.config)),
        Command::Devnet(args) => block_on(devnet::devnet(&home, args)),
    }
}

/// The runtime is dropped without waiting for a proof that nobody needs any more.
fn block_on(work: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::other)?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// `--home`, or `DODONA_HOME` (both through clap), or the user's data folder.
fn home(given: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    given
        .or_else(|| var("XDG_DATA_HOME").map(|d| d.join("dodona")))
        .or_else(|| var("HOME").map(|d| d.join(".local/share/dodona")))
        .ok_or_else(|| CliError::Usage("expected --home, DODONA_HOME or HOME, got none".to_owned()))
}

/// Whether a result that people read as text is wanted as JSON: asked for, or stdout is not a terminal.
fn for_machines(json: bool) -> bool {
    use std::io::IsTerminal;
    json || !std::io::stdout().is_terminal()
}

/// Prints text on stdout.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on stdout")]
fn print_text(text: &str) {
    println!("{text}");
}

/// Prints a result on stdout.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on stdout")]
fn print(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::other)?;
    println!("{text}");
    Ok(())
}
