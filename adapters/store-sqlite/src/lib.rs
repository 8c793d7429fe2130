//! The embedded event store: one SQLite file used as an append-only log.
//!
//! ```text
//! append_many ─► encode ─► bounded queue ─► writer thread ─► events.db     one table, keyed by position: the truth
//!                                              │ after the commit
//!                                              ├─► tail ──► indexer thread ─► index.db     derived, may be deleted
//!                                              ├─► rows ──► hasher thread ──► chain.links  derived, may be deleted
//!                                              └─► recent ─► subscriptions
//! reads ─► pool of read-only connections on blocking threads
//! ```
//!
//! Whoever appends encodes; of a long batch the writer takes the first part in while the next ones are being encoded.
//! A data folder belongs to one process at a time: `lock` in it is locked as long as the store is open. Rows carry a
//! checksum which is looked at on every read. This crate does not know what events mean.

mod archive;
mod chain;
mod group;
mod import;
mod index;
mod log;
mod lookup;
mod options;
mod reader;
mod recent;
mod request;
mod row;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::ports::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, LogSize, ReadError, Subscription,
};
use domain::stream::{Position, StreamId, Version};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

pub use crate::archive::LogFile;
use crate::chain::Hashes;
pub use crate::chain::{KeptLinks, LinksError};
pub use crate::import::{ImportError, NewLog};
use crate::index::Index;
pub use crate::log::FILE as LOG_FILE;
use crate::lookup::Name;
pub use crate::options::{OpenError, SqliteOptions};
use crate::reader::{Pool, Reader};
use crate::recent::Recent;
use crate::request::{Batch, Request};
use crate::subscription::Follower;
use crate::tail::Tail;
pub use crate::verify::{KnownHead, Verified, VerifyError, verify};
use crate::writer::Writer;

/// How many batches may wait for the writer; further ones wait for a place among them.
const REQUESTS_MAX: usize = 1_024;

/// How many streams one read looks for; several reads run side by side.
const STREAMS_PER_READ: usize = 256;

/// How many rows are worth a reader of their own.
const ROWS_PER_READER_MIN: usize = 512;

/// How a stream's name becomes a key of the index. Different names may have the same hash.
type Hash = fn(&str) -> u64;

/// An event store in a folder. Dropping it finishes what is under way and closes the files.
pub struct SqliteStore {
    /// Nothing once the store is being closed.
    requests: Option<mpsc::Sender<Request>>,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<Connection>>,
    indexer: Option<JoinHandle<()>>,
    chainer: Option<JoinHandle<()>>,
    folder: PathBuf,
    log_bytes_max: Option<u64>,
    /// Dropped last: until then nobody else may open the folder.
    _lock: FolderLock,
}

/// What readers, subscribers and the writer share.
struct Shared {
    tail: Tail,
    recent: Recent,
    pool: Arc<Pool>,
    hash: Hash,
    head: watch::Receiver<u64>,
    hashes: Arc<Hashes>,
}

impl SqliteStore {
    /// Opens the store in `folder`, which is made when there is none, and brings its stream index up to date.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do. The log is as it was then.
    pub fn open(folder: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::open_with(folder, options, fnv_1a)
    }

