//! Reading lines: only what is written exactly as [`super::write_line`] writes it comes in, so that what is exported again
//! is the same. Does not know where lines come from.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::names::EventId;
use domain::stream::{Position, Version};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::END_TYPE;
use super::line::{EndData, LogId, Metadata, end_line, write_with};
use crate::{CodecError, StoredEvent, decode, decode_metadata};

/// Why a line of an export is not taken. Whoever knows its number says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It is not JSON, or not of this form.
    #[error("it is not an event as 'reprise export' writes it: {0}")]
    Form(String),
    /// It says the right things in another way.
    #[error("it was changed after 'reprise export' wrote it: exported again, it would be another line")]
    NotCanonical,
    /// The event itself cannot be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// It belongs to another log.
    #[error(
        "it comes from the log {found}, and the lines before it from {expected}; import one export at a time"
    )]
    OtherLog {
        /// The log of the lines before.
        expected: LogId,
        /// Its log.
        found: LogId,
    },
    /// Something is missing before it, or it comes too early.
    #[error(
        "it has position {found} where {expected} should follow; lines are missing, doubled or in another order"
    )]
    WrongPosition {
        /// The position that should follow.
        expected: Position,
        /// Its position.
        found: Position,
    },
    /// Something of its stream is missing before it.
    #[error("it is version {found} of {stream} where version {expected} should follow")]
    WrongVersion {
        /// The stream.
        stream: String,
        /// The version that should follow.
        expected: Version,
        /// Its version.
        found: Version,
    },
    /// There is something behind the end.
    #[error("it comes after the line that ends the export")]
    AfterEnd,
    /// The end says something else than the lines.
    #[error("it ends an export of {said} events, and {found} came; lines are missing or doubled")]
    WrongCount {
        /// What the end says.
        said: u64,
        /// What came.
        found: u64,
    },
    /// It ends an export of a part of the log.
    #[error(
        "it ends an export of a part of a log, and only a whole one can be imported; export again without a filter"
    )]
    Part,
}

/// One event of an export, with what a store keeps of it.
#[derive(Debug)]
pub struct Line<'a> {
    position: Position,
    stream: Cow<'a, str>,
    version: Version,
    id: EventId,
    type_name: Cow<'a, str>,
    schema: u16,
    payload: &'a str,
    metadata: Vec<u8>,
}

impl Line<'_> {
    /// The event as a store keeps it.
    #[must_use]
    pub fn stored(&self) -> StoredEvent<'_> {
        StoredEvent {
            position: self.position,
            stream: &self.stream,
            version: self.version,
            id: self.id,
            type_name: &self.type_name,
            schema: self.schema,
            payload: self.payload.as_bytes(),
            metadata: &self.metadata,
        }
    }
}

/// What the end of an export says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The log that was exported.
    pub log: LogId,
    /// How many events came.
    pub events: u64,
}

/// Every attribute of every line. Which of them must be there is seen when the line is written again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes<'a> {
    #[serde(rename = "specversion", borrow)]
    _specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(rename = "datacontenttype", borrow)]
    _datacontenttype: Cow<'a, str>,
    #[serde(default)]
    position: Position,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
    #[serde(default)]
    schemaversion: u16,
    #[serde(borrow, default)]
    organization: Cow<'a, str>,
    #[serde(borrow, default)]
    actor: Cow<'a, str>,
    #[serde(borrow, default)]
    commandid: Cow<'a, str>,
    #[serde(borrow, default)]
    idempotencykey: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    causationid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    correlationid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Keeps digests of stream names apart from all other ids.
const STREAM_NAMES: Uuid = Uuid::from_u128(0x1f6c_52aa_8a0d_4d0b_b0e6_93c1_7d25_4e8f);

/// Reads an export line by line, and sees to it that nothing of it is missing.
#[derive(Debug, Default)]
pub struct LineReader {
    log: Option<LogId>,
    reached: Position,
    events: u64,
    /// The last version of each stream, by a digest of its name: a log may have millions of streams.
    versions: HashMap<Uuid, Version>,
    end: Option<End>,
    scratch: Vec<u8>,
}

