//! One batch: every command in it is decided against what the commands before it made of its stream, all appends go
//! to the store at once, and whatever another process got in the way of is decided again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use domain::aggregate::Aggregate;
use domain::event::RecordedEvent;
use domain::ports::{Append, AppendError, Appended, Direction, EventStore};
use domain::stream::{StreamId, Subject, Version};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::cache::Entry;
use super::round::{Decided, Round};
use super::{Accepted, Inspected, Message, SubmitError, Task};
use crate::metrics::CommandCounters;

/// How often a command is decided again after a conflict.
const CONFLICT_RETRIES_MAX: u32 = 8;
/// How often an append whose outcome is unknown is repeated.
const UNKNOWN_RETRIES_MAX: u32 = 5;
/// How many commands an append's span is connected with, besides the first.
const SPANS_CONNECTED_MAX: usize = 100;
/// How many events of a stream are read at once.
const PAGE_EVENTS_MAX: usize = 1_000;

/// Commands on their way through.
pub(super) struct Batch {
    pending: Vec<Pending>,
}

/// A command that is not decided yet, or has to be decided again.
pub(super) struct Pending {
    pub(super) message: Message,
    subject: Subject,
    pub(super) stream: StreamId,
    conflicts: u32,
}

impl Batch {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let pending = messages.into_iter().map(|message| {
            let subject = match &message {
                Message::Submit(submission, _) => submission.envelope.command.subject(),
                Message::Inspect(subject, _) => Subject::clone(subject),
            };
            Pending { stream: subject.stream(), subject, message, conflicts: 0 }
        });
        Self { pending: pending.collect() }
    }

    /// How many commands it has; questions are none.
    pub(super) fn commands(&self) -> usize {
        let is_command = |pending: &&Pending| matches!(pending.message, Message::Submit(..));
        self.pending.iter().filter(is_command).count()
    }

    pub(super) fn is_done(&self) -> bool {
        self.pending.is_empty()
    }

    /// Decides and appends what is pending; what met a conflict, or must wait for the round after, stays pending.
    pub(super) async fn round(&mut self, task: &mut Task) {
        let states = load(task, &self.pending).await;
        let mut round = Round::new(states, task.now(), task.is_standby);
        std::mem::take(&mut self.pending).into_iter().for_each(|pending| round.take(pending));
        let Round { states, decided, appends, later, .. } = round;
        let span = append_span(&decided, appends.len());
        let results = append(task, appends).instrument(span).await;
        let failed = failed_streams(&decided, &results);
        for (stream, state) in states {
            match state {
                Ok(entry) if !failed.contains(&stream) => task.cache.put(stream, entry),
                Ok(_) | Err(_) => {}
            }
        }
        task.counters.metrics().cached(task.cache.len());
        if let Some(position) = results.iter().flatten().map(|appended| appended.position).max() {
            task.publish.send_if_modified(|known| {
                let moved = position > *known;
                *known = position.max(*known);
                moved
            });
        }
        for decided in decided {
            self.answer(decided, &results, task, &failed);
        }
        self.pending.extend(later);
    }

    fn answer(
        &mut self,
        decided: Decided,
        results: &[Result<Appended, AppendError>],
        task: &mut Task,
        failed: &[StreamId],
    ) {
        let Decided { mut pending, append, version, outcome, inspected } = decided;
        let error = match append.and_then(|index| results.get(index)) {
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(error.clone()),
            // What recorded nothing was still decided on what came before it; if that failed, decide again.
            None if failed.contains(&pending.stream) => Some(AppendError::Conflict { actual: None }),
            None => None,
        };
        match error {
            Some(AppendError::Conflict { .. }) if pending.conflicts < CONFLICT_RETRIES_MAX => {
                pending.conflicts += 1;
                self.pending.push(pending);
            }
            Some(error) => pending.message.answer(Err(submit_error(error)), None, &mut task.counters),
            None => {
                let position =
                    append.and_then(|index| results.get(index)?.as_ref().ok()).map(|done| done.position);
                let position = position.unwrap_or_else(|| *task.publish.borrow());
                let accepted = outcome.map(|events| Accepted { events, version, position });
                pending.message.answer(accepted, inspected, &mut task.counters);
            }
        }
    }
}

