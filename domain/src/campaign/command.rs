//! What can be asked of a campaign. Does not know what follows: that is decided in [`super`].

use serde::{Deserialize, Serialize};

use super::{Canary, Pace, Tally, Target};
use crate::digest::Digest;
use crate::names::{CommandId, Key};

/// What can be asked of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Record some of the keys that a campaign about to start will visit.
    #[serde(rename = "pin_targets")]
    PinTargets(PinTargets),
    /// Forget what was pinned for a campaign that did not start.
    #[serde(rename = "abandon_targets")]
    AbandonTargets,
    /// Begin.
    #[serde(rename = "start")]
    Start(Start),
    /// This is how many keys there are, which a canary of a percentage has to know.
    #[serde(rename = "count_targets")]
    CountTargets {
        /// How many.
        keys: u64,
    },
    /// A chunk of keys was dealt with.
    #[serde(rename = "advance")]
    Advance {
        /// The cursor before the chunk.
        from: Option<Key>,
        /// The last key of the chunk.
        to: Key,
        /// How many keys the chunk had.
        keys: u32,
        /// For how many of them something was recorded; the others were waiting already.
        asked: u32,
    },
    /// There are no more keys.
    #[serde(rename = "exhaust")]
    Exhaust,
    /// The keys cannot be listed now; it is tried again.
    #[serde(rename = "report_listing_failure")]
    ReportListingFailure {
        /// Why.
        problem: String,
    },
    /// The canary's keys have settled; this became of them.
    #[serde(rename = "judge_canary")]
    JudgeCanary(Tally),
    /// Change the pace.
    #[serde(rename = "set_pace")]
    SetPace(Pace),
    /// Queue nothing until resumed.
    #[serde(rename = "pause")]
    Pause,
    /// Go on: after a pause, after a canary that waits, or in spite of one that broke a rule.
    #[serde(rename = "resume")]
    Resume,
    /// Queue nothing more, ever. What is queued stays queued.
    #[serde(rename = "cancel")]
    Cancel,
    /// Everything queued is settled.
    #[serde(rename = "complete")]
    Complete,
}

/// Body of [`Command::Start`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// What it queues.
    pub target: Target,
    /// How fast.
    #[serde(default)]
    pub pace: Pace,
    /// Which keys go first, and what follows from what becomes of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The digest of the keys that the sender expects, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Digest>,
}

impl Start {
    /// A campaign over a target, without a canary.
    #[must_use]
    pub const fn over(target: Target, pace: Pace) -> Self {
        Self { target, pace, canary: None, expect: None }
    }

    /// Whether the keys are pinned before it starts: chosen by a filter, or expected to be these and no others.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        self.target.is_chosen() || self.expect.is_some()
    }
}

/// Body of [`Command::PinTargets`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinTargets {
    /// The command that is to start the campaign.
    pub start: CommandId,
    /// What it will queue.
    pub target: Target,
    /// How many keys were pinned before these.
    pub from: u64,
    /// The keys.
    pub keys: Vec<Key>,
    /// The digest over all keys, with the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}
