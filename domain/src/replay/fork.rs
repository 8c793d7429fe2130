//! A fork: the recorded commands in the order of the log, decided on states on which something was otherwise.
//!
//! As long as a thing's decisions come out as they are in the log, the fork has the log's state of it. From the first one
//! that does not, the thing goes its own way (`docs/adr/0021-what-a-fork-takes-from-the-record.md`):
//! - people's, programs' and workers' commands are taken from the record, unless what they follow from did not happen;
//! - a token is that of the lease which the same claim got on the fork; without such a lease the command is left out;
//! - leases that run out, backoffs that end and stuck tasks are decided anew, at their time on the fork.
//!
//! It does not know how its endings are shown.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::append::RecordedAppend;
use super::changes::{Changes, CommandRef, Singled, asked};
use super::parts::{token, unit_of_key_scope, with_token};
use super::timers::ForkTimers;
use super::verify::permitted;
use super::{Decide, Thing, system};
use crate::aggregate::Aggregate;
use crate::campaign;
use crate::envelope::Command;
use crate::event::{Event, Metadata, RecordedEvent};
use crate::names::{Actor, CommandId, OrganizationId, StorageUnitName};
use crate::stream::{Position, StreamId, Subject, Version};
use crate::system;
use crate::task::{self, Seen, TaskStatus};
use crate::time::Timestamp;
use crate::work::{self, Phase, Token};

/// How many events of its own a fork may have. One with more is given up: narrow what is changed.
pub const FORK_EVENTS_MAX: usize = 4_000_000;

/// A fork of a log.
pub struct Fork {
    decide: Decide,
    changes: Changes,
    singled: Singled,
    things: HashMap<StreamId, Twin>,
    /// What did not happen on the fork: ids of commands and events, and of campaigns that did not start.
    absent: HashSet<Uuid>,
    timers: ForkTimers,
    /// Since when tasks have their status on the fork, if the watchdog's policy is changed.
    watched: HashMap<StreamId, (TaskStatus, Version, Timestamp)>,
    /// How many key-scopes of a unit are leased on the fork, if that is limited.
    leased: HashMap<StorageUnitName, u32>,
    paused: Option<system::Refusal>,
    system: StreamId,
    position: Position,
    events: usize,
    counts: ForkCounts,
}

/// A thing in the log and on the fork.
enum Twin {
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

/// What became of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ForkCounts {
    /// Decided on the fork, as recorded or with changed policies.
    pub decided: u64,
    /// Of these, refused or without effect there, though they had one in the log.
    pub without_effect: u64,
    /// Left out because somebody wanted so.
    pub skipped: u64,
    /// Replaced because somebody wanted so.
    pub edited: u64,
    /// Left out because what they follow from did not happen.
    pub without_cause: u64,
    /// Left out because their lease was not given.
    pub without_lease: u64,
    /// Claims that a limit did not permit.
    pub over_limit: u64,
    /// Left out because they cannot be read, or belong to a stream that cannot be followed.
    pub unreadable: u64,
    /// Timers that fired on the fork alone: leases that ran out, backoffs that ended, stuck tasks.
    pub timers: u64,
}

/// What a command comes to on the fork.
enum Fate {
    Decided(Vec<Event>),
    Skipped,
    WithoutCause,
    WithoutLease,
    OverLimit,
    Unreadable,
}

impl Fork {
    /// A fork on which something is otherwise.
    #[must_use]
    pub fn new(changes: Changes) -> Self {
        Self::by(Aggregate::decide, changes)
    }

    /// A fork on which other rules hold, too.
    #[must_use]
    pub fn by(decide: Decide, changes: Changes) -> Self {
        Self {
            decide,
            singled: Singled::new(&changes),
            // What was prepared for a command that is left out comes before it in the log.
            absent: changes.skipped_ids().collect(),
            changes,
            things: HashMap::new(),
            timers: ForkTimers::default(),
            watched: HashMap::new(),
            leased: HashMap::new(),
            paused: None,
            system: system(),
            position: Position::START,
            events: 0,
            counts: ForkCounts::default(),
        }
    }

    /// Takes the next append of the log. Changed policies hold for its command if it is chosen.
    pub fn take(&mut self, append: &RecordedAppend, is_chosen: bool) {
        let now = append.metadata().recorded_at;
        self.fire_before(now);
        self.position = append.first().position;
        let stream = append.stream();
        let Some(twin) = self.things.remove(stream).or_else(|| initial(stream)) else {
            self.counts.unreadable += 1;
            self.things.insert(stream.clone(), Twin::Lost);
            return;
        };
        let was_leased = twin.is_leased();
        let fate = self.fate(&twin, append, is_chosen);
        self.count(&fate);
        let events = match fate {
            Fate::Decided(events) => events,
            Fate::Skipped | Fate::WithoutCause | Fate::WithoutLease | Fate::OverLimit | Fate::Unreadable => {
                Vec::new()
            }
        };
        self.note_absent(append, &events);
        let before = twin.own_events();
        let twin = twin.after(append, events);
        self.events += twin.own_events() - before;
        self.put(stream, twin, was_leased, now);
    }

