//! A thing in the log and on the fork: one state as long as its decisions come out alike, then two. Does not know which
//! commands come, nor what is otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::super::Thing;
use super::super::append::RecordedAppend;
use super::super::parts::{token, with_token};
use crate::aggregate::Aggregate;
use crate::envelope::Command;
use crate::event::{Event, Metadata, RecordedEvent};
use crate::names::{Actor, CommandId, OrganizationId};
use crate::stream::{Position, StreamId, Subject, Version};
use crate::task::{self, Seen};
use crate::time::Timestamp;
use crate::work::{self, Phase, Token};

/// A thing in the log and on the fork.
pub(super) enum Twin {
    /// Both are the same.
    Same(Thing),
    /// The fork's went its own way.
    Apart(Box<Apart>),
    /// The log's cannot be followed.
    Lost,
}

/// A thing that went its own way on a fork.
#[derive(Debug)]
pub struct Apart {
    thing: Thing,
    /// The version of the first event that differs.
    since: Version,
    /// The tokens of the fork's leases, by those of the log's.
    tokens: BTreeMap<Version, Version>,
    /// The events from there on.
    events: Vec<Arc<RecordedEvent>>,
}

impl Apart {
    /// The version of the first event that differs; before it, log and fork have the same events.
    #[must_use]
    pub const fn since(&self) -> Version {
        self.since
    }

    /// The fork's events from there on.
    #[must_use]
    pub fn events(&self) -> &[Arc<RecordedEvent>] {
        &self.events
    }
}

/// A thing before its first event; nothing when the stream is none of a known kind.
pub(super) fn initial(stream: &StreamId) -> Option<Twin> {
    let subject = Subject::try_from(stream).ok()?;
    Some(Twin::Same(Thing { aggregate: Aggregate::initial(&subject), next: Version(0) }))
}

impl Twin {
    /// What it is on the fork.
    pub(super) const fn thing(&self) -> Option<&Thing> {
        match self {
            Self::Same(thing) => Some(thing),
            Self::Apart(apart) => Some(&apart.thing),
            Self::Lost => None,
        }
    }

    pub(super) fn apart(&self) -> Option<&Apart> {
        match self {
            Self::Apart(apart) => Some(apart),
            Self::Same(_) | Self::Lost => None,
        }
    }

    pub(super) fn own_events(&self) -> usize {
        self.apart().map_or(0, |apart| apart.events.len())
    }

    /// The thing after an append of the log, whose command came to these events on the fork.
    pub(super) fn after(self, append: &RecordedAppend, events: Vec<Event>) -> Self {
        let recorded = || append.events().map(|recorded| &recorded.event);
        let apart = match self {
            Self::Lost => return Self::Lost,
            Self::Apart(apart) => *apart,
            Self::Same(thing) => {
                if append.first().version != thing.next {
                    return Self::Lost;
                }
                let same = recorded().zip(&events).take_while(|(recorded, event)| recorded == event).count();
                if same == append.count() && same == events.len() {
                    return thing.evolve(recorded()).map_or(Self::Lost, Self::Same);
                }
                // The whole append is kept as the fork's, so that its events have one origin.
                Apart { since: thing.next, thing, tokens: BTreeMap::new(), events: Vec::new() }
            }
        };
        apart.after(append, events)
    }

    /// The thing after a timer that fired on the fork alone.
    pub(super) fn by_timer(
        self,
        stream: &StreamId,
        events: Vec<Event>,
        at: Timestamp,
        position: Position,
    ) -> Self {
        let apart = match self {
            Self::Lost => return Self::Lost,
            Self::Apart(apart) => *apart,
            Self::Same(thing) => {
                Apart { since: thing.next, thing, tokens: BTreeMap::new(), events: Vec::new() }
            }
        };
        let id = CommandId::following(Uuid::nil(), &format!("{stream} at {}", apart.thing.next));
        let metadata = Metadata {
            recorded_at: at,
            command_id: id,
            idempotency_key: None,
            command: None,
            actor: Actor::system(),
            reason: None,
            causation_id: None,
            correlation_id: None,
            organization: apart.organization(),
        };
        apart.with(stream, events, &Arc::new(metadata), position)
    }
}

