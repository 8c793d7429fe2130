//! A row of the log: its checksum, and how it is read. Does not know which rows are wanted.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::names::EventId;
use domain::ports::ReadError;
use domain::stream::{Position, Version};
use event_codec::StoredEvent;
use rusqlite::ErrorCode;
use rusqlite::types::ValueRef;
use uuid::Uuid;

/// The columns in the order in which [`Row::read`] wants them.
macro_rules! columns {
    () => {
        "position, stream, version, id, type, schema, payload, metadata, crc"
    };
}
pub(crate) use columns;

/// A row whose checksum is right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'row> {
    pub(crate) stored: StoredEvent<'row>,
    pub(crate) crc: u32,
}

impl<'row> Row<'row> {
    /// Reads a row of [`columns!`] that is meant to be at `position`.
    pub(crate) fn read(position: u64, row: &'row rusqlite::Row<'_>) -> Result<Self, ReadError> {
        Self::read_columns(row)
            .ok_or("a column does not hold what it should")
            .and_then(|read| {
                if checksum(&read.stored) == read.crc { Ok(read) } else { Err("the checksum is wrong") }
            })
            .and_then(|read| {
                let is_there = read.stored.position == Position::row(position);
                if is_there { Ok(read) } else { Err("the row is missing") }
            })
            .map_err(|problem| corrupt(position, problem))
    }

    fn read_columns(row: &'row rusqlite::Row<'_>) -> Option<Self> {
        Some(Self {
            stored: StoredEvent {
                position: Position::row(integer(row, 0)?),
                stream: std::str::from_utf8(bytes(row, 1)?).ok()?,
                version: Version(integer(row, 2)?),
                id: EventId(Uuid::from_slice(bytes(row, 3)?).ok()?),
                type_name: std::str::from_utf8(bytes(row, 4)?).ok()?,
                schema: integer(row, 5)?,
                payload: bytes(row, 6)?,
                metadata: bytes(row, 7)?,
            },
            crc: integer(row, 8)?,
        })
    }

    /// The event of this row.
    pub(crate) fn decode(&self) -> Result<Arc<RecordedEvent>, ReadError> {
        self.stored.decode().map(Arc::new).map_err(|problem| ReadError::Corrupt {
            position: self.stored.position,
            problem: problem.to_string(),
        })
    }
}

fn integer<T: TryFrom<i64>>(row: &rusqlite::Row<'_>, column: usize) -> Option<T> {
    row.get_ref(column).ok()?.as_i64().ok()?.try_into().ok()
}

fn bytes<'row>(row: &'row rusqlite::Row<'_>, column: usize) -> Option<&'row [u8]> {
    match row.get_ref(column).ok()? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// CRC32C over all that a row says, the lengths of its texts included.
pub(crate) fn checksum(stored: &StoredEvent<'_>) -> u32 {
    let StoredEvent { position, stream, version, id, type_name, schema, payload, metadata } = stored;
    let numbers = [
        position.major,
        version.0,
        u64::from(*schema),
        stream.len() as u64,
        type_name.len() as u64,
        payload.len() as u64,
    ];
    let crc = numbers.iter().fold(0, |crc, number| crc32c::crc32c_append(crc, &number.to_le_bytes()));
    [id.0.as_bytes(), stream.as_bytes(), type_name.as_bytes(), payload, metadata]
        .into_iter()
        .fold(crc, crc32c::crc32c_append)
}

/// The error for damage at a position.
pub(crate) fn corrupt(position: u64, problem: impl Into<String>) -> ReadError {
    ReadError::Corrupt { position: Position::row(position), problem: problem.into() }
}

/// The error for a failed read of the row at `position`.
pub(crate) fn failed(position: u64, error: &rusqlite::Error) -> ReadError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt(position, error.to_string()),
        Some(_) | None => ReadError::Unavailable(error.to_string()),
    }
}
