//! Rows on their way from the writer to the hashes, so that nobody has to read them again: the writer only hands them over.
//! Does not know what a hash is.

use domain::stream::{Position, StreamId, Version};
use event_codec::{EncodedEvent, StoredEvent};

/// How many rows that were just written are kept for the follower, which otherwise reads them; a single larger batch fits.
const FRESH_ROWS_MAX: usize = 1 << 15;
/// How large payloads and metadata of these rows may be together, in bytes; a single larger batch fits.
const FRESH_BYTES_MAX: usize = 16 << 20;

/// What a row has beside its texts, in bytes.
const ROW_BYTES_MIN: usize = 64;

/// A row that was just written, for whoever makes hashes of it.
pub(crate) struct WrittenRow {
    pub(crate) position: Position,
    pub(crate) stream: StreamId,
    pub(crate) version: Version,
    pub(crate) encoded: EncodedEvent,
}

impl WrittenRow {
    /// The row as it is stored.
    pub(crate) fn stored(&self) -> StoredEvent<'_> {
        let EncodedEvent { id, encoded, metadata } = &self.encoded;
        StoredEvent {
            position: self.position,
            stream: self.stream.as_str(),
            version: self.version,
            id: *id,
            type_name: encoded.type_name,
            schema: encoded.schema,
            payload: &encoded.payload,
            metadata,
        }
    }

    /// About how large the row is.
    pub(crate) fn bytes(&self) -> usize {
        let EncodedEvent { id: _, encoded, metadata } = &self.encoded;
        ROW_BYTES_MIN + self.stream.as_str().len() + encoded.payload.len() + metadata.len()
    }
}

/// Rows that wait for their hashes.
#[derive(Default)]
pub(super) struct Fresh {
    /// Without a gap, up to the last event of the log.
    pub(super) rows: Vec<WrittenRow>,
    /// The size of their payloads and metadata, in bytes.
    pub(super) bytes: usize,
}

impl Fresh {
    /// Adds rows that follow; gives back what is too much.
    pub(super) fn extend(&mut self, rows: Vec<WrittenRow>) -> Vec<WrittenRow> {
        let bytes = rows.iter().map(WrittenRow::bytes).sum::<usize>();
        let is_too_much =
            self.rows.len() + rows.len() > FRESH_ROWS_MAX || self.bytes + bytes > FRESH_BYTES_MAX;
        let surplus = if is_too_much { std::mem::take(self).rows } else { Vec::new() };
        self.rows.extend(rows);
        self.bytes += bytes;
        surplus
    }
}
