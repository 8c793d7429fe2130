//! What the configuration says of a module: the content of `[modules.NAME]`. Does not know how a program is run.

mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::names::Scope;
use domain::retry::RetryPolicy;
use domain::time::Millis;
use serde::{Deserialize, Serialize};

pub use check::{DefinitionError, Problem};

/// How long a program may take for one document, unless its definition says otherwise: five minutes.
pub const TIME_LIMIT_MS: Millis = Millis(300_000);
/// The longest time limit that can be set: one day.
pub const TIME_LIMIT_MS_MAX: Millis = Millis(86_400_000);
/// How much a program may write to stdout, in bytes, unless its definition says otherwise: 64 MiB.
pub const OUTPUT_BYTES_MAX: u64 = 64 << 20;
/// The largest output limit that can be set, in bytes: results are held in memory.
pub const OUTPUT_BYTES_MAX_MAX: u64 = 4 << 30;
/// How much of a program's stderr is kept, in bytes, unless its definition says otherwise: 16 KiB.
pub const STDERR_BYTES_MAX: usize = 16 << 10;
/// The most of stderr that can be kept, in bytes: it is recorded with every failure.
pub const STDERR_BYTES_MAX_MAX: usize = 256 << 10;

/// How many documents a long-lived program or a service gets as one batch, unless its definition says otherwise.
pub const BATCH_ITEMS_MAX: usize = 20;
/// The most documents of one batch that can be set.
pub const BATCH_ITEMS_MAX_MAX: usize = 1_000;
/// How long a long-lived program may take to end once its stdin is closed, unless its definition says otherwise: five
/// seconds.
pub const END_LIMIT_MS: Millis = Millis(5_000);
/// How much one request to a service may hold, in bytes, unless the definition says otherwise: 64 MiB.
pub const REQUEST_BYTES_MAX: u64 = 64 << 20;
/// How much of a service's reply is read, in bytes, unless the definition says otherwise: 64 MiB.
pub const REPLY_BYTES_MAX: u64 = 64 << 20;

/// The longest code of a failure, in bytes.
pub const CODE_BYTES_MAX: usize = 64;

/// Variables with this beginning say which document is being processed; the engine sets them.
pub(crate) const RESERVED_PREFIX: &str = "REPRISE_";

/// A program or service that processes documents.
///
/// With kind `command` and mode `once`: content on stdin, result on stdout, exit code 0 for success, an explanation of
/// a failure on stderr. Processes that the program leaves behind are killed when it ends. With mode `stream`, one
/// process serves many documents; with kind `http`, a service does. Both speak as `docs/modules.md` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Definition {
    /// What kind of module it is. Default: `command`.
    pub kind: Kind,
    /// How long a program lives. Default: `once`.
    pub mode: Mode,
    /// The address of a service, with `http://` or `https://`. Default: none; kind `http` needs one.
    pub url: Option<String>,
    /// A PEM file with the certificates of the authorities that may vouch for a service with `https://`; then nobody else
    /// may. Default: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Headers that a service gets with every request, such as `authorization`. Default: empty.
    pub headers: BTreeMap<String, String>,
    /// The program and its arguments, handed over as they are, without a shell. Either this or `shell`.
    pub command: Vec<String>,
    /// A line for `sh -c`. Default: none, so that no shell is involved.
    pub shell: Option<String>,
    /// The program's environment. Besides it there are only `PATH` (the engine's, unless it is set here) and what the
    /// engine says of the document: `REPRISE_UNIT`, `REPRISE_SCOPE`, `REPRISE_KEY`, `REPRISE_ATTEMPT` and
    /// `REPRISE_SETTINGS` (JSON). Default: empty.
    pub env: BTreeMap<String, String>,
    /// Whether the program also sees the engine's own environment, secrets included. Default: false.
    pub inherit_env: bool,
    /// What exit codes of the program mean: the code of the failure for each of them, such as `"33" = "download_failed"`.
    /// Default: empty; then exit code 33 is the failure `exit_33`.
    pub exit_codes: BTreeMap<String, String>,
    /// The working directory. Default: that of the engine.
    pub dir: Option<PathBuf>,
    /// How long a program may take for one document, or a service for one request with its reply, in milliseconds.
    /// Default: [`TIME_LIMIT_MS`].
    pub time_limit_ms: Millis,
    /// How many documents one batch has. Default: [`BATCH_ITEMS_MAX`]; without meaning in mode `once`.
    pub batch_items_max: usize,
    /// How long a program of mode `stream` may take to end once its stdin is closed, in milliseconds; then it is
    /// killed. Default: [`END_LIMIT_MS`].
    pub end_limit_ms: Millis,
    /// The largest result of one document, in bytes. Default: [`OUTPUT_BYTES_MAX`].
    pub output_bytes_max: u64,
    /// How much a program's stderr, or a service's own words, may add to the text of a failure, in bytes. Default:
    /// [`STDERR_BYTES_MAX`].
    pub stderr_bytes_max: usize,
    /// How large the documents of one request to a service may be, as JSON, in bytes. What does not fit goes into
    /// another request. Default: [`REQUEST_BYTES_MAX`].
    pub request_bytes_max: u64,
    /// The largest reply of a service, in bytes. Default: [`REPLY_BYTES_MAX`].
    pub reply_bytes_max: u64,
    /// Attempts and backoff. Default: three attempts, one second, doubling up to five minutes.
    pub retry: RetryPolicy,
    /// The scope that keeps the result. Default: none; then only digest and size of the result are recorded.
    pub output_scope: Option<Scope>,
}

/// The kinds of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program.
    #[default]
    Command,
    /// A service that gets a batch with each request.
    Http,
}

/// How long a program lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For one document.
    #[default]
    Once,
    /// From batch to batch: it reads and writes lines of JSON.
    Stream,
}

impl Default for Definition {
    fn default() -> Self {
        Self {
            kind: Kind::Command,
            mode: Mode::Once,
            url: None,
            ca_file: None,
            headers: BTreeMap::new(),
            command: Vec::new(),
            shell: None,
            env: BTreeMap::new(),
            inherit_env: false,
            exit_codes: BTreeMap::new(),
            dir: None,
            time_limit_ms: TIME_LIMIT_MS,
            batch_items_max: BATCH_ITEMS_MAX,
            end_limit_ms: END_LIMIT_MS,
            output_bytes_max: OUTPUT_BYTES_MAX,
            stderr_bytes_max: STDERR_BYTES_MAX,
            request_bytes_max: REQUEST_BYTES_MAX,
            reply_bytes_max: REPLY_BYTES_MAX,
            retry: RetryPolicy::default(),
            output_scope: None,
        }
    }
}

impl Definition {
    /// The program and its arguments.
    pub(crate) fn argv(&self) -> Vec<&str> {
        match &self.shell {
            Some(line) => vec!["sh", "-c", line],
            None => self.command.iter().map(String::as_str).collect(),
        }
    }
}
