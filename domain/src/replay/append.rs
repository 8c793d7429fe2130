//! Appends: the log cut into what one command recorded each. Does not decide anything.

use std::sync::Arc;

use crate::envelope::Command;
use crate::event::{Metadata, RecordedCommand, RecordedEvent};
use crate::stream::{StreamId, Subject};

/// The events that one command recorded: at least one, of one stream, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAppend {
    first: Arc<RecordedEvent>,
    others: Vec<Arc<RecordedEvent>>,
}

impl RecordedAppend {
    /// The first of them, which carries the command.
    #[must_use]
    pub fn first(&self) -> &RecordedEvent {
        &self.first
    }

    /// The last of them.
    #[must_use]
    pub fn last(&self) -> &RecordedEvent {
        self.others.last().unwrap_or(&self.first)
    }

    /// All of them, in their order.
    pub fn events(&self) -> impl Iterator<Item = &Arc<RecordedEvent>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Their stream.
    #[must_use]
    pub fn stream(&self) -> &StreamId {
        &self.first.stream
    }

    /// What was recorded with them.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.first.metadata
    }

    /// The command as it was recorded.
    #[must_use]
    pub fn recorded_command(&self) -> Option<&RecordedCommand> {
        self.first.metadata.command.as_ref()
    }

    /// The command.
    ///
    /// # Errors
    /// When there is none, or none that can be read.
    pub fn command(&self) -> Result<Command, UnreadableCommand> {
        let Some(recorded) = self.recorded_command() else { return Err(UnreadableCommand::Missing) };
        let subject = Subject::try_from(self.stream())
            .map_err(|error| UnreadableCommand::Unreadable(error.to_string()))?;
        Command::from_recorded(subject, recorded)
            .map_err(|error| UnreadableCommand::Unreadable(error.to_string()))
    }
}

/// Why a recorded command cannot be decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadableCommand {
    /// The log does not have it.
    Missing,
    /// It has another form than the commands that are known here.
    Unreadable(String),
}

/// Cuts a log into appends. Takes events in the order of the log, whole streams or whole logs.
#[derive(Debug, Default)]
pub struct Appends {
    open: Option<RecordedAppend>,
}

impl Appends {
    /// Takes the next event; gives the append before it once that is known to be whole.
    pub fn push(&mut self, event: Arc<RecordedEvent>) -> Option<RecordedAppend> {
        match &mut self.open {
            Some(open) if open.goes_on_with(&event) => {
                open.others.push(event);
                None
            }
            Some(_) | None => self.open.replace(RecordedAppend { first: event, others: Vec::new() }),
        }
    }

    /// The last append, once there are no more events.
    pub fn finish(&mut self) -> Option<RecordedAppend> {
        self.open.take()
    }
}

impl RecordedAppend {
    /// Only the first event of an append carries the command.
    fn goes_on_with(&self, event: &RecordedEvent) -> bool {
        let is_same =
            self.first.stream == event.stream && self.first.metadata.command_id == event.metadata.command_id;
        is_same && event.metadata.command.is_none()
    }
}
