//! The states that commands are decided on: from the cache, or else from their streams. Does not know what is decided.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::event::RecordedEvent;
use domain::ports::{Direction, EventStore};
use domain::stream::{StreamId, Subject, Version};
use foldhash::fast::RandomState;

use super::cache::Entry;
use super::flight::Pending;
use super::{SubmitError, Task};

/// How many events of a stream are read at once.
const PAGE_EVENTS_MAX: usize = 1_000;

/// What streams are, or why that is not known. Each command looks for its stream several times on its way, so names are
/// hashed with a fast hash, which is another one in each process.
pub(super) type States = HashMap<StreamId, Result<Entry, SubmitError>, RandomState>;
/// Some streams.
pub(super) type Streams = HashSet<StreamId, RandomState>;

/// Takes the states out of the cache: whoever has them puts them back.
pub(super) async fn load(task: &mut Task, pending: &[Pending]) -> States {
    let mut states = States::with_capacity_and_hasher(pending.len(), RandomState::default());
    let mut missing = HashMap::<_, _, RandomState>::default();
    let system = pending.iter().any(Pending::dispatches).then(|| (Subject::System.stream(), Subject::System));
    let own = pending.iter().map(|pending| (&pending.stream, &pending.subject));
    for (stream, subject) in own.chain(system.iter().map(|(stream, subject)| (stream, subject))) {
        if states.contains_key(stream) || missing.contains_key(stream) {
            continue;
        }
        match task.cache.take(stream) {
            Some(entry) => drop(states.insert(stream.clone(), Ok(entry))),
            None => drop(missing.insert(stream.clone(), subject.clone())),
        }
    }
    task.counters.metrics().loaded(states.len(), missing.len());
    let (streams, subjects): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
    if streams.is_empty() {
        return states;
    }
    let store = &*task.store;
    let pages = store.read_streams(&streams, PAGE_EVENTS_MAX).await;
    for ((stream, subject), page) in streams.into_iter().zip(subjects).zip(pages) {
        let entry = match page {
            Ok(page) => load_one(store, &stream, &subject, page).await,
            Err(error) => Err(error.into()),
        };
        states.insert(stream, entry);
    }
    states
}

/// The state of a stream that begins with a page of events.
async fn load_one(
    store: &dyn EventStore,
    stream: &StreamId,
    subject: &Subject,
    mut page: Vec<Arc<RecordedEvent>>,
) -> Result<Entry, SubmitError> {
    let mut entry = Entry { aggregate: Aggregate::initial(subject), version: None, organization: None };
    loop {
        for recorded in &page {
            let evolved = entry.aggregate.evolve(&recorded.event, recorded.version);
            let aggregate = evolved.map_err(|error| {
                SubmitError::Corrupt(format!("stream {stream}, version {}: {error}", recorded.version))
            })?;
            let organization = entry.organization.or_else(|| Some(recorded.metadata.organization.clone()));
            entry = Entry { aggregate, version: Some(recorded.version), organization };
        }
        if page.len() < PAGE_EVENTS_MAX {
            return Ok(entry);
        }
        let from = entry.version.map_or(Version(0), Version::next);
        page = store.read_stream(stream, from, Direction::Forward, PAGE_EVENTS_MAX).await?;
    }
}
