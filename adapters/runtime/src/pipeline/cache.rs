//! The aggregate cache: bounded, least recently used leaves. Does not know how a miss is loaded.

use std::num::NonZeroUsize;

use domain::aggregate::Aggregate;
use domain::names::OrganizationId;
use domain::stream::{StreamId, Version};
use foldhash::fast::RandomState;
use lru::LruCache;

/// A stream's state as it is in the log.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) aggregate: Aggregate,
    /// The last version, nothing when the stream has no event.
    pub(super) version: Option<Version>,
    /// Whose it is, known from its first event.
    pub(super) organization: Option<OrganizationId>,
}

/// States of the streams used last.
pub(super) struct Cache(LruCache<StreamId, Entry, RandomState>);

impl Cache {
    pub(super) fn new(entries_max: usize) -> Self {
        let entries_max = NonZeroUsize::new(entries_max).unwrap_or(NonZeroUsize::MIN);
        Self(LruCache::with_hasher(entries_max, RandomState::default()))
    }

    /// Takes an entry out: whoever changes it puts it back once the change is durable.
    pub(super) fn take(&mut self, stream: &StreamId) -> Option<Entry> {
        self.0.pop(stream)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn put(&mut self, stream: StreamId, entry: Entry) {
        self.0.put(stream, entry);
    }
}
