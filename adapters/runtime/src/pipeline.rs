//! The command pipeline: bounded queue → batch → load → decide → one append → apply → ack.
//!
//! One task owns the aggregates, so commands to one stream are decided one after the other and an acknowledged
//! command is durable. While one batch is flushed, the next is decided. It does not know any rule:
//! [`domain::aggregate`] does.

mod cache;
mod flight;
mod loading;
mod round;
mod shown;

use std::sync::Arc;

use domain::aggregate::{Aggregate, Refusal};
use domain::envelope::Envelope;
use domain::event::Event;
use domain::idempotency::KeyReused;
use domain::names::OrganizationId;
use domain::ports::{Clock, EventStore, ReadError};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Span;

use crate::metrics::{CommandCounters, PipelineMetrics};
use crate::settings::RuntimeSettings;
use crate::stop::Stop;
use cache::Cache;
use flight::{Flights, Pending};
use loading::States;
use shown::Shown;

/// What became of a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What was recorded; empty when there was nothing to do.
    pub events: Vec<Event>,
    /// The stream's last version, nothing when it has no event.
    pub version: Option<Version>,
    /// The log's position after the command.
    pub position: Position,
}

/// Why a command was not carried out, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The command's key was used for another request; nothing was done.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The stream belongs to another organization; to the caller it does not exist.
    #[error("there is no such thing")]
    OtherOrganization,
    /// Too many commands wait; nothing was done, try again shortly.
    #[error("{waiting_max} commands are waiting already; try again shortly")]
    Overloaded {
        /// How many may wait.
        waiting_max: usize,
    },
    /// Other processes keep changing the stream; nothing was done, try again.
    #[error("the stream kept changing while the command was decided; try again")]
    Contended,
    /// The store cannot be written; try again later. Nothing was done, unless the text says that the outcome is
    /// unknown.
    #[error("{0}")]
    Unavailable(String),
    /// A campaign whose keys are put together before it begins would have too many; nothing was done.
    #[error(
        "more than {keys_max} keys would have to be put together, which campaign_keys_max allows; narrow the filter, or \
         leave out filter and expect to visit every key"
    )]
    TooManyKeys {
        /// How many it may have.
        keys_max: usize,
    },
    /// The store will never take it.
    #[error("{0}")]
    Rejected(String),
    /// The log is damaged or its history impossible.
    #[error("{0}")]
    Corrupt(String),
    /// The engine does nothing but what is reissued to it; nothing was done.
    #[error(
        "this instance is a standby and only takes what is reissued to it; ask the one that it stands by for"
    )]
    Standby,
    /// The engine is stopping; nothing was done.
    #[error("the engine is stopping; send the command again once it is back")]
    Stopping,
}

impl From<ReadError> for SubmitError {
    fn from(error: ReadError) -> Self {
        let text = error.to_string();
        match error {
            ReadError::Unavailable(_) => Self::Unavailable(text),
            ReadError::Corrupt { .. } => Self::Corrupt(text),
        }
    }
}

/// What waits in the queue.
enum Message {
    /// A command.
    Submit(Box<Submission>, oneshot::Sender<Result<Accepted, SubmitError>>),
    /// A question for the state of a thing, as of everything that was submitted before.
    Inspect(Box<Subject>, oneshot::Sender<Result<Inspected, SubmitError>>),
}

impl Message {
    fn submit(envelope: Envelope, reply: oneshot::Sender<Result<Accepted, SubmitError>>) -> Self {
        let Envelope { id, command, .. } = &envelope;
        let span = tracing::debug_span!("command", kind = command.kind(), name = command.name(), %id);
        Self::Submit(Box::new(Submission { envelope, span }), reply)
    }
}

/// A command on its way through.
struct Submission {
    envelope: Envelope,
    /// What it is carried out in.
    span: Span,
}

/// The state of a thing.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    /// The state.
    pub(crate) aggregate: Aggregate,
    /// Whose it is; nothing when nothing ever happened to it.
    pub(crate) organization: Option<OrganizationId>,
}

/// The way into the pipeline.
#[derive(Clone)]
pub(crate) struct Pipeline {
    queue: mpsc::Sender<Message>,
    waiting_max: usize,
    acknowledged: watch::Receiver<Position>,
    shown: Shown,
    metrics: PipelineMetrics,
}

