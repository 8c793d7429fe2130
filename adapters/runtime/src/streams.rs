//! The whole history of one thing, read piece by piece. Does not know what happened to it.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::{Direction, EventStore, ReadError};
use domain::stream::{StreamId, Version};

/// Events read at once.
const EVENTS_READ_MAX: usize = 1_024;

/// The events of a stream, from the first on.
pub(crate) async fn read_whole(
    store: &dyn EventStore,
    stream: &StreamId,
) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
    let mut events = Vec::new();
    loop {
        let from = Version(events.len() as u64);
        let mut read = store.read_stream(stream, from, Direction::Forward, EVENTS_READ_MAX).await?;
        let is_last = read.len() < EVENTS_READ_MAX;
        events.append(&mut read);
        if is_last {
            return Ok(events);
        }
    }
}
