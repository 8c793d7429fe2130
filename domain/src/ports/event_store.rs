//! The event store port. Does not know where the log lies.

use std::sync::Arc;

use async_trait::async_trait;

use crate::event::{Event, Metadata, RecordedEvent};
use crate::names::EventId;
use crate::stream::{ExpectedVersion, Position, StreamId, Version};

/// Events to be appended to one stream, together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// What the stream is expected to hold.
    pub expected: ExpectedVersion,
    /// The events, at least one.
    pub events: Vec<NewEvent>,
    /// What is recorded with them.
    pub metadata: Arc<Metadata>,
}

/// An event that has no place in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id, made by the engine: a repeat of an append has the same ids.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// Where appended events came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The version of the last event.
    pub version: Version,
    /// The position of the last event.
    pub position: Position,
}

/// Why an append did not happen, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The stream holds something else than expected: reload and decide again.
    #[error("the stream is at {actual:?}, not where the append expected it")]
    Conflict {
        /// The stream's last version, nothing when it has no event.
        actual: Option<Version>,
    },
    /// It may or may not have happened: repeat it as it is.
    #[error("the outcome of the append is unknown: {0}")]
    Unknown(String),
    /// Nothing was written; try later.
    #[error("the event store cannot be written now: {0}")]
    Unavailable(String),
    /// It can never be written: tell the caller.
    #[error("the event store does not take this append: {0}")]
    Rejected(String),
    /// The log is damaged: stop.
    #[error("the event log is damaged: {0}")]
    Corrupt(String),
    /// A flush failed, so what is on disk is uncertain: nothing is written until the store is reopened.
    #[error("the event store takes no more writes until it is reopened, since a flush failed: {0}")]
    Poisoned(String),
}

/// Why a read failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Try later.
    #[error("the event store cannot be read now: {0}")]
    Unavailable(String),
    /// The log is damaged at this position: stop.
    #[error("the event log is damaged at position {position}: {problem}")]
    Corrupt {
        /// Where.
        position: Position,
        /// What is wrong there.
        problem: String,
    },
}

/// How large a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSize {
    /// What it takes up, in bytes.
    pub size_bytes: u64,
    /// What it may take up, in bytes; nothing without a limit of its own.
    pub size_bytes_max: Option<u64>,
}

/// Which way a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// Which events of the log are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Only streams whose name begins so; empty means all.
    pub stream_prefix: String,
}

impl EventFilter {
    /// Whether an event of this stream is wanted.
    #[must_use]
    pub fn wants(&self, stream: &StreamId) -> bool {
        stream.as_str().starts_with(&self.stream_prefix)
    }
}

/// The log.
///
/// Versions of a stream start at 0 and have no gaps. Positions grow and may have gaps. What an append returned `Ok`
/// for is durable: it is there after a crash at any later moment. What it did not return `Ok` for is there whole or
/// not at all.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Appends each element, in order, independently of each other, with one flush; one result each, order kept.
    ///
    /// An element whose event ids already lie at the versions it expects to write is a repeat: its result is that
    /// of the first time. After a crash in the middle, each element is there whole or not at all, and an element is
    /// there only if all earlier ones that succeeded are.
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>>;

    /// At most `limit` events of a stream, from the version `from` on, in the given direction. An unknown stream is
    /// an empty one.
    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError>;

    /// The first events of each stream, at most `limit` of it, oldest first; one result each, order kept. A store that
    /// finds many streams faster than one after the other does so.
    async fn read_streams(
        &self,
        streams: &[StreamId],
        limit: usize,
    ) -> Vec<Result<Vec<Arc<RecordedEvent>>, ReadError>> {
        let mut read = Vec::with_capacity(streams.len());
        for stream in streams {
            read.push(self.read_stream(stream, Version(0), Direction::Forward, limit).await);
        }
        read
    }

    /// At most `limit` wanted events after `after`, oldest first. An empty result means that there is none up to
    /// the head at the time of the call.
    async fn read_all(
        &self,
        after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError>;

    /// The position of the last durable event, [`Position::START`] when there is none.
    async fn head(&self) -> Result<Position, ReadError>;

    /// The last durable event of the log, nothing when there is none.
    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError>;

    /// How large the log is, as far as this process can say: nothing when that is not its business, such as in memory or
    /// on a server.
    async fn size(&self) -> Result<Option<LogSize>, ReadError> {
        Ok(None)
    }

    /// Every event after `after`: those that are there, then those that come; in order, without gap or repeat.
    async fn subscribe(&self, after: Position) -> Result<Box<dyn Subscription>, ReadError>;
}

/// A reader that follows the log.
#[async_trait]
pub trait Subscription: Send {
    /// The next events, at least one and at most `limit`; waits until there are some. Dropping the future loses
    /// nothing: the next call gives the same events.
    async fn next(&mut self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, ReadError>;
}
