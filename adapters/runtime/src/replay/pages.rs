//! A log page by page, up to where it ended when it was begun: the next page is read while the last one is looked at. Does
//! not know what for.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::{EventFilter, EventStore, ReadError};
use domain::stream::Position;
use tokio::task::JoinHandle;

/// How many events are read at once.
pub(super) const PAGE_EVENTS_MAX: usize = 8_192;

/// A page that is being read.
type Reading = JoinHandle<Result<Vec<Arc<RecordedEvent>>, ReadError>>;

/// A log that is being read.
pub(super) struct Pages {
    store: Arc<dyn EventStore>,
    head: Position,
    reading: Option<Reading>,
}

impl Pages {
    /// Begins at the beginning of a log.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read.
    pub(super) async fn begin(store: Arc<dyn EventStore>) -> Result<Self, ReadError> {
        let head = store.head().await?;
        let reading = Some(read(&store, Position::START));
        Ok(Self { store, head, reading })
    }

    /// Where the log ended.
    pub(super) const fn head(&self) -> Position {
        self.head
    }

    pub(super) fn store(&self) -> &dyn EventStore {
        &*self.store
    }

    /// The next page; an empty one at the end.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read any further.
    pub(super) async fn next(&mut self) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let Some(reading) = self.reading.take() else { return Ok(Vec::new()) };
        let mut page = reading.await.map_err(|error| ReadError::Unavailable(error.to_string()))??;
        page.retain(|event| event.position <= self.head);
        let last = page.last().map(|event| event.position).filter(|last| *last < self.head);
        self.reading = last.map(|last| read(&self.store, last));
        Ok(page)
    }
}

fn read(store: &Arc<dyn EventStore>, after: Position) -> Reading {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.read_all(after, PAGE_EVENTS_MAX, &EventFilter::default()).await })
}
