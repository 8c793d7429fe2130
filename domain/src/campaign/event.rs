//! What happened to a campaign, with the payloads as they are stored. Does not know why: that is decided in [`super`].

use serde::{Deserialize, Serialize};

use super::{Broken, Canary, Pace, Pinned, Tally, Target, Then};
use crate::digest::Digest;
use crate::names::{CommandId, Key};

/// What happened to a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Keys were recorded that it will visit, before it begins.
    TargetsPinned(TargetsPinned),
    /// What was pinned counts no longer, since it did not begin.
    TargetsAbandoned,
    /// It began.
    Started(Started),
    /// It is known how many keys there are.
    TargetsCounted(TargetsCounted),
    /// A chunk of keys was dealt with.
    Advanced(Advanced),
    /// There are no more keys.
    Exhausted,
    /// Its keys could not be listed; it stands still until they can.
    ListingFailed(ListingFailed),
    /// Its canary has settled and broke no rule.
    CanaryPassed(CanaryPassed),
    /// Its canary has settled and broke a rule: it stands still until somebody resumes or cancels it.
    CanaryStopped(CanaryStopped),
    /// Somebody let it go on although its canary had broken a rule.
    CanaryOverruled,
    /// It has another pace.
    PaceSet(Pace),
    /// It queues nothing until resumed.
    Paused,
    /// It goes on.
    Resumed,
    /// It queues nothing more.
    Cancelled,
    /// Everything is queued and settled.
    Completed,
}

/// Payload of [`Event::TargetsPinned`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsPinned {
    /// The command that is to start the campaign.
    pub start: CommandId,
    /// What it will queue.
    pub target: Target,
    /// The keys.
    pub keys: Vec<Key>,
    /// The digest over all keys, with the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Payload of [`Event::Started`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// What it queues.
    pub target: Target,
    /// How fast.
    #[serde(default)]
    pub pace: Pace,
    /// Which keys go first, and what follows from what becomes of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The keys that were pinned before; nothing means that it lists them as it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
}

/// Payload of [`Event::TargetsCounted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsCounted {
    /// How many keys there were when they were counted.
    pub keys: u64,
}

/// Payload of [`Event::Advanced`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advanced {
    /// The last key that was dealt with.
    pub cursor: Key,
    /// How many keys the chunk had.
    pub keys: u32,
    /// For how many of them something was recorded; the others were waiting already.
    pub asked: u32,
}

/// Payload of [`Event::ListingFailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingFailed {
    /// Why.
    pub problem: String,
}

/// Payload of [`Event::CanaryPassed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryPassed {
    /// What became of the canary.
    pub tally: Tally,
    /// What follows.
    pub then: Then,
}

/// Payload of [`Event::CanaryStopped`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStopped {
    /// What became of the canary.
    pub tally: Tally,
    /// The rule that it broke.
    pub broken: Broken,
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TargetsPinned(_) => "targets_pinned",
            Self::TargetsAbandoned => "targets_abandoned",
            Self::Started(_) => "started",
            Self::TargetsCounted(_) => "targets_counted",
            Self::Advanced(_) => "advanced",
            Self::Exhausted => "exhausted",
            Self::ListingFailed(_) => "listing_failed",
            Self::CanaryPassed(_) => "canary_passed",
            Self::CanaryStopped(_) => "canary_stopped",
            Self::CanaryOverruled => "canary_overruled",
            Self::PaceSet(_) => "pace_set",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }
}
