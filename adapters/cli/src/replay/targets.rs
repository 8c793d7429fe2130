//! The instances that recorded commands are sent to, over HTTP: those that the configuration names, and one that somebody
//! named on the command line. Does not know which commands are sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::names::{SecretName, TargetName};
use domain::ports::{SendError, Sent, Target, Targets};
use modules::SecretSource;
use serde_json::Value;

use crate::client::Client;
use crate::config::{Config, TargetConfig};
use crate::exit::CliError;

/// Where recorded commands are posted.
const PATH: &str = "/v1/commands?context=recorded";

/// The targets of the configuration.
pub(crate) struct ConfiguredTargets {
    targets: BTreeMap<TargetName, TargetConfig>,
    secrets: BTreeMap<SecretName, SecretSource>,
}

impl ConfiguredTargets {
    pub(crate) fn new(config: &Config) -> Self {
        Self { targets: config.replay.targets.clone(), secrets: config.secrets.clone() }
    }

    /// The API key to present; read when it is needed, so that it can be replaced while a server runs.
    async fn api_key(&self, name: &SecretName) -> Result<String, SendError> {
        let refused = |problem| SendError::Refused(format!("the secret '{name}' cannot be had: {problem}"));
        let Some(source) = self.secrets.get(name) else {
            return Err(refused("it is not configured; add it to [secrets]".to_owned()));
        };
        let key = source.read().await.map_err(refused)?;
        String::from_utf8(key).map_err(|_| refused("it is no text, so it is no API key".to_owned()))
    }
}

#[async_trait]
impl Targets for ConfiguredTargets {
    fn names(&self) -> Vec<TargetName> {
        self.targets.keys().cloned().collect()
    }

    async fn target(&self, name: &TargetName) -> Result<Option<Arc<dyn Target>>, SendError> {
        let Some(TargetConfig { url, api_key, ca_file }) = self.targets.get(name) else { return Ok(None) };
        let api_key = match api_key {
            None => None,
            Some(secret) => Some(self.api_key(secret).await?),
        };
        let client = Client::at(url, ca_file.as_deref(), api_key).map_err(send_error)?;
        Ok(Some(Arc::new(HttpTarget(client))))
    }
}

/// A target that is reached over HTTP.
pub(crate) struct HttpTarget(pub(crate) Client);

#[async_trait]
impl Target for HttpTarget {
    async fn send(&self, lines: Vec<u8>) -> Result<Vec<Sent>, SendError> {
        let mut sent = Vec::new();
        self.0.send_lines(PATH, lines, |result| sent.push(of_result(result))).await.map_err(send_error)?;
        Ok(sent)
    }
}

/// What became of a command, by the line that answers it.
fn of_result(result: &Value) -> Sent {
    let detail = || match result.pointer("/problem/detail").and_then(Value::as_str) {
        Some(detail) => detail.to_owned(),
        None => result.to_string(),
    };
    match result.get("status").and_then(Value::as_str) {
        Some("accepted") => Sent::CarriedOut,
        Some("nothing") => Sent::ThereAlready,
        Some("refused") => Sent::Refused(detail()),
        Some(_) | None => Sent::Failed(detail()),
    }
}

fn send_error(error: CliError) -> SendError {
    match error {
        CliError::Unavailable(text) => SendError::Unavailable(text),
        CliError::Usage(text) | CliError::Refused(text) | CliError::Environment(text) => {
            SendError::Refused(text)
        }
    }
}