impl Pipeline {
    /// Starts the pipeline. Once it is told to stop it takes nothing more, answers what waits, and ends.
    pub(crate) fn start(
        store: Arc<dyn EventStore>,
        clock: Arc<dyn Clock>,
        last: (Position, Timestamp),
        settings: &RuntimeSettings,
        metrics: PipelineMetrics,
        stop: Stop,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(settings.commands_waiting_max);
        let (publish, acknowledged) = watch::channel(last.0);
        let shown = Shown::default();
        let task = Task {
            store,
            clock,
            cache: Cache::new(settings.aggregates_cached_max),
            batch_max: settings.batch_commands_max,
            last_recorded_at: last.1,
            is_standby: settings.is_standby,
            publish,
            shown: shown.clone(),
            counters: CommandCounters::new(metrics.clone()),
        };
        let handle = tokio::spawn(task.run(waiting, stop));
        (Self { queue, waiting_max: settings.commands_waiting_max, acknowledged, shown, metrics }, handle)
    }

    /// Carries out a command, unless too many wait already.
    pub(crate) async fn submit(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let label = (envelope.command.kind(), envelope.command.name());
        let message = Message::submit(envelope, reply);
        if let Err(error) = self.queue.try_send(message) {
            let error = match error {
                mpsc::error::TrySendError::Full(_) => {
                    SubmitError::Overloaded { waiting_max: self.waiting_max }
                }
                mpsc::error::TrySendError::Closed(_) => SubmitError::Stopping,
            };
            self.metrics.turned_away(label, &error);
            return Err(error);
        }
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// Carries out a command of the engine's own, which waits for its place instead of being turned away.
    pub(crate) async fn submit_patiently(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let (reply, answer) = oneshot::channel();
        let message = Message::submit(envelope, reply);
        self.queue.send(message).await.map_err(|_| SubmitError::Stopping)?;
        answer.await.unwrap_or(Err(SubmitError::Stopping))
    }

    /// The state of a thing after everything that was acknowledged before.
    pub(crate) async fn inspect(&self, subject: Subject) -> Result<Arc<Inspected>, SubmitError> {
        if let Some(inspected) = self.shown.of(&subject) {
            return Ok(inspected);
        }
        let (reply, answer) = oneshot::channel();
        let message = Message::Inspect(Box::new(subject), reply);
        self.queue.send(message).await.map_err(|_| SubmitError::Stopping)?;
        answer.await.unwrap_or(Err(SubmitError::Stopping)).map(Arc::new)
    }

    /// How many commands wait to be decided, and how many may.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.queue.max_capacity() - self.queue.capacity(), self.waiting_max)
    }

    /// The position up to which commands have been acknowledged.
    pub(crate) fn acknowledged(&self) -> Position {
        *self.acknowledged.borrow()
    }
}

/// The task that owns the aggregates.
struct Task {
    store: Arc<dyn EventStore>,
    clock: Arc<dyn Clock>,
    cache: Cache,
    batch_max: usize,
    last_recorded_at: Timestamp,
    /// Whether nothing is decided but what was decided elsewhere.
    is_standby: bool,
    publish: watch::Sender<Position>,
    shown: Shown,
    counters: CommandCounters,
}

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Message>, mut stop: Stop) {
        let mut flights = Flights::new();
        let mut messages = Vec::with_capacity(self.batch_max);
        let mut is_ended = false;
        while !(is_ended && flights.is_done()) {
            let may_receive = !is_ended && flights.has_room() && flights.waiting.len() < self.batch_max;
            tokio::select! {
                biased;
                landed = flights.land() => landed.settle(&mut flights, &mut self),
                received = waiting.recv_many(&mut messages, self.batch_max), if may_receive => {
                    is_ended = received == 0;
                    flights.waiting.extend(messages.drain(..).map(Pending::new));
                }
                () = stop.wait(), if !waiting.is_closed() => waiting.close(),
            }
            if flights.has_room() {
                flights.take_off(&mut self).await;
            }
        }
    }

    /// Keeps the states of streams as they are in the log.
    fn keep(&mut self, states: States) {
        for (stream, state) in states {
            if let Ok(entry) = state {
                self.shown.show(&stream, &entry);
                self.cache.put(stream, entry);
            }
        }
        self.counters.metrics().cached(self.cache.len());
    }

    /// The time of a decision: never earlier than any recorded before, even if the clock is set back.
    fn now(&mut self) -> Timestamp {
        self.last_recorded_at = self.last_recorded_at.max(self.clock.now());
        self.last_recorded_at
    }
}
