//! A campaign: a bulk request with a target, a cursor and a pace.
//!
//! It queues its targets, or restarts them where they are tasks, one chunk after the other, so that it can go on where it was after any interruption. With a
//! filter its targets are pinned before it begins: recorded on its own stream, so that nothing that it does to their
//! status adds or removes one. With a canary it waits after the first of them. How many are finished or failed is
//! derived from the targets' own events, never counted here. It does not know how keys are listed.

mod canary;
mod command;
mod decide;
mod event;
mod target;
#[cfg(test)]
mod tests;

use crate::digest::Digest;
use crate::names::{CommandId, Key};
use crate::stream::Version;

pub use canary::{Broken, Canary, CanarySize, NotAShare, Share, StopWhen, Tally, Then};
pub use command::{Command, PinTargets, Start};
pub use decide::check_expected;
pub use event::{
    Advanced, CanaryPassed, CanaryStopped, Event, ListingFailed, Started, TargetsCounted, TargetsPinned,
};
pub use target::{KeyTarget, NoTarget, Pace, Pinned, Target};

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Campaign {
    /// Never started.
    #[default]
    Absent,
    /// Its targets are being recorded; it has not begun, and nobody was told that it will.
    Pinning(Box<Pinning>),
    /// Under way.
    Active(Box<Progress>),
    /// Cancelled: nothing more is queued.
    Cancelled,
    /// Everything is queued and settled.
    Completed,
}

/// What was recorded of the targets so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinning {
    /// The command that is to start the campaign.
    pub start: CommandId,
    /// What it will queue.
    pub target: Target,
    /// Where in its stream the pinned keys begin.
    pub first: Version,
    /// How many keys were pinned.
    pub keys: u64,
    /// The digest over all keys; nothing as long as some are missing.
    pub digest: Option<Digest>,
}

/// How far an active campaign has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it queues.
    pub target: Target,
    /// Where in its stream the pinned keys begin, when they are pinned.
    pub pinned_at: Option<Version>,
    /// How many keys there are, when that is known.
    pub total: Option<u64>,
    /// How fast.
    pub pace: Pace,
    /// The last key that was dealt with; keys are visited in the order of the listing.
    pub cursor: Option<Key>,
    /// For how many keys something was recorded, up to the cursor.
    pub asked: u64,
    /// Whether every key was dealt with.
    pub exhausted: bool,
    /// Whether it waits for a resume.
    pub paused: bool,
    /// Whether its canary lets it go on.
    pub stage: Stage,
    /// Why its keys cannot be listed now, when they cannot.
    pub problem: Option<String>,
}

/// How much of its targets a campaign may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Everything: it has no canary, or the canary lets it go on.
    Whole,
    /// The canary's keys, until they have settled and were judged.
    Canary(Canary),
    /// Nothing: the canary passed, and somebody is to look at it and resume.
    Waiting,
    /// Nothing: the canary broke a rule, and somebody is to resume all the same or to cancel.
    Stopped,
}

impl Campaign {
    /// How far it has come, while it is under way.
    #[must_use]
    pub const fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Active(progress) => Some(progress),
            Self::Absent | Self::Pinning(_) | Self::Cancelled | Self::Completed => None,
        }
    }
}

impl Progress {
    /// How many keys may be asked for by now, nothing meaning any number; an error when it is not known how many there
    /// are, and they have to be counted first.
    ///
    /// # Errors
    /// [`NotCounted`].
    pub fn asked_max(&self) -> Result<Option<u64>, NotCounted> {
        match &self.stage {
            Stage::Whole => Ok(None),
            Stage::Canary(canary) => canary.keys_max(self.total).map(Some).ok_or(NotCounted),
            Stage::Waiting | Stage::Stopped => Ok(Some(self.asked)),
        }
    }

    /// Whether the whole canary was asked for, so that it can be judged once it has settled.
    #[must_use]
    pub fn canary_is_asked_for(&self) -> bool {
        match &self.stage {
            Stage::Canary(canary) => {
                self.exhausted || canary.keys_max(self.total).is_some_and(|max| self.asked >= max)
            }
            Stage::Whole | Stage::Waiting | Stage::Stopped => false,
        }
    }
}

/// It is not known how many keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not known how many keys there are; count them first")]
pub struct NotCounted;

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is one of this id.
    #[error("a campaign of this id exists; choose another id")]
    AlreadyExists,
    /// There is none of this id.
    #[error("no campaign of this id exists")]
    DoesNotExist,
    /// It has not begun yet.
    #[error("the campaign has not begun yet, its keys are being recorded; try again shortly")]
    StillPinning,
    /// A campaign with a filter was started without its keys.
    #[error(
        "the keys of a campaign with a filter are recorded before it starts; send it to POST /v1/campaigns"
    )]
    NotPinned,
    /// More was pinned since these keys were put together.
    #[error("other keys were pinned since these were put together")]
    PinsMoved,
    /// The keys are others than the sender expects.
    #[error(
        "the keys have changed: {keys} keys with the digest {found} match now, and {expected} was expected; look at \
         them with dry_run and send the digest that it gives"
    )]
    TargetsChanged {
        /// The digest that the sender expects.
        expected: Digest,
        /// The digest of the keys there are.
        found: Digest,
        /// How many there are.
        keys: u64,
    },
    /// It is over.
    #[error("the campaign is {state}; start another one")]
    Over {
        /// How it ended.
        state: &'static str,
    },
    /// The cursor is no longer where the chunk began.
    #[error("the campaign's cursor has moved on since this chunk was read")]
    CursorMoved,
    /// Keys are still to be queued.
    #[error("the campaign has not dealt with all its keys yet")]
    NotExhausted,
    /// The canary's keys are not all settled.
    #[error("the canary's keys are not all asked for and settled yet")]
    CanaryNotSettled,
    /// The canary keeps it from going on.
    #[error("the campaign's canary has not let it go on yet; resume or cancel it")]
    CanaryUndecided,
    /// A canary of nothing would say nothing.
    #[error("the canary's size must be at least 1 key, or 1 to 100 percent")]
    CanarySize,
    /// All that a campaign does with a task is done when it was restarted.
    #[error(
        "a campaign over tasks restarts them and waits for none, so it takes no canary; leave the canary out"
    )]
    CanaryOverTasks,
    /// A pace of zero would never end.
    #[error("the pace {name} must be at least 1; pause the campaign instead")]
    PaceZero {
        /// Which part of the pace.
        name: &'static str,
    },
}

