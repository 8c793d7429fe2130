//! Which work is due for a timer: leases that run out and backoffs that end. A fold over events, so that it can be
//! restored from open rows at any start. Does not know the time.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use crate::envelope::{Command, Envelope};
use crate::names::{Actor, CommandId};

use crate::time::Timestamp;
use crate::work;
use crate::work_id::{Happened, WorkId};

/// What a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A lease runs out.
    LeaseEnd,
    /// A backoff ends.
    BackoffEnd,
}

/// At most one instant per piece of work: it is leased, in backoff, or neither.
#[derive(Debug, Default)]
pub struct Timers {
    ordered: BTreeSet<(Timestamp, WorkId, Due)>,
    current: HashMap<WorkId, (Timestamp, Due)>,
}

impl Timers {
    /// Sets the timer of a piece of work, in place of an earlier one.
    pub fn set(&mut self, id: &WorkId, at: Timestamp, due: Due) {
        self.clear(id);
        self.ordered.insert((at, id.clone(), due));
        self.current.insert(id.clone(), (at, due));
    }

    /// Takes note of what happened at a place.
    pub fn apply(&mut self, id: &WorkId, event: Happened<'_>) {
        match event {
            Happened::Work(work::Event::Assigned(assigned)) => {
                self.set(id, assigned.until, Due::LeaseEnd);
            }
            Happened::Work(work::Event::LeaseExtended(extended)) => {
                self.set(id, extended.until, Due::LeaseEnd);
            }
            Happened::Work(work::Event::Failed(failed)) => match failed.retry_at {
                Some(retry_at) => self.set(id, retry_at, Due::BackoffEnd),
                None => self.clear(id),
            },
            Happened::Work(
                work::Event::Queued(_)
                | work::Event::Finished(_)
                | work::Event::Unassigned(_)
                | work::Event::Restarted(_),
            )
            | Happened::Withdrawn => self.clear(id),
            Happened::Work(
                work::Event::ProcessStarted(_)
                | work::Event::RequeueRequested(_)
                | work::Event::Held
                | work::Event::Released
                | work::Event::LateResultRefused(_),
            ) => {}
        }
    }

    /// The instant at which something is due next.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.ordered.first().map(|(at, _, _)| *at)
    }

    /// Takes what is due at `now`, at most `limit`.
    pub fn take_due(&mut self, now: Timestamp, limit: usize) -> Vec<(WorkId, Timestamp, Due)> {
        let due: Vec<_> =
            self.ordered.iter().take_while(|(at, _, _)| *at <= now).take(limit).cloned().collect();
        for (_, id, _) in &due {
            self.clear(id);
        }
        due.into_iter().map(|(at, id, due)| (id, at, due)).collect()
    }

    fn clear(&mut self, id: &WorkId) {
        if let Some((at, due)) = self.current.remove(id) {
            self.ordered.remove(&(at, id.clone(), due));
        }
    }
}

/// The command that a due timer sends. The work itself decides whether anything follows.
#[must_use]
pub fn command(id: WorkId, at: Timestamp, due: Due, fresh: Uuid) -> Envelope {
    let (command, reason) = match due {
        Due::LeaseEnd => (work::Command::ExpireLease, format!("the lease ran out at {at}")),
        Due::BackoffEnd => (work::Command::Retry, format!("the backoff ended at {at}")),
    };
    Envelope::new(CommandId(fresh), Actor::system(), Command::work(id, command)).because(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Key, Scope, StorageUnitName, WorkerId};

    fn id(key: &str) -> WorkId {
        WorkId {
            unit: StorageUnitName::new("u").unwrap(),
            scope: Scope::new("s").unwrap(),
            key: Key::new(key).unwrap(),
        }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn assigned(until: i64) -> work::Event {
        let worker = WorkerId::new("w").unwrap();
        work::Event::Assigned(work::Assigned { worker, until: at(until), attempt: 1 })
    }

    #[test]
    fn an_extended_lease_is_due_at_its_new_end_only() {
        let mut timers = Timers::default();
        timers.apply(&id("a"), Happened::Work(&assigned(10)));
        let extended = work::LeaseExtended { attempt: 1, until: at(20) };
        timers.apply(&id("a"), Happened::Work(&work::Event::LeaseExtended(extended)));
        assert_eq!(timers.take_due(at(15), 10), []);
        assert_eq!(timers.take_due(at(20), 10), [(id("a"), at(20), Due::LeaseEnd)]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn what_came_to_an_end_is_never_due() {
        let mut timers = Timers::default();
        timers.apply(&id("a"), Happened::Work(&assigned(10)));
        timers.apply(&id("b"), Happened::Work(&assigned(5)));
        let unassigned = work::Unassigned { attempt: 1, cause: work::UnassignCause::Reset };
        timers.apply(&id("a"), Happened::Work(&work::Event::Unassigned(unassigned)));
        assert_eq!(timers.take_due(at(100), 10), [(id("b"), at(5), Due::LeaseEnd)]);
    }

    #[test]
    fn the_earliest_are_taken_first_and_not_more_than_asked_for() {
        let mut timers = Timers::default();
        for (key, until) in [("a", 3), ("b", 1), ("c", 2)] {
            timers.apply(&id(key), Happened::Work(&assigned(until)));
        }
        let first: Vec<_> =
            timers.take_due(at(9), 2).into_iter().map(|(id, _, _)| id.key.to_string()).collect();
        assert_eq!(first, ["b", "c"]);
        assert_eq!(timers.next(), Some(at(3)));
    }
}
