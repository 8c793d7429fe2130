//! Stored form of events: JSON payloads under hand-written type names and schema versions.
//!
//! [`encode`] and [`decode`] are one event's payload; [`Append`](domain::ports::Append)s are turned into rows by
//! [`encode_append`], rows back into events by [`StoredEvent::decode`]. Every store goes through here, so every store
//! holds and gives back the same. This crate does not know where rows are kept.

pub mod cloud_events;
mod forms;
pub mod integrity;
mod rows;
#[cfg(test)]
mod tests;
mod types;
mod upcast;

pub use forms::JsonForms;
pub use rows::{
    EVENT_BYTES_MAX, EncodedEvent, Refused, StoredEvent, decode_metadata, encode_append, encode_metadata,
};
pub use types::stored_types;

use domain::event::Event;

use crate::types::EventType;
use crate::upcast::{UPCASTERS, Upcaster};

/// One event's payload as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The stored type name, such as `key_scope.queued`.
    pub type_name: &'static str,
    /// The schema version of the payload.
    pub schema: u16,
    /// The payload: one JSON object, as UTF-8.
    pub payload: Vec<u8>,
}

/// Why a stored event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The type is not in the table.
    #[error("the event type '{type_name}' is not known here; use a newer reprise")]
    UnknownType {
        /// The stored type name.
        type_name: String,
    },
    /// The type is known, but not in this form.
    #[error("'{type_name}' has schema {schema}, and {known} is the newest known here; use a newer reprise")]
    NewerSchema {
        /// The stored type name.
        type_name: &'static str,
        /// The stored schema version.
        schema: u16,
        /// The newest schema version that can be read.
        known: u16,
    },
    /// The form is older than any that was ever written.
    #[error("'{type_name}' has never had schema {schema}")]
    NoUpcaster {
        /// The stored type name.
        type_name: &'static str,
        /// The schema version from which nothing leads on.
        schema: u16,
    },
    /// The payload is not what its type and schema say.
    #[error("the payload of '{type_name}' with schema {schema} cannot be read: {problem}")]
    Payload {
        /// The stored type name.
        type_name: &'static str,
        /// The stored schema version.
        schema: u16,
        /// What is wrong with it.
        problem: String,
    },
    /// It cannot be written as one line.
    #[error("the payload of '{type_name}' cannot be exported: {problem}")]
    NoLine {
        /// The stored type name.
        type_name: String,
        /// What stands in the way.
        problem: String,
    },
    /// The metadata are not metadata.
    #[error("the metadata cannot be read: {0}")]
    Metadata(String),
}

/// The stored form of an event.
#[must_use]
pub fn encode(event: &Event) -> Encoded {
    let event_type = EventType::of(event);
    let mut payload = Vec::with_capacity(PAYLOAD_BYTES_TYPICAL);
    types::write(event, &mut serde_json::Serializer::new(&mut payload))
        .expect("payloads have text keys only and memory takes every write");
    Encoded { type_name: event_type.name(), schema: event_type.schema(), payload }
}

/// Most payloads are shorter, in bytes; longer ones grow.
const PAYLOAD_BYTES_TYPICAL: usize = 192;

/// Reads a stored event of any schema version ever written.
///
/// # Errors
/// [`CodecError`], which names the type and says what to do.
pub fn decode(type_name: &str, schema: u16, payload: &[u8]) -> Result<Event, CodecError> {
    decode_with(UPCASTERS, type_name, schema, payload)
}

fn decode_with(
    upcasters: &[Upcaster],
    type_name: &str,
    schema: u16,
    payload: &[u8],
) -> Result<Event, CodecError> {
    let event_type = EventType::from_name(type_name)
        .ok_or_else(|| CodecError::UnknownType { type_name: type_name.to_owned() })?;
    let (type_name, known) = (event_type.name(), event_type.schema());
    let wrong = |problem: String| CodecError::Payload { type_name, schema, problem };
    if schema > known {
        return Err(CodecError::NewerSchema { type_name, schema, known });
    }
    if schema == known {
        let mut json = serde_json::Deserializer::from_slice(payload);
        let event = types::read(event_type, &mut json).map_err(|error| wrong(error.to_string()))?;
        json.end().map_err(|error| wrong(error.to_string()))?;
        return Ok(event);
    }
    let json = serde_json::from_slice(payload).map_err(|error| wrong(error.to_string()))?;
    let json = upcast::to_current(upcasters, event_type, schema, json)?;
    types::read(event_type, json).map_err(|error| wrong(error.to_string()))
}
