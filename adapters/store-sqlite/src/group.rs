//! A group: appends that are written in one transaction, each placed after what its stream holds.
//! Does not know when the transaction begins and ends.

use std::collections::HashMap;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::names::EventId;
use domain::ports::{AppendError, Appended, Direction, ReadError};
use domain::stream::{ExpectedVersion, Position, Version};
use event_codec::StoredEvent;
use event_codec::integrity::{Leaf, Leaves};
use lru::LruCache;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql};

use crate::lookup::{Lookup, Name};
use crate::request::{Element, NewRow};
use crate::row::{checksum, columns};
use crate::tail::{Entry, Spot};

/// What was written and is not durable yet.
#[derive(Default)]
pub(crate) struct Staged {
    /// The last versions of the streams that were written.
    pub(crate) versions: HashMap<Name, Version>,
    /// One for each event, in the order of the log.
    pub(crate) entries: Vec<Entry>,
    /// The events.
    pub(crate) recorded: Vec<Arc<RecordedEvent>>,
    /// What of them goes into the hashes over the log.
    pub(crate) leaves: Vec<(Position, Leaf)>,
}

pub(crate) struct Group<'a> {
    lookup: Lookup<'a>,
    heads: &'a mut LruCache<Name, Version>,
    insert: CachedStatement<'a>,
    position: u64,
    leaves: Leaves,
    staged: Staged,
}

/// Text that is known to be UTF-8 without looking again.
struct Utf8<'a>(&'a [u8]);

impl ToSql for Utf8<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

impl<'a> Group<'a> {
    /// A group that follows the event at `position`.
    pub(crate) fn new(
        lookup: Lookup<'a>,
        heads: &'a mut LruCache<Name, Version>,
        position: u64,
    ) -> Result<Self, rusqlite::Error> {
        let sql = concat!("INSERT INTO events(", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        let insert = lookup.log.prepare_cached(sql)?;
        Ok(Self { lookup, heads, insert, position, leaves: Leaves::default(), staged: Staged::default() })
    }

    pub(crate) fn into_staged(self) -> Staged {
        self.staged
    }

    /// Writes one append, or says why not. The outer error is the whole transaction's.
    pub(crate) fn place(
        &mut self,
        element: Element,
    ) -> Result<Result<Appended, AppendError>, rusqlite::Error> {
        let actual = match self.last_version(&element.name) {
            Ok(actual) => actual,
            Err(error) => return Ok(Err(append_error(error))),
        };
        if ExpectedVersion::after(actual) != element.expected {
            let repeated = self.repeated(&element, actual).map_err(append_error);
            return Ok(repeated.and_then(|first_time| first_time.ok_or(AppendError::Conflict { actual })));
        }
        let mut version = element.expected.next();
        for row in element.rows {
            version = row.recorded.version;
            self.insert(element.name.hash, row)?;
        }
        self.staged.versions.insert(element.name, version);
        Ok(Ok(Appended { version, position: Position::row(self.position) }))
    }

    fn last_version(&mut self, name: &Name) -> Result<Option<Version>, ReadError> {
        let known = self.staged.versions.get(name).or_else(|| self.heads.get(name));
        if let Some(version) = known {
            return Ok(Some(*version));
        }
        let newest = Version(u64::MAX);
        let found = self.lookup.rows(name, newest, Direction::Backward, 1, |row| Ok(row.stored.version))?;
        if let Some(version) = found.first() {
            self.heads.put(name.clone(), *version);
        }
        Ok(found.first().copied())
    }

    fn insert(&mut self, hash: u64, row: NewRow) -> Result<(), rusqlite::Error> {
        let NewRow { encoded, mut recorded } = row;
        self.position += 1;
        recorded.position = Position::row(self.position);
        let stored = StoredEvent {
            position: recorded.position,
            stream: recorded.stream.as_str(),
            version: recorded.version,
            id: recorded.id,
            type_name: encoded.encoded.type_name,
            schema: encoded.encoded.schema,
            payload: &encoded.encoded.payload,
            metadata: &encoded.metadata,
        };
        let crc = checksum(&stored);
        self.insert.execute((
            self.position.cast_signed(),
            stored.stream,
            stored.version.0.cast_signed(),
            stored.id.0.as_bytes().as_slice(),
            stored.type_name,
            stored.schema,
            Utf8(stored.payload),
            Utf8(stored.metadata),
            crc,
        ))?;
        let spot = Spot { version: recorded.version.0, position: self.position };
        self.staged.leaves.push((stored.position, self.leaves.leaf(&stored)));
        self.staged.entries.push(Entry { hash, spot, crc });
        self.staged.recorded.push(Arc::new(recorded));
        Ok(())
    }

    /// The result of the first time, when the same events lie where they are to be written again.
    fn repeated(&self, element: &Element, actual: Option<Version>) -> Result<Option<Appended>, ReadError> {
        let first = element.expected.next();
        if actual.is_none_or(|actual| actual < first) {
            return Ok(None);
        }
        let (name, count) = (&element.name, element.rows.len());
        let place = |row: &crate::row::Row<'_>| Ok((row.stored.id, row.stored.version, row.stored.position));
        let mut there: Vec<(EventId, Version, Position)> =
            self.lookup.rows(name, first, Direction::Forward, count, place)?;
        if self.staged.versions.contains_key(name) {
            let staged = self.staged.recorded.iter().map(|event| &**event);
            let staged = staged.filter(|event| event.stream == name.stream && event.version >= first);
            there.extend(staged.map(|event| (event.id, event.version, event.position)));
        }
        let is_same = there.len() >= count
            && element
                .rows
                .iter()
                .zip(&there)
                .all(|(row, (id, version, _))| row.encoded.id == *id && row.recorded.version == *version);
        let last = there.get(count - 1).filter(|_| is_same);
        Ok(last.map(|(_, version, position)| Appended { version: *version, position: *position }))
    }
}

fn append_error(error: ReadError) -> AppendError {
    match error {
        ReadError::Unavailable(problem) => AppendError::Unavailable(problem),
        ReadError::Corrupt { .. } => AppendError::Corrupt(error.to_string()),
    }
}