impl LineReader {
    /// What the end of the export said; nothing as long as it has not come.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        self.end
    }

    /// The log that is exported, as soon as a line has said so.
    #[must_use]
    pub const fn log(&self) -> Option<LogId> {
        self.log
    }

    /// Takes the next line, without its line break. Gives its event, or nothing for the line with which the export ends.
    ///
    /// # Errors
    /// [`BadLine`]; nothing can be read after that.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> Result<Option<Line<'a>>, BadLine> {
        if self.end.is_some() {
            return Err(BadLine::AfterEnd);
        }
        let read: Attributes<'a> =
            serde_json::from_slice(line).map_err(|error| BadLine::Form(error.to_string()))?;
        let log = log_id(&read.source)?;
        let expected = *self.log.get_or_insert(log);
        if log != expected {
            return Err(BadLine::OtherLog { expected, found: log });
        }
        if read.r#type == END_TYPE {
            return self.take_end(log, line, read.data).map(|()| None);
        }
        let event = event(log, line, read, &mut self.scratch)?;
        self.follow(&event)?;
        Ok(Some(event))
    }

    /// Sees to it that an event follows the one before in its stream and in the log.
    fn follow(&mut self, event: &Line<'_>) -> Result<(), BadLine> {
        let expected = Position::row(self.reached.major + 1);
        if event.position != expected {
            return Err(BadLine::WrongPosition { expected, found: event.position });
        }
        self.reached = event.position;
        self.events += 1;
        let name = Uuid::new_v5(&STREAM_NAMES, event.stream.as_bytes());
        let next = self.versions.get(&name).map_or(Version(0), |last| last.next());
        if event.version != next {
            let stream = event.stream.to_string();
            return Err(BadLine::WrongVersion { stream, expected: next, found: event.version });
        }
        self.versions.insert(name, next);
        Ok(())
    }

    fn take_end(&mut self, log: LogId, line: &[u8], data: &RawValue) -> Result<(), BadLine> {
        let data: EndData =
            serde_json::from_str(data.get()).map_err(|error| BadLine::Form(error.to_string()))?;
        if end_line(log, data).strip_suffix(b"\n") != Some(line) {
            return Err(BadLine::NotCanonical);
        }
        if data.filtered || data.after != Position::START {
            return Err(BadLine::Part);
        }
        if data.events != self.events {
            return Err(BadLine::WrongCount { said: data.events, found: self.events });
        }
        if data.until != self.reached {
            return Err(BadLine::WrongPosition { expected: data.until, found: self.reached });
        }
        self.end = Some(End { log, events: self.events });
        Ok(())
    }
}

/// Reads one line of an event, wherever it stands, of a log that is known.
///
/// # Errors
/// [`BadLine`] when it is not exactly as [`super::write_line`] writes it.
pub fn read_line(line: &[u8], log: LogId) -> Result<Line<'_>, BadLine> {
    let read: Attributes<'_> =
        serde_json::from_slice(line).map_err(|error| BadLine::Form(error.to_string()))?;
    let found = log_id(&read.source)?;
    if found != log {
        return Err(BadLine::OtherLog { expected: log, found });
    }
    event(log, line, read, &mut Vec::new())
}

fn event<'a>(
    log: LogId,
    line: &[u8],
    read: Attributes<'a>,
    scratch: &mut Vec<u8>,
) -> Result<Line<'a>, BadLine> {
    let form = |what: &str| BadLine::Form(format!("its {what} cannot be read"));
    let command = read.command.as_deref().map(serde_json::from_str).transpose();
    let attributes = Metadata {
        recorded_at: read.time,
        command_id: read.commandid,
        idempotency_key: read.idempotencykey,
        command: command.map_err(|_| form("command"))?,
        actor: read.actor,
        reason: read.reason,
        causation_id: read.causationid,
        correlation_id: read.correlationid,
        organization: read.organization,
    };
    let whole = read.metadata.map(|whole| whole.into_owned().into_bytes());
    let metadata = whole.unwrap_or_else(|| attributes.write());
    let event = Line {
        position: read.position,
        stream: read.subject,
        version: Version(read.version.parse().map_err(|_| form("version"))?),
        id: EventId(Uuid::try_parse(&read.id).map_err(|_| form("id"))?),
        type_name: read.r#type,
        schema: read.schemaversion,
        payload: read.data.get(),
        metadata,
    };
    let stored = event.stored();
    decode(stored.type_name, stored.schema, stored.payload)?;
    decode_metadata(stored.metadata)?;
    scratch.clear();
    write_with(log, &stored, &Metadata::read(stored.metadata)?, scratch)?;
    if scratch.strip_suffix(b"\n") == Some(line) { Ok(event) } else { Err(BadLine::NotCanonical) }
}

fn log_id(source: &str) -> Result<LogId, BadLine> {
    let id = source.strip_prefix("urn:uuid:").and_then(|id| Uuid::try_parse(id).ok());
    id.map(LogId).ok_or_else(|| BadLine::Form(format!("its source '{source}' is not that of a log")))
}
