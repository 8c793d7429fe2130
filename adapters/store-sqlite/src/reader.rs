//! Readers: a bounded number of read-only connections, each used by one blocking task at a time.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use domain::event::RecordedEvent;
use domain::ports::{ArchiveFilter, ArchivePage, Direction, EventFilter, ReadError};
use domain::stream::{StreamId, Version};
use event_codec::cloud_events::LogId;
use event_codec::integrity::proof::Proof;
use rusqlite::{Connection, params};
use tokio::sync::Semaphore;

use crate::chain::positions_in_lane;
use crate::lookup::{Lookup, Name};
use crate::row::{Row, columns, corrupt, failed};
use crate::tail::{Spot, Tail};
use crate::{archive, index, log};

/// How many rows one statement reads: a longer one would keep the log from being checkpointed.
pub(crate) const STATEMENT_ROWS_MAX: usize = 4_096;

/// The events of one stream.
type Found = Result<Vec<Arc<RecordedEvent>>, ReadError>;

/// A pair of read-only connections.
pub(crate) struct Reader {
    log: Connection,
    index: Connection,
}

impl Reader {
    /// The wanted events after a position, at least up to `head`, which is known to be durable.
    pub(crate) fn page(
        &self,
        after: u64,
        limit: usize,
        filter: &EventFilter,
        head: u64,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let EventFilter { stream_prefix } = filter;
        let mut events = Vec::new();
        let mut position = after;
        while events.len() < limit {
            let rows_max = if stream_prefix.is_empty() { limit - events.len() } else { STATEMENT_ROWS_MAX };
            let rows_max = rows_max.min(STATEMENT_ROWS_MAX);
            let before = position;
            scan(&self.log, &mut position, rows_max, |row| {
                if row.stored.stream.starts_with(stream_prefix.as_str()) {
                    events.push(row.decode()?);
                }
                Ok(if events.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            if position == before {
                break;
            }
        }
        if events.len() < limit && position < head {
            return Err(corrupt(position + 1, "the row is missing"));
        }
        Ok(events)
    }

    /// A part of an export.
    pub(crate) fn archive(
        &self,
        after: u64,
        until: u64,
        filter: &ArchiveFilter,
    ) -> Result<ArchivePage, ReadError> {
        archive::page(&self.log, after, until, filter)
    }

    /// The proof of a stream's history up to a position, which the hashes have reached.
    pub(crate) fn proof(&self, folder: &Path, stream: &StreamId, until: u64) -> Result<Proof, ReadError> {
        let mut proof = Proof::new(self.log_id()?, stream.as_str());
        let positions = positions_in_lane(folder, proof.lane(), until);
        let positions = positions.map_err(|error| ReadError::Unavailable(error.to_string()))?;
        for position in positions {
            let mut before = position - 1;
            scan(&self.log, &mut before, 1, |row| {
                proof.add(&row.stored).map_err(|problem| corrupt(position, problem.to_string()))?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(proof)
    }

    /// The identity of the log.
    pub(crate) fn log_id(&self) -> Result<LogId, ReadError> {
        archive::log_id(&self.log)
    }

    /// What the log takes up once everything that was committed is in its file, in bytes.
    pub(crate) fn size_bytes(&self) -> Result<u64, ReadError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let size_bytes = self.log.query_row(sql, (), |row| row.get::<_, i64>(0));
        size_bytes.map(i64::cast_unsigned).map_err(|error| ReadError::Unavailable(error.to_string()))
    }

    /// Events of one stream.
    pub(crate) fn stream(
        &self,
        tail: &Tail,
        name: &Name,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let lookup = Lookup { log: &self.log, index: &self.index, tail };
        lookup.rows(name, from, direction, limit, |row| row.decode())
    }

    /// The first events of each stream.
    ///
    /// # Errors
    /// When nothing can be read; what is wrong with one stream is that stream's result.
    pub(crate) fn streams(&self, tail: &Tail, names: &[Name], limit: usize) -> Result<Vec<Found>, ReadError> {
        let lookup = Lookup { log: &self.log, index: &self.index, tail };
        let spots = lookup.first_spots(names, limit)?;
        // One state of the log for all of them saves taking its locks, and forgetting its pages, for each. It is taken
        // after the spots, so that everything they point to is in it.
        let state = self.log.unchecked_transaction().map_err(|error| failed(0, &error))?;
        let at_spots = |(name, spots): (&Name, &Option<Vec<Spot>>)| {
            let mut events = Vec::new();
            lookup.take_rows(name, spots.as_deref().unwrap_or_default(), &mut events, |row| row.decode())?;
            Ok(events)
        };
        let mut read: Vec<_> = names.iter().zip(&spots).map(at_spots).collect();
        drop(state);
        // Long streams ask the tail again, which may know of events that came after that state.
        for ((name, spots), read) in names.iter().zip(spots).zip(&mut read) {
            if spots.is_none() {
                *read = lookup.rows(name, Version(0), Direction::Forward, limit, |row| row.decode());
            }
        }
        Ok(read)
    }
}

/// Visits rows after `position`, moving it on; every one of them must be there and be whole, wanted or not.
pub(crate) fn scan(
    log: &Connection,
    position: &mut u64,
    rows_max: usize,
    mut visit: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, ReadError>,
) -> Result<(), ReadError> {
    let sql = concat!("SELECT ", columns!(), " FROM events WHERE position > ?1 ORDER BY position LIMIT ?2");
    let Ok(after) = i64::try_from(*position) else { return Ok(()) };
    let mut statement = log.prepare_cached(sql).map_err(|error| failed(*position + 1, &error))?;
    let mut rows =
        statement.query(params![after, rows_max as i64]).map_err(|error| failed(*position + 1, &error))?;
    while let Some(row) = rows.next().map_err(|error| failed(*position + 1, &error))? {
        let row = Row::read(*position + 1, row)?;
        *position += 1;
        if visit(&row)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The readers that nobody uses at the moment.
pub(crate) struct Pool {
    folder: PathBuf,
    permits: Arc<Semaphore>,
    /// Nothing when the store is closed.
    idle: Mutex<Option<Vec<Reader>>>,
}

impl Pool {
    pub(crate) fn new(folder: PathBuf, readers_max: usize) -> Self {
        Self {
            folder,
            permits: Arc::new(Semaphore::new(readers_max.max(1))),
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Runs `read` with a reader on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|closed| ReadError::Unavailable(closed.to_string()))?;
        let pool = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let reader = pool.take()?;
            let result = read(&reader);
            pool.put_back(reader);
            drop(permit);
            result
        });
        task.await
            .map_err(|ended| ReadError::Unavailable(format!("a read ended before its time: {ended}")))?
    }

    /// Closes every reader that nobody uses, and the others as soon as they come back.
    pub(crate) fn close(&self) {
        *self.idle.lock().expect("nothing panics while it holds the readers") = None;
    }

    fn take(&self) -> Result<Reader, ReadError> {
        let idle = match &mut *self.idle.lock().expect("nothing panics while it holds the readers") {
            None => return Err(ReadError::Unavailable("the event store is closed".to_owned())),
            Some(idle) => idle.pop(),
        };
        idle.map_or_else(|| self.open().map_err(|error| ReadError::Unavailable(error.to_string())), Ok)
    }

    fn open(&self) -> Result<Reader, rusqlite::Error> {
        Ok(Reader { log: log::open_reader(&self.folder)?, index: index::open_reader(&self.folder)? })
    }

    fn put_back(&self, reader: Reader) {
        if let Some(idle) = &mut *self.idle.lock().expect("nothing panics while it holds the readers") {
            idle.push(reader);
        }
    }
}
