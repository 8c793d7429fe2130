//! Where a campaign stands, in the one word by which it is found. Does not know what leads there.

use serde::{Deserialize, Serialize};

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// Its keys are being recorded; it has not begun, and nobody was told that it will.
    Pinning,
    /// It queues, or waits for what it queued.
    Active,
    /// It queues nothing until resumed.
    Paused,
    /// Its canary has passed, and it queues nothing until resumed.
    Waiting,
    /// Its canary broke a rule, and it queues nothing until resumed.
    Stopped,
    /// It queues nothing more.
    Cancelled,
    /// Everything is queued and settled.
    Completed,
}

impl CampaignState {
    /// Every state of a campaign that has begun and is not over.
    pub const UNDER_WAY: [Self; 4] = [Self::Active, Self::Paused, Self::Waiting, Self::Stopped];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pinning => "pinning",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Whether nothing more is queued, ever.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Pinning | Self::Active | Self::Paused | Self::Waiting | Self::Stopped => false,
            Self::Cancelled | Self::Completed => true,
        }
    }
}
