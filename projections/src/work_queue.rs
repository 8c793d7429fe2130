//! The work queue: what may be claimed next. An in-memory view, restored at start from the rows that are open.
//!
//! Order: priority, then age; fair across storage units. What it offers is a proposal: the work itself decides whether
//! it can be claimed, so an entry that is out of date costs a refused claim and nothing else. It does not know who
//! waits for work.

mod depth;
mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use domain::names::{Key, Scope, StorageUnitName, WorkspaceId};
use domain::storage_unit::{self, Limits, Settings};
use domain::stream::{KeyScopeId, Position};
use domain::system;
use domain::time::Millis;
use domain::work::{self, Priority};
use domain::work_id::{Happened, WorkId};
use domain::workspace;

pub use depth::QueueDepth;
pub use place::{AHEAD_COUNTED_MAX, FIRST_NAMED_MAX, Gate, Standing};

/// Where an entry stands in its queue: lower goes first.
pub type Rank = (Priority, Position);

/// Something that may be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What.
    pub id: KeyScopeId,
    /// For how long its unit leases.
    pub lease_ms: Millis,
    rank: Rank,
}

/// All queues of all storage units.
#[derive(Debug, Default)]
pub struct WorkQueue {
    units: HashMap<StorageUnitName, UnitQueue>,
    /// The units in the order in which they are served; the one served last is last.
    turns: VecDeque<StorageUnitName>,
    /// Whether nothing is offered, whatever waits.
    paused: bool,
}

#[derive(Debug)]
struct UnitQueue {
    enabled: bool,
    limits: Limits,
    waiting: BTreeMap<Scope, BTreeMap<Rank, Key>>,
    /// What is leased, and what was offered and not yet answered for.
    taken: HashMap<(Scope, Key), Taken>,
    /// What was found to be held when it was offered, and where it stood.
    parked: HashMap<(Scope, Key), Rank>,
    /// What is held, whether or not it waits and was offered since.
    held: HashSet<(Scope, Key)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// `released` says whether a hold was lifted since: then a refusal for that hold is out of date.
    Offered {
        priority: Priority,
        released: bool,
    },
    Leased(Priority),
}

impl Taken {
    const fn priority(self) -> Priority {
        match self {
            Self::Offered { priority, .. } | Self::Leased(priority) => priority,
        }
    }
}

impl WorkQueue {
    /// Takes note of a storage unit that exists.
    pub fn restore_unit(&mut self, name: &StorageUnitName, enabled: bool, limits: Limits) {
        let unit = UnitQueue {
            enabled,
            limits,
            waiting: BTreeMap::new(),
            taken: HashMap::new(),
            parked: HashMap::new(),
            held: HashSet::new(),
        };
        if self.units.insert(name.clone(), unit).is_none() {
            self.turns.push_back(name.clone());
        }
    }

    /// Takes note of whether the system is paused.
    pub const fn restore_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Takes note of work that waits.
    pub fn restore_waiting(&mut self, id: &KeyScopeId, rank: Rank) {
        self.push(id, rank);
    }

    /// Takes note of work that is leased.
    pub fn restore_leased(&mut self, id: &KeyScopeId, priority: Priority) {
        if let Some(unit) = self.units.get_mut(&id.unit) {
            unit.taken.insert((id.scope.clone(), id.key.clone()), Taken::Leased(priority));
        }
    }

    /// Takes note of an event of the system; says whether something may have become claimable.
    pub const fn apply_system(&mut self, event: &system::Event) -> bool {
        match event {
            system::Event::Paused(_) => {
                self.paused = true;
                false
            }
            system::Event::Resumed => {
                self.paused = false;
                true
            }
        }
    }

    /// Takes note of a hold.
    pub fn restore_held(&mut self, id: &KeyScopeId) {
        if let Some(unit) = self.units.get_mut(&id.unit) {
            unit.held.insert((id.scope.clone(), id.key.clone()));
        }
    }

    /// Takes note of an event of a storage unit; says whether something may have become claimable.
    pub fn apply_unit(&mut self, name: &StorageUnitName, event: &storage_unit::Event) -> bool {
        match event {
            storage_unit::Event::Created(Settings { queue_enabled, limits, .. }) => {
                self.restore_unit(name, *queue_enabled, *limits);
                false
            }
            storage_unit::Event::QueueEnabled => self.with_unit(name, |unit| unit.enabled = true),
            storage_unit::Event::QueueDisabled => {
                self.with_unit(name, |unit| unit.enabled = false);
                false
            }
            storage_unit::Event::LimitsSet(limits) => self.with_unit(name, |unit| unit.limits = *limits),
            // Which scopes a worker can serve depends on their modules, so it may look again.
            storage_unit::Event::ModulesSet(_) => true,
            storage_unit::Event::Dropped => {
                self.units.remove(name);
                self.turns.retain(|turn| turn != name);
                false
            }
            storage_unit::Event::ContentSet(_)
            | storage_unit::Event::QueueReset
            | storage_unit::Event::Cleared => false,
        }
    }

