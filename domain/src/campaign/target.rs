//! What a campaign queues, and how fast. Does not know how keys are listed or which of them match.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::digest::Digest;
use crate::filter::Filter;
use crate::names::{Scope, StorageUnitName};

/// What a campaign queues: every key of the unit that exists when the cursor passes it, or, with a filter, exactly the
/// keys that match it when the campaign starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// Which key-scopes of those that were ever asked for; nothing means every key of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

impl Target {
    /// Every key of the unit.
    #[must_use]
    pub const fn all(unit: StorageUnitName, scope: Scope) -> Self {
        Self { unit, scope, filter: None }
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
