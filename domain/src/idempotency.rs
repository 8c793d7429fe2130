//! Idempotency: what is answered to a command that comes again under its sender's key.
//!
//! The answer is read from the log: the events that the command recorded the first time. It does not know how they
//! are found. See `docs/adr`, "The first answer comes from the log".

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::envelope::Envelope;
use crate::event::{Event, RecordedEvent};
use crate::stream::{Position, Version};

/// What a command recorded the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// The events.
    pub events: Vec<Event>,
    /// The version of the last of them.
    pub version: Version,
    /// The position of the last of them.
    pub position: Position,
}

/// The key belongs to another command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this idempotency key was used for another request; send a new request under a new key")]
pub struct KeyReused;

/// The first answer to a command, given the events of a stream from the first one on that was recorded under its
/// id; nothing when there is no such event.
///
/// What counts as the same request: the stream, the command with its body, and what else is recorded of an envelope.
///
/// # Errors
/// [`KeyReused`] when something else was asked under the key.
pub fn first_answer(
    envelope: &Envelope,
    recorded: &[Arc<RecordedEvent>],
) -> Result<Option<FirstAnswer>, KeyReused> {
    let recorded = recorded.iter().take_while(|event| event.metadata.command_id == envelope.id);
    let recorded: Vec<&RecordedEvent> = recorded.map(AsRef::as_ref).collect();
    let (Some(first), Some(last)) = (recorded.first(), recorded.last()) else { return Ok(None) };
    if !is_same(envelope, first) {
        return Err(KeyReused);
    }
    let (version, position) = (last.version, last.position);
    Ok(Some(FirstAnswer {
        events: recorded.iter().map(|event| event.event.clone()).collect(),
        version,
        position,
    }))
}

fn is_same(envelope: &Envelope, first: &RecordedEvent) -> bool {
    let Envelope {
        id: _,
        idempotency_key,
        command,
        actor,
        reason,
        causation_id,
        correlation_id,
        organization,
        decided_at: _,
    } = envelope;
    let recorded = &*first.metadata;
    command.subject().stream() == first.stream
        && command.record().ok() == recorded.command
        && (idempotency_key, actor, reason) == (&recorded.idempotency_key, &recorded.actor, &recorded.reason)
        && (causation_id, correlation_id) == (&recorded.causation_id, &recorded.correlation_id)
        && organization.as_ref().is_none_or(|organization| *organization == recorded.organization)
}
