//! The log as it was when it ended at a position. Does not know why there.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::ports::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, ReadError, Subscription,
};
use domain::stream::{Position, StreamId, Version};

/// The events up to a position. Only read.
pub(crate) struct EventsUntil {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) end: Position,
}

#[async_trait]
impl EventStore for EventsUntil {
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>> {
        let refused = AppendError::Rejected("the past is only read".to_owned());
        batch.iter().map(|_| Err(refused.clone())).collect()
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        mut from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        loop {
            let mut events = self.store.read_stream(stream, from, direction, limit).await?;
            let first_left = events.last().map_or(Version(0), |event| event.version);
            events.retain(|event| event.position <= self.end);
            match direction {
                Direction::Backward if events.is_empty() && first_left > Version(0) => {
                    from = Version(first_left.0 - 1);
                }
                Direction::Backward | Direction::Forward => return Ok(events),
            }
        }
    }

    async fn read_all(
        &self,
        after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        if after >= self.end {
            return Ok(Vec::new());
        }
        let mut events = self.store.read_all(after, limit, filter).await?;
        events.retain(|event| event.position <= self.end);
        Ok(events)
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(self.end)
    }

    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        let mut last = self.read_all(self.end.just_before(), 1, &EventFilter::default()).await?;
        Ok(last.pop())
    }

    async fn subscribe(&self, _: Position) -> Result<Box<dyn Subscription>, ReadError> {
        Err(ReadError::Unavailable("nothing more comes in the past; follow the present".to_owned()))
    }
}
