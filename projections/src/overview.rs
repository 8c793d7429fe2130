//! The whole board in numbers. A pure function of rows and counts; does not know who read them.

use std::collections::BTreeMap;

use domain::names::{Actor, Scope, StorageUnitName};
use domain::stream::{Position, Subject};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::views::{Status, StorageUnitRow, SystemRow, UnitState};

/// How much work stands where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The position that it reflects.
    pub position: Position,
    /// Since when no lease is given, by whom and why; absent while leases are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseOverview>,
    /// Key-scopes of all units by status.
    pub totals: StatusCounts,
    /// Each storage unit, by name.
    pub units: Vec<UnitOverview>,
}

/// A pause of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOverview {
    /// Since when.
    pub since: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
}

impl PauseOverview {
    fn of(row: &SystemRow) -> Option<Self> {
        let SystemRow { since, by, reason, .. } = row.clone();
        row.paused.then_some(Self { since, by, reason })
    }
}

/// How much work of one storage unit stands where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitOverview {
    /// The unit's name.
    pub name: StorageUnitName,
    /// Whether it is in use.
    pub state: UnitState,
    /// Whether its work may be claimed.
    pub queue_enabled: bool,
    /// Its key-scopes by status.
    pub counts: StatusCounts,
    /// Its key-scopes by scope and status.
    pub scopes: BTreeMap<String, StatusCounts>,
}

/// How many key-scopes have each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusCounts {
    /// Waiting for a worker.
    pub queued: u64,
    /// Leased, not begun.
    pub assigned: u64,
    /// Begun.
    pub running: u64,
    /// Failed, and queued again after a backoff.
    pub retrying: u64,
    /// Done.
    pub finished: u64,
    /// Failed, with no attempt left.
    pub failed: u64,
}

impl StatusCounts {
    /// How many there are of one status.
    #[must_use]
    pub const fn of(&self, status: Status) -> u64 {
        match status {
            Status::Queued => self.queued,
            Status::Assigned => self.assigned,
            Status::Running => self.running,
            Status::Retrying => self.retrying,
            Status::Finished => self.finished,
            Status::Failed => self.failed,
        }
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        Status::ALL.into_iter().map(|status| self.of(status)).sum()
    }

    /// How many have been asked for and have come to no end yet.
    #[must_use]
    pub fn open(&self) -> u64 {
        Status::ALL.into_iter().filter(|status| status.is_open()).map(|status| self.of(status)).sum()
    }

    const fn add(&mut self, status: Status, count: u64) {
        match status {
            Status::Queued => self.queued += count,
            Status::Assigned => self.assigned += count,
            Status::Running => self.running += count,
            Status::Retrying => self.retrying += count,
            Status::Finished => self.finished += count,
            Status::Failed => self.failed += count,
        }
    }
}

/// The overview of storage units and the counts of [`crate::views::KeyScopes`] per group, both as of `position`.
/// Groups of units that are not among the rows count only in the totals.
#[must_use]
pub fn overview(units: &[StorageUnitRow], counts: &[(String, u64)], position: Position) -> Overview {
    let mut totals = StatusCounts::default();
    let mut by_name: BTreeMap<&str, UnitOverview> =
        units.iter().map(|unit| (unit.name.as_str(), UnitOverview::empty(unit))).collect();
    for (group, count) in counts {
        let Some(Group { unit, scope, status }) = Group::read(group) else { continue };
        totals.add(status, *count);
        if let Some(unit) = by_name.get_mut(unit.as_str()) {
            unit.counts.add(status, *count);
            unit.scopes.entry(scope.to_string()).or_default().add(status, *count);
        }
    }
    Overview { position, paused: None, totals, units: by_name.into_values().collect() }
}

impl Overview {
    /// The same, of a system that stands so.
    #[must_use]
    pub fn of_system(self, system: Option<&SystemRow>) -> Self {
        Self { paused: system.and_then(PauseOverview::of), ..self }
    }
}

/// The counts of [`crate::views::KeyScopes`] per group, put together for each queue.
#[must_use]
pub fn queues(counts: &[(String, u64)]) -> BTreeMap<(StorageUnitName, Scope), StatusCounts> {
    let mut queues: BTreeMap<_, StatusCounts> = BTreeMap::new();
    for (group, count) in counts {
        let Some(Group { unit, scope, status }) = Group::read(group) else { continue };
        queues.entry((unit, scope)).or_default().add(status, *count);
    }
    queues
}

impl UnitOverview {
    fn empty(unit: &StorageUnitRow) -> Self {
        Self {
            name: unit.name.clone(),
            state: unit.state,
            queue_enabled: unit.queue_enabled,
            counts: StatusCounts::default(),
            scopes: BTreeMap::new(),
        }
    }
}

struct Group {
    unit: StorageUnitName,
    scope: Scope,
    status: Status,
}

impl Group {
    /// Reads `unit/scope/status`, parts percent-encoded as in a stream's name.
    fn read(group: &str) -> Option<Self> {
        let (_, status) = group.rsplit_once('/')?;
        let status = Status::from_name(status)?;
        // A group is shaped like a key-scope's stream with the status in the place of the key.
        let Ok(Subject::KeyScope(id)) = format!("key_scope-{group}").parse() else { return None };
        Some(Self { unit: id.unit, scope: id.scope, status })
    }
}

#[cfg(test)]
mod tests {
    use domain::envelope::Command;

    use super::*;
    use crate::fold::fold;
    use crate::histories::{History, create, unit};
    use crate::views::StorageUnits;

    #[test]
    fn an_overview_adds_up() {
        let mut history = History::default();
        history.send(Command::StorageUnit(unit("docs"), create()));
        let units: Vec<_> = fold::<StorageUnits>(&history.events).into_values().collect();
        let counts = [
            ("docs/a%20b/queued", 2),
            ("docs/ocr/failed", 3),
            ("docs/ocr/queued", 4),
            ("gone/ocr/failed", 5),
        ];
        let counts = counts.map(|(group, count)| (group.to_owned(), count));
        let overview = overview(&units, &counts, Position::row(9));
        assert_eq!(overview.totals, StatusCounts { queued: 6, failed: 8, ..StatusCounts::default() });
        let [docs] = overview.units.as_slice() else { panic!("one unit") };
        assert_eq!((docs.counts.total(), docs.counts.open()), (9, 6));
        assert_eq!(docs.scopes["a b"].queued, 2);
        assert_eq!(docs.scopes["ocr"], StatusCounts { queued: 4, failed: 3, ..StatusCounts::default() });
    }
}