    /// What the log's end brings: every timer that is due by then.
    pub fn finish(&mut self, end: Timestamp) {
        self.fire_before(Timestamp::from_micros(end.as_micros().saturating_add(1)));
    }

    /// Whether the fork has more events of its own than it may have.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        self.events > FORK_EVENTS_MAX
    }

    /// What became of the commands.
    #[must_use]
    pub const fn counts(&self) -> ForkCounts {
        self.counts
    }

    /// The changes of single commands that met none.
    #[must_use]
    pub fn unmet(&self) -> Vec<CommandRef> {
        self.singled.unmet()
    }

    /// What went its own way, in the order of the streams' names.
    #[must_use]
    pub fn apart(&self) -> Vec<(&StreamId, &Apart)> {
        let mut apart: Vec<_> =
            self.things.iter().filter_map(|(stream, twin)| Some((stream, twin.apart()?))).collect();
        apart.sort_unstable_by_key(|(stream, _)| *stream);
        apart
    }

    /// What a recorded command comes to.
    fn fate(&mut self, twin: &Twin, append: &RecordedAppend, is_chosen: bool) -> Fate {
        let Some(thing) = twin.thing() else { return Fate::Unreadable };
        if matches!(twin, Twin::Same(_)) && append.first().version != thing.next {
            return Fate::Unreadable;
        }
        let recorded = match self.singled.meet(append) {
            Some(None) => return Fate::Skipped,
            Some(Some(edited)) => {
                self.counts.edited += 1;
                Subject::try_from(append.stream())
                    .ok()
                    .and_then(|it| Command::from_recorded(it, &edited).ok())
            }
            None => append.command().ok(),
        };
        let Some(mut command) = recorded else { return Fate::Unreadable };
        if append.metadata().causation_id.is_some_and(|cause| self.absent.contains(&cause)) {
            return Fate::WithoutCause;
        }
        if is_chosen {
            command = self.changes.in_command(command);
        }
        if let Twin::Apart(apart) = twin {
            match apart.translated(command) {
                Some(translated) => command = translated,
                None => return Fate::WithoutLease,
            }
        }
        if is_chosen && self.is_over_limit(&command) {
            return Fate::OverLimit;
        }
        let now = append.metadata().recorded_at;
        let decided = permitted(self.paused.as_ref(), &command);
        let decided = decided.and_then(|()| (self.decide)(&thing.aggregate, &command, now));
        Fate::Decided(decided.unwrap_or_default())
    }

    fn is_over_limit(&self, command: &Command) -> bool {
        let (Some(max), Some(unit)) = (self.changes.limits.in_flight_max, command.unit()) else {
            return false;
        };
        command.dispatches() && self.leased.get(unit).is_some_and(|leased| *leased >= max)
    }

    fn count(&mut self, fate: &Fate) {
        let counts = &mut self.counts;
        match fate {
            Fate::Decided(events) => {
                counts.decided += 1;
                counts.without_effect += u64::from(events.is_empty());
            }
            Fate::Skipped => counts.skipped += 1,
            Fate::WithoutCause => counts.without_cause += 1,
            Fate::WithoutLease => counts.without_lease += 1,
            Fate::OverLimit => counts.over_limit += 1,
            Fate::Unreadable => counts.unreadable += 1,
        }
    }

    /// Notes what did not happen, so that nothing follows from it.
    fn note_absent(&mut self, append: &RecordedAppend, events: &[Event]) {
        let missing = append.events().skip(events.len()).map(|recorded| recorded.id.0);
        self.absent.extend(missing);
        if !events.is_empty() {
            return;
        }
        self.absent.insert(append.metadata().command_id.0);
        if let Event::Campaign(campaign::Event::Started(_)) = &append.first().event
            && let Ok(Subject::Campaign(id)) = Subject::try_from(append.stream())
        {
            // What a campaign asks for follows from the campaign.
            self.absent.insert(id.0);
        }
    }

    /// Puts a thing back, and sets its timer.
    fn put(&mut self, stream: &StreamId, twin: Twin, was_leased: bool, now: Timestamp) {
        self.count_lease(stream, was_leased, twin.is_leased());
        if *stream == self.system
            && let Some(Aggregate::System(system)) = twin.thing().map(|thing| &thing.aggregate)
        {
            self.paused = system.permit_dispatch().err();
        }
        let stuck = self.watch(stream, &twin, now);
        let due = twin.apart().and_then(Apart::due);
        let next = [stuck, due].into_iter().flatten().min();
        if next.is_some() || twin.apart().is_some() || !self.changes.stuck.is_empty() {
            self.timers.set(stream, next);
        }
        self.things.insert(stream.clone(), twin);
    }

    fn count_lease(&mut self, stream: &StreamId, before: bool, after: bool) {
        if before == after || self.changes.limits.in_flight_max.is_none() {
            return;
        }
        let Some(unit) = unit_of_key_scope(stream) else { return };
        let leased = self.leased.entry(unit).or_default();
        *leased = if after { leased.saturating_add(1) } else { leased.saturating_sub(1) };
    }

    /// When a task is stuck under the changed policy, if it has a status for which there is a line.
    fn watch(&mut self, stream: &StreamId, twin: &Twin, now: Timestamp) -> Option<Timestamp> {
        if self.changes.stuck.is_empty() {
            return None;
        }
        let task = twin.thing()?.aggregate.task()?;
        let (status, version) = (task.status(), task.status_version);
        let seen = self.watched.get(stream).filter(|(before, at, _)| (*before, *at) == (status, version));
        let since = seen.map_or(now, |(_, _, since)| *since);
        self.watched.insert(stream.clone(), (status, version, since));
        let policy = self.changes.policy(status).filter(|_| !task.held)?;
        Some(since.plus(policy.threshold_ms))
    }

    /// Fires what is due before an instant, each at its time.
    fn fire_before(&mut self, end: Timestamp) {
        while let Some((at, stream)) = self.timers.take_before(end) {
            self.fire(&stream, at);
        }
    }

    fn fire(&mut self, stream: &StreamId, at: Timestamp) {
        let Some(twin) = self.things.remove(stream) else { return };
        let was_leased = twin.is_leased();
        let due = self.due_commands(stream, &twin);
        let decided = twin.thing().and_then(|thing| {
            due.into_iter().find_map(|command| {
                let events = (self.decide)(&thing.aggregate, &command, at).ok()?;
                (!events.is_empty()).then_some(events)
            })
        });
        let Some(events) = decided else {
            self.things.insert(stream.clone(), twin);
            return;
        };
        self.counts.timers += 1;
        let before = twin.own_events();
        let twin = twin.by_timer(stream, events, at, self.position);
        self.events += twin.own_events() - before;
        self.put(stream, twin, was_leased, at);
    }

    /// What a timer of a thing may ask for; the thing decides whether anything follows.
    fn due_commands(&self, stream: &StreamId, twin: &Twin) -> Vec<Command> {
        let Ok(subject) = Subject::try_from(stream) else { return Vec::new() };
        let mut commands = Vec::new();
        if let Twin::Apart(apart) = twin {
            commands.extend(apart.timer_commands(subject.clone()));
        }
        if let (Subject::Task(id), Some((status, version, since))) = (&subject, self.watched.get(stream))
            && let Some(policy) = self.changes.policy(*status)
        {
            let seen =
                Seen { status: *status, version: *version, since: *since, threshold_ms: policy.threshold_ms };
            commands.push(Command::Task(*id, asked(policy, seen)));
        }
        commands
    }
}

