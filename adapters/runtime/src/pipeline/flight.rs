//! Flights: commands that were decided together and whose events are on their way to the log. While one is flushed, the
//! next is decided, of streams that are in no flight; so every command is decided on what is in the log. Whatever another
//! process got in the way of is decided again. Does not know the rules.

use std::sync::Arc;
use std::time::Instant;

use domain::ports::{Append, AppendError, Appended, EventStore};
use domain::stream::{StreamId, Subject};
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::loading::{States, Streams, load};
use super::round::{Decided, Round};
use super::{Accepted, Inspected, Message, SubmitError, Task};
use crate::metrics::{CommandCounters, PipelineMetrics};

/// How many flights there may be: one that is being flushed, and one that goes next.
const FLIGHTS_MAX: usize = 2;
/// How often a command is decided again after a conflict.
const CONFLICT_RETRIES_MAX: u32 = 8;
/// How often an append whose outcome is unknown is repeated.
const UNKNOWN_RETRIES_MAX: u32 = 5;
/// How many commands an append's span is connected with, besides the first.
const SPANS_CONNECTED_MAX: usize = 100;

/// A command that is not decided yet, or has to be decided again.
pub(super) struct Pending {
    pub(super) message: Message,
    pub(super) subject: Subject,
    pub(super) stream: StreamId,
    conflicts: u32,
}

impl Pending {
    pub(super) fn new(message: Message) -> Self {
        let subject = match &message {
            Message::Submit(submission, _) => submission.envelope.command.subject(),
            Message::Inspect(subject, _) => Subject::clone(subject),
        };
        Self { stream: subject.stream(), subject, message, conflicts: 0 }
    }

    /// Whether its decision depends on whether the system is paused.
    pub(super) const fn dispatches(&self) -> bool {
        match &self.message {
            Message::Submit(submission, _) => submission.envelope.command.dispatches(),
            Message::Inspect(..) => false,
        }
    }

    const fn is_command(&self) -> bool {
        matches!(self.message, Message::Submit(..))
    }
}

/// What the store said of each append.
type Results = Vec<Result<Appended, AppendError>>;

/// All flights, and what waits for one of them to land.
pub(super) struct Flights {
    flights: FuturesOrdered<BoxFuture<'static, Landed>>,
    /// The streams that a flight writes.
    busy: Streams,
    /// In its order.
    pub(super) waiting: Vec<Pending>,
    /// The stream that says whether leases may be given.
    system: StreamId,
}

impl Flights {
    pub(super) fn new() -> Self {
        let system = Subject::System.stream();
        Self { flights: FuturesOrdered::new(), busy: Streams::default(), waiting: Vec::new(), system }
    }

    /// Whether nothing is on its way, and nothing waits.
    pub(super) fn is_done(&self) -> bool {
        self.flights.is_empty() && self.waiting.is_empty()
    }

    /// Whether there may be one more flight.
    pub(super) fn has_room(&self) -> bool {
        self.flights.len() < FLIGHTS_MAX
    }

    /// Waits until the oldest flight has landed. For ever when there is none.
    pub(super) async fn land(&mut self) -> Landed {
        match self.flights.next().await {
            Some(landed) => landed,
            None => std::future::pending().await,
        }
    }

    /// Decides what waits for no flight, and sends it on its way.
    pub(super) async fn take_off(&mut self, task: &mut Task) {
        let ready = self.take_ready();
        if ready.is_empty() {
            return;
        }
        task.counters.metrics().batch(ready.iter().filter(|pending| pending.is_command()).count());
        let states = load(task, &ready).await;
        let mut round = Round::new(states, task.now(), task.is_standby);
        ready.into_iter().for_each(|pending| round.take(pending));
        let Round { states, decided, appends, written, mut later, .. } = round;
        later.append(&mut self.waiting);
        self.waiting = later;
        // What is not written is as it is in the log.
        let (states, unchanged) = states.into_iter().partition(|(stream, _)| written.contains(stream));
        task.keep(unchanged);
        let (decided, done): (Vec<_>, Vec<_>) =
            decided.into_iter().partition(|decided| written.contains(&decided.pending.stream));
        for decided in done {
            // There is no append that could fail, so nothing comes back.
            drop(decided.answer(&[], &[], task));
        }
        if appends.is_empty() {
            return;
        }
        for (stream, state) in &states {
            if let Ok(entry) = state {
                task.shown.hide(stream, entry);
            }
        }
        self.busy.extend(written);
        let span = append_span(&decided, appends.len());
        let results = append(task.store.clone(), task.counters.metrics().clone(), appends).instrument(span);
        self.flights.push_back(results.map(|results| Landed { decided, states, results }).boxed());
    }

    /// What waits for no flight, in its order: what comes after something that waits, in its stream, waits as well.
    fn take_ready(&mut self) -> Vec<Pending> {
        if self.busy.is_empty() {
            return std::mem::take(&mut self.waiting);
        }
        let mut blocked = Streams::default();
        let (ready, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|pending| {
            let is_blocked = self.busy.contains(&pending.stream)
                || blocked.contains(&pending.stream)
                || (pending.dispatches() && self.busy.contains(&self.system));
            if is_blocked {
                blocked.insert(pending.stream.clone());
            }
            !is_blocked
        });
        self.waiting = waiting;
        ready
    }
}

/// A flight whose appends the store has answered.
pub(super) struct Landed {
    decided: Vec<Decided>,
    /// What its streams are, where the append succeeded.
    states: States,
    results: Results,
}

impl Landed {
    /// Keeps what became of its streams and answers everybody; what met a conflict waits to be decided again.
    pub(super) fn settle(self, flights: &mut Flights, task: &mut Task) {
        let Self { decided, states, results } = self;
        let failed = failed_streams(&decided, &results);
        for stream in states.keys() {
            flights.busy.remove(stream);
        }
        task.keep(states.into_iter().filter(|(stream, _)| !failed.contains(stream)).collect());
        if let Some(position) = results.iter().flatten().map(|appended| appended.position).max() {
            task.publish.send_if_modified(|known| {
                let moved = position > *known;
                *known = position.max(*known);
                moved
            });
        }
        let again = decided.into_iter().filter_map(|decided| decided.answer(&results, &failed, task));
        let mut again: Vec<_> = again.collect();
        again.append(&mut flights.waiting);
        flights.waiting = again;
    }
}

impl Decided {
    /// Answers whoever asked, or gives back what has to be decided again.
    fn answer(
        self,
        results: &[Result<Appended, AppendError>],
        failed: &[StreamId],
        task: &mut Task,
    ) -> Option<Pending> {
        let Self { mut pending, append, version, outcome, inspected } = self;
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
                return Some(pending);
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
        None
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

/// Appends everything at once and repeats, as it is, what came back with an unknown outcome.
async fn append(store: Arc<dyn EventStore>, metrics: PipelineMetrics, appends: Vec<Append>) -> Results {
    let begun = Instant::now();
    let batch: Arc<[Append]> = appends.into();
    let mut results = store.append_many(batch.clone()).await;
    for _ in 0..UNKNOWN_RETRIES_MAX {
        if !results.iter().any(|result| matches!(result, Err(AppendError::Unknown(_)))) {
            break;
        }
        results = store.append_many(batch.clone()).await;
    }
    metrics.appended(begun.elapsed(), &results);
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
