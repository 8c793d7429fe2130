//! Whether dispatching is paused, since when, by whom and why. Does not know who waits for work meanwhile.

use domain::event::{Event, RecordedEvent};
use domain::names::Actor;
use domain::stream::{Position, Subject, Version};
use domain::system;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::view::{Column, Value, View};

/// The system: at most one row, and none before it was paused for the first time. Key: [`System::row_key`].
#[derive(Debug, Clone, Copy)]
pub struct System;

/// Where the system stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemRow {
    /// Whether no lease is given.
    pub paused: bool,
    /// Since when it is so.
    pub since: Timestamp,
    /// Who made it so.
    pub by: Actor,
    /// Why, in their words; a pause always says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

impl System {
    /// The key of the only row.
    #[must_use]
    pub fn row_key() -> String {
        Subject::System.stream().to_string()
    }
}

impl View for System {
    const NAME: &'static str = "system";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "system";
    const COLUMNS: &'static [Column] = &[];
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = SystemRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::System(_) => Some(Self::row_key()),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::ApiKey(_)
            | Event::Access(_) => None,
        }
    }

    fn evolve(row: Option<SystemRow>, event: &RecordedEvent) -> Option<SystemRow> {
        let (paused, reason) = match &event.event {
            Event::System(system::Event::Paused(paused)) => (true, Some(paused.reason.clone())),
            Event::System(system::Event::Resumed) => (false, event.metadata.reason.clone()),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::ApiKey(_)
            | Event::Access(_) => return row,
        };
        Some(SystemRow {
            paused,
            since: event.metadata.recorded_at,
            by: event.metadata.actor.clone(),
            reason,
            version: event.version,
            position: event.position,
        })
    }

    fn values(_: &SystemRow) -> Vec<Value> {
        Vec::new()
    }

    fn group(_: &SystemRow) -> Option<String> {
        None
    }
}
