//! The configuration: `reprise.toml`, then the environment and the command line over it. Every key is documented in
//! `docs/configuration.md`; an unknown one is an error that names the nearest known one.

mod targets;
#[cfg(test)]
mod tests;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::filter::TaskFilter;
use domain::names::{ModuleName, SecretName};
use domain::task::{POLICY_DEFAULT, Policy, Target, TaskStatus};
use domain::time::Millis;
use event_codec::integrity::Signer;
use modules::{Definition, SecretSource, WebhookSettings};
use runtime::{RuntimeSettings, TaskGauge};
use serde::{Deserialize, Serialize};

use crate::args::Global;
use crate::exit::CliError;
use crate::telemetry::LogFormat;

pub(crate) use targets::{ReplayConfig, TargetConfig};

/// The file that is read when none is named.
const FILE_DEFAULT: &str = "reprise.toml";

/// How long a TLS handshake may take when nothing else is said, in milliseconds: several times what a bad connection
/// needs, and little enough that silent ones do not pile up.
const TLS_HANDSHAKE_MS_MAX: u64 = 10_000;

/// Everything that can be configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The folder that holds the event log and everything derived from it.
    pub(crate) data_dir: PathBuf,
    /// Where `serve` listens.
    pub(crate) listen: SocketAddr,
    /// The certificate that `serve` shows, and those between it and its authority; without it there is no TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// How many documents `serve` processes at once.
    pub(crate) workers: u16,
    /// How log lines are written.
    pub(crate) log_format: LogFormat,
    /// Limits.
    pub(crate) limits: Limits,
    /// Where content lives.
    pub(crate) content: ContentConfig,
    /// Whether the log is what it was.
    pub(crate) integrity: IntegrityConfig,
    /// The StageR surface.
    pub(crate) stager: StagerConfig,
    /// Tasks.
    pub(crate) tasks: TasksConfig,
    /// Whether nothing is done but what is reissued: said to `serve`, not in the file.
    #[serde(skip)]
    pub(crate) is_standby: bool,
    /// Snapshots of the rows, for questions about the past.
    pub(crate) snapshots: SnapshotsConfig,
    /// The modules, by name.
    pub(crate) modules: BTreeMap<ModuleName, Definition>,
    /// Deliveries to webhooks.
    pub(crate) webhooks: WebhookSettings,
    /// Replays.
    pub(crate) replay: ReplayConfig,
    /// Where each secret is, by name.
    pub(crate) secrets: BTreeMap<SecretName, SecretSource>,
}

/// Limits, each with its unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// The largest request body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// The most bytes of a request's headers together.
    pub(crate) headers_bytes_max: usize,
    /// How many requests are answered at once.
    pub(crate) requests_at_once_max: usize,
    /// How many requests a key, or an address without one, may send in a second; without it, as many as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requests_per_second_max: Option<u32>,
    /// The most rows of one page.
    pub(crate) page_rows_max: usize,
    /// The most keys of one request that names keys one by one.
    pub(crate) keys_max: usize,
    /// How many commands may wait to be decided.
    pub(crate) commands_waiting_max: usize,
    /// How many aggregates are kept in memory.
    pub(crate) aggregates_cached_max: usize,
    /// How many keys a campaign may have whose keys are put together before it begins.
    pub(crate) campaign_keys_max: usize,
    /// How long a read waits for what was acknowledged before it, in milliseconds.
    pub(crate) read_wait_ms_max: u64,
    /// How long a TLS handshake may take, in milliseconds.
    pub(crate) tls_handshake_ms_max: u64,
    /// How long work in hand may take to come to its end at a shutdown, in milliseconds.
    pub(crate) shutdown_ms_max: u64,
    /// The largest size of the event log, in bytes; without it, as large as the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_bytes_max: Option<u64>,
}

/// Where content lives.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ContentConfig {
    /// The base URL of the engine's own content; without it, the folder `content` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base_url: Option<String>,
    /// Base URLs below which content may be registered over HTTP.
    pub(crate) registered_bases: Vec<String>,
}

/// Whether the log is what it was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IntegrityConfig {
    /// The file with the key that signs heads of the log; without it, they are not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signing_key_file: Option<PathBuf>,
}

/// The StageR surface.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StagerConfig {
    /// The zone of keys that are sent without one.
    pub(crate) zone: String,
}

/// Tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TasksConfig {
    /// Which tasks count as stuck, and what is done with them.
    pub(crate) watchdog: Vec<WatchdogLine>,
    /// How long after one look for stuck tasks the next one follows, in milliseconds.
    pub(crate) watchdog_interval_ms: u64,
    /// How many tasks are exported to webhooks at once.
    pub(crate) exports_at_once: u16,
    /// Which tasks are counted among the metrics.
    pub(crate) gauges: Vec<GaugeLine>,
}

/// A number of tasks among the metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GaugeLine {
    /// What it is called there.
    pub(crate) name: String,
    /// Which tasks are counted.
    pub(crate) filter: TaskFilter,
}

