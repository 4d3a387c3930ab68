//! The command line parses, and errors map to exit codes.

use clap::{CommandFactory, Parser};

use super::{CliError, args::Cli};
use crate::{
    chain::ChainError,
    wallet::{KeyConfig, WalletError},
};

#[test]
fn the_commands_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_key_cannot_be_given_on_the_command_line() {
    for name in ["--key", "--private-key"] {
        let error = Cli::try_parse_from(["dodona", "deploy", name, "0x01"]).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
    }
}

#[test]
fn the_key_comes_from_the_environment_unless_a_keystore_is_named() {
    let key = |args: &[&str]| {
        let cli = Cli::try_parse_from(["dodona", "deploy"].iter().chain(args)).unwrap();
        let super::args::Command::Deploy(deploy) = cli.command else { panic!("expected deploy") };
        KeyConfig::from(&deploy.key)
    };
    assert_eq!(key(&[]).env.as_deref(), Some("DODONA_KEY"));
    let stored = key(&["--keystore", "k.json", "--password-env", "PW"]);
    assert_eq!((stored.env, stored.password_env.as_deref()), (None, Some("PW")));
}

#[test]
fn a_model_needs_nothing_but_its_file() {
    let parse =
        |args: &[&str]| Cli::try_parse_from(["dodona", "model", "compile", "m.onnx", "-o", "d"].iter().chain(args));
    let slots = |args: &[&str]| match parse(args).unwrap().command {
        super::args::Command::Model(super::args::ModelCommand::Compile { slots, .. }) => slots,
        _ => panic!("expected model compile"),
    };
    assert_eq!([slots(&[]), slots(&["--batch", "4"]), slots(&["--slots", "3", "--private"])], [1, 4, 3]);
    let salt = "0x0000000000000000000000000000000000000000000000000000000000000001";
    let error = parse(&["--private", "--salt", salt]).unwrap_err();
    assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
}

#[test]
fn exit_codes_tell_what_to_do() {
    let chain = ChainError::OtherChain { expected: 1, got: 2 };
    assert_eq!(CliError::from(chain).code(), 4);
    assert_eq!(CliError::from(WalletError::Source("neither")).code(), 2);
    assert_eq!(CliError::Refused("digest".to_owned()).code(), 3);
    assert_eq!(CliError::Unanswered("late".to_owned()).code(), 5);
    assert_eq!(CliError::other("anything").code(), 1);
}
