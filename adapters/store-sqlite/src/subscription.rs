//! Subscriptions: from the latest events in memory as long as the reader keeps up, from the file when it does not.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::ports::{EventFilter, ReadError, Subscription};
use tokio::sync::watch;

use crate::Shared;

/// How many events are read from the file at once.
const PAGE_EVENTS_MAX: usize = 1_024;

/// A subscription: where it has come to is moved on only when events are handed over.
pub(crate) struct Follower {
    pub(crate) shared: Arc<Shared>,
    pub(crate) after: u64,
    pub(crate) head: watch::Receiver<u64>,
}

#[async_trait]
impl Subscription for Follower {
    async fn next(&mut self, limit: usize) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let limit = limit.max(1);
        loop {
            let mut events = self.shared.recent.after(self.after, limit);
            if events.is_empty() && *self.head.borrow_and_update() > self.after {
                let limit = limit.min(PAGE_EVENTS_MAX);
                events = self.shared.page(self.after, limit, EventFilter::default()).await?;
            }
            if let Some(last) = events.last() {
                self.after = last.position.major;
                return Ok(events);
            }
            let changed = self.head.changed().await;
            changed.map_err(|_| ReadError::Unavailable("the event store is closed".to_owned()))?;
        }
    }
}
