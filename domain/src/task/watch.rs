//! Stuck tasks: for how long is too long, and where to (`reference/smartdocumentor.md` §6). Never restarts anything and
//! never queues work. Does not know when it is looked: the watchdog says what it saw in the log.

use serde::{Deserialize, Serialize};

use super::{
    Event, ExternalIntegrationStatus, MovedToHistory, Phase, Present, Refusal, Reverted, Seen, TaskStatus,
};
use crate::time::{Millis, Timestamp};

/// One line of the watchdog's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Tasks of this status,
    pub status: TaskStatus,
    /// that have had it for so long, in milliseconds,
    pub threshold_ms: Millis,
    /// go there.
    pub target: Target,
}

/// Where a stuck task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To another status, where it waits for a person.
    Status(TaskStatus),
    /// To history, with the status that it has.
    History,
}

const HOUR: u64 = 3_600;

/// The policy unless another one is configured.
///
/// Only what somebody has taken can be stuck: what waits in a queue waits for workers, and what is to be reviewed for
/// people. A worker that is alive extends its lease, so hours in one attempt mean that it is alive and gets nowhere.
/// Pre-processing goes to *failed* and not back to *queued*, which would start paid work; recognition goes back to
/// where pre-processing left it; an export goes back to review, as a refused one does. What is over stays in the inbox
/// for a day, so that whoever settled it by hand can still take that back.
pub const POLICY_DEFAULT: [Policy; 5] = [
    Policy {
        status: TaskStatus::PreProcessingInProgress,
        threshold_ms: Millis::from_secs(6 * HOUR),
        target: Target::Status(TaskStatus::PreProcessingFailed),
    },
    Policy {
        status: TaskStatus::RecognitionInProgress,
        threshold_ms: Millis::from_secs(12 * HOUR),
        target: Target::Status(TaskStatus::PreProcessingSuccessful),
    },
    Policy {
        status: TaskStatus::ExportInProgress,
        threshold_ms: Millis::from_secs(HOUR),
        target: Target::Status(TaskStatus::ToReview),
    },
    Policy {
        status: TaskStatus::ExportCompleted,
        threshold_ms: Millis::from_secs(24 * HOUR),
        target: Target::History,
    },
    Policy {
        status: TaskStatus::Processed,
        threshold_ms: Millis::from_secs(24 * HOUR),
        target: Target::History,
    },
];

impl Policy {
    /// Whether the line can be carried out.
    ///
    /// # Errors
    /// [`Refusal::WrongPolicy`], which says what is wrong with it.
    pub fn check(&self) -> Result<(), Refusal> {
        match self.target {
            Target::Status(to) => check_revert(self.status, to),
            Target::History => check_history(self.status),
        }
    }
}

/// A task can be put back into a status in which nobody has it, and which is not an end.
fn check_revert(from: TaskStatus, to: TaskStatus) -> Result<(), Refusal> {
    let wrong = Refusal::WrongPolicy { from, target: to.name() };
    match to {
        TaskStatus::QueuedForPreProcessing
        | TaskStatus::PreProcessingFailed
        | TaskStatus::PreProcessingDownloadFailed
        | TaskStatus::PreProcessingSuccessful
        | TaskStatus::PreProcessingGetPagesFailed
        | TaskStatus::QueuedForRecognition
        | TaskStatus::RecognitionFailed
        | TaskStatus::ToReview => {}
        TaskStatus::Deleting
        | TaskStatus::Deleted
        | TaskStatus::PreProcessingInProgress
        | TaskStatus::RecognitionInProgress
        | TaskStatus::QueuedForExport
        | TaskStatus::ExportInProgress
        | TaskStatus::ExportCompleted
        | TaskStatus::Processed => return Err(wrong),
    }
    if from == TaskStatus::Deleting || from.is_terminal() || from == to { Err(wrong) } else { Ok(()) }
}

/// Only what is done moves to history.
fn check_history(from: TaskStatus) -> Result<(), Refusal> {
    if matches!(from, TaskStatus::ExportCompleted | TaskStatus::Processed) {
        return Ok(());
    }
    Err(Refusal::WrongPolicy { from, target: "history" })
}

impl Present {
    /// The rule of [`super::Command::Revert`].
    pub(super) fn revert(&self, seen: &Seen, to: TaskStatus, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        check_revert(seen.status, to)?;
        if !self.is_stuck(seen, now) {
            return Ok(Vec::new());
        }
        let Seen { status: from, version: _, since, threshold_ms } = *seen;
        let withdrawn = self.open_queue();
        Ok(vec![Event::Reverted(Reverted { from, to, since, threshold_ms, withdrawn })])
    }

    /// The rule of [`super::Command::MoveToHistory`].
    pub(super) fn move_to_history(&self, seen: &Seen, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        check_history(seen.status)?;
        if !self.is_stuck(seen, now) {
            return Ok(Vec::new());
        }
        let Seen { status: from, version: _, since, threshold_ms } = *seen;
        Ok(vec![Event::MovedToHistory(MovedToHistory { from, since, threshold_ms })])
    }

    /// Whether it is still as the watchdog saw it, for too long, and nobody meant it to be. What is in history is
    /// there already.
    fn is_stuck(&self, seen: &Seen, now: Timestamp) -> bool {
        let is_as_seen = self.status() == seen.status && self.status_version == seen.version;
        let is_over = matches!(self.phase, Phase::Archived(_));
        is_as_seen && !is_over && !self.held && now.since(seen.since) >= seen.threshold_ms
    }

    /// A recovery resets what the client said of its own side (§3.3).
    pub(super) fn put_back(&mut self, to: TaskStatus) {
        self.external_integration = ExternalIntegrationStatus::default();
        if to == TaskStatus::ToReview {
            self.review_again();
        } else {
            self.park(to);
        }
    }
}