    /// Takes note of an event of a workspace, whose tasks' stages are queued under a unit of their own; says whether
    /// something may have become claimable.
    pub fn apply_workspace(&mut self, id: WorkspaceId, event: &workspace::Event) -> bool {
        let name = StorageUnitName::of_tasks(id);
        match event {
            workspace::Event::Created(settings) => {
                self.restore_unit(&name, true, settings.limits);
                false
            }
            workspace::Event::Configured(settings) => {
                self.with_unit(&name, |unit| unit.limits = settings.limits)
            }
        }
    }

    /// Takes note of what happened at a place; says whether something may have become claimable.
    pub fn apply_work(&mut self, id: &WorkId, event: Happened<'_>, at: Position) -> bool {
        match event {
            Happened::Work(work::Event::Queued(queued)) => self.push(id, (queued.priority, at)),
            Happened::Work(work::Event::Restarted(restarted)) => {
                self.free(id);
                self.push(id, (restarted.priority, at))
            }
            Happened::Work(work::Event::Unassigned(_)) => {
                let priority = self.free(id);
                self.push(id, (priority, at))
            }
            // What was never offered while it was held still waits where it waited.
            Happened::Work(work::Event::Released) => {
                self.forget_hold(id);
                self.unpark(id)
            }
            Happened::Work(work::Event::Assigned(_)) => {
                self.lease(id);
                false
            }
            // Room below `in_flight_max`.
            Happened::Work(work::Event::Finished(_)) if id.task_stage().is_some() => self.leave(id),
            Happened::Work(work::Event::Finished(_) | work::Event::Failed(_)) => self.end(id),
            Happened::Withdrawn => self.leave(id),
            Happened::Work(work::Event::Held) => {
                self.restore_held(id);
                false
            }
            Happened::Work(
                work::Event::ProcessStarted(_)
                | work::Event::LeaseExtended(_)
                | work::Event::RequeueRequested(_)
                | work::Event::LateResultRefused(_),
            ) => false,
        }
    }

