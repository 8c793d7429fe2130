//! Where the commands lie that their senders gave a key, so that one that comes again is found. Does not know what they
//! recorded: the log does.

use domain::event::RecordedEvent;
use domain::names::CommandId;
use domain::stream::{Position, StreamId, Version};
use serde::{Deserialize, Serialize};

use crate::view::{Column, Value, View};

/// Every command that its sender gave a key and that recorded something. Key: the command's id. The engine's own
/// commands have no key, so nothing is written for them.
#[derive(Debug, Clone, Copy)]
pub struct Commands;

/// Where a command's events begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRow {
    /// The stream's name.
    pub stream: String,
    /// The version of the first event.
    pub version: Version,
    /// The position of the first event.
    pub position: Position,
}

impl CommandRow {
    /// The stream.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        StreamId::from_stored(&self.stream)
    }
}

impl Commands {
    /// The key of a command's row.
    #[must_use]
    pub fn row_key(id: CommandId) -> String {
        id.to_string()
    }
}

impl View for Commands {
    const NAME: &'static str = "commands";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "";
    const COLUMNS: &'static [Column] = &[];
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = CommandRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        let metadata = &event.metadata;
        metadata.idempotency_key.as_ref().map(|_| Self::row_key(metadata.command_id))
    }

    fn evolve(row: Option<CommandRow>, event: &RecordedEvent) -> Option<CommandRow> {
        let (version, position) = (event.version, event.position);
        Some(row.unwrap_or_else(|| CommandRow { stream: event.stream.to_string(), version, position }))
    }

    fn values(_: &CommandRow) -> Vec<Value> {
        Vec::new()
    }

    fn group(_: &CommandRow) -> Option<String> {
        None
    }
}