/// The most numbers of tasks among the metrics: each is counted whenever somebody asks.
const GAUGES_MAX: usize = 32;

/// How many tasks are exported at once, unless something else is configured.
const EXPORTS_AT_ONCE: u16 = 8;

/// Snapshots of the rows, for questions about the past.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SnapshotsConfig {
    /// How many events lie between two of them; 0 for none.
    pub(crate) every_events: usize,
    /// How many are kept, the newest.
    pub(crate) keep: usize,
}

impl Default for SnapshotsConfig {
    fn default() -> Self {
        let runtime = RuntimeSettings::default();
        Self {
            every_events: runtime.snapshot_events.map_or(0, NonZeroUsize::get),
            keep: runtime.snapshots_kept_max,
        }
    }
}

/// One line of the watchdog's policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchdogLine {
    /// Tasks of this status,
    pub(crate) status: TaskStatus,
    /// that have had it for so long, in milliseconds,
    pub(crate) threshold_ms: Millis,
    /// go to this status, or to `history`.
    pub(crate) target: String,
}

impl WatchdogLine {
    fn of(policy: Policy) -> Self {
        let Policy { status, threshold_ms, target } = policy;
        let target = match target {
            Target::Status(to) => to.name(),
            Target::History => HISTORY,
        };
        Self { status, threshold_ms, target: target.to_owned() }
    }

    fn policy(&self) -> Result<Policy, String> {
        let Self { status, threshold_ms, target } = self;
        let to = TaskStatus::from_name(target).map(Target::Status);
        let history = (target == HISTORY).then_some(Target::History);
        let target = to.or(history).ok_or_else(|| {
            format!("tasks.watchdog: there is no status '{target}'; name a status of a task, or 'history'")
        })?;
        let policy = Policy { status: *status, threshold_ms: *threshold_ms, target };
        policy.check().map_err(|refusal| format!("tasks.watchdog: {refusal}"))?;
        Ok(policy)
    }
}

/// The fewest events that may lie between two snapshots: each of them costs a little, however few events it adds.
const SNAPSHOT_EVENTS_MIN: usize = 100;

/// The target of the watchdog's policy that is no status.
const HISTORY: &str = "history";

impl GaugeLine {
    fn gauge(&self) -> TaskGauge {
        TaskGauge { name: self.name.clone(), filter: self.filter.clone() }
    }
}

impl Default for TasksConfig {
    fn default() -> Self {
        let runtime = RuntimeSettings::default();
        Self {
            watchdog: POLICY_DEFAULT.into_iter().map(WatchdogLine::of).collect(),
            watchdog_interval_ms: u64::try_from(runtime.watchdog_interval.as_millis()).unwrap_or(u64::MAX),
            gauges: Vec::new(),
            exports_at_once: EXPORTS_AT_ONCE,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("reprise-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7171)),
            tls_cert: None,
            tls_key: None,
            workers: 0,
            log_format: LogFormat::default(),
            limits: Limits::default(),
            content: ContentConfig::default(),
            integrity: IntegrityConfig::default(),
            stager: StagerConfig::default(),
            tasks: TasksConfig::default(),
            is_standby: false,
            snapshots: SnapshotsConfig::default(),
            modules: BTreeMap::new(),
            webhooks: WebhookSettings::default(),
            replay: ReplayConfig::default(),
            secrets: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let http = http_api::HttpSettings::default();
        let runtime = RuntimeSettings::default();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            body_bytes_max: http.body_bytes_max,
            headers_bytes_max: http.headers_bytes_max,
            requests_at_once_max: http.requests_at_once_max,
            requests_per_second_max: http.requests_per_second_max,
            page_rows_max: http.page_rows_max,
            keys_max: http.keys_max,
            commands_waiting_max: runtime.commands_waiting_max,
            aggregates_cached_max: runtime.aggregates_cached_max,
            campaign_keys_max: runtime.campaign_keys_max,
            read_wait_ms_max: millis(runtime.read_wait_max),
            tls_handshake_ms_max: TLS_HANDSHAKE_MS_MAX,
            shutdown_ms_max: millis(runtime.shutdown_max),
            log_bytes_max: None,
        }
    }
}

impl Default for StagerConfig {
    fn default() -> Self {
        Self { zone: http_api::HttpSettings::default().zone }
    }
}

impl Config {
    /// Reads the configuration that the command line and the environment ask for.
    pub(crate) fn load(global: &Global) -> Result<Self, CliError> {
        let mut config = match &global.config {
            Some(path) => Self::read(path)?,
            None if Path::new(FILE_DEFAULT).exists() => Self::read(Path::new(FILE_DEFAULT))?,
            None => Self::default(),
        };
        if let Some(data_dir) = &global.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        Ok(config)
    }

