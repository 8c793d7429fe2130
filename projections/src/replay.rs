//! What a replay found, as people and programs read it: a divergence with its events in their stored form, and what
//! differs between them; and how things end on a fork. Does not decide anything, nor know where a log lies.

use std::sync::Arc;

use domain::event::{Event, RecordedCommand, RecordedEvent};
use domain::names::CommandId;
use domain::ports::{EventForm, EventForms};
use domain::replay::{Divergence, Problem};
use domain::stream::{Position, StreamId, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::difference::{Difference, differences, telling_differences};
use crate::timeline;

/// A recorded command whose decision of today is not the one in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DivergenceRow {
    /// The stream's name.
    pub stream: String,
    /// The version of the first event that differs.
    pub version: Version,
    /// The position of the command's first event.
    pub position: Position,
    /// When the command was decided.
    pub recorded_at: Timestamp,
    /// The command's id.
    pub command_id: CommandId,
    /// The command; nothing when the log does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<RecordedCommand>,
    /// What is wrong, as a word.
    pub problem: String,
    /// What is wrong, as a sentence.
    pub text: String,
    /// The first event in the log that differs; nothing when the log has none at this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<StoredForm>,
    /// What was decided in its place; nothing when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<StoredForm>,
    /// Where the two differ; empty when there is only one of them, or when they are of different types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// An event in its stored form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredForm {
    /// Its type, such as `key_scope.finished`.
    pub r#type: String,
    /// Its payload.
    pub data: Value,
}

/// A thing that ends otherwise on a fork.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndingRow {
    /// The stream's name.
    pub stream: String,
    /// The version of the first event that differs.
    pub since: Version,
    /// How it ends in the log, as a word: its status or state, or `absent`.
    pub recorded: String,
    /// How it ends on the fork.
    pub fork: String,
    /// Where its rows differ.
    pub differences: Vec<Difference>,
}

impl EndingRow {
    /// How a thing ends in the log and on a fork, from its events there; nothing when it ends alike.
    #[must_use]
    pub fn new(
        stream: &StreamId,
        since: Version,
        recorded: &[Arc<RecordedEvent>],
        fork: &[Arc<RecordedEvent>],
    ) -> Option<Self> {
        let (recorded, fork) = (timeline::row(recorded), timeline::row(fork));
        let differences = telling_differences(&recorded, &fork);
        if differences.is_empty() {
            return None;
        }
        let (recorded, fork) = (ending(&recorded), ending(&fork));
        Some(Self { stream: stream.to_string(), since, recorded, fork, differences })
    }

    /// The kind of thing that it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.stream.split('-').next().unwrap_or_default()
    }
}

/// Where a thing stands, by its row.
fn ending(row: &Value) -> String {
    match row.get("status").or_else(|| row.get("state")) {
        Some(Value::String(word)) => word.clone(),
        Some(other) => other.to_string(),
        None if row.as_object().is_some_and(serde_json::Map::is_empty) => "absent".to_owned(),
        None => "present".to_owned(),
    }
}

impl DivergenceRow {
    /// A divergence as it is shown.
    #[must_use]
    pub fn new(divergence: &Divergence, forms: &dyn EventForms) -> Self {
        let form = |event: &Event| StoredForm::new(event, forms);
        let recorded = divergence.recorded.get(divergence.index).map(form);
        let decided = match &divergence.problem {
            Problem::Decided(events) => events.get(divergence.index).map(form),
            Problem::Refused(_)
            | Problem::CommandMissing
            | Problem::CommandUnreadable(_)
            | Problem::Impossible(_)
            | Problem::VersionExpected(_) => None,
        };
        let differences = match (&recorded, &decided) {
            (Some(recorded), Some(decided)) if recorded.r#type == decided.r#type => {
                differences(&recorded.data, &decided.data)
            }
            (_, _) => Vec::new(),
        };
        Self {
            stream: divergence.stream.to_string(),
            version: divergence.version,
            position: divergence.position,
            recorded_at: divergence.recorded_at,
            command_id: divergence.command_id,
            command: divergence.command.clone(),
            problem: word(&divergence.problem).to_owned(),
            text: sentence(&divergence.problem),
            recorded,
            decided,
            differences,
        }
    }
}

impl StoredForm {
    fn new(event: &Event, forms: &dyn EventForms) -> Self {
        let EventForm { type_name, payload, .. } = forms.form(event);
        // The payload is JSON by its form's promise; if it were not, its text would say more than nothing.
        let data = serde_json::from_str(&payload).unwrap_or(Value::String(payload));
        Self { r#type: type_name.to_owned(), data }
    }
}

const fn word(problem: &Problem) -> &'static str {
    match problem {
        Problem::Decided(_) => "decided_otherwise",
        Problem::Refused(_) => "refused",
        Problem::CommandMissing => "command_missing",
        Problem::CommandUnreadable(_) => "command_unreadable",
        Problem::Impossible(_) => "impossible",
        Problem::VersionExpected(_) => "version_expected",
    }
}

fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::Decided(events) if events.is_empty() => "the command records nothing now".to_owned(),
        Problem::Decided(_) => "the command records something else now".to_owned(),
        Problem::Refused(refusal) => format!("the command is refused now: {refusal}"),
        Problem::CommandMissing => {
            "the log does not have the command, so nothing explains its events".to_owned()
        }
        Problem::CommandUnreadable(why) => format!("the command cannot be read: {why}"),
        Problem::Impossible(why) => {
            format!("{why}; the rest of the stream is not looked at")
        }
        Problem::VersionExpected(version) => {
            format!("the stream should go on with version {version}; the rest of it is not looked at")
        }
    }
}