impl Apart {
    /// The command as it has to be on the fork; nothing when it shows the token of a lease that was not given there.
    pub(super) fn translated(&self, command: Command) -> Option<Command> {
        if let Command::Task(id, task::Command::Revert { seen, to }) = command {
            return Some(Command::Task(id, task::Command::Revert { seen: self.seen(seen), to }));
        }
        if let Command::Task(id, task::Command::MoveToHistory { seen }) = command {
            return Some(Command::Task(id, task::Command::MoveToHistory { seen: self.seen(seen) }));
        }
        let Some(shown) = command.asked_of_work().and_then(token) else { return Some(command) };
        if shown.0 < self.since {
            return Some(command);
        }
        let its = Token(*self.tokens.get(&shown.0)?);
        Some(command.map_work(|command| with_token(command, its)))
    }

    /// What the watchdog would have seen here, when the task has the same status.
    fn seen(&self, recorded: Seen) -> Seen {
        let Some(task) = self.thing.aggregate.task() else { return recorded };
        let version = task.status_version;
        let since = self.events.iter().rev().find(|event| event.version == version);
        match since {
            Some(event) if task.status() == recorded.status => {
                Seen { version, since: event.metadata.recorded_at, ..recorded }
            }
            Some(_) | None => recorded,
        }
    }

    fn after(mut self, append: &RecordedAppend, events: Vec<Event>) -> Twin {
        let given = |event: &Event| matches!(event.work(), Some(work::Event::Assigned(_)));
        let recorded = append.events().find(|recorded| given(&recorded.event));
        let index = events.iter().position(given);
        if let (Some(recorded), Some(index)) = (recorded, index) {
            self.tokens.insert(recorded.version, Version(self.thing.next.0 + index as u64));
        }
        self.with(append.stream(), events, &append.first().metadata, append.first().position)
    }

    fn with(
        mut self,
        stream: &StreamId,
        events: Vec<Event>,
        metadata: &Arc<Metadata>,
        position: Position,
    ) -> Twin {
        let first = self.thing.next;
        let Ok(thing) = self.thing.evolve(&events) else { return Twin::Lost };
        self.thing = thing;
        for ((index, event), version) in (0_u16..).zip(events).zip(first.0..) {
            self.events.push(Arc::new(RecordedEvent {
                position,
                stream: stream.clone(),
                version: Version(version),
                id: metadata.command_id.event_id(index),
                event,
                metadata: Arc::clone(metadata),
            }));
        }
        Twin::Apart(Box::new(self))
    }

    fn organization(&self) -> OrganizationId {
        self.events
            .first()
            .map_or_else(OrganizationId::default_organization, |event| event.metadata.organization.clone())
    }

    /// When the lease runs out or the backoff ends, if there is one.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match &self.thing.aggregate.work()?.phase {
            Phase::Assigned(lease) | Phase::Running(lease) => Some(lease.until),
            Phase::Failed { retry_at, .. } => *retry_at,
            Phase::Idle | Phase::Queued { .. } | Phase::Finished => None,
        }
    }

    /// What a timer of its work asks for.
    pub(super) fn timer_commands(&self, subject: Subject) -> Vec<Command> {
        let commands = [work::Command::ExpireLease, work::Command::Retry];
        match subject {
            Subject::KeyScope(id) => commands.map(|command| Command::work(id.clone(), command)).into(),
            Subject::Task(id) => match self.thing.aggregate.task() {
                Some(task) => {
                    let stage = task.stage;
                    commands.map(|command| Command::Task(id, task::Command::Work { stage, command })).into()
                }
                None => Vec::new(),
            },
            Subject::StorageUnit(_)
            | Subject::Record(_)
            | Subject::Campaign(_)
            | Subject::Workspace(_)
            | Subject::Batch(_)
            | Subject::ExternalId(..)
            | Subject::Ids(_)
            | Subject::System
            | Subject::ApiKey(_)
            | Subject::Access(_) => Vec::new(),
        }
    }
}