    fn read(path: &Path) -> Result<Self, CliError> {
        let complain = |problem: String| CliError::Environment(format!("{}: {problem}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| complain(error.to_string()))?;
        let config = Self::parse(&text).map_err(complain)?;
        Ok(config.relative_to(path.parent().unwrap_or(Path::new("."))))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        unknown::check(&table)?;
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    /// The key that signs heads of the log, if there is to be one.
    pub(crate) fn signer(&self) -> Result<Option<Signer>, CliError> {
        let Some(path) = &self.integrity.signing_key_file else { return Ok(None) };
        let complain = |problem: &dyn std::fmt::Display| {
            CliError::Environment(format!("integrity.signing_key_file {}: {problem}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| complain(&error))?;
        Signer::parse(&text).map(Some).map_err(|error| complain(&error))
    }

    /// A relative data folder, certificate or key lies beside the file that names it.
    fn relative_to(mut self, folder: &Path) -> Self {
        if folder.as_os_str().is_empty() {
            return self;
        }
        // What is absolute stays as it is.
        self.data_dir = folder.join(&self.data_dir);
        self.tls_cert = self.tls_cert.map(|path| folder.join(path));
        self.tls_key = self.tls_key.map(|path| folder.join(path));
        self.integrity.signing_key_file = self.integrity.signing_key_file.map(|path| folder.join(path));
        self.replay = self.replay.relative_to(folder);
        self
    }

    fn check(&self) -> Result<(), String> {
        self.tasks.watchdog.iter().try_for_each(|line| line.policy().map(drop))?;
        if self.tasks.watchdog_interval_ms == 0 {
            return Err("tasks.watchdog_interval_ms must be at least 1".to_owned());
        }
        self.check_gauges()?;
        if (1..SNAPSHOT_EVENTS_MIN).contains(&self.snapshots.every_events) {
            return Err(format!(
                "snapshots.every_events must be at least {SNAPSHOT_EVENTS_MIN}, or 0 for no snapshots"
            ));
        }
        if self.snapshots.keep == 0 {
            return Err("snapshots.keep must be at least 1; snapshots.every_events = 0 takes none".to_owned());
        }
        self.replay.check(|secret| self.secrets.contains_key(secret))?;
        let Limits {
            body_bytes_max,
            headers_bytes_max,
            requests_at_once_max,
            page_rows_max,
            keys_max,
            commands_waiting_max,
            aggregates_cached_max,
            campaign_keys_max,
            ..
        } = &self.limits;
        let limits = [
            ("body_bytes_max", body_bytes_max),
            ("headers_bytes_max", headers_bytes_max),
            ("requests_at_once_max", requests_at_once_max),
            ("page_rows_max", page_rows_max),
            ("keys_max", keys_max),
            ("commands_waiting_max", commands_waiting_max),
            ("aggregates_cached_max", aggregates_cached_max),
            ("campaign_keys_max", campaign_keys_max),
        ];
        match limits.into_iter().find(|(_, value)| **value == 0) {
            Some((name, _)) => Err(format!("limits.{name} must be at least 1")),
            None if self.limits.requests_per_second_max == Some(0) => {
                Err("limits.requests_per_second_max must be at least 1; leave it out for no limit".to_owned())
            }
            None if self.limits.tls_handshake_ms_max == 0 => {
                Err("limits.tls_handshake_ms_max must be at least 1".to_owned())
            }
            None => Ok(()),
        }
    }

    fn check_gauges(&self) -> Result<(), String> {
        let names: BTreeSet<&str> = self.tasks.gauges.iter().map(|gauge| gauge.name.as_str()).collect();
        if names.len() < self.tasks.gauges.len() || names.contains("") {
            return Err("tasks.gauges: each needs a name of its own".to_owned());
        }
        if names.len() > GAUGES_MAX {
            return Err(format!("tasks.gauges: there may be at most {GAUGES_MAX}"));
        }
        Ok(())
    }

    /// The runtime's part.
    pub(crate) fn runtime(&self) -> RuntimeSettings {
        RuntimeSettings {
            commands_waiting_max: self.limits.commands_waiting_max,
            aggregates_cached_max: self.limits.aggregates_cached_max,
            campaign_keys_max: self.limits.campaign_keys_max,
            read_wait_max: Duration::from_millis(self.limits.read_wait_ms_max),
            shutdown_max: Duration::from_millis(self.limits.shutdown_ms_max),
            is_standby: self.is_standby,
            // A line that cannot be carried out was refused when the file was read.
            watchdog: self.tasks.watchdog.iter().filter_map(|line| line.policy().ok()).collect(),
            watchdog_interval: Duration::from_millis(self.tasks.watchdog_interval_ms),
            task_gauges: self.tasks.gauges.iter().map(GaugeLine::gauge).collect(),
            snapshot_events: NonZeroUsize::new(self.snapshots.every_events),
            snapshots_kept_max: self.snapshots.keep,
            ..RuntimeSettings::default()
        }
    }
}
