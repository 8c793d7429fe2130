//! The event store kept in memory, through the codec.
//!
//! The reference implementation: it keeps the same bytes as any other store and is meant to be obviously right, not
//! fast. It does not know files; whatever it holds is gone with its last handle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::ports::{
    Append, AppendError, Appended, ArchiveFilter, ArchivePage, Direction, EventFilter, EventStore,
    LogArchive, LogHead, ReadError, Subscription,
};
use domain::stream::{Position, StreamId, Version};
use event_codec::cloud_events::{LogId, write_end, write_line};
use event_codec::integrity::proof::Proof;
use event_codec::integrity::{Chain, Head, Leaves};
use event_codec::{CodecError, EncodedEvent, StoredEvent, encode_append};
use tokio::sync::watch;
use uuid::Uuid;

/// An event store in memory. A clone is another handle to the same log.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    log: Arc<Mutex<Log>>,
    head: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Log {
    /// The row at index `i` has position `i + 1`.
    rows: Vec<Row>,
    /// The index of each version's row.
    streams: HashMap<StreamId, Vec<usize>>,
}

#[derive(Debug)]
struct Row {
    stream: StreamId,
    version: Version,
    event: EncodedEvent,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { log: Arc::default(), head: watch::Sender::new(0) }
    }
}

impl MemoryStore {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nothing panics while it holds the log")
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>> {
        let mut log = self.log();
        let results = batch.iter().map(|append| log.append(append)).collect();
        self.head.send_replace(log.rows.len() as u64);
        results
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let log = self.log();
        let rows = log.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let from = usize::try_from(from.0).unwrap_or(usize::MAX);
        match direction {
            Direction::Forward => rows.iter().skip(from).take(limit).map(|row| log.decode(*row)).collect(),
            Direction::Backward => {
                let newer = rows.len().saturating_sub(from.saturating_add(1));
                rows.iter().rev().skip(newer).take(limit).map(|row| log.decode(*row)).collect()
            }
        }
    }

    async fn read_all(
        &self,
        after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let log = self.log();
        let first = usize::try_from(after.major).unwrap_or(usize::MAX);
        let wanted = log.rows.iter().enumerate().skip(first).filter(|(_, row)| filter.wants(&row.stream));
        wanted.take(limit).map(|(index, _)| log.decode(index)).collect()
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(Position::row(*self.head.borrow()))
    }

    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        let log = self.log();
        log.rows.len().checked_sub(1).map(|last| log.decode(last)).transpose()
    }

    async fn subscribe(&self, after: Position) -> Result<Box<dyn Subscription>, ReadError> {
        Ok(Box::new(Follower { store: self.clone(), after, head: self.head.subscribe() }))
    }
}

/// A log in memory is the only one that its process can mean.
const LOG: LogId = LogId(Uuid::nil());

#[async_trait]
impl LogArchive for MemoryStore {
    async fn page(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
    ) -> Result<ArchivePage, ReadError> {
        let log = self.log();
        let first = usize::try_from(after.major).unwrap_or(usize::MAX);
        let mut page = ArchivePage::default();
        for (index, row) in log.rows.iter().enumerate().skip(first).take_while(|(i, _)| position(*i) <= until)
        {
            page.reached = Some(position(index));
            if filter.wants(&row.stream, row.event.encoded.type_name) {
                let written = write_line(LOG, &row.stored(index), filter, &mut page.lines);
                page.events += u64::from(written.map_err(|problem| corrupt(index, &problem))?);
            }
        }
        Ok(page)
    }

    async fn log_head(&self, _wanted: Position) -> Result<LogHead, ReadError> {
        let chain = self.log().chain();
        let last = self.last().await?;
        let Head { log, position, hash } = chain.head();
        let (log, hash) = (log.to_string(), hash.to_string());
        let recorded_at = last.map(|event| event.metadata.recorded_at);
        Ok(LogHead { log, position, hash, recorded_at, signature: None })
    }

