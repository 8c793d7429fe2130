//! Rows: what a store keeps of each event of an append, and how it becomes an event again.
//! Does not know where rows lie.

use std::sync::Arc;

use domain::event::{Event, Metadata, RecordedCommand, RecordedEvent};
use domain::names::{Actor, CommandId, EventId, IdempotencyKey, OrganizationId};
use domain::ports::Append;
use domain::stream::{Position, StreamId, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{CodecError, Encoded, decode, encode};

/// The most bytes that payload and metadata of one event may have together: 16 MiB.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// One event of an append as a store keeps it; position, stream and version are the store's to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    /// Its id.
    pub id: EventId,
    /// Type, schema and payload.
    pub encoded: Encoded,
    /// The metadata as JSON; only the first event of an append has the command in it.
    pub metadata: Arc<[u8]>,
}

/// Why an append can never be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to append.
    #[error("an append needs at least one event")]
    NoEvents,
    /// An event is too large.
    #[error(
        "'{type_name}' has {bytes} bytes with its metadata, and at most {EVENT_BYTES_MAX} are stored; send less"
    )]
    TooLarge {
        /// The stored type name.
        type_name: &'static str,
        /// How many bytes it has.
        bytes: usize,
    },
}

/// The rows of an append, in order.
///
/// # Errors
/// [`Refused`] when no store takes it.
pub fn encode_append(append: &Append) -> Result<Vec<EncodedEvent>, Refused> {
    if append.events.is_empty() {
        return Err(Refused::NoEvents);
    }
    let mut metadata: Arc<[u8]> = encode_metadata(&append.metadata).into();
    let mut rows = Vec::with_capacity(append.events.len());
    for (index, new) in append.events.iter().enumerate() {
        if index == 1 && append.metadata.command.is_some() {
            metadata = write_metadata(&append.metadata, None).into();
        }
        let encoded = encode(&new.event);
        let bytes = encoded.payload.len() + metadata.len();
        if bytes > EVENT_BYTES_MAX {
            return Err(Refused::TooLarge { type_name: encoded.type_name, bytes });
        }
        rows.push(EncodedEvent { id: new.id, encoded, metadata: Arc::clone(&metadata) });
    }
    Ok(rows)
}

/// A row as a store gives it back.
#[derive(Debug, Clone, Copy)]
pub struct StoredEvent<'row> {
    /// Its place in the log.
    pub position: Position,
    /// Its stream's name.
    pub stream: &'row str,
    /// Its place in the stream.
    pub version: Version,
    /// Its id.
    pub id: EventId,
    /// The stored type name.
    pub type_name: &'row str,
    /// The schema version of the payload.
    pub schema: u16,
    /// The payload.
    pub payload: &'row [u8],
    /// The metadata.
    pub metadata: &'row [u8],
}

impl StoredEvent<'_> {
    /// The event that was appended.
    ///
    /// # Errors
    /// [`CodecError`], which says what cannot be read.
    pub fn decode(&self) -> Result<RecordedEvent, CodecError> {
        let event: Event = decode(self.type_name, self.schema, self.payload)?;
        Ok(RecordedEvent {
            position: self.position,
            stream: StreamId::from_stored(self.stream),
            version: self.version,
            id: self.id,
            event,
            metadata: Arc::new(decode_metadata(self.metadata)?),
        })
    }
}

/// The stored form of metadata, the command included.
#[must_use]
pub fn encode_metadata(metadata: &Metadata) -> Vec<u8> {
    write_metadata(metadata, metadata.command.as_ref())
}

/// Reads stored metadata.
///
/// # Errors
/// [`CodecError::Metadata`].
pub fn decode_metadata(json: &[u8]) -> Result<Metadata, CodecError> {
    let read: ReadMetadata =
        serde_json::from_slice(json).map_err(|error| CodecError::Metadata(error.to_string()))?;
    let ReadMetadata { recorded_at, command_id, idempotency_key, command, actor, .. } = read;
    let ReadMetadata { reason, causation_id, correlation_id, organization, .. } = read;
    Ok(Metadata {
        recorded_at,
        command_id,
        idempotency_key,
        command: command.map(RecordedCommand::from),
        actor,
        reason,
        causation_id,
        correlation_id,
        organization,
    })
}

/// The metadata as they are read: the command is taken over without a look inside.
#[derive(Deserialize)]
struct ReadMetadata {
    recorded_at: Timestamp,
    command_id: CommandId,
    #[serde(default)]
    idempotency_key: Option<IdempotencyKey>,
    #[serde(default)]
    command: Option<Box<RawValue>>,
    actor: Actor,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    causation_id: Option<Uuid>,
    #[serde(default)]
    correlation_id: Option<Uuid>,
    organization: OrganizationId,
}

/// The metadata as they are written, borrowed, so that the command can be left out without a copy.
#[derive(Serialize)]
struct WrittenMetadata<'a> {
    recorded_at: Timestamp,
    command_id: CommandId,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a IdempotencyKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a RecordedCommand>,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    organization: &'a OrganizationId,
}

fn write_metadata(metadata: &Metadata, command: Option<&RecordedCommand>) -> Vec<u8> {
    let Metadata {
        recorded_at,
        command_id,
        idempotency_key,
        command: _,
        actor,
        reason,
        causation_id,
        correlation_id,
        organization,
    } = metadata;
    let written = WrittenMetadata {
        recorded_at: *recorded_at,
        command_id: *command_id,
        idempotency_key: idempotency_key.as_ref(),
        command,
        actor,
        reason: reason.as_deref(),
        causation_id: *causation_id,
        correlation_id: *correlation_id,
        organization,
    };
    serde_json::to_vec(&written).expect("metadata have text keys only and memory takes every write")
}