    fn open_with(folder: &Path, options: SqliteOptions, hash: Hash) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let log = log::open(folder, options.log_bytes_max)?;
        let index = Index::open(folder, &log, hash)?;
        let read_error = |error: rusqlite::Error| file_error(folder, error.to_string());
        let (head, watched) = watch::channel(log::head(&log).map_err(read_error)?);
        let shared = Arc::new(Shared {
            tail: Tail::new(options.tail_events_max),
            recent: Recent::new(options.recent_events_max),
            pool: Arc::new(Pool::new(folder.to_owned(), options.readers_max)),
            hash,
            head: watched,
            hashes: Arc::new(Hashes::new()),
        });
        let index_reader = index::open_for_writer(folder).map_err(read_error)?;
        let writer = Writer::new(log, index_reader, Arc::clone(&shared), head);
        let (requests, waiting) = mpsc::channel(REQUESTS_MAX);
        let mut store = Self {
            requests: Some(requests),
            shared: Arc::clone(&shared),
            writer: None,
            indexer: None,
            chainer: None,
            folder: folder.to_owned(),
            log_bytes_max: options.log_bytes_max,
            _lock: lock,
        };
        let (hashes, followed) = (Arc::clone(&shared.hashes), folder.to_owned());
        let thread_error = |error: std::io::Error| file_error(folder, error.to_string());
        let head = shared.head.clone();
        let follow = move || chain::follow(&followed, &hashes, head);
        store.indexer =
            Some(spawn("store-indexer", move || index.follow(&shared.tail)).map_err(thread_error)?);
        store.writer = Some(spawn("store-writer", move || writer.run(waiting)).map_err(thread_error)?);
        // Last: it ends when the writer has, so there must be one.
        store.chainer = Some(spawn("store-hashes", follow).map_err(thread_error)?);
        Ok(store)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The threads' connections are closed last, so that SQLite can tidy up its files.
        self.shared.pool.close();
        drop(self.requests.take());
        // A thread that has panicked has said so itself.
        let log = self.writer.take().map(JoinHandle::join);
        self.shared.tail.close();
        let _ = self.indexer.take().map(JoinHandle::join);
        // It ends by itself once the writer has.
        let _ = self.chainer.take().map(JoinHandle::join);
        drop(log);
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>> {
        let everybody = |error| vec![Err(error); batch.len()];
        let Some(requests) = &self.requests else { return everybody(closed()) };
        let (reply, answer) = oneshot::channel();
        let (prepared, encoder) = Batch::new(&batch, self.shared.hash);
        if requests.send(Request { batch: prepared, reply }).await.is_err() {
            return everybody(closed());
        }
        if let Some(encoder) = encoder {
            encoder.run();
        }
        match answer.await {
            Ok(results) => results,
            Err(_) => everybody(AppendError::Unknown("the writer ended before it answered".to_owned())),
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let shared = Arc::clone(&self.shared);
        let name = Name::new(stream.clone(), shared.hash);
        self.shared.pool.run(move |reader| reader.stream(&shared.tail, &name, from, direction, limit)).await
    }

    async fn read_streams(
        &self,
        streams: &[StreamId],
        limit: usize,
    ) -> Vec<Result<Vec<Arc<RecordedEvent>>, ReadError>> {
        let reads = streams.chunks(STREAMS_PER_READ).map(|streams| {
            let shared = Arc::clone(&self.shared);
            let names: Vec<_> = streams.iter().map(|stream| Name::new(stream.clone(), shared.hash)).collect();
            async move {
                let count = names.len();
                let read = move |reader: &Reader| reader.streams(&shared.tail, &names, limit);
                let read = self.shared.pool.run(read).await;
                read.unwrap_or_else(|error| vec![Err(error); count])
            }
        });
        futures::future::join_all(reads).await.into_iter().flatten().collect()
    }

    async fn read_all(
        &self,
        after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        self.shared.page(after.major, limit, filter.clone()).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(Position::row(*self.shared.head.borrow()))
    }

    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        if let Some(event) = self.shared.recent.last() {
            return Ok(Some(event));
        }
        let before = (*self.shared.head.borrow()).saturating_sub(1);
        Ok(self.shared.page(before, usize::MAX, EventFilter::default()).await?.pop())
    }

    async fn size(&self) -> Result<Option<LogSize>, ReadError> {
        let size_bytes = self.shared.pool.run(Reader::size_bytes).await?;
        Ok(Some(LogSize { size_bytes, size_bytes_max: self.log_bytes_max }))
    }

    async fn subscribe(&self, after: Position) -> Result<Box<dyn Subscription>, ReadError> {
        let (shared, head) = (Arc::clone(&self.shared), self.shared.head.clone());
        Ok(Box::new(Follower { shared, after: after.major, head }))
    }
}

impl Shared {
    /// The wanted events after a position, from the file.
    async fn page(
        &self,
        after: u64,
        limit: usize,
        filter: EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let head = *self.head.borrow();
        let rows = usize::try_from(head.saturating_sub(after)).unwrap_or(usize::MAX).min(limit);
        if rows < 2 * ROWS_PER_READER_MIN || !filter.stream_prefix.is_empty() {
            return self.pool.run(move |reader| reader.page(after, limit, &filter, head)).await;
        }
        // Nothing is left out between two rows, so two readers can each take a half.
        let half = rows / 2;
        let everything = EventFilter::default;
        let first = self.pool.run(move |reader| reader.page(after, half, &everything(), head));
        let after_half = after + half as u64;
        let second = self.pool.run(move |reader| reader.page(after_half, rows - half, &everything(), head));
        let (mut events, rest) = futures::future::try_join(first, second).await?;
        events.extend(rest);
        Ok(events)
    }
}

/// The right to a folder. Given back by name: closing the file is not enough while a program that is just being started
/// still has a copy of the handle.
struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the data folder could not be given back; it goes with the process");
        }
    }
}

fn lock(folder: &Path) -> Result<FolderLock, OpenError> {
    fs::create_dir_all(folder).map_err(|error| file_error(folder, error.to_string()))?;
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(|error| file_error(&path, error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(FolderLock(lock)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(file_error(&path, error.to_string())),
    }
}

fn file_error(path: &Path, problem: String) -> OpenError {
    OpenError::File { path: PathBuf::from(path), problem }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn closed() -> AppendError {
    AppendError::Unavailable("the event store is closed".to_owned())
}

/// The 64-bit FNV-1a hash: the same in every version and on every machine.
fn fnv_1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
