//! The messages that long-lived programs and services exchange with the engine, as `docs/modules.md` describes them.
//! Does not know how they travel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::names::{Key, Scope, StorageUnitName};
use domain::ports::{Job, ModuleFailure, ModuleResult};
use serde::{Deserialize, Serialize};

use crate::definition::{CODE_BYTES_MAX, Definition};
use crate::excerpt::Excerpt;

// ── What a module is told ──────────────────────────────────────────────────────────────────────────────────────

/// One line to a program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message<'a> {
    BatchStart(&'a BatchStart<'a>),
    Item(&'a Item<'a>),
    BatchEnd(Batch<'a>),
}

/// What all items of a batch have in common.
#[derive(Debug, Serialize)]
pub(crate) struct BatchStart<'a> {
    pub(crate) batch: &'a str,
    pub(crate) unit: &'a StorageUnitName,
    pub(crate) scope: &'a Scope,
    pub(crate) settings: &'a serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Batch<'a> {
    pub(crate) batch: &'a str,
}

/// One document.
#[derive(Debug, Serialize)]
pub(crate) struct Item<'a> {
    id: String,
    key: &'a Key,
    attempt: u32,
    #[serde(flatten)]
    content: Content<'a>,
}

/// A document as it is when it is text, else as base64.
#[derive(Debug, Serialize)]
enum Content<'a> {
    #[serde(rename = "content")]
    Text(&'a str),
    #[serde(rename = "content_base64")]
    Base64(String),
}

impl<'a> BatchStart<'a> {
    pub(crate) const fn new(batch: &'a str, job: &'a Job) -> Self {
        Self { batch, unit: &job.unit, scope: &job.scope, settings: &job.settings }
    }
}

impl<'a> Item<'a> {
    pub(crate) fn new(index: usize, job: &'a Job) -> Self {
        let content = match str::from_utf8(&job.input) {
            Ok(text) => Content::Text(text),
            Err(_) => Content::Base64(BASE64.encode(&job.input)),
        };
        Self { id: item_id(index), key: &job.key, attempt: job.attempt, content }
    }
}

/// The id of an item: its place in the batch, counted from 1.
pub(crate) fn item_id(index: usize) -> String {
    (index + 1).to_string()
}

// ── What a module says ─────────────────────────────────────────────────────────────────────────────────────────

/// One line from a program.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Result(Output),
    Failure(Failure),
    BatchDone(BatchDone),
}

/// What became of one item.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Result(Output),
    Failure(Failure),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    id: String,
    output: Option<String>,
    output_base64: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    id: String,
    code: String,
    text: String,
    #[serde(default = "yes")]
    may_pass_later: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchDone {
    pub(crate) batch: String,
}

const fn yes() -> bool {
    true
}

impl Reply {
    /// Which item it is about.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Result(Output { id, .. }) | Self::Failure(Failure { id, .. }) => id,
        }
    }

    /// What became of the item, within the limits of the module.
    pub(crate) fn judge(self, definition: &Definition) -> Result<ModuleResult, ModuleFailure> {
        match self {
            Self::Result(output) => output.bytes(definition).map(|output| ModuleResult { output }),
            Self::Failure(Failure { code, text, may_pass_later, .. }) => Err(ModuleFailure {
                code: shortened(&code, CODE_BYTES_MAX),
                text: shortened(&text, definition.stderr_bytes_max),
                may_pass_later,
            }),
        }
    }
}

impl Output {
    fn bytes(self, definition: &Definition) -> Result<Vec<u8>, ModuleFailure> {
        let bytes = match (self.output, self.output_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => BASE64
                .decode(text)
                .map_err(|error| protocol(&format!("the output_base64 is no base64: {error}")))?,
            (None, None) | (Some(_), Some(_)) => {
                return Err(protocol("the result needs either output or output_base64"));
            }
        };
        if bytes.len() as u64 > definition.output_bytes_max {
            let text = format!("the output has more than {} bytes", definition.output_bytes_max);
            return Err(ModuleFailure { code: "output_limit".to_owned(), text, may_pass_later: false });
        }
        Ok(bytes)
    }
}

/// The failure of an item whose module does not keep to the protocol.
pub(crate) fn protocol(what: &str) -> ModuleFailure {
    let text = format!("{what}; docs/modules.md describes what is expected");
    ModuleFailure { code: "protocol".to_owned(), text, may_pass_later: true }
}

/// A text of at most so many bytes, with a note where something was left out.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> String {
    let mut excerpt = Excerpt::new(bytes_max);
    excerpt.push(text.as_bytes());
    excerpt.text()
}