    /// Takes up to `max` candidates from the queues that `serves` allows, one unit after the other. Each must be
    /// answered for: with its `Assigned` event, or with [`WorkQueue::give_back`], [`WorkQueue::park`] or
    /// [`WorkQueue::discard`].
    pub fn take(&mut self, max: usize, serves: &dyn Fn(&StorageUnitName, &Scope) -> bool) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        if self.paused {
            return candidates;
        }
        let mut units_without = 0;
        while candidates.len() < max && units_without < self.turns.len() {
            let Some(name) = self.turns.pop_front() else { break };
            match self.units.get_mut(&name).and_then(|unit| unit.take_one(&name, serves)) {
                Some(candidate) => {
                    candidates.push(candidate);
                    units_without = 0;
                }
                None => units_without += 1,
            }
            self.turns.push_back(name);
        }
        candidates
    }

    /// Whether something waits that may be claimed by whoever serves it.
    #[must_use]
    pub fn has_claimable(&self) -> bool {
        !self.paused && self.units.values().any(UnitQueue::has_claimable)
    }

    /// A candidate could not be claimed now; it waits where it waited.
    pub fn give_back(&mut self, candidate: Candidate) {
        if self.is_offered(&candidate.id) {
            self.free(&candidate.id);
            self.push(&candidate.id, candidate.rank);
        }
    }

    /// A candidate is not claimable: the entry was out of date.
    pub fn discard(&mut self, candidate: &Candidate) {
        if self.is_offered(&candidate.id) {
            self.free(&candidate.id);
        }
    }

    /// A candidate is held: it waits aside, and is back where it waited once it is released.
    pub fn park(&mut self, candidate: &Candidate) {
        let place = (candidate.id.scope.clone(), candidate.id.key.clone());
        let Some(unit) = self.units.get_mut(&candidate.id.unit) else { return };
        match unit.taken.get(&place) {
            Some(Taken::Offered { released: false, .. }) => {
                unit.taken.remove(&place);
                unit.parked.insert(place, candidate.rank);
            }
            Some(Taken::Offered { released: true, .. }) => {
                unit.taken.remove(&place);
                self.push(&candidate.id, candidate.rank);
            }
            Some(Taken::Leased(_)) | None => {}
        }
    }

    /// Everything of a unit that is leased or being claimed.
    #[must_use]
    pub fn taken(&self, unit: &StorageUnitName) -> Vec<KeyScopeId> {
        let keys = self.units.get(unit).into_iter().flat_map(|queue| queue.taken.keys());
        keys.map(|(scope, key)| KeyScopeId { unit: unit.clone(), scope: scope.clone(), key: key.clone() })
            .collect()
    }

    /// How many entries wait in all queues.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.units.values().flat_map(|unit| unit.waiting.values()).map(BTreeMap::len).sum()
    }

    fn with_unit(&mut self, name: &StorageUnitName, change: impl FnOnce(&mut UnitQueue)) -> bool {
        self.units.get_mut(name).map(change).is_some()
    }

    /// Nothing waits at this place any longer, nor is held: a task that is held takes that along to its next stage,
    /// where it shows when the task is offered.
    fn leave(&mut self, id: &WorkId) -> bool {
        self.forget_hold(id);
        self.end(id)
    }

    fn end(&mut self, id: &KeyScopeId) -> bool {
        self.with_unit(&id.unit, |unit| {
            unit.parked.remove(&(id.scope.clone(), id.key.clone()));
        });
        self.free(id);
        true
    }

    fn forget_hold(&mut self, id: &KeyScopeId) {
        self.with_unit(&id.unit, |unit| {
            unit.held.remove(&(id.scope.clone(), id.key.clone()));
        });
    }

    fn unpark(&mut self, id: &KeyScopeId) -> bool {
        let place = (id.scope.clone(), id.key.clone());
        let Some(unit) = self.units.get_mut(&id.unit) else { return false };
        if let Some(rank) = unit.parked.remove(&place) {
            return self.push(id, rank);
        }
        if let Some(Taken::Offered { released, .. }) = unit.taken.get_mut(&place) {
            *released = true;
        }
        false
    }

    fn push(&mut self, id: &KeyScopeId, rank: Rank) -> bool {
        self.with_unit(&id.unit, |unit| {
            unit.parked.remove(&(id.scope.clone(), id.key.clone()));
            unit.waiting.entry(id.scope.clone()).or_default().insert(rank, id.key.clone());
        })
    }

    fn lease(&mut self, id: &KeyScopeId) {
        self.with_unit(&id.unit, |unit| {
            let place = (id.scope.clone(), id.key.clone());
            let priority = unit.taken.get(&place).map_or(Priority::Normal, |taken| taken.priority());
            unit.taken.insert(place, Taken::Leased(priority));
        });
    }

    fn free(&mut self, id: &KeyScopeId) -> Priority {
        let unit = self.units.get_mut(&id.unit);
        let taken = unit.and_then(|unit| unit.taken.remove(&(id.scope.clone(), id.key.clone())));
        taken.map_or(Priority::Normal, Taken::priority)
    }

    fn is_offered(&self, id: &KeyScopeId) -> bool {
        let taken =
            self.units.get(&id.unit).and_then(|unit| unit.taken.get(&(id.scope.clone(), id.key.clone())));
        matches!(taken, Some(Taken::Offered { .. }))
    }
}

impl UnitQueue {
    fn gives_out(&self) -> bool {
        self.enabled && self.taken.len() < self.limits.in_flight_max as usize
    }

    fn has_claimable(&self) -> bool {
        self.gives_out() && self.waiting.values().any(|entries| !entries.is_empty())
    }

    fn take_one(
        &mut self,
        name: &StorageUnitName,
        serves: &dyn Fn(&StorageUnitName, &Scope) -> bool,
    ) -> Option<Candidate> {
        if !self.gives_out() {
            return None;
        }
        let Self { waiting, taken, limits, .. } = self;
        let served = waiting.iter().filter(|(scope, entries)| !entries.is_empty() && serves(name, scope));
        let (scope, _) =
            served.min_by_key(|(_, entries)| entries.first_key_value().map(|(rank, _)| *rank))?;
        let scope = scope.clone();
        let entries = waiting.get_mut(&scope)?;
        while let Some((rank, key)) = entries.pop_first() {
            let place = (scope.clone(), key.clone());
            if taken.contains_key(&place) {
                continue;
            }
            taken.insert(place, Taken::Offered { priority: rank.0, released: false });
            let id = KeyScopeId { unit: name.clone(), scope, key };
            return Some(Candidate { id, lease_ms: limits.lease_ms, rank });
        }
        None
    }
}
