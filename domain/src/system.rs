//! The system: whether work is given to workers at all.
//!
//! Pausing stops all dispatching: no lease is given while it lasts. What is leased already goes on and may finish, and
//! work may be asked for; it waits. There is one system, and one stream of it. It does not know who waits for work.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// The longest reason of a pause, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 1_000;

// ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where the system stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum System {
    /// Work is given to whoever asks for it.
    #[default]
    Dispatching,
    /// No lease is given.
    Paused {
        /// Why.
        reason: String,
    },
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What can be asked of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Give no lease until resumed.
    #[serde(rename = "pause")]
    Pause {
        /// Why: whoever finds everything standing still will want to know.
        reason: String,
    },
    /// Give leases again.
    #[serde(rename = "resume")]
    Resume,
}

// ── Events ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What happened to the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// No lease is given any longer.
    Paused(Paused),
    /// Leases are given again.
    Resumed,
}

/// Payload of [`Event::Paused`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Why.
    pub reason: String,
}

// ── Refusals ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Why a command was not carried out. Nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A pause without a reason.
    #[error("a pause needs a reason; say why, so that whoever finds everything standing still knows")]
    ReasonMissing,
    /// The reason is too long.
    #[error("the reason has {bytes} bytes, at most {REASON_BYTES_MAX} are allowed; shorten it")]
    ReasonTooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// It is paused for another reason, which stands.
    #[error(
        "dispatching is paused already, because: {reason}; resume it before you pause it for another reason"
    )]
    AlreadyPaused {
        /// Why it is paused.
        reason: String,
    },
    /// It is paused, so no lease is given.
    #[error("dispatching is paused, because: {reason}; claim again once it is resumed")]
    DispatchingPaused {
        /// Why it is paused.
        reason: String,
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

impl System {
    /// What happens when `command` arrives.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        match (command, self) {
            (Command::Pause { reason }, Self::Dispatching) => {
                check_reason(reason)?;
                Ok(vec![Event::Paused(Paused { reason: reason.clone() })])
            }
            (Command::Pause { reason: again }, Self::Paused { reason }) if again == reason => Ok(Vec::new()),
            (Command::Pause { .. }, Self::Paused { reason }) => {
                Err(Refusal::AlreadyPaused { reason: reason.clone() })
            }
            (Command::Resume, Self::Paused { .. }) => Ok(vec![Event::Resumed]),
            (Command::Resume, Self::Dispatching) => Ok(Vec::new()),
        }
    }

    /// Whether a lease may be given now. Asked before anything that gives one is decided; see
    /// [`crate::envelope::Command::dispatches`].
    ///
    /// # Errors
    /// [`Refusal::DispatchingPaused`].
    pub fn permit_dispatch(&self) -> Result<(), Refusal> {
        match self {
            Self::Dispatching => Ok(()),
            Self::Paused { reason } => Err(Refusal::DispatchingPaused { reason: reason.clone() }),
        }
    }

    /// Why it is paused, when it is.
    #[must_use]
    pub fn pause_reason(&self) -> Option<&str> {
        match self {
            Self::Dispatching => None,
            Self::Paused { reason } => Some(reason),
        }
    }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    match reason.len() {
        0..=REASON_BYTES_MAX => Ok(()),
        bytes => Err(Refusal::ReasonTooLong { bytes }),
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl System {
    /// The state after `event`. No rules here.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event) -> Result<Self, Impossible> {
        match (event, &self) {
            (Event::Paused(Paused { reason }), Self::Dispatching) => {
                Ok(Self::Paused { reason: reason.clone() })
            }
            (Event::Resumed, Self::Paused { .. }) => Ok(Self::Dispatching),
            (Event::Paused(_), Self::Paused { .. }) | (Event::Resumed, Self::Dispatching) => {
                Err(Impossible { state: self.name(), event: event.name() })
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Dispatching => "dispatching",
            Self::Paused { .. } => "paused",
        }
    }
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Paused(_) => "paused",
            Self::Resumed => "resumed",
        }
    }
}
