//! Who works here: what each worker last said of itself, and when.
//!
//! Kept in memory and bounded, since a heartbeat is no event: after a restart a worker is known again once it speaks. Does
//! not know what a worker holds: the rows of the key-scopes say that.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::names::{OrganizationId, Scope, StorageUnitName, WorkerId};
use domain::time::{Millis, Timestamp};

/// How many workers are remembered; one more takes the place of the one that was silent longest.
const WORKERS_MAX: usize = 10_000;
/// How long a silent worker is remembered.
const SILENCE_MAX: Millis = Millis(3_600_000);

/// A queue: a scope of a unit, or the whole unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFilter {
    /// The unit.
    pub unit: StorageUnitName,
    /// The scope; every scope of the unit without one.
    pub scope: Option<Scope>,
}

impl QueueFilter {
    /// Whether the queue of a scope is meant.
    #[must_use]
    pub fn covers(&self, unit: &StorageUnitName, scope: &Scope) -> bool {
        self.unit == *unit && self.scope.as_ref().is_none_or(|wanted| wanted == scope)
    }
}

/// A worker as it last spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Whose worker it is; nothing for those of the engine itself, which work for everybody.
    pub organization: Option<OrganizationId>,
    /// Its name.
    pub worker: WorkerId,
    /// What it says of its version.
    pub version: Option<String>,
    /// The queues that it asked for last; none means all.
    pub queues: Vec<QueueFilter>,
    /// When it spoke last.
    pub last_seen: Timestamp,
}

/// Who works here.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<Workers>);

/// Two organizations may have workers of the same name.
type Workers = HashMap<(Option<OrganizationId>, WorkerId), Present>;

impl Presence {
    /// A worker asks for work.
    pub(crate) fn asks(&self, present: Present) {
        let mut workers = self.workers();
        let key = (present.organization.clone(), present.worker.clone());
        if !workers.contains_key(&key) && workers.len() >= WORKERS_MAX {
            let silent = workers.iter().min_by_key(|(_, worker)| worker.last_seen);
            if let Some(silent) = silent.map(|(key, _)| key.clone()) {
                workers.remove(&silent);
            }
        }
        workers.insert(key, present);
    }

    /// A worker says something of what it holds.
    pub(crate) fn speaks(&self, organization: Option<&OrganizationId>, worker: &WorkerId, now: Timestamp) {
        let (organization, worker) = (organization.cloned(), worker.clone());
        let key = (organization.clone(), worker.clone());
        let known = self.workers().get_mut(&key).map(|known| known.last_seen = now).is_some();
        if !known {
            self.asks(Present { organization, worker, version: None, queues: Vec::new(), last_seen: now });
        }
    }

    /// An organization's workers that spoke lately and those of the engine itself, in the order of their names; everybody's
    /// without one.
    pub(crate) fn list(&self, organization: Option<&OrganizationId>, now: Timestamp) -> Vec<Present> {
        let mut workers = self.workers();
        workers.retain(|_, worker| now.since(worker.last_seen) <= SILENCE_MAX);
        let wanted = |worker: &&Present| {
            let of = worker.organization.as_ref();
            organization.is_none() || of.is_none() || of == organization
        };
        let mut list: Vec<Present> = workers.values().filter(wanted).cloned().collect();
        list.sort_by(|left, right| left.worker.cmp(&right.worker));
        list
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(number: usize) -> WorkerId {
        WorkerId::new(format!("w{number:05}")).unwrap()
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(0).plus(Millis(millis))
    }

    #[test]
    fn whoever_was_silent_longest_makes_room_when_there_are_too_many() {
        let presence = Presence::default();
        for number in 0..WORKERS_MAX {
            presence.speaks(None, &worker(number), at(number as u64));
        }
        presence.speaks(None, &worker(0), at(WORKERS_MAX as u64));
        presence.speaks(None, &worker(WORKERS_MAX), at(WORKERS_MAX as u64));
        let names: Vec<WorkerId> =
            presence.list(None, at(WORKERS_MAX as u64)).into_iter().map(|present| present.worker).collect();
        assert_eq!(
            (names.len(), names.contains(&worker(0)), names.contains(&worker(1))),
            (WORKERS_MAX, true, false)
        );
    }

    #[test]
    fn a_worker_that_was_silent_for_long_is_forgotten() {
        let presence = Presence::default();
        presence.speaks(None, &worker(1), at(0));
        assert_eq!(presence.list(None, at(SILENCE_MAX.0)).len(), 1);
        assert_eq!(presence.list(None, at(SILENCE_MAX.0 + 1)), []);
    }

    #[test]
    fn a_word_about_work_keeps_what_a_worker_said_of_itself() {
        let presence = Presence::default();
        let (version, queues) = (Some("7".to_owned()), Vec::new());
        presence.asks(Present { organization: None, worker: worker(1), version, queues, last_seen: at(0) });
        presence.speaks(None, &worker(1), at(9));
        let list = presence.list(None, at(9));
        assert_eq!((list[0].version.as_deref(), list[0].last_seen), (Some("7"), at(9)));
    }
}
