//! One thing's history: each event with who, why and when, and the difference that it made to the thing's row.
//! A pure function of the events of one stream. Does not know where they are read from.

mod summary;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use domain::event::{Event, RecordedEvent};
use domain::names::{Actor, CommandId};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use domain::{key_scope, storage_unit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use summary::summary;

use crate::difference::{Difference, telling_differences};
use crate::view::View;
use crate::views::{
    ApiKeys, Batches, Campaigns, KeyScopes, Records, StorageUnits, System, Tasks, Workspaces,
};

/// An event of one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Its place in the whole log.
    pub position: Position,
    /// Its place in the thing's stream.
    pub version: Version,
    /// What happened, such as `key_scope.finished`.
    pub event: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who sent the command that it came from.
    pub actor: Actor,
    /// Why, in the sender's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of the command that it came from, when the log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The id of the command that it came from.
    pub command_id: CommandId,
    /// The command or event that the command followed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// What everything that belongs together shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// What it changed, as one sentence.
    pub summary: String,
    /// What it changed, in the thing's row.
    pub changes: Vec<Difference>,
}

/// The timeline of one thing. Takes its whole stream, from the first event on, up to any event.
#[must_use]
pub fn timeline(stream: &[Arc<RecordedEvent>]) -> Vec<TimelineEntry> {
    match stream.first().map(|first| &first.event) {
        None => Vec::new(),
        Some(Event::StorageUnit(_)) => entries::<StorageUnits>(stream),
        Some(Event::KeyScope(_)) => entries::<KeyScopes>(stream),
        Some(Event::Record(_)) => entries::<Records>(stream),
        Some(Event::Campaign(_)) => entries::<Campaigns>(stream),
        Some(Event::Task(_)) => entries::<Tasks>(stream),
        Some(Event::Workspace(_)) => entries::<Workspaces>(stream),
        Some(Event::Batch(_)) => entries::<Batches>(stream),
        // They have no rows that could change.
        Some(Event::ExternalId(_) | Event::Ids(_)) => {
            stream.iter().map(|event| entry(event, command_name(event), Vec::new())).collect()
        }
        Some(Event::System(_)) => entries::<System>(stream),
        // A refused access changes no row, so each entry is its event alone.
        Some(Event::ApiKey(_) | Event::Access(_)) => entries::<ApiKeys>(stream),
    }
}

/// A thing's row, by the same fold: an empty object when it has none.
#[must_use]
pub fn row(stream: &[Arc<RecordedEvent>]) -> Value {
    match stream.first().map(|first| &first.event) {
        // What a client calls a task and the numbers that are given away have no rows.
        None | Some(Event::ExternalId(_) | Event::Ids(_)) => as_json::<System>(None),
        Some(Event::StorageUnit(_)) => last::<StorageUnits>(stream),
        Some(Event::KeyScope(_)) => last::<KeyScopes>(stream),
        Some(Event::Record(_)) => last::<Records>(stream),
        Some(Event::Campaign(_)) => last::<Campaigns>(stream),
        Some(Event::Task(_)) => last::<Tasks>(stream),
        Some(Event::Workspace(_)) => last::<Workspaces>(stream),
        Some(Event::Batch(_)) => last::<Batches>(stream),
        Some(Event::System(_)) => last::<System>(stream),
        Some(Event::ApiKey(_) | Event::Access(_)) => last::<ApiKeys>(stream),
    }
}

fn last<V: View>(stream: &[Arc<RecordedEvent>]) -> Value {
    as_json::<V>(stream.iter().fold(None, |row, event| V::evolve(row, event)).as_ref())
}

/// The full name of an event, such as `key_scope.finished`.
#[must_use]
pub fn event_name(event: &Event) -> String {
    match event {
        Event::StorageUnit(event) => format!("storage_unit.{}", storage_unit::Event::name(event)),
        Event::KeyScope(key_scope::Event::Work(event)) => format!("key_scope.{}", event.name()),
        Event::KeyScope(key_scope::Event::Withdrawn(_)) => "key_scope.withdrawn".to_owned(),
        Event::Record(event) => format!("record.{}", event.name()),
        Event::Campaign(event) => format!("campaign.{}", event.name()),
        Event::Task(event) => format!("task.{}", event.name()),
        Event::Workspace(event) => format!("workspace.{}", event.name()),
        Event::Batch(event) => format!("batch.{}", event.name()),
        Event::ExternalId(event) => format!("external_id.{}", event.name()),
        Event::Ids(event) => format!("ids.{}", event.name()),
        Event::System(event) => format!("system.{}", event.name()),
        Event::ApiKey(event) => format!("api_key.{}", event.name()),
        Event::Access(event) => format!("access.{}", event.name()),
    }
}

fn entries<V: View>(stream: &[Arc<RecordedEvent>]) -> Vec<TimelineEntry> {
    let mut entries: Vec<TimelineEntry> = Vec::with_capacity(stream.len());
    let mut row: Option<V::Row> = None;
    let mut before = as_json::<V>(None);
    for event in stream {
        row = V::evolve(row, event);
        let after = as_json::<V>(row.as_ref());
        let changes = telling_differences(&before, &after);
        // Only the first event of an append carries the command.
        let earlier = entries.last().filter(|entry| entry.command_id == event.metadata.command_id);
        let command = command_name(event).or_else(|| earlier.and_then(|entry| entry.command.clone()));
        entries.push(entry(event, command, changes));
        before = after;
    }
    entries
}

fn as_json<V: View>(row: Option<&V::Row>) -> Value {
    let json = row.and_then(|row| serde_json::to_value(row).ok());
    json.unwrap_or_else(|| Value::Object(Map::new()))
}

fn command_name(event: &RecordedEvent) -> Option<String> {
    event.metadata.command.as_ref()?.name().map(Cow::into_owned)
}

fn entry(event: &RecordedEvent, command: Option<String>, changes: Vec<Difference>) -> TimelineEntry {
    let metadata = &event.metadata;
    TimelineEntry {
        position: event.position,
        version: event.version,
        event: event_name(&event.event),
        at: metadata.recorded_at,
        actor: metadata.actor.clone(),
        reason: metadata.reason.clone(),
        command,
        command_id: metadata.command_id,
        causation_id: metadata.causation_id,
        correlation_id: metadata.correlation_id,
        summary: summary(&event.event),
        changes,
    }
}