    async fn proof(&self, stream: &StreamId, _wanted: Position) -> Result<Vec<u8>, ReadError> {
        let log = self.log();
        let mut proof = Proof::new(LOG, stream.as_str());
        for (index, row) in log.rows.iter().enumerate() {
            proof.add(&row.stored(index)).map_err(|problem| corrupt(index, &problem))?;
        }
        Ok(proof.write(&log.chain(), |_| None))
    }

    async fn end(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
        events: u64,
    ) -> Result<Vec<u8>, ReadError> {
        Ok(write_end(LOG, after, until, filter, events))
    }
}

impl Row {
    fn stored(&self, index: usize) -> StoredEvent<'_> {
        StoredEvent {
            position: position(index),
            stream: self.stream.as_str(),
            version: self.version,
            id: self.event.id,
            type_name: self.event.encoded.type_name,
            schema: self.event.encoded.schema,
            payload: &self.event.encoded.payload,
            metadata: &self.event.metadata,
        }
    }
}

fn corrupt(index: usize, problem: &CodecError) -> ReadError {
    ReadError::Corrupt { position: position(index), problem: problem.to_string() }
}

impl Log {
    fn chain(&self) -> Chain {
        let (mut chain, mut leaves) = (Chain::new(LOG), Leaves::default());
        for (index, row) in self.rows.iter().enumerate() {
            chain.add(position(index), &leaves.leaf(&row.stored(index)));
        }
        chain
    }

    fn append(&mut self, append: &Append) -> Result<Appended, AppendError> {
        let events = encode_append(append).map_err(|refused| AppendError::Rejected(refused.to_string()))?;
        let first = append.expected.next();
        let versions = self.streams.entry(append.stream.clone()).or_default();
        if versions.len() as u64 != first.0 {
            return self.repeated(&append.stream, first, &events);
        }
        for (event, version) in events.into_iter().zip(first.0..) {
            versions.push(self.rows.len());
            self.rows.push(Row { stream: append.stream.clone(), version: Version(version), event });
        }
        Ok(self.appended(self.rows.len() - 1))
    }

    /// The result of the first time, when the same events lie where they are to be written again.
    fn repeated(
        &self,
        stream: &StreamId,
        first: Version,
        events: &[EncodedEvent],
    ) -> Result<Appended, AppendError> {
        let versions = self.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let first = usize::try_from(first.0).unwrap_or(usize::MAX);
        let there = versions.get(first..).unwrap_or_default();
        let is_same = |(row, event): (&usize, &EncodedEvent)| {
            self.rows.get(*row).is_some_and(|row| row.event.id == event.id)
        };
        match there.get(events.len() - 1) {
            Some(last) if there.iter().zip(events).all(is_same) => Ok(self.appended(*last)),
            Some(_) | None => {
                Err(AppendError::Conflict { actual: (versions.len() as u64).checked_sub(1).map(Version) })
            }
        }
    }

    fn appended(&self, index: usize) -> Appended {
        let row = self.rows.get(index).expect("the caller found the row");
        Appended { version: row.version, position: position(index) }
    }

    fn decode(&self, index: usize) -> Result<Arc<RecordedEvent>, ReadError> {
        let row = self.rows.get(index).expect("the caller found the row");
        row.stored(index).decode().map(Arc::new).map_err(|problem| corrupt(index, &problem))
    }
}

const fn position(index: usize) -> Position {
    Position::row(index as u64 + 1)
}

/// A subscription: where it has come to is moved on only when events are handed over.
struct Follower {
    store: MemoryStore,
    after: Position,
    head: watch::Receiver<u64>,
}

#[async_trait]
impl Subscription for Follower {
    async fn next(&mut self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let after = self.after.major;
        // The store in this follower keeps the sender alive, so the wait ends by an append and by nothing else.
        let arrived = self.head.wait_for(|head| *head > after).await;
        drop(arrived.map_err(|closed| ReadError::Unavailable(closed.to_string()))?);
        let events = self.store.read_all(self.after, limit.max(1), &EventFilter::default()).await?;
        if let Some(last) = events.last() {
            self.after = last.position;
        }
        Ok(events)
    }
}
