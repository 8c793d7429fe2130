//! A key-scope: one scope of one key of a storage unit, and the work on it.
//!
//! Everything it does is the work lifecycle of [`crate::work`], until its storage unit is dropped. Source of the
//! queue's behaviour: `reference/stager.md` §7. It does not know what its content is, nor which modules run.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::names::CampaignId;
use crate::stream::Version;
use crate::time::Timestamp;
use crate::work::{self, Impossible, Refusal, Work};

/// Where a key-scope stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyScope {
    /// The work on it.
    pub work: Work,
}

/// What can be asked of a key-scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One of the lifecycle's commands.
    Work(work::Command),
    /// Forget the work: the storage unit was dropped.
    Withdraw,
}

/// What happened to a key-scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// One of the lifecycle's events.
    Work(work::Event),
    /// The work is gone with its storage unit; the history stays.
    Withdrawn(Withdrawn),
}

/// Payload of [`Event::Withdrawn`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The campaign that still waited for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
}

impl KeyScope {
    /// What happens when `command` arrives at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not allowed now; an empty list when there is nothing to do.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Work(command) => {
                Ok(self.work.decide(command, now)?.into_iter().map(Event::Work).collect())
            }
            Command::Withdraw if self.work.phase == work::Phase::Idle => Ok(Vec::new()),
            Command::Withdraw => {
                let campaign = self.work.campaign.filter(|_| self.work.is_open());
                Ok(vec![Event::Withdrawn(Withdrawn { campaign })])
            }
        }
    }

    /// The state after `event`, which has the given version.
    ///
    /// # Errors
    /// [`Impossible`] when no decision can have led from this state to this event.
    pub fn evolve(self, event: &Event, version: Version) -> Result<Self, Impossible> {
        match event {
            Event::Work(event) => Ok(Self { work: self.work.evolve(event, version)? }),
            Event::Withdrawn(_) => {
                Ok(Self { work: Work { attempt_count: self.work.attempt_count, ..Work::default() } })
            }
        }
    }
}