impl Message {
    fn answer(
        self,
        result: Result<Accepted, SubmitError>,
        inspected: Option<Inspected>,
        counters: &mut CommandCounters,
    ) {
        // Whoever asked may have gone away; what was decided stands all the same.
        match self {
            Self::Submit(submission, reply) => {
                counters.count(&submission.envelope.command, &result);
                drop(reply.send(result));
            }
            Self::Inspect(_, reply) => answer_inspection(reply, result, inspected),
        }
    }
}

fn answer_inspection(
    reply: oneshot::Sender<Result<Inspected, SubmitError>>,
    accepted: Result<Accepted, SubmitError>,
    inspected: Option<Inspected>,
) {
    let answer = match (accepted, inspected) {
        (Ok(_), Some(inspected)) => Ok(inspected),
        (Ok(_), None) => Err(SubmitError::Stopping),
        (Err(error), _) => Err(error),
    };
    drop(reply.send(answer));
}

fn submit_error(error: AppendError) -> SubmitError {
    let text = error.to_string();
    match error {
        AppendError::Conflict { .. } => SubmitError::Contended,
        AppendError::Unknown(_) | AppendError::Unavailable(_) | AppendError::Poisoned(_) => {
            SubmitError::Unavailable(text)
        }
        AppendError::Rejected(_) => SubmitError::Rejected(text),
        AppendError::Corrupt(_) => SubmitError::Corrupt(text),
    }
}

impl Pending {
    /// Whether its decision depends on whether the system is paused.
    pub(super) const fn dispatches(&self) -> bool {
        match &self.message {
            Message::Submit(submission, _) => submission.envelope.command.dispatches(),
            Message::Inspect(..) => false,
        }
    }
}

pub(super) type States = HashMap<StreamId, Result<Entry, SubmitError>>;

async fn load(task: &mut Task, pending: &[Pending]) -> States {
    let mut states = States::with_capacity(pending.len());
    let mut missing = HashMap::new();
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

/// Appends everything at once and repeats, as it is, what came back with an unknown outcome.
async fn append(task: &Task, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
    if appends.is_empty() {
        return Vec::new();
    }
    let begun = Instant::now();
    let batch: Arc<[Append]> = appends.into();
    let mut results = task.store.append_many(batch.clone()).await;
    for _ in 0..UNKNOWN_RETRIES_MAX {
        if !results.iter().any(|result| matches!(result, Err(AppendError::Unknown(_)))) {
            break;
        }
        results = task.store.append_many(batch.clone()).await;
    }
    task.counters.metrics().appended(begun.elapsed(), &results);
    results
}

/// The span of an append: a part of the first command that it is for, and connected with the others.
fn append_span(decided: &[Decided], appends: usize) -> Span {
    let spans = decided.iter().filter(|decided| decided.append.is_some());
    let mut spans = spans.filter_map(|decided| match &decided.pending.message {
        Message::Submit(submission, _) => submission.span.id(),
        Message::Inspect(..) => None,
    });
    let Some(first) = spans.next() else { return Span::none() };
    let span = tracing::debug_span!(parent: first, "append", appends);
    for other in spans.take(SPANS_CONNECTED_MAX) {
        span.follows_from(other);
    }
    span
}

fn failed_streams(decided: &[Decided], results: &[Result<Appended, AppendError>]) -> Vec<StreamId> {
    let is_failed =
        |decided: &&Decided| decided.append.and_then(|index| results.get(index)).is_some_and(Result::is_err);
    decided.iter().filter(is_failed).map(|decided| decided.pending.stream.clone()).collect()
}
