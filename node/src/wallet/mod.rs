//! Signing keys: from an encrypted keystore file or an environment variable, never from the command line.
//!
//! A key and a password are wrapped so that neither `Debug` nor a log line can show them.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use alloy::{
    primitives::{Address, B256, Signature},
    signers::{SignerSync, local::PrivateKeySigner},
};
use serde::{Deserialize, Serialize};

/// Where a key comes from: exactly one of `keystore` and `env`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Encrypted keystore file (Ethereum keystore, version 3).
    pub keystore: Option<PathBuf>,
    /// File whose first line is the keystore's password.
    pub password_file: Option<PathBuf>,
    /// Environment variable with the keystore's password. With neither this nor `password_file`, the
    /// password is asked for on the terminal.
    pub password_env: Option<String>,
    /// Environment variable with the key itself: 64 hex digits, `0x` allowed.
    pub env: Option<String>,
}

impl KeyConfig {
    /// Makes relative paths relative to `base`.
    pub fn resolve(&mut self, base: &Path) {
        for path in [&mut self.keystore, &mut self.password_file].into_iter().flatten() {
            *path = base.join(&*path);
        }
    }
}

/// What key loading needs from outside: the environment and the terminal.
pub trait Secrets {
    /// The value of an environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// A line typed without echo.
    ///
    /// # Errors
    /// When there is no terminal.
    fn prompt(&self, text: &str) -> std::io::Result<String>;
}

/// The process's environment and terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessSecrets;

impl Secrets for ProcessSecrets {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn prompt(&self, text: &str) -> std::io::Result<String> {
        rpassword::prompt_password(text)
    }
}

/// Why a key cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// Not exactly one source.
    #[error("key: expected exactly one of keystore and env, got {0}")]
    Source(&'static str),
    /// Two sources of a password.
    #[error("key: expected at most one of password_file and password_env, got both")]
    TwoPasswords,
    /// A variable is not set.
    #[error("key: the environment variable {0} is not set")]
    NoVariable(String),
    /// A variable does not hold a key; its content is not shown.
    #[error(
        "key: expected 64 hex digits of a secp256k1 key in the environment variable {name}, got {length} characters that are none"
    )]
    BadVariable {
        /// The variable.
        name: String,
        /// Length of its value.
        length: usize,
    },
    /// A file cannot be read.
    #[error("key: cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The terminal gave no password.
    #[error("key: cannot ask for the password of {}: {source}; set password_file or password_env", path.display())]
    Prompt {
        /// The keystore.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The keystore cannot be opened with this password.
    #[error("key: cannot decrypt {}: {reason}", path.display())]
    Decrypt {
        /// The keystore.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The signature could not be made.
    #[error("key: cannot sign: {0}")]
    Sign(String),
}

/// A signing key with its address.
#[derive(Clone)]
pub struct Wallet(PrivateKeySigner);

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wallet({}, key hidden)", self.0.address())
    }
}

impl Wallet {
    /// Loads the key that `config` names.
    ///
    /// # Errors
    /// [`WalletError`]; no variant carries key or password.
    pub fn load(config: &KeyConfig, secrets: &dyn Secrets) -> Result<Self, WalletError> {
        match (&config.keystore, &config.env) {
            (Some(_), Some(_)) => Err(WalletError::Source("both")),
            (None, None) => Err(WalletError::Source("neither")),
            (None, Some(name)) => {
                let value = secrets.env(name).ok_or_else(|| WalletError::NoVariable(name.clone()))?;
                Self::from_hex(value.trim())
                    .ok_or_else(|| WalletError::BadVariable { name: name.clone(), length: value.trim().len() })
            }
            (Some(path), None) => {
                let password = password(config, path, secrets)?;
                Self::decrypt(path, &password)
            }
        }
    }

    /// A key from 64 hex digits; `None` if it is none.
    pub fn from_hex(text: &str) -> Option<Self> {
        text.strip_prefix("0x").unwrap_or(text).parse().ok().map(Self)
    }

    /// Opens the keystore at `path`.
    ///
    /// # Errors
    /// [`WalletError::File`] or [`WalletError::Decrypt`].
    pub fn decrypt(path: &Path, password: &str) -> Result<Self, WalletError> {
        std::fs::metadata(path).map_err(|source| WalletError::File { path: path.to_path_buf(), source })?;
        PrivateKeySigner::decrypt_keystore(path, password)
            .map(Self)
            .map_err(|e| WalletError::Decrypt { path: path.to_path_buf(), reason: e.to_string() })
    }

    /// Makes a new key and writes it, encrypted, as `dir/name`.
    ///
    /// # Errors
    /// [`WalletError::Decrypt`] with the writer's reason.
    pub fn create(dir: &Path, name: &str, password: &str) -> Result<Self, WalletError> {
        let mut rng = rand::rngs::OsRng;
        PrivateKeySigner::new_keystore(dir, &mut rng, password, Some(name))
            .map(|(signer, _)| Self(signer))
            .map_err(|e| WalletError::Decrypt { path: dir.join(name), reason: e.to_string() })
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs a 32-byte digest (deterministic nonce, low `s`).
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn sign(&self, digest: B256) -> Result<Signature, WalletError> {
        self.0.sign_hash_sync(&digest).map_err(|e| WalletError::Sign(e.to_string()))
    }
}

fn password(config: &KeyConfig, keystore: &Path, secrets: &dyn Secrets) -> Result<String, WalletError> {
    match (&config.password_file, &config.password_env) {
        (Some(_), Some(_)) => Err(WalletError::TwoPasswords),
        (Some(path), None) => {
            let text =
                std::fs::read_to_string(path).map_err(|source| WalletError::File { path: path.clone(), source })?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        (None, Some(name)) => secrets.env(name).ok_or_else(|| WalletError::NoVariable(name.clone())),
        (None, None) => secrets
            .prompt(&format!("password of {}: ", keystore.display()))
            .map_err(|source| WalletError::Prompt { path: keystore.to_path_buf(), source }),
    }
}
