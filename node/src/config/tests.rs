//! The example file is the documentation, so it must parse, be complete and be documented.

use std::collections::BTreeSet;

use super::*;

const EXAMPLE: &str = include_str!("../../dodona.example.toml");

fn load(text: &str) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dodona.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path)
}

fn paths(prefix: &str, value: &serde_json::Value, out: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                paths(&format!("{prefix}.{key}"), value, out);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| paths(prefix, item, out)),
        _ => {
            out.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_example_parses_and_names_every_key() {
    let config = load(EXAMPLE).unwrap();
    let mut expected = BTreeSet::new();
    paths("", &serde_json::to_value(&config).unwrap(), &mut expected);
    let all: toml::Table = toml::from_str(&EXAMPLE.replace("#~ ", "")).unwrap();
    let mut documented = BTreeSet::new();
    paths("", &serde_json::to_value(all).unwrap(), &mut documented);
    assert_eq!(documented, expected);
}

#[test]
fn every_key_of_the_example_follows_a_comment() {
    let mut described = false;
    let mut seen = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if line.starts_with("# ") {
            described = true;
        } else if let Some((key, _)) = line.trim_start_matches("#~ ").split_once(" = ") {
            let known = !seen.insert(key.to_owned());
            assert!(described || known, "{key} has no comment");
        } else if line.is_empty() {
            described = false;
        }
    }
}

#[test]
fn the_defaults_are_the_examples_values() {
    let full = load(EXAMPLE).unwrap();
    let operator = full.operator.unwrap();
    assert_eq!(serde_json::to_value(operator.prover).unwrap(), serde_json::to_value(ProverConfig::default()).unwrap());
    assert_eq!(
        serde_json::to_value(operator.submitter).unwrap(),
        serde_json::to_value(SubmitterConfig::default()).unwrap()
    );
    assert_eq!(full.chain.confirmations, defaults::confirmations());
    assert_eq!(operator.listen, defaults::status_listen());
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = load(&EXAMPLE.replace("retries = 5", "retry = 5")).unwrap_err().to_string();
    assert!(error.contains("unknown field `retry`"), "{error}");
}

#[test]
fn a_value_out_of_range_is_refused_with_expected_and_got() {
    let error = load(&EXAMPLE.replace("bump_percent = 25", "bump_percent = 5")).unwrap_err();
    assert_eq!(error.to_string(), "operator.submitter.bump_percent: expected 10 to 1000, got 5");
    let error = load(&EXAMPLE.replace("http://127.0.0.1:8545", "localhost")).unwrap_err();
    assert_eq!(error.to_string(), "chain.rpc_url: expected an http or https URL, got \"localhost\"");
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dodona.toml");
    std::fs::write(&path, EXAMPLE).unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.data.dir, dir.path().join("data"));
    assert_eq!(config.operator.unwrap().key.keystore, Some(dir.path().join("operator.keystore.json")));
}

#[test]
fn a_command_without_its_section_says_which() {
    let text = EXAMPLE.split("# What `dodona publish` needs.").next().unwrap();
    let error = load(text).unwrap().publisher().unwrap_err();
    assert_eq!(error.to_string(), "the configuration has no section [publisher], which this command needs");
}
