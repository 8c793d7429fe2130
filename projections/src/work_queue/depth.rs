//! How much waits in each queue, and since which position the oldest of it. Does not know what time that was, nor who
//! looks.

use std::collections::{BTreeMap, HashMap};

use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::Position;
use domain::work::Priority;

use super::{Rank, UnitQueue, WorkQueue};

/// How many entries that may not be claimed are passed over for each priority in search of one that may; behind so many
/// the next one counts as one that may.
const PASSED_MAX: usize = 10_000;

/// How much stands where in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// How many entries wait, held ones that nobody was offered yet included.
    pub waiting: usize,
    /// How many are leased, or on their way to whoever claims them.
    pub leased: usize,
    /// How many were found to be held when they were offered, and wait aside.
    pub held: usize,
    /// Where the oldest entry that may be claimed entered the queue; nothing when there is none, when the queue is
    /// disabled, or while the system is paused.
    pub oldest_claimable: Option<Position>,
}

impl WorkQueue {
    /// Every queue that holds something, in the order of units and scopes. Visits what is leased or set aside one by
    /// one, and of what waits only the oldest.
    #[must_use]
    pub fn depths(&self) -> Vec<QueueDepth> {
        let mut depths: Vec<QueueDepth> =
            self.units.iter().flat_map(|(name, unit)| unit.depths(name)).collect();
        if self.paused {
            depths.iter_mut().for_each(|depth| depth.oldest_claimable = None);
        }
        depths.sort_by(|left, right| (&left.unit, &left.scope).cmp(&(&right.unit, &right.scope)));
        depths
    }
}

impl UnitQueue {
    fn depths(&self, name: &StorageUnitName) -> Vec<QueueDepth> {
        let mut scopes: HashMap<&Scope, QueueDepth> = HashMap::new();
        let empty = |scope: &Scope| QueueDepth {
            unit: name.clone(),
            scope: scope.clone(),
            waiting: 0,
            leased: 0,
            held: 0,
            oldest_claimable: None,
        };
        for (scope, entries) in &self.waiting {
            let depth = scopes.entry(scope).or_insert_with(|| empty(scope));
            depth.waiting = entries.len();
            depth.oldest_claimable = self.enabled.then(|| self.oldest_claimable(scope, entries)).flatten();
        }
        for (scope, _) in self.taken.keys() {
            scopes.entry(scope).or_insert_with(|| empty(scope)).leased += 1;
        }
        for (scope, _) in self.parked.keys() {
            scopes.entry(scope).or_insert_with(|| empty(scope)).held += 1;
        }
        scopes.into_values().collect()
    }

    fn oldest_claimable(&self, scope: &Scope, entries: &BTreeMap<Rank, Key>) -> Option<Position> {
        let oldest_of = |priority: Priority| {
            let first = (priority, Position::START);
            let last = (priority, Position { major: u64::MAX, minor: u64::MAX });
            let mut passed = 0;
            entries.range(first..=last).find(|(_, key)| {
                passed += 1;
                passed > PASSED_MAX || self.is_claimable(scope, key)
            })
        };
        let priorities = [Priority::High, Priority::Normal, Priority::Low];
        priorities.into_iter().filter_map(oldest_of).map(|((_, position), _)| *position).min()
    }

    pub(super) fn is_claimable(&self, scope: &Scope, key: &Key) -> bool {
        let place = (scope.clone(), key.clone());
        !self.held.contains(&place) && !self.taken.contains_key(&place)
    }
}
