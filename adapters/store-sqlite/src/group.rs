//! A group: appends that are written in one transaction, each placed after what its stream holds.
//! Does not know when the transaction begins and ends.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use domain::event::RecordedEvent;
use domain::names::EventId;
use domain::ports::{AppendError, Appended, Direction, ReadError};
use domain::stream::{ExpectedVersion, Position, Version};
use lru::LruCache;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, Transaction};

use crate::chain::WrittenRow;
use crate::lookup::{ByHash, Lookup, Name};
use crate::request::{Element, NewRow};
use crate::row::{checksum, columns};
use crate::tail::{Entry, Pin, Spot};

/// What was written and is not durable yet.
#[derive(Default)]
pub(crate) struct Staged {
    /// The last versions of the streams that were written.
    pub(crate) versions: HashMap<Name, Version, ByHash>,
    /// One for each event, in the order of the log.
    pub(crate) entries: Vec<Entry>,
    /// The events.
    pub(crate) recorded: Vec<Arc<RecordedEvent>>,
    /// Their rows.
    pub(crate) rows: Vec<WrittenRow>,
}

/// One state of the index for a whole group, which saves taking its locks for each lookup.
struct IndexState<'a> {
    _state: Transaction<'a>,
    /// Dropped last: what the tail has given away would be missing in that state.
    _pin: Pin<'a>,
}

pub(crate) struct Group<'a> {
    lookup: Lookup<'a>,
    heads: &'a mut LruCache<Name, Version, ByHash>,
    /// Nothing until a stream is looked up.
    index_state: Option<IndexState<'a>>,
    position: u64,
    staged: Staged,
    /// How many of the staged rows are written.
    written: usize,
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
        heads: &'a mut LruCache<Name, Version, ByHash>,
        position: u64,
    ) -> Self {
        Self { lookup, heads, index_state: None, position, staged: Staged::default(), written: 0 }
    }

    /// Places one append, or says why not. The outer error is the whole transaction's.
    pub(crate) fn place(
        &mut self,
        element: Element,
    ) -> Result<Result<Appended, AppendError>, rusqlite::Error> {
        let actual = match self.known_version(&element.name) {
            Some(version) => Some(version),
            None => match self.last_version(&element.name)? {
                Ok(actual) => actual,
                Err(error) => return Ok(Err(append_error(error))),
            },
        };
        if ExpectedVersion::after(actual) != element.expected {
            self.hold_index()?;
            let repeated = self.repeated(&element, actual).map_err(append_error);
            return Ok(repeated.and_then(|first_time| first_time.ok_or(AppendError::Conflict { actual })));
        }
        let mut version = element.expected.next();
        for row in element.rows {
            version = row.recorded.version;
            self.stage(element.name.hash, row);
        }
        self.staged.versions.insert(element.name, version);
        self.write_by(ROWS_PER_INSERT, many_rows())?;
        Ok(Ok(Appended { version, position: Position::row(self.position) }))
    }

    fn known_version(&mut self, name: &Name) -> Option<Version> {
        self.staged.versions.get(name).or_else(|| self.heads.get(name)).copied()
    }

    /// The last version of a stream as the log has it.
    fn last_version(&mut self, name: &Name) -> Result<Result<Option<Version>, ReadError>, rusqlite::Error> {
        self.hold_index()?;
        let newest = Version(u64::MAX);
        let found = self.lookup.rows(name, newest, Direction::Backward, 1, |row| Ok(row.stored.version));
        Ok(found.map(|found| {
            let version = found.first().copied();
            if let Some(version) = version {
                self.heads.put(name.clone(), version);
            }
            version
        }))
    }

    /// From now on every lookup of the group sees the same state of the index. Groups that look nothing up need none.
    fn hold_index(&mut self) -> Result<(), rusqlite::Error> {
        if self.index_state.is_none() {
            let pin = self.lookup.tail.pin();
            let state = self.lookup.index.unchecked_transaction()?;
            self.index_state = Some(IndexState { _state: state, _pin: pin });
        }
        Ok(())
    }

    fn stage(&mut self, hash: u64, row: NewRow) {
        let NewRow { encoded, mut recorded } = row;
        self.position += 1;
        let position = Position::row(self.position);
        recorded.position = position;
        let (stream, version) = (recorded.stream.clone(), recorded.version);
        let row = WrittenRow { position, stream, version, encoded };
        let (spot, crc) = (Spot { version: version.0, position: self.position }, checksum(&row.stored()));
        self.staged.entries.push(Entry { hash, spot, crc });
        self.staged.recorded.push(Arc::new(recorded));
        self.staged.rows.push(row);
    }

    /// Writes what was placed and is not written yet, so many rows at once, and leaves what is fewer.
    fn write_by(&mut self, rows_at_once: usize, sql: &str) -> Result<(), rusqlite::Error> {
        let Staged { rows, entries, .. } = &self.staged;
        loop {
            let next = self.written..self.written + rows_at_once;
            let Some((rows, entries)) = rows.get(next.clone()).zip(entries.get(next)) else { return Ok(()) };
            insert(self.lookup.log, sql, rows, entries)?;
            self.written += rows_at_once;
        }
    }

    /// Writes the last rows. What was placed is in the transaction then.
    pub(crate) fn finish(mut self) -> Result<Staged, rusqlite::Error> {
        self.write_by(1, ONE_ROW)?;
        Ok(self.staged)
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

/// How many rows one statement writes. The end of the table is looked for once for all of them.
const ROWS_PER_INSERT: usize = 16;
const ONE_ROW: &str = concat!("INSERT INTO events(", columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");

fn many_rows() -> &'static str {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("{ONE_ROW}{}", ", (?, ?, ?, ?, ?, ?, ?, ?, ?)".repeat(ROWS_PER_INSERT - 1)));
    &SQL
}

/// Writes rows with a statement for just as many.
fn insert(
    log: &Connection,
    sql: &str,
    rows: &[WrittenRow],
    entries: &[Entry],
) -> Result<(), rusqlite::Error> {
    let mut statement = log.prepare_cached(sql)?;
    let mut parameter = 0;
    let mut bind = |value: &dyn ToSql| {
        parameter += 1;
        statement.raw_bind_parameter(parameter, value)
    };
    for (row, Entry { hash: _, spot: _, crc }) in rows.iter().zip(entries) {
        let stored = row.stored();
        bind(&stored.position.major.cast_signed())?;
        bind(&stored.stream)?;
        bind(&stored.version.0.cast_signed())?;
        bind(&stored.id.0.as_bytes().as_slice())?;
        bind(&stored.type_name)?;
        bind(&stored.schema)?;
        bind(&Utf8(stored.payload))?;
        bind(&Utf8(stored.metadata))?;
        bind(crc)?;
    }
    statement.raw_execute().map(drop)
}

fn append_error(error: ReadError) -> AppendError {
    match error {
        ReadError::Unavailable(problem) => AppendError::Unavailable(problem),
        ReadError::Corrupt { .. } => AppendError::Corrupt(error.to_string()),
    }
}
