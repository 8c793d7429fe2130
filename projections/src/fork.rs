//! A thing step by step: its state after each of its events, and what a command would have done at any of them. Everything
//! happens on a copy. Does not know where events are read from, nor what lies around the thing.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::aggregate::{Aggregate, CorruptHistory, Refusal};
use domain::envelope::Command;
use domain::event::{Event, Metadata, RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, OrganizationId};
use domain::stream::{ExpectedVersion, Position, Subject, Version};
use domain::time::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::difference::{Difference, telling_differences};
use crate::timeline::{TimelineEntry, event_name, summary, timeline};
use crate::view::View;
use crate::views::{
    ApiKeys, Batches, Campaigns, KeyScopes, Records, StorageUnits, System, Tasks, Workspaces,
};

/// One event of a thing, and the thing after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What happened, by whom, why, and what it changed.
    pub entry: TimelineEntry,
    /// The command behind it, with its body, when the log has it.
    pub command: Option<Value>,
    /// The thing after it, as its resource shows it.
    pub state: Value,
}

/// What a command would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// What it would have recorded, each with its name and as a sentence. None means that there was nothing to do.
    pub events: Vec<(String, String)>,
    /// What that would have changed in the thing as its resource shows it.
    pub changes: Vec<Difference>,
}

/// Every step of a thing. Takes its whole stream, from the first event on, up to any event.
#[must_use]
pub fn steps(stream: &[Arc<RecordedEvent>]) -> Vec<Step> {
    let mut command: Option<(CommandId, Option<Value>)> = None;
    let entries = timeline(stream).into_iter().zip(states(stream)).zip(stream);
    entries
        .map(|((entry, state), event)| {
            // Only the first event of an append carries the command.
            let id = event.metadata.command_id;
            if command.as_ref().is_none_or(|(last, _)| *last != id) {
                command = Some((id, event.metadata.command.as_ref().map(RecordedCommand::json)));
            }
            let command = command.as_ref().and_then(|(_, command)| command.clone());
            Step { entry, command, state }
        })
        .collect()
}

/// A thing after some of its events.
///
/// # Errors
/// [`CorruptHistory`] when no decisions can have led to them.
pub fn aggregate(subject: &Subject, stream: &[Arc<RecordedEvent>]) -> Result<Aggregate, CorruptHistory> {
    let initial = Aggregate::initial(subject);
    stream.iter().try_fold(initial, |state, event| state.evolve(&event.event, event.version))
}

/// Why a command could not be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTried {
    /// It would have been refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The history is impossible.
    #[error(transparent)]
    Corrupt(#[from] CorruptHistory),
}

/// Tries a command on a thing after some of its events, at an instant.
///
/// # Errors
/// [`NotTried`], which says why.
pub fn attempt(
    subject: &Subject,
    stream: &[Arc<RecordedEvent>],
    command: &Command,
    now: Timestamp,
) -> Result<Tried, NotTried> {
    let decided = aggregate(subject, stream)?.decide(command, now)?;
    let forked: Vec<Arc<RecordedEvent>> =
        stream.iter().cloned().chain(recorded(subject, stream.last(), &decided, now)).collect();
    let after = states(&forked).pop().unwrap_or_else(nothing);
    let before = states(stream).pop().unwrap_or_else(nothing);
    let events = decided.iter().map(|event| (event_name(event), summary(event)));
    Ok(Tried { events: events.collect(), changes: telling_differences(&before, &after) })
}

/// Events as they would have been recorded after another one.
fn recorded(
    subject: &Subject,
    last: Option<&Arc<RecordedEvent>>,
    events: &[Event],
    now: Timestamp,
) -> Vec<Arc<RecordedEvent>> {
    let organization =
        last.map_or_else(OrganizationId::default_organization, |last| last.metadata.organization.clone());
    let id = CommandId(Uuid::nil());
    let metadata = Arc::new(Metadata {
        recorded_at: now,
        command_id: id,
        idempotency_key: None,
        command: None,
        actor: Actor::system(),
        reason: None,
        causation_id: None,
        correlation_id: None,
        organization,
    });
    let position = last.map_or(Position::START, |last| last.position);
    let Version(first) = ExpectedVersion::after(last.map(|last| last.version)).next();
    let record = |(index, event): (u16, &Event)| {
        Arc::new(RecordedEvent {
            position: Position { major: position.major.saturating_add(1 + u64::from(index)), minor: 0 },
            stream: subject.stream(),
            version: Version(first + u64::from(index)),
            id: id.event_id(index),
            event: event.clone(),
            metadata: Arc::clone(&metadata),
        })
    };
    (0..).zip(events).map(record).collect()
}

/// A thing after each of its events, as its resource shows it.
fn states(stream: &[Arc<RecordedEvent>]) -> Vec<Value> {
    match stream.first().map(|first| &first.event) {
        None => Vec::new(),
        Some(Event::StorageUnit(_)) => rows::<StorageUnits>(stream),
        Some(Event::KeyScope(_)) => rows::<KeyScopes>(stream),
        Some(Event::Record(_)) => rows::<Records>(stream),
        Some(Event::Campaign(_)) => rows::<Campaigns>(stream),
        Some(Event::Task(_)) => rows::<Tasks>(stream),
        Some(Event::Workspace(_)) => rows::<Workspaces>(stream),
        Some(Event::Batch(_)) => rows::<Batches>(stream),
        Some(Event::System(_)) => rows::<System>(stream),
        Some(Event::ApiKey(_)) => rows::<ApiKeys>(stream),
        // They have no rows.
        Some(Event::ExternalId(_) | Event::Ids(_) | Event::Access(_)) => {
            stream.iter().map(|_| nothing()).collect()
        }
    }
}

fn rows<V: View>(stream: &[Arc<RecordedEvent>]) -> Vec<Value> {
    let mut row: Option<V::Row> = None;
    let after = |event: &Arc<RecordedEvent>| {
        row = V::evolve(row.take(), event);
        row.as_ref().and_then(|row| serde_json::to_value(row).ok()).unwrap_or_else(nothing)
    };
    stream.iter().map(after).collect()
}

fn nothing() -> Value {
    Value::Object(Map::new())
}
