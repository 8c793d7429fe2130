//! Timers of a fork: of each stream the instant at which something is due next. Does not know what.

use std::collections::{BTreeSet, HashMap};

use crate::stream::StreamId;
use crate::time::Timestamp;

/// At most one instant per stream.
#[derive(Debug, Default)]
pub(super) struct ForkTimers {
    ordered: BTreeSet<(Timestamp, StreamId)>,
    current: HashMap<StreamId, Timestamp>,
}

impl ForkTimers {
    /// Sets the timer of a stream in place of an earlier one, or takes it away.
    pub(super) fn set(&mut self, stream: &StreamId, at: Option<Timestamp>) {
        if let Some(before) = self.current.remove(stream) {
            self.ordered.remove(&(before, stream.clone()));
        }
        if let Some(at) = at {
            self.current.insert(stream.clone(), at);
            self.ordered.insert((at, stream.clone()));
        }
    }

    /// Takes the earliest timer that is due before an instant.
    pub(super) fn take_before(&mut self, end: Timestamp) -> Option<(Timestamp, StreamId)> {
        let (at, _) = self.ordered.first()?;
        if *at >= end {
            return None;
        }
        let (at, stream) = self.ordered.pop_first()?;
        self.current.remove(&stream);
        Some((at, stream))
    }
}
