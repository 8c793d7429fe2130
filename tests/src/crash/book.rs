//! What clients asked for and were told: the promises that the log is held to. Does not know how to ask.

use std::collections::HashMap;
use std::sync::Arc;

use domain::event::{Event, RecordedEvent};
use domain::key_scope::KeyScope;
use domain::names::{Actor, Key};
use domain::stream::{Position, RecordId, StreamId, Subject};
use domain::work::Phase;

use crate::place::{id, unit, word};

/// A request that was answered with success.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// Who asked: every request has a name of its own.
    pub actor: Actor,
    /// What was asked.
    pub what: What,
    /// A position that the log had reached before it was sent.
    pub since: Position,
    /// What the answer said of the log.
    pub told: Told,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// To process a key.
    Process(Key),
    /// To keep content for a key, and process it.
    Write(Key),
    /// To let nobody claim a key.
    Hold(Key),
    /// To let a key be claimed again.
    Release(Key),
    /// To take everything back.
    Reset,
}

/// What an answer said of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing but that it was done.
    Done,
    /// That it was recorded there.
    Recorded(Position),
    /// That it was so already, when the log had come there at most.
    AlreadySo(Position),
    /// That it is so, and that the log has come there.
    IsSo(Position),
}

impl Told {
    /// The position that the log had reached at most when it was decided, if that is known.
    const fn until(self) -> Option<Position> {
        match self {
            Self::Done => None,
            Self::Recorded(position) | Self::AlreadySo(position) | Self::IsSo(position) => Some(position),
        }
    }
}

/// The log, by stream and by who asked.
pub struct Index<'a> {
    streams: HashMap<&'a StreamId, Vec<&'a RecordedEvent>>,
    actors: HashMap<&'a Actor, Vec<&'a RecordedEvent>>,
}

impl<'a> Index<'a> {
    /// The index of a whole log.
    #[must_use]
    pub fn of(log: &'a [Arc<RecordedEvent>]) -> Self {
        let mut index = Self { streams: HashMap::new(), actors: HashMap::new() };
        for event in log {
            index.streams.entry(&event.stream).or_default().push(event);
            index.actors.entry(&event.metadata.actor).or_default().push(event);
        }
        index
    }

    /// Every stream with its events.
    pub fn streams(&self) -> impl Iterator<Item = (&'a StreamId, &[&'a RecordedEvent])> {
        self.streams.iter().map(|(stream, events)| (*stream, events.as_slice()))
    }

    /// The events of a stream.
    #[must_use]
    pub fn stream(&self, stream: &StreamId) -> &[&'a RecordedEvent] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    fn by(&self, actor: &Actor, stream: &StreamId) -> Vec<&'a RecordedEvent> {
        let events = self.actors.get(actor).into_iter().flatten();
        events.filter(|event| event.stream == *stream).copied().collect()
    }
}

/// Whether the log keeps a promise: by an event of its own, or because nothing was needed. Says which of the two.
///
/// # Errors
/// What is wrong, when it does not.
pub fn kept(index: &Index<'_>, asked: &Acknowledged) -> Result<bool, String> {
    match &asked.what {
        What::Process(key) => process_kept(index, asked, key),
        What::Write(key) => {
            let record = RecordId { unit: unit(), key: key.clone() };
            recorded(index, asked, &Subject::Record(record).stream(), &["scope_written"])?;
            process_kept(index, asked, key)
        }
        What::Hold(key) => recorded_unless(index, asked, key, &["held"], |scope| scope.work.held),
        What::Release(key) => recorded_unless(index, asked, key, &["released"], |scope| !scope.work.held),
        What::Reset => {
            recorded(index, asked, &Subject::StorageUnit(unit()).stream(), &["queue_reset"]).map(|()| true)
        }
    }
}

/// A request for work is an event of its own, unless the work waits for a worker already, or will once more.
fn process_kept(index: &Index<'_>, asked: &Acknowledged, key: &Key) -> Result<bool, String> {
    recorded_unless(index, asked, key, &["queued", "restarted", "requeue_requested"], |scope| {
        match &scope.work.phase {
            Phase::Queued { .. } => true,
            Phase::Assigned(lease) | Phase::Running(lease) => lease.requeue.is_some(),
            Phase::Idle | Phase::Finished | Phase::Failed { .. } => false,
        }
    })
}

/// Whether the request recorded exactly one event of its own, one of these.
fn recorded(
    index: &Index<'_>,
    asked: &Acknowledged,
    stream: &StreamId,
    words: &[&str],
) -> Result<(), String> {
    match index.by(&asked.actor, stream).as_slice() {
        [event] if words.contains(&word(&event.event)) => Ok(()),
        other => Err(format!("{asked:?} recorded {other:?} in {stream}")),
    }
}

/// Whether the request recorded exactly one event of its own, where it was told, or whether the key was as wanted at
/// some moment between sending and answer.
fn recorded_unless(
    index: &Index<'_>,
    asked: &Acknowledged,
    key: &Key,
    words: &[&str],
    is_so: fn(&KeyScope) -> bool,
) -> Result<bool, String> {
    let stream = Subject::KeyScope(id(key.as_str())).stream();
    match (index.by(&asked.actor, &stream).as_slice(), asked.told) {
        ([], Told::Done | Told::AlreadySo(_) | Told::IsSo(_)) => {
            let history = index.stream(&stream);
            if was_ever(history, asked.since, asked.told.until(), is_so) {
                return Ok(false);
            }
            let history: Vec<_> = history.iter().map(|event| (event.position, word(&event.event))).collect();
            Err(format!("{asked:?} is not in the log, and was not so already: {history:?}"))
        }
        ([event], Told::Recorded(at) | Told::IsSo(at)) if event.position != at => {
            Err(format!("{asked:?} is recorded at {}", event.position))
        }
        ([_], Told::Done | Told::Recorded(_) | Told::IsSo(_)) => {
            recorded(index, asked, &stream, words).map(|()| true)
        }
        (events, _) => Err(format!("{asked:?} recorded {events:?}")),
    }
}

/// Whether a key-scope was as wanted at some moment after one position and up to another.
fn was_ever(
    history: &[&RecordedEvent],
    since: Position,
    until: Option<Position>,
    is_so: fn(&KeyScope) -> bool,
) -> bool {
    let mut scope = KeyScope::default();
    for event in history.iter().filter(|event| until.is_none_or(|until| event.position <= until)) {
        // What it was before this event, it was until then.
        if event.position > since && is_so(&scope) {
            return true;
        }
        let Event::KeyScope(happened) = &event.event else { return false };
        match scope.evolve(happened, event.version) {
            Ok(next) => scope = next,
            Err(_) => return false,
        }
    }
    is_so(&scope)
}
