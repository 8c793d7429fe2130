//! The writer: one thread that owns the only connection that writes to the log.
//!
//! It takes everything that is waiting, writes it in one transaction with one flush, makes it known to the tail and the
//! subscribers, and then answers everybody. It does not know how many callers there are.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ports::{AppendError, Appended};
use domain::stream::Version;
use lru::LruCache;
use rusqlite::{Connection, ErrorCode};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::Shared;
use crate::chain::WrittenRow;
use crate::group::{Group, Staged};
use crate::log::PAGE_BYTES;
use crate::lookup::{ByHash, Lookup, Name};
use crate::request::{Batch, Request};

/// A group takes no further batch once it has so many events.
const GROUP_EVENTS_MAX: usize = 8_192;
/// When so much was written, in bytes, it is moved from the log's journal into its file as soon as nobody asks for anything.
const CHECKPOINT_BYTES: u64 = 1 << 20;
/// When so much was written, in bytes, it is moved at once. Little enough for the journal to be written over soon after a
/// start: a flush of a file that still grows takes twice as long.
const CHECKPOINT_BYTES_MAX: u64 = 4 << 20;
/// For how long nobody has to have asked for anything: whoever asks next waits until all is moved.
const IDLE: Duration = Duration::from_millis(2);
/// How many streams have their last version in memory.
const HEADS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");
/// What to do when SQLite reports that there is no room.
const FULL: &str = "the disk or the log's own limit (log_bytes_max) is full; make room or raise the limit";

type Results = Vec<Result<Appended, AppendError>>;

/// What is left to do of a group whose callers have been answered.
#[derive(Default)]
struct Aftermath {
    /// The last versions of the streams that were written.
    versions: HashMap<Name, Version, ByHash>,
    /// About how much was written, in bytes.
    bytes: u64,
    /// What had to go from memory. Freeing it takes a while.
    _forgotten: Vec<Arc<RecordedEvent>>,
}

pub(crate) struct Writer {
    log: Connection,
    /// Read only: the indexer writes it.
    index: Connection,
    shared: Arc<Shared>,
    /// The last versions of streams, as they are durable.
    heads: LruCache<Name, Version, ByHash>,
    /// The position of the last durable event.
    head: watch::Sender<u64>,
    /// About how much was written since the last checkpoint, in bytes.
    journal_bytes: u64,
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
        Self {
            log,
            index,
            shared,
            heads: LruCache::with_hasher(HEADS_MAX, ByHash::default()),
            head,
            journal_bytes: 0,
            poison: None,
        }
    }

    /// Serves requests until nobody can send one any more. Gives the log back, to be closed when nobody reads it any longer.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<Request>) -> Connection {
        let clock = Builder::new_current_thread().enable_time().build();
        let clock = clock.inspect_err(|error| {
            tracing::warn!(%error, "there is no clock for the journal of the event log: it is moved once it is large");
        });
        while let Some(first) = self.next(&mut requests, clock.as_ref().ok()) {
            let mut events = first.batch.events;
            let mut group = vec![first];
            while events < GROUP_EVENTS_MAX {
                let Ok(next) = requests.try_recv() else { break };
                events += next.batch.events;
                group.push(next);
            }
            self.serve(group, events);
        }
        self.log
    }

    /// The next request. When enough was written, the first moment in which there is none is used to move it.
    fn next(&mut self, requests: &mut mpsc::Receiver<Request>, clock: Option<&Runtime>) -> Option<Request> {
        if let Some(clock) = clock
            && self.journal_bytes >= CHECKPOINT_BYTES
        {
            let soon = clock.block_on(async { timeout(IDLE, requests.recv()).await });
            match soon {
                Ok(next) => return next,
                Err(_) => self.checkpoint(),
            }
        }
        requests.blocking_recv()
    }

    fn serve(&mut self, group: Vec<Request>, events: usize) {
        let (batches, replies): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.batch, request.reply)).unzip();
        let lengths: Vec<_> = batches.iter().map(|batch: &Batch| batch.length).collect();
        let (results, aftermath) = self.write(batches, events).unwrap_or_else(|error| {
            let everybody = lengths.into_iter().map(|length| vec![Err(error.clone()); length]);
            (everybody.collect(), Aftermath::default())
        });
        for (reply, results) in replies.into_iter().zip(results) {
            // A caller that has gone away needs no answer.
            let _ = reply.send(results);
        }
        let Aftermath { versions, bytes, _forgotten } = aftermath;
        if bytes > 0 {
            self.head.send_if_modified(|_| true);
        }
        for (name, version) in versions {
            self.heads.put(name, version);
        }
        self.journal_bytes += bytes;
        if self.journal_bytes >= CHECKPOINT_BYTES_MAX {
            self.checkpoint();
        }
    }

    /// Moves what was written into the log's file, as far as no reader needs it where it is. Nobody waits for an answer
    /// meanwhile. If it fails, everything is where it was, and the next one moves it.
    fn checkpoint(&mut self) {
        self.journal_bytes = 0;
        if let Err(error) = self.log.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(())) {
            tracing::debug!(%error, "the journal of the event log could not be moved into its file; trying again later");
        }
    }

    /// Writes batches in one transaction. An error is everybody's: nothing of the group is acknowledged.
    fn write(
        &mut self,
        batches: Vec<Batch>,
        events: usize,
    ) -> Result<(Vec<Results>, Aftermath), AppendError> {
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
        Ok((results, self.publish(staged)))
    }

    /// Everything up to the commit.
    fn stage(&mut self, batches: Vec<Batch>) -> Result<(Vec<Results>, Staged), rusqlite::Error> {
        let Self { log, index, shared, heads, head, journal_bytes: _, poison: _ } = self;
        log.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        let lookup = Lookup { log, index, tail: &shared.tail };
        let mut group = Group::new(lookup, heads, *head.borrow());
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut placed = Vec::with_capacity(batch.length);
            for append in batch.into_appends() {
                placed.push(match append {
                    Ok(append) => group.place(append)?,
                    Err(refused) => Err(refused),
                });
            }
            results.push(placed);
        }
        Ok((results, group.finish()?))
    }

    /// Makes known what has become durable. The tail comes first: whoever hears of an event can find it.
    fn publish(&mut self, staged: Staged) -> Aftermath {
        let Some(last) = staged.entries.last().map(|entry| entry.spot.position) else {
            return Aftermath::default();
        };
        // The page that was not full is written again with each group.
        let bytes = staged.rows.iter().map(WrittenRow::bytes).sum::<usize>() as u64 + PAGE_BYTES;
        self.shared.tail.push(&staged.entries);
        self.shared.hashes.offer(staged.rows);
        let forgotten = self.shared.recent.push(staged.recorded);
        // Whoever looks finds it, but nobody is woken before the callers are: each of those takes the processor from the writer.
        self.head.send_if_modified(|head| {
            *head = last;
            false
        });
        Aftermath { versions: staged.versions, bytes, _forgotten: forgotten }
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
