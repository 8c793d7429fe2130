//! What a campaign visits, and how fast. Does not know how keys are listed or which of them match.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::digest::Digest;
use crate::filter::{Filter, TaskFilter};
use crate::names::{Scope, StorageUnitName};

/// What a campaign visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub enum Target {
    /// Key-scopes, which it queues.
    Keys(KeyTarget),
    /// Exactly the tasks that match when it starts, which it restarts. The key of a task is its id.
    Tasks(TaskFilter),
}

/// Every key of the unit that exists when the cursor passes it, or, with a filter, exactly the keys that match it when the
/// campaign starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTarget {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// Which key-scopes of those that were ever asked for; nothing means every key of the unit.
    pub filter: Option<Filter>,
}

/// The form in which it is stored and sent.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<StorageUnitName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tasks: Option<TaskFilter>,
}

/// Neither key-scopes nor tasks are meant, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a campaign visits either a unit and a scope, with or without a filter, or tasks; give the one or the other"
)]
pub struct NoTarget;

impl Target {
    /// Every key of the unit.
    #[must_use]
    pub const fn all(unit: StorageUnitName, scope: Scope) -> Self {
        Self::Keys(KeyTarget { unit, scope, filter: None })
    }

    /// The key-scopes that match.
    #[must_use]
    pub const fn matching(unit: StorageUnitName, scope: Scope, filter: Filter) -> Self {
        Self::Keys(KeyTarget { unit, scope, filter: Some(filter) })
    }

    /// What is meant by members of which some are given.
    ///
    /// # Errors
    /// [`NoTarget`].
    pub fn of(
        unit: Option<StorageUnitName>,
        scope: Option<Scope>,
        filter: Option<Filter>,
        tasks: Option<TaskFilter>,
    ) -> Result<Self, NoTarget> {
        match tasks {
            Some(tasks) => {
                let is_alone = unit.is_none() && scope.is_none() && filter.is_none();
                if is_alone { Ok(Self::Tasks(tasks)) } else { Err(NoTarget) }
            }
            None => {
                let (unit, scope) = unit.zip(scope).ok_or(NoTarget)?;
                Ok(Self::Keys(KeyTarget { unit, scope, filter }))
            }
        }
    }

    /// Whether it is known only when the campaign starts what exactly it visits.
    #[must_use]
    pub const fn is_chosen(&self) -> bool {
        match self {
            Self::Keys(target) => target.filter.is_some(),
            Self::Tasks(_) => true,
        }
    }
}

impl TryFrom<Stored> for Target {
    type Error = NoTarget;

    fn try_from(stored: Stored) -> Result<Self, NoTarget> {
        let Stored { unit, scope, filter, tasks } = stored;
        Self::of(unit, scope, filter, tasks)
    }
}

impl From<Target> for Stored {
    fn from(target: Target) -> Self {
        match target {
            Target::Keys(KeyTarget { unit, scope, filter }) => {
                Self { unit: Some(unit), scope: Some(scope), filter, tasks: None }
            }
            Target::Tasks(tasks) => Self { unit: None, scope: None, filter: None, tasks: Some(tasks) },
        }
    }
}

/// A set of keys that is recorded and does not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// How many keys it has.
    pub keys: u64,
    /// SHA-256 over the sorted keys, each followed by a line feed.
    pub digest: Digest,
}

/// How fast a campaign queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// At most so many keys per second; nothing means as fast as possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_per_second_max: Option<u32>,
    /// At most so many keys queued and not yet settled; nothing means no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<u32>,
}

impl Pace {
    pub(super) const fn check(self) -> Result<(), Refusal> {
        match self {
            Self { keys_per_second_max: Some(0), .. } => {
                Err(Refusal::PaceZero { name: "keys_per_second_max" })
            }
            Self { in_flight_max: Some(0), .. } => Err(Refusal::PaceZero { name: "in_flight_max" }),
            Self { .. } => Ok(()),
        }
    }
}
