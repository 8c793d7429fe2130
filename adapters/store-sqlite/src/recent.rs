//! The latest events, kept in memory for whoever follows the log closely. Filled by the writer after each commit.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};

use domain::event::RecordedEvent;

/// A bounded run of consecutive events that ends with the last durable one.
pub(crate) struct Recent {
    events: RwLock<VecDeque<Arc<RecordedEvent>>>,
    events_max: usize,
}

impl Recent {
    pub(crate) fn new(events_max: usize) -> Self {
        Self { events: RwLock::default(), events_max }
    }

    /// Adds events that follow those that are here. Gives back those that had to go: freeing them takes a while.
    pub(crate) fn push(&self, events: Vec<Arc<RecordedEvent>>) -> Vec<Arc<RecordedEvent>> {
        let mut recent = self.events.write().expect("nothing panics while it holds the latest events");
        recent.extend(events);
        let surplus = recent.len().saturating_sub(self.events_max);
        recent.drain(..surplus).collect()
    }

    /// At most `limit` events that follow `after`; none when the first of them is no longer here, or not yet.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Vec<Arc<RecordedEvent>> {
        let recent = self.events.read().expect("nothing panics while it holds the latest events");
        let Some(first) = recent.front().map(|event| event.position.major) else { return Vec::new() };
        match after.checked_add(1).and_then(|next| next.checked_sub(first)).map(usize::try_from) {
            Some(Ok(skipped)) => recent.iter().skip(skipped).take(limit).cloned().collect(),
            Some(Err(_)) | None => Vec::new(),
        }
    }

    /// The last event, when any was written since the store was opened.
    pub(crate) fn last(&self) -> Option<Arc<RecordedEvent>> {
        let recent = self.events.read().expect("nothing panics while it holds the latest events");
        recent.back().cloned()
    }
}
