//! What can be asked of a task. Does not know what follows: that is decided in [`super`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Assignment, ExternalIntegrationStatus, Payload, Stage, TaskStatus};
use crate::names::{CampaignId, EditPath, UserName};
use crate::stream::Version;
use crate::time::{Millis, Timestamp};
use crate::work;

/// What can be asked of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "body")]
pub enum Command {
    /// Bring it into being, and queue it.
    #[serde(rename = "create")]
    Create(Box<Payload>),
    /// One of the lifecycle's commands, for the work of a stage. Recorded as the lifecycle's command, with its stage
    /// beside it.
    #[serde(skip)]
    Work {
        /// The stage that is meant: another one's work is not touched.
        stage: Stage,
        /// The command.
        command: work::Command,
    },
    /// Begin again with the first payload. Destructive: edits are lost to the task.
    #[serde(rename = "restart")]
    Restart {
        /// The campaign on whose behalf; one campaign asks once, however often it repeats itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        campaign: Option<CampaignId>,
    },
    /// Change a part of the result.
    #[serde(rename = "edit")]
    Edit {
        /// Which part.
        path: EditPath,
        /// What it is from now on; `null` takes an earlier edit back.
        value: Value,
    },
    /// Say who reviews it. The review begins again with them.
    #[serde(rename = "assign")]
    Assign(Assignment),
    /// A user approves it.
    #[serde(rename = "approve")]
    Approve {
        /// Who.
        user: UserName,
    },
    /// Review it again: approvals are taken back, and an export that has not happened yet with them.
    #[serde(rename = "reopen_review")]
    ReopenReview,
    /// Let nobody claim it, whatever its stage.
    #[serde(rename = "hold")]
    Hold,
    /// Let it be claimed again.
    #[serde(rename = "release")]
    Release,
    /// Do not wait any longer: a backoff ends, a stage that failed or was put back is queued.
    #[serde(rename = "run_now")]
    RunNow,
    /// Settle by hand what the engine does not.
    #[serde(rename = "resolve")]
    Resolve {
        /// As what.
        outcome: Resolution,
        /// Why, for whoever looks at it later.
        text: String,
    },
    /// The client says how far its own side is.
    #[serde(rename = "set_external_integration_status")]
    SetExternalIntegrationStatus {
        /// Its word for it.
        status: ExternalIntegrationStatus,
    },
    /// Put it back, since it has been stuck for too long. Starts no work.
    #[serde(rename = "revert")]
    Revert {
        /// What the watchdog saw.
        seen: Seen,
        /// The status to put it back to.
        to: TaskStatus,
    },
    /// Move it to history, since it has been stuck for too long.
    #[serde(rename = "move_to_history")]
    MoveToHistory {
        /// What the watchdog saw.
        seen: Seen,
    },
    /// Delete it.
    #[serde(rename = "delete")]
    Delete,
    /// What the engine kept of it is gone.
    #[serde(rename = "confirm_deleted")]
    ConfirmDeleted,
}

/// As what a person settles a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It is done, whoever did it.
    Finished,
    /// It has failed, and nothing more is tried.
    Failed,
}

/// What the watchdog saw in the log, and the line of its policy that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The status.
    pub status: TaskStatus,
    /// The version of the event by which the task came into it.
    pub version: Version,
    /// When that event was recorded.
    pub since: Timestamp,
    /// For how long a task may have the status, in milliseconds.
    pub threshold_ms: Millis,
}
