//! Writing lines. Does not know how they are read again.

use std::borrow::Cow;
use std::fmt;

use domain::ports::ArchiveFilter;
use domain::stream::Position;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{CONTENT_TYPE, END_TYPE, SPEC_VERSION};
use crate::{CodecError, StoredEvent};

/// What tells a log from all others. As the source of a CloudEvent: `urn:uuid:` and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogId(pub Uuid);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:uuid:{}", self.0)
    }
}

/// Metadata as they are stored, borrowed. Members that are not in here make no difference to what is read, but the
/// whole is then kept beside the attributes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) recorded_at: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) command_id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency_key: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) actor: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) causation_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) correlation_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) organization: Cow<'a, str>,
}

impl<'a> Metadata<'a> {
    pub(super) fn read(stored: &'a [u8]) -> Result<Self, CodecError> {
        serde_json::from_slice(stored).map_err(|error| CodecError::Metadata(error.to_string()))
    }

    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON and memory takes every write")
    }
}

/// A line in front of its payload, which comes last and as it is.
#[derive(Serialize)]
struct Head<'a> {
    specversion: &'static str,
    id: Uuid,
    source: Source,
    r#type: &'a str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    #[serde(serialize_with = "text")]
    position: Position,
    #[serde(serialize_with = "text")]
    version: u64,
    schemaversion: u16,
    organization: &'a str,
    actor: &'a str,
    commandid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotencykey: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
}

/// Numbers of CloudEvents end at 2³¹, so these are texts.
fn text<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

struct Source(LogId);

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Writes the line of an event behind `lines`, with its end, if it is wanted. Says whether it was.
///
/// # Errors
/// [`CodecError`] when what is stored cannot be in a line.
pub fn write_line(
    log: LogId,
    stored: &StoredEvent<'_>,
    filter: &ArchiveFilter,
    lines: &mut Vec<u8>,
) -> Result<bool, CodecError> {
    let read = Metadata::read(stored.metadata)?;
    let recorded_at = read.recorded_at.parse();
    let recorded_at =
        recorded_at.map_err(|error: domain::time::NotAnInstant| CodecError::Metadata(error.to_string()))?;
    if !filter.wants_of(recorded_at, &read.organization) {
        return Ok(false);
    }
    write_with(log, stored, &read, lines)?;
    Ok(true)
}

/// Writes the line of an event whose metadata were read already.
pub(super) fn write_with(
    log: LogId,
    stored: &StoredEvent<'_>,
    read: &Metadata<'_>,
    lines: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let whole = if read.write() == stored.metadata {
        None
    } else {
        let text = std::str::from_utf8(stored.metadata);
        Some(text.map_err(|error| CodecError::Metadata(error.to_string()))?)
    };
    let head = Head {
        specversion: SPEC_VERSION,
        id: stored.id.0,
        source: Source(log),
        r#type: stored.type_name,
        subject: stored.stream,
        time: &read.recorded_at,
        datacontenttype: CONTENT_TYPE,
        position: stored.position,
        version: stored.version.0,
        schemaversion: stored.schema,
        organization: &read.organization,
        actor: &read.actor,
        commandid: &read.command_id,
        idempotencykey: read.idempotency_key.as_deref(),
        command: read.command.map(RawValue::get),
        reason: read.reason.as_deref(),
        causationid: read.causation_id.as_deref(),
        correlationid: read.correlation_id.as_deref(),
        metadata: whole,
    };
    if stored.payload.contains(&b'\n') {
        let problem = "it has a line break, which no payload of reprise has".to_owned();
        let type_name = stored.type_name.to_owned();
        return Err(CodecError::NoLine { type_name, problem });
    }
    serde_json::to_writer(&mut *lines, &head).expect("texts are JSON and memory takes every write");
    // In place of the brace that ends the attributes.
    lines.pop();
    lines.extend_from_slice(b",\"data\":");
    lines.extend_from_slice(stored.payload);
    lines.extend_from_slice(b"}\n");
    Ok(())
}

#[derive(Serialize)]
struct EndLine {
    specversion: &'static str,
    id: String,
    source: Source,
    r#type: &'static str,
    datacontenttype: &'static str,
    data: EndData,
}

/// What the last line of an export says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndData {
    pub(super) events: u64,
    pub(super) after: Position,
    pub(super) until: Position,
    pub(super) filtered: bool,
}

/// The line with which an export ends, with its own end.
#[must_use]
pub fn write_end(
    log: LogId,
    after: Position,
    until: Position,
    filter: &ArchiveFilter,
    events: u64,
) -> Vec<u8> {
    let data = EndData { events, after, until, filtered: !filter.is_everything() };
    end_line(log, data)
}

pub(super) fn end_line(log: LogId, data: EndData) -> Vec<u8> {
    let EndData { events, after, until, filtered } = data;
    let part = if filtered { "part" } else { "whole" };
    let line = EndLine {
        specversion: SPEC_VERSION,
        id: format!("export-{after}-{until}-{part}-{events}"),
        source: Source(log),
        r#type: END_TYPE,
        datacontenttype: CONTENT_TYPE,
        data,
    };
    let mut line = serde_json::to_vec(&line).expect("texts are JSON and memory takes every write");
    line.push(b'\n');
    line
}
