//! Where one piece of work stands in its queue, and what its unit lets through. Does not know who asks, nor why.

use domain::names::StorageUnitName;
use domain::stream::KeyScopeId;
use domain::work_id::WorkId;

use super::{Rank, Taken, WorkQueue};

/// How many entries are counted that go before one; of more it is only known that there are so many.
pub const AHEAD_COUNTED_MAX: usize = 10_000;
/// How many of the first in line are named.
pub const FIRST_NAMED_MAX: usize = 3;

/// What a unit lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    /// Whether its work may be claimed.
    pub enabled: bool,
    /// How many of its items are leased, or on their way to whoever claims them.
    pub in_flight: usize,
    /// How many may be at once.
    pub in_flight_max: u32,
}

/// Where a piece of work that waits stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In line.
    InLine {
        /// How many that may be claimed go before it, counted up to [`AHEAD_COUNTED_MAX`].
        ahead: usize,
        /// The first of them.
        first: Vec<KeyScopeId>,
    },
    /// It was offered to somebody who has not answered yet.
    Offered,
    /// It was found to be held when it was offered, and waits aside.
    Aside,
    /// The queue does not have it at this place: it moved since.
    Elsewhere,
}

impl WorkQueue {
    /// What a unit lets through; nothing when there is no such unit.
    #[must_use]
    pub fn gate(&self, unit: &StorageUnitName) -> Option<Gate> {
        self.units.get(unit).map(|queue| Gate {
            enabled: queue.enabled,
            in_flight: queue.taken.len(),
            in_flight_max: queue.limits.in_flight_max,
        })
    }

    /// Where the entry with this rank stands.
    #[must_use]
    pub fn standing(&self, id: &WorkId, rank: Rank) -> Standing {
        let Some(unit) = self.units.get(&id.unit) else { return Standing::Elsewhere };
        let place = (id.scope.clone(), id.key.clone());
        if unit.parked.contains_key(&place) {
            return Standing::Aside;
        }
        if let Some(Taken::Offered { .. }) = unit.taken.get(&place) {
            return Standing::Offered;
        }
        let Some(entries) = unit.waiting.get(&id.scope) else { return Standing::Elsewhere };
        if entries.get(&rank) != Some(&id.key) {
            return Standing::Elsewhere;
        }
        let before = entries.range(..rank).filter(|(_, key)| unit.is_claimable(&id.scope, key));
        let (mut ahead, mut first) = (0, Vec::new());
        for (_, key) in before.take(AHEAD_COUNTED_MAX) {
            ahead += 1;
            if first.len() < FIRST_NAMED_MAX {
                first.push(KeyScopeId { key: key.clone(), ..id.clone() });
            }
        }
        Standing::InLine { ahead, first }
    }
}
