//! The writer: one thread that owns the only connection that writes to the log.
//!
//! It takes everything that is waiting, writes it in one transaction with one flush, makes it known to the tail and the
//! subscribers, and then answers everybody. It does not know how many callers there are.

use std::num::NonZeroUsize;
use std::sync::Arc;

use domain::ports::{AppendError, Appended};
use domain::stream::Version;
use lru::LruCache;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, watch};

use crate::Shared;
use crate::group::{Group, Staged};
use crate::lookup::{Lookup, Name};
use crate::request::{Element, Request};

/// A group takes no further batch once it has so many events.
const GROUP_EVENTS_MAX: usize = 8_192;
/// How many streams have their last version in memory.
const HEADS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");
/// What to do when SQLite reports that there is no room.
const FULL: &str = "the disk or the log's own limit (log_bytes_max) is full; make room or raise the limit";

type Batch = Vec<Result<Element, AppendError>>;
type Results = Vec<Result<Appended, AppendError>>;

pub(crate) struct Writer {
    log: Connection,
    /// Read only: the indexer writes it.
    index: Connection,
    shared: Arc<Shared>,
    /// The last versions of streams, as they are durable.
    heads: LruCache<Name, Version>,
    /// The position of the last durable event.
    head: watch::Sender<u64>,
    /// Why nothing can be written any more.
    poison: Option<String>,
}

impl Writer {
    pub(crate) fn new(
        log: Connection,
        index: Connection,
        shared: Arc<Shared>,
        head: watch::Sender<u64>,
    ) -> Self {
        Self { log, index, shared, heads: LruCache::new(HEADS_MAX), head, poison: None }
    }

    /// Serves requests until nobody can send one any more. Gives the log back, to be closed when nobody reads it any longer.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<Request>) -> Connection {
        while let Some(first) = requests.blocking_recv() {
            let mut events = first.event_count();
            let mut group = vec![first];
            while events < GROUP_EVENTS_MAX {
                let Ok(next) = requests.try_recv() else { break };
                events += next.event_count();
                group.push(next);
            }
            self.serve(group, events);
        }
        self.log
    }

    fn serve(&mut self, group: Vec<Request>, events: usize) {
        let (batches, replies): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.batch, request.reply)).unzip();
        let lengths: Vec<_> = batches.iter().map(Vec::len).collect();
        let results = self.write(batches, events).unwrap_or_else(|error| {
            lengths.into_iter().map(|length| vec![Err(error.clone()); length]).collect()
        });
        for (reply, results) in replies.into_iter().zip(results) {
            // A caller that has gone away needs no answer.
            let _ = reply.send(results);
        }
    }

    /// Writes batches in one transaction. An error is everybody's: nothing of the group is acknowledged.
    fn write(&mut self, batches: Vec<Batch>, events: usize) -> Result<Vec<Results>, AppendError> {
        if let Some(problem) = &self.poison {
            return Err(AppendError::Poisoned(problem.clone()));
        }
        self.shared.tail.wait_for_room(events).map_err(AppendError::Unavailable)?;
        let (results, staged) = self.stage(batches).map_err(|error| self.statement_failed(&error))?;
        self.log.prepare_cached("COMMIT").and_then(|mut commit| commit.execute(())).map_err(|error| {
            match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    self.statement_failed(&error)
                }
                Some(_) | None => self.poisoned(&error),
            }
        })?;
        self.publish(staged);
        Ok(results)
    }

    /// Everything up to the commit.
    fn stage(&mut self, batches: Vec<Batch>) -> Result<(Vec<Results>, Staged), rusqlite::Error> {
        let Self { log, index, shared, heads, head, poison: _ } = self;
        // One state of the index for the whole group saves taking its locks for each lookup.
        let _pin = shared.tail.pin();
        let index = index.unchecked_transaction()?;
        log.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        let lookup = Lookup { log, index: &index, tail: &shared.tail };
        let mut group = Group::new(lookup, heads, *head.borrow())?;
        let results = batches
            .into_iter()
            .map(|batch| {
                batch
                    .into_iter()
                    .map(|element| element.map_or_else(|error| Ok(Err(error)), |it| group.place(it)))
                    .collect()
            })
            .collect::<Result<_, _>>()?;
        Ok((results, group.into_staged()))
    }

    /// Makes known what has become durable. The tail comes first: whoever hears of an event can find it.
    fn publish(&mut self, staged: Staged) {
        let Some(last) = staged.entries.last().map(|entry| entry.spot.position) else { return };
        self.shared.tail.push(&staged.entries);
        self.shared.hashes.offer(staged.leaves);
        self.shared.recent.push(staged.recorded);
        for (name, version) in staged.versions {
            self.heads.put(name, version);
        }
        self.head.send_replace(last);
    }

    /// Takes the transaction back and says what that means for the callers.
    fn statement_failed(&mut self, error: &rusqlite::Error) -> AppendError {
        // After some errors SQLite has taken it back already.
        if !self.log.is_autocommit()
            && let Err(error) = self.log.execute_batch("ROLLBACK")
        {
            return self.poisoned(&error);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => AppendError::Unavailable(FULL.to_owned()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                AppendError::Corrupt(error.to_string())
            }
            Some(_) | None => AppendError::Unavailable(error.to_string()),
        }
    }

    fn poisoned(&mut self, error: &rusqlite::Error) -> AppendError {
        tracing::error!(%error, "a flush of the event log failed; nothing is written until the store is reopened");
        let problem = self.poison.insert(error.to_string());
        AppendError::Poisoned(problem.clone())
    }
}
