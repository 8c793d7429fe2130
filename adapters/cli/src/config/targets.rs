//! `[replay.targets.NAME]`: the instances that recorded commands may be sent to. Does not know how they are reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::names::{SecretName, TargetName};
use serde::{Deserialize, Serialize};
use url::Url;

/// Replays: the content of `[replay]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReplayConfig {
    /// The instances that recorded commands may be sent to, by name.
    pub(crate) targets: BTreeMap<TargetName, TargetConfig>,
}

/// An instance that recorded commands may be sent to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetConfig {
    /// Where it is, such as `https://standby:7171`.
    pub(crate) url: String,
    /// The secret that is the API key to present there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<SecretName>,
    /// A PEM file with the authorities that may vouch for it; without it, those that this machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl ReplayConfig {
    /// Whether every target can be used as it is written. Looks at no network.
    pub(super) fn check(&self, is_secret: impl Fn(&SecretName) -> bool) -> Result<(), String> {
        for (name, target) in &self.targets {
            let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
            let url = Url::parse(&target.url).ok().filter(is_http).ok_or_else(|| {
                format!(
                    "replay.targets.{name}.url must be like http://127.0.0.1:7272 or https://standby:7171"
                )
            })?;
            if !url.username().is_empty() || url.password().is_some() {
                return Err(format!(
                    "replay.targets.{name}.url must have no user and no password; name an API key with api_key"
                ));
            }
            if let Some(secret) = target.api_key.as_ref().filter(|secret| !is_secret(secret)) {
                return Err(format!(
                    "replay.targets.{name}.api_key is the name of a secret, and there is no '{secret}' among [secrets]"
                ));
            }
        }
        Ok(())
    }

    /// The same with paths as they are from a folder.
    pub(super) fn relative_to(mut self, folder: &Path) -> Self {
        for target in self.targets.values_mut() {
            target.ca_file = target.ca_file.take().map(|path| folder.join(path));
        }
        self
    }
}