/// An event that the rules cannot have produced in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot follow {state}")]
pub struct Impossible {
    /// The state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Campaign {
    /// The state after `event`, which has the given version. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event, version: Version) -> Result<Self, Impossible> {
        let impossible = Impossible { state: self.name(), event: event.name() };
        match (event, self) {
            (Event::TargetsPinned(pinned), Self::Absent) => {
                Ok(Self::Pinning(Box::new(Pinning::begun(pinned, version).with(pinned))))
            }
            (Event::TargetsPinned(pinned), Self::Pinning(pinning)) => {
                Ok(Self::Pinning(Box::new(pinning.with(pinned))))
            }
            (Event::TargetsAbandoned, Self::Pinning(_)) => Ok(Self::Absent),
            (Event::Started(started), Self::Absent) if started.pinned.is_none() => {
                Ok(Self::Active(Box::new(Progress::begun(started, None))))
            }
            (Event::Started(started), Self::Pinning(pinning)) => {
                Ok(Self::Active(Box::new(Progress::begun(started, Some(pinning.first)))))
            }
            (Event::Cancelled, Self::Active(_)) => Ok(Self::Cancelled),
            (Event::Completed, Self::Active(_)) => Ok(Self::Completed),
            (event, Self::Active(progress)) => match progress.after(event) {
                Some(progress) => Ok(Self::Active(Box::new(progress))),
                None => Err(impossible),
            },
            (
                Event::TargetsPinned(_)
                | Event::TargetsAbandoned
                | Event::Started(_)
                | Event::TargetsCounted(_)
                | Event::Advanced(_)
                | Event::Exhausted
                | Event::ListingFailed(_)
                | Event::CanaryPassed(_)
                | Event::CanaryStopped(_)
                | Event::CanaryOverruled
                | Event::PaceSet(_)
                | Event::Paused
                | Event::Resumed
                | Event::Cancelled
                | Event::Completed,
                Self::Absent | Self::Pinning(_) | Self::Cancelled | Self::Completed,
            ) => Err(impossible),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Pinning(_) => "pinning",
            Self::Active(_) => "active",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }
}

impl Pinning {
    fn begun(pinned: &TargetsPinned, first: Version) -> Self {
        Self { start: pinned.start, target: pinned.target.clone(), first, keys: 0, digest: None }
    }

    fn with(self, pinned: &TargetsPinned) -> Self {
        Self { keys: self.keys + pinned.keys.len() as u64, digest: pinned.digest, ..self }
    }
}

impl Progress {
    fn begun(started: &Started, pinned_at: Option<Version>) -> Self {
        Self {
            target: started.target.clone(),
            pinned_at,
            total: started.pinned.map(|pinned| pinned.keys),
            pace: started.pace,
            cursor: None,
            asked: 0,
            exhausted: false,
            paused: false,
            stage: started.canary.map_or(Stage::Whole, Stage::Canary),
            problem: None,
        }
    }

    /// The progress after an event under way; nothing when the event cannot happen then.
    fn after(self, event: &Event) -> Option<Self> {
        let stage = self.stage;
        Some(match (event, stage) {
            (Event::TargetsCounted(counted), _) => Self { total: Some(counted.keys), ..self },
            (Event::Advanced(advanced), _) => Self {
                cursor: Some(advanced.cursor.clone()),
                asked: self.asked + u64::from(advanced.asked),
                problem: None,
                ..self
            },
            (Event::Exhausted, _) => Self { exhausted: true, problem: None, ..self },
            (Event::ListingFailed(failed), _) => Self { problem: Some(failed.problem.clone()), ..self },
            (Event::CanaryPassed(CanaryPassed { then: Then::Continue, .. }), Stage::Canary(_))
            | (Event::CanaryOverruled, Stage::Stopped) => Self { stage: Stage::Whole, ..self },
            (Event::CanaryPassed(CanaryPassed { then: Then::Wait, .. }), Stage::Canary(_)) => {
                Self { stage: Stage::Waiting, ..self }
            }
            (Event::CanaryStopped(_), Stage::Canary(_)) => Self { stage: Stage::Stopped, ..self },
            (Event::PaceSet(pace), _) => Self { pace: *pace, ..self },
            (Event::Paused, _) => Self { paused: true, ..self },
            (Event::Resumed, Stage::Waiting) => Self { paused: false, stage: Stage::Whole, ..self },
            (Event::Resumed, Stage::Whole | Stage::Canary(_) | Stage::Stopped) => {
                Self { paused: false, ..self }
            }
            (
                Event::TargetsPinned(_)
                | Event::TargetsAbandoned
                | Event::Started(_)
                | Event::CanaryPassed(_)
                | Event::CanaryStopped(_)
                | Event::CanaryOverruled
                | Event::Cancelled
                | Event::Completed,
                Stage::Whole | Stage::Canary(_) | Stage::Waiting | Stage::Stopped,
            ) => return None,
        })
    }
}
