//! Where a piece of work stands, in the one word by which people look for it. Does not know the lifecycle's rules.

use serde::{Deserialize, Serialize};

/// Where a piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a worker.
    Queued,
    /// A worker has a lease on it and has not begun.
    Assigned,
    /// A worker has begun.
    Running,
    /// The last attempt failed; it is queued again after its backoff.
    Retrying,
    /// It is done.
    Finished,
    /// The last attempt failed, and no attempt is left.
    Failed,
}

impl Status {
    /// Every status, in the order of the lifecycle.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Assigned, Self::Running, Self::Retrying, Self::Finished, Self::Failed];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// The status that a word names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether a run was asked for and has come to no end yet.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Assigned | Self::Running | Self::Retrying => true,
            Self::Finished | Self::Failed => false,
        }
    }
}
