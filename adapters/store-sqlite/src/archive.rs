//! A log as a whole: read beside whoever writes it, and written as lines. Does not know the stream index, nor where lines go.

mod live;

use std::ops::ControlFlow;
use std::path::Path;

use domain::ports::{ArchiveFilter, ArchivePage, ReadError};
use domain::stream::{Position, StreamId};
use event_codec::StoredEvent;
use event_codec::cloud_events::{LogId, write_end, write_line};
use rusqlite::Connection;
use uuid::Uuid;

use crate::log;
use crate::options::OpenError;
use crate::reader::{STATEMENT_ROWS_MAX, scan};
use crate::row::{corrupt, failed};

/// A page that gets longer ends after the line with which it did, in bytes.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// The log of a data folder, only read. Somebody else may be writing it.
pub struct LogFile {
    log: Connection,
    id: LogId,
}

impl LogFile {
    /// Opens the log in a data folder.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let log = log::open_to_read(folder)?;
        let id = log_id(&log)
            .map_err(|error| OpenError::File { path: log::path(folder), problem: error.to_string() })?;
        Ok(Self { log, id })
    }

    /// What tells this log from others.
    #[must_use]
    pub const fn id(&self) -> LogId {
        self.id
    }

    /// The position of the last event.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn head(&self) -> Result<Position, ReadError> {
        log::head(&self.log).map(Position::row).map_err(|error| failed(0, &error))
    }

    /// Stream and version of the event at a position as its row says, whether or not that is true.
    pub(crate) fn place(&self, position: Position) -> (String, String) {
        let sql = "SELECT CAST(stream AS TEXT), CAST(version AS TEXT) FROM events WHERE position = ?1";
        let row =
            self.log.query_row(sql, [position.major.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)));
        row.unwrap_or_else(|_| ("a stream that cannot be read".to_owned(), "?".to_owned()))
    }

    /// A part of an export, as [`domain::ports::LogArchive::page`] gives it.
    ///
    /// # Errors
    /// [`ReadError`], which names the position where the log is damaged.
    pub fn page(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
    ) -> Result<ArchivePage, ReadError> {
        page(&self.log, after.major, until.major, filter)
    }

    /// The line with which an export ends.
    #[must_use]
    pub fn end(&self, after: Position, until: Position, filter: &ArchiveFilter, events: u64) -> Vec<u8> {
        write_end(self.id, after, until, filter, events)
    }

    /// Visits every row after a position up to another one. Each of them has been held against its checksum, and none is
    /// left out.
    ///
    /// # Errors
    /// [`ReadError`], which names the position where the log is damaged.
    pub fn rows(
        &self,
        after: Position,
        until: Position,
        mut visit: impl FnMut(&StoredEvent<'_>),
    ) -> Result<(), ReadError> {
        let mut position = after.major;
        while position < until.major {
            let before = position;
            let rows_max = rows_until(position, until.major);
            scan(&self.log, &mut position, rows_max, |row| {
                visit(&row.stored);
                Ok(ControlFlow::Continue(()))
            })?;
            if position == before {
                return Err(corrupt(position + 1, "the row is missing"));
            }
        }
        Ok(())
    }
}

/// The identity of a log.
pub(crate) fn log_id(log: &Connection) -> Result<LogId, ReadError> {
    let id = log::id(log).map_err(|error| failed(0, &error))?;
    let id =
        Uuid::from_slice(&id).map_err(|_| ReadError::Unavailable("the log has no identity".to_owned()))?;
    Ok(LogId(id))
}

/// The lines of wanted events after a position, up to another one.
pub(crate) fn page(
    log: &Connection,
    after: u64,
    until: u64,
    filter: &ArchiveFilter,
) -> Result<ArchivePage, ReadError> {
    let id = log_id(log)?;
    let mut page = ArchivePage::default();
    let mut position = after;
    if position >= until {
        return Ok(page);
    }
    scan(log, &mut position, rows_until(after, until), |row| {
        let stored = &row.stored;
        if filter.wants(&StreamId::from_stored(stored.stream), stored.type_name) {
            let written = write_line(id, stored, filter, &mut page.lines);
            page.events +=
                u64::from(written.map_err(|problem| corrupt(stored.position.major, problem.to_string()))?);
        }
        let is_full = page.lines.len() >= PAGE_BYTES_MAX;
        Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if position == after {
        return Err(corrupt(position + 1, "the row is missing"));
    }
    page.reached = Some(Position::row(position));
    Ok(page)
}

/// How many rows one statement reads.
fn rows_until(after: u64, until: u64) -> usize {
    usize::try_from(until - after).unwrap_or(usize::MAX).min(STATEMENT_ROWS_MAX)
}
