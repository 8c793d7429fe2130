//! A campaign: a bulk request with a pinned target, a cursor and a pace.
//!
//! It queues its targets one chunk after the other, so that it can go on where it was after any interruption. How
//! many of them are finished or failed is derived from the targets' own events, never counted here. It does not know
//! how keys are listed.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::names::{Key, Scope, StorageUnitName};

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Campaign {
    /// Never started.
    #[default]
    Absent,
    /// Under way.
    Active(Progress),
    /// Cancelled: nothing more is queued.
    Cancelled,
    /// Everything is queued and settled.
    Completed,
}

/// How far an active campaign has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it queues.
    pub target: Target,
    /// How fast.
    pub pace: Pace,
    /// The last key that was dealt with; keys are visited in the order of the listing.
    pub cursor: Option<Key>,
    /// Whether every key was dealt with.
    pub exhausted: bool,
    /// Whether it waits for a resume.
    pub paused: bool,
    /// Why its keys cannot be listed now, when they cannot.
    pub problem: Option<String>,
}

/// What a campaign queues: every key of the unit that exists when the cursor passes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
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

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Begin.
    #[serde(rename = "start")]
    Start {
        /// What it queues.
        target: Target,
        /// How fast.
        #[serde(default)]
        pace: Pace,
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
    /// Change the pace.
    #[serde(rename = "set_pace")]
    SetPace(Pace),
    /// Queue nothing until resumed.
    #[serde(rename = "pause")]
    Pause,
    /// Go on.
    #[serde(rename = "resume")]
    Resume,
    /// Queue nothing more, ever. What is queued stays queued.
    #[serde(rename = "cancel")]
    Cancel,
    /// Everything queued is settled.
    #[serde(rename = "complete")]
    Complete,
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened to a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It began.
    Started(Started),
    /// A chunk of keys was dealt with.
    Advanced(Advanced),
    /// There are no more keys.
    Exhausted,
    /// Its keys could not be listed; it stands still until they can.
    ListingFailed(ListingFailed),
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

/// Payload of [`Event::Started`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// What it queues.
    pub target: Target,
    /// How fast.
    #[serde(default)]
    pub pace: Pace,
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

// ── Decide ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Campaign {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Start { target, pace }, Self::Absent) => {
                check_pace(*pace)?;
                Ok(vec![Event::Started(Started { target: target.clone(), pace: *pace })])
            }
            (Command::Start { .. }, Self::Active(_) | Self::Cancelled | Self::Completed) => {
                Err(Refusal::AlreadyExists)
            }
            (_, Self::Absent) => Err(Refusal::DoesNotExist),
            (Command::Cancel, Self::Cancelled) | (Command::Complete, Self::Completed) => Ok(Vec::new()),
            (_, Self::Cancelled | Self::Completed) => Err(Refusal::Over { state: self.name() }),
            (command, Self::Active(progress)) => progress.decide(command),
        }
    }

    /// How far it has come, while it is under way.
    #[must_use]
    pub const fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Active(progress) => Some(progress),
            Self::Absent | Self::Cancelled | Self::Completed => None,
        }
    }
}

impl Progress {
    fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Start { .. } => Err(Refusal::AlreadyExists),
            Command::Advance { from, .. } if *from != self.cursor => Err(Refusal::CursorMoved),
            Command::Advance { from: _, to, keys, asked } => {
                Ok(vec![Event::Advanced(Advanced { cursor: to.clone(), keys: *keys, asked: *asked })])
            }
            Command::Exhaust if self.exhausted => Ok(Vec::new()),
            Command::Exhaust => Ok(vec![Event::Exhausted]),
            // Trying again and failing for the same reason is nothing new.
            Command::ReportListingFailure { problem } if self.problem.as_ref() == Some(problem) => {
                Ok(Vec::new())
            }
            Command::ReportListingFailure { problem } => {
                Ok(vec![Event::ListingFailed(ListingFailed { problem: problem.clone() })])
            }
            Command::SetPace(pace) if *pace == self.pace => Ok(Vec::new()),
            Command::SetPace(pace) => {
                check_pace(*pace)?;
                Ok(vec![Event::PaceSet(*pace)])
            }
            Command::Pause if self.paused => Ok(Vec::new()),
            Command::Pause => Ok(vec![Event::Paused]),
            Command::Resume if self.paused => Ok(vec![Event::Resumed]),
            Command::Resume => Ok(Vec::new()),
            Command::Cancel => Ok(vec![Event::Cancelled]),
            Command::Complete if self.exhausted => Ok(vec![Event::Completed]),
            Command::Complete => Err(Refusal::NotExhausted),
        }
    }
}

const fn check_pace(pace: Pace) -> Result<(), Refusal> {
    match pace {
        Pace { keys_per_second_max: Some(0), .. } => Err(Refusal::PaceZero { name: "keys_per_second_max" }),
        Pace { in_flight_max: Some(0), .. } => Err(Refusal::PaceZero { name: "in_flight_max" }),
        Pace { .. } => Ok(()),
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Campaign {
    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        let impossible = Impossible { state: self.name(), event: event.name() };
        match (event, self) {
            (Event::Started(Started { target, pace }), Self::Absent) => Ok(Self::Active(Progress {
                target: target.clone(),
                pace: *pace,
                cursor: None,
                exhausted: false,
                paused: false,
                problem: None,
            })),
            (Event::Advanced(advanced), Self::Active(progress)) => Ok(Self::Active(Progress {
                cursor: Some(advanced.cursor.clone()),
                problem: None,
                ..progress
            })),
            (Event::Exhausted, Self::Active(progress)) => {
                Ok(Self::Active(Progress { exhausted: true, problem: None, ..progress }))
            }
            (Event::ListingFailed(failed), Self::Active(progress)) => {
                Ok(Self::Active(Progress { problem: Some(failed.problem.clone()), ..progress }))
            }
            (Event::PaceSet(pace), Self::Active(progress)) => {
                Ok(Self::Active(Progress { pace: *pace, ..progress }))
            }
            (Event::Paused, Self::Active(progress)) => {
                Ok(Self::Active(Progress { paused: true, ..progress }))
            }
            (Event::Resumed, Self::Active(progress)) => {
                Ok(Self::Active(Progress { paused: false, ..progress }))
            }
            (Event::Cancelled, Self::Active(_)) => Ok(Self::Cancelled),
            (Event::Completed, Self::Active(_)) => Ok(Self::Completed),
            (
                Event::Started(_)
                | Event::Advanced(_)
                | Event::Exhausted
                | Event::ListingFailed(_)
                | Event::PaceSet(_)
                | Event::Paused
                | Event::Resumed
                | Event::Cancelled
                | Event::Completed,
                Self::Absent | Self::Active(_) | Self::Cancelled | Self::Completed,
            ) => Err(impossible),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Active(_) => "active",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Advanced(_) => "advanced",
            Self::Exhausted => "exhausted",
            Self::ListingFailed(_) => "listing_failed",
            Self::PaceSet(_) => "pace_set",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }
}
