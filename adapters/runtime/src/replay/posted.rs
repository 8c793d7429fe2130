//! A recorded command in the form in which it is posted to `/v1/commands`, and in which it is read there, with all that was
//! recorded about it. Does not know who reads it.

use domain::event::{RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, OrganizationId};
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// A command as it is posted, and what is known since.
#[derive(Debug, Serialize)]
pub struct PostedCommand<'a> {
    id: String,
    stream: &'a str,
    command: &'a RecordedCommand,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    recorded: Recorded<'a>,
}

/// Where a command's first event lies.
#[derive(Debug, Serialize)]
struct Recorded<'a> {
    position: Position,
    version: Version,
    at: Timestamp,
    command_id: CommandId,
    organization: &'a OrganizationId,
}

impl<'a> PostedCommand<'a> {
    /// The command behind an event, if the event is the first of its append and so has it.
    #[must_use]
    pub fn behind(event: &'a RecordedEvent) -> Option<Self> {
        let metadata = &event.metadata;
        let key = metadata.idempotency_key.as_ref();
        Some(Self {
            id: key.map_or_else(|| metadata.command_id.to_string(), ToString::to_string),
            stream: event.stream.as_str(),
            command: metadata.command.as_ref()?,
            actor: &metadata.actor,
            reason: metadata.reason.as_deref(),
            causation_id: metadata.causation_id,
            correlation_id: metadata.correlation_id,
            recorded: Recorded {
                position: event.position,
                version: event.version,
                at: metadata.recorded_at,
                command_id: metadata.command_id,
                organization: &metadata.organization,
            },
        })
    }

    /// As a line, without its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .expect("a command was JSON when it was recorded, and the rest are texts and numbers")
    }
}
