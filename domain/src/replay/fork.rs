//! A fork: the recorded commands in the order of the log, decided on states on which something was otherwise.
//!
//! As long as a thing's decisions come out as they are in the log, the fork has the log's state of it. From the first one
//! that does not, the thing goes its own way (`docs/adr/0021-what-a-fork-takes-from-the-record.md`):
//! - people's, programs' and workers' commands are taken from the record, unless what they follow from did not happen;
//! - a token is that of the lease which the same claim got on the fork; without such a lease the command is left out;
//! - leases that run out, backoffs that end and stuck tasks are decided anew, at their time on the fork.
//!
//! It does not know how its endings are shown.

mod due;
mod leases;
mod twin;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::append::RecordedAppend;
use super::changes::{Changes, CommandRef, Singled};
use super::timers::ForkTimers;
use super::verify::permitted;
use super::{Decide, Thing, system};
use crate::aggregate::Aggregate;
use crate::campaign;
use crate::envelope::Command;
use crate::event::Event;
use crate::stream::{Position, StreamId, Subject, Version};
use crate::system;
use crate::task::TaskStatus;
use crate::time::Timestamp;

pub use twin::Apart;

use leases::{Leases, queue_unit};
use twin::{Twin, initial};

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
    leases: Leases,
    paused: Option<system::Refusal>,
    system: StreamId,
    position: Position,
    events: usize,
    counts: ForkCounts,
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
            leases: Leases::default(),
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
        self.events += twin.own_events().saturating_sub(before);
        self.put(stream, twin, now);
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
        let now = append.metadata().recorded_at;
        if is_chosen {
            if self.is_over_limit(thing, &command) {
                return Fate::OverLimit;
            }
            let held = self.leases.held_for(append.stream(), now);
            command = self.changes.in_result(command, held);
        }
        let decided = permitted(self.paused.as_ref(), &command);
        let decided = decided.and_then(|()| (self.decide)(&thing.aggregate, &command, now));
        Fate::Decided(decided.unwrap_or_default())
    }

    /// Whether a claim is one more than a changed limit permits.
    fn is_over_limit(&self, thing: &Thing, command: &Command) -> bool {
        let Some(max) = self.changes.limits.in_flight_max.filter(|_| command.dispatches()) else {
            return false;
        };
        queue_unit(&command.subject(), &thing.aggregate).is_some_and(|unit| self.leases.count(&unit) >= max)
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
    fn put(&mut self, stream: &StreamId, twin: Twin, now: Timestamp) {
        if !self.changes.limits.is_nothing() {
            self.leases.note(stream, twin.thing(), now);
        }
        if *stream == self.system
            && let Some(Aggregate::System(system)) = twin.thing().map(|thing| &thing.aggregate)
        {
            self.paused = system.permit_dispatch().err();
        }
        self.set_timer(stream, &twin, now);
        self.things.insert(stream.clone(), twin);
    }
}
