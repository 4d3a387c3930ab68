//! Keys load from each source, and never show.

use std::collections::HashMap;

use super::*;

const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

struct Fixed(HashMap<&'static str, &'static str>);

impl Secrets for Fixed {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|s| (*s).to_owned())
    }
    fn prompt(&self, _: &str) -> std::io::Result<String> {
        Err(std::io::Error::other("no terminal"))
    }
}

fn from_env() -> KeyConfig {
    KeyConfig { env: Some("KEY".to_owned()), ..KeyConfig::default() }
}

#[test]
fn a_key_from_the_environment_has_its_account_and_is_hidden() {
    let wallet = Wallet::load(&from_env(), &Fixed(HashMap::from([("KEY", KEY)]))).unwrap();
    assert_eq!(wallet.address().to_string(), ACCOUNT);
    assert_eq!(format!("{wallet:?}"), format!("Wallet({ACCOUNT}, key hidden)"));
}

#[test]
fn a_bad_variable_is_refused_without_showing_it() {
    let error = Wallet::load(&from_env(), &Fixed(HashMap::from([("KEY", "0xsecret")]))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key: expected 64 hex digits of a secp256k1 key in the environment variable KEY, got 8 characters that are none"
    );
    let error = Wallet::load(&from_env(), &Fixed(HashMap::new())).unwrap_err();
    assert_eq!(error.to_string(), "key: the environment variable KEY is not set");
}

#[test]
fn a_keystore_opens_with_its_password_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = Wallet::create(dir.path(), "op.json", "right").unwrap();
    std::fs::write(dir.path().join("pw"), "right\nsecond line\n").unwrap();
    let mut config =
        KeyConfig { keystore: Some("op.json".into()), password_file: Some("pw".into()), ..KeyConfig::default() };
    config.resolve(dir.path());
    let none = Fixed(HashMap::from([("PW", "wrong")]));
    assert_eq!(Wallet::load(&config, &none).unwrap().address(), made.address());

    config.password_env = Some("PW".to_owned());
    assert_eq!(
        Wallet::load(&config, &none).unwrap_err().to_string(),
        "key: expected at most one of password_file and password_env, got both"
    );
    config.password_file = None;
    let error = Wallet::load(&config, &none).unwrap_err();
    assert!(matches!(&error, WalletError::Decrypt { reason, .. } if reason.contains("Mac Mismatch")), "{error}");
    config.password_env = None;
    let error = Wallet::load(&config, &none).unwrap_err();
    assert!(matches!(&error, WalletError::Prompt { .. }), "{error}");
}

#[test]
fn two_sources_or_none_are_refused() {
    let none = Fixed(HashMap::new());
    let error = Wallet::load(&KeyConfig::default(), &none).unwrap_err();
    assert_eq!(error.to_string(), "key: expected exactly one of keystore and env, got neither");
    let both = KeyConfig { keystore: Some("a".into()), ..from_env() };
    let error = Wallet::load(&both, &none).unwrap_err();
    assert_eq!(error.to_string(), "key: expected exactly one of keystore and env, got both");
}
