//! Where a secret is: in a file, in the environment, or in the configuration itself. Shows it to nobody: neither its debug
//! nor its serialized form has it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize, Serializer};

/// What stands before a secret that is written as Base64, as Standard Webhooks says.
const ENCODED: &str = "whsec_";
/// The shortest key, in bytes: a shorter one could be guessed.
const KEY_BYTES_MIN: usize = 16;
/// The longest secret as it is written, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a secret is a text, { file = \"…\" } or { env = \"…\" }")]
pub enum SecretSource {
    /// In a file, without the line end behind it.
    File(InFile),
    /// In an environment variable.
    Env(InEnv),
    /// Here.
    Text(String),
}

/// A secret in a file.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InFile {
    /// The file.
    file: PathBuf,
}

/// A secret in the environment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InEnv {
    /// The variable.
    env: String,
}

impl SecretSource {
    /// A secret as it is.
    #[must_use]
    pub fn text(secret: impl Into<String>) -> Self {
        Self::Text(secret.into())
    }

    /// A secret in a file.
    #[must_use]
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self::File(InFile { file: file.into() })
    }

    /// A secret in an environment variable.
    #[must_use]
    pub fn env(variable: impl Into<String>) -> Self {
        Self::Env(InEnv { env: variable.into() })
    }

    /// The key, or why there is none.
    ///
    /// # Errors
    /// What is wrong, without any part of the secret.
    pub async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => key(text),
            Self::Env(InEnv { env }) => match std::env::var(env) {
                Ok(text) => key(&text),
                Err(_) => Err(format!("the environment variable {env} is not set")),
            },
            Self::File(InFile { file }) => {
                let text = tokio::fs::read_to_string(file).await;
                let text = text.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                key(text.trim_end_matches(['\n', '\r']))
            }
        }
    }

    /// Where it is, without what it is.
    fn place(&self) -> String {
        match self {
            Self::File(InFile { file }) => format!("file {}", file.display()),
            Self::Env(InEnv { env }) => format!("env {env}"),
            Self::Text(_) => "not shown".to_owned(),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.place())
    }
}

/// The key that a text stands for: what follows `whsec_` as Base64, any other text as it is.
fn key(text: &str) -> Result<Vec<u8>, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("it has more than {TEXT_BYTES_MAX} bytes; write a shorter one"));
    }
    let key = match text.strip_prefix(ENCODED) {
        Some(encoded) => BASE64
            .decode(encoded)
            .map_err(|_| format!("what follows '{ENCODED}' is no Base64; copy it again"))?,
        None => text.as_bytes().to_vec(),
    };
    if key.len() < KEY_BYTES_MIN {
        return Err(format!("it has fewer than {KEY_BYTES_MIN} bytes; write a longer one"));
    }
    Ok(key)
}