/// A thing before its first event; nothing when the stream is none of a known kind.
fn initial(stream: &StreamId) -> Option<Twin> {
    let subject = Subject::try_from(stream).ok()?;
    Some(Twin::Same(Thing { aggregate: Aggregate::initial(&subject), next: Version(0) }))
}

impl Twin {
    /// What it is on the fork.
    const fn thing(&self) -> Option<&Thing> {
        match self {
            Self::Same(thing) => Some(thing),
            Self::Apart(apart) => Some(&apart.thing),
            Self::Lost => None,
        }
    }

    fn apart(&self) -> Option<&Apart> {
        match self {
            Self::Apart(apart) => Some(apart),
            Self::Same(_) | Self::Lost => None,
        }
    }

    fn own_events(&self) -> usize {
        self.apart().map_or(0, |apart| apart.events.len())
    }

    fn is_leased(&self) -> bool {
        let work = self.thing().and_then(|thing| thing.aggregate.work());
        work.is_some_and(|work| work.lease().is_some())
    }

    /// The thing after an append of the log, whose command came to these events on the fork.
    fn after(self, append: &RecordedAppend, events: Vec<Event>) -> Self {
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
    fn by_timer(self, stream: &StreamId, events: Vec<Event>, at: Timestamp, position: Position) -> Self {
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
    fn translated(&self, command: Command) -> Option<Command> {
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
    fn due(&self) -> Option<Timestamp> {
        match &self.thing.aggregate.work()?.phase {
            Phase::Assigned(lease) | Phase::Running(lease) => Some(lease.until),
            Phase::Failed { retry_at, .. } => *retry_at,
            Phase::Idle | Phase::Queued { .. } | Phase::Finished => None,
        }
    }

    /// What a timer of its work asks for.
    fn timer_commands(&self, subject: Subject) -> Vec<Command> {
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
