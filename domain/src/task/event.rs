//! What happened to a task, with the payloads as they are stored. Does not know why: that is decided in [`super`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Assignment, ExternalIntegrationStatus, Payload, Resolution, Stage, StageQueue, TaskStatus};
use crate::names::{CampaignId, EditPath, UserName};
use crate::time::{Millis, Timestamp};
use crate::work;

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created(Box<Payload>),
    /// Something happened to the work of a stage.
    Work(StageQueue, work::Event),
    /// Its next automated stage begins.
    StageEntered(StageEntered),
    /// People are to review it.
    ReviewOpened(ReviewOpened),
    /// A user approved it.
    Approved(Approved),
    /// It is reviewed.
    ReviewCompleted(ReviewCompleted),
    /// It is processed, and in history.
    Archived,
    /// A part of the result was changed.
    Edited(Edited),
    /// Other users review it; the review begins again.
    UsersAssigned(Assignment),
    /// It begins again with its first payload.
    Restarted(Restarted),
    /// A person settled it by hand.
    Resolved(Resolved),
    /// It was stuck and put back. Nothing was queued.
    Reverted(Reverted),
    /// It was stuck and moved to history.
    MovedToHistory(MovedToHistory),
    /// The client said how far its own side is.
    ExternalIntegrationStatusSet(ExternalIntegrationStatusSet),
    /// It is to be deleted.
    DeletionRequested(DeletionRequested),
    /// It is deleted, and in history.
    Deleted,
}

/// Payload of [`Event::StageEntered`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntered {
    /// Which stage.
    pub stage: Stage,
}

/// Payload of [`Event::ReviewOpened`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewOpened {
    /// Why.
    pub cause: ReviewCause,
    /// The queue whose work was taken away with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<StageQueue>,
}

/// Why a review begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewCause {
    /// The stages before it are done.
    StagesDone,
    /// The export was refused.
    ExportFailed,
    /// A person asked for it.
    Reopened,
}

/// Payload of [`Event::Approved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Who.
    pub user: UserName,
}

/// Payload of [`Event::ReviewCompleted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCompleted {
    /// Whether nobody had to look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
}

/// Payload of [`Event::Edited`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Which part.
    pub path: EditPath,
    /// The earlier edit; nothing when there was none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// The edit; nothing when the earlier one was taken back.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
}

/// Payload of [`Event::Restarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarted {
    /// How many times it was begun again, this time included.
    pub restart_count: u32,
    /// The campaign that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// The queue whose work was taken away: a worker that has it comes too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<StageQueue>,
}

/// Payload of [`Event::Resolved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// As what.
    pub outcome: Resolution,
    /// The status that it has from now on.
    pub status: TaskStatus,
    /// Why.
    pub text: String,
    /// The queue whose work was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<StageQueue>,
}

/// Payload of [`Event::Reverted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The status that it was stuck in.
    pub from: TaskStatus,
    /// The status that it has from now on.
    pub to: TaskStatus,
    /// Since when it was stuck.
    pub since: Timestamp,
    /// For how long it may have been, in milliseconds.
    pub threshold_ms: Millis,
    /// The queue whose work was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<StageQueue>,
}

/// Payload of [`Event::MovedToHistory`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedToHistory {
    /// The status that it was stuck in and keeps.
    pub from: TaskStatus,
    /// Since when it was stuck.
    pub since: Timestamp,
    /// For how long it may have been, in milliseconds.
    pub threshold_ms: Millis,
}

/// Payload of [`Event::ExternalIntegrationStatusSet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIntegrationStatusSet {
    /// The client's word.
    pub status: ExternalIntegrationStatus,
}

/// Payload of [`Event::DeletionRequested`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionRequested {
    /// The queue whose work was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<StageQueue>,
}

impl Event {
    /// The word for this event, without the aggregate in front.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            // A task has a restart of its own, which is another thing than that of one stage's work.
            Self::Work(_, work::Event::Restarted(_)) => "work_restarted",
            Self::Work(_, event) => event.name(),
            Self::StageEntered(_) => "stage_entered",
            Self::ReviewOpened(_) => "review_opened",
            Self::Approved(_) => "approved",
            Self::ReviewCompleted(_) => "review_completed",
            Self::Archived => "archived",
            Self::Edited(_) => "edited",
            Self::UsersAssigned(_) => "users_assigned",
            Self::Restarted(_) => "restarted",
            Self::Resolved(_) => "resolved",
            Self::Reverted(_) => "reverted",
            Self::MovedToHistory(_) => "moved_to_history",
            Self::ExternalIntegrationStatusSet(_) => "external_integration_status_set",
            Self::DeletionRequested(_) => "deletion_requested",
            Self::Deleted => "deleted",
        }
    }

    /// The queue whose work this event takes away, whoever has it.
    #[must_use]
    pub const fn withdrawn(&self) -> Option<StageQueue> {
        match self {
            Self::ReviewOpened(ReviewOpened { withdrawn, .. })
            | Self::Restarted(Restarted { withdrawn, .. })
            | Self::Resolved(Resolved { withdrawn, .. })
            | Self::Reverted(Reverted { withdrawn, .. })
            | Self::DeletionRequested(DeletionRequested { withdrawn }) => *withdrawn,
            Self::Created(_)
            | Self::Work(..)
            | Self::StageEntered(_)
            | Self::Approved(_)
            | Self::ReviewCompleted(_)
            | Self::Archived
            | Self::Edited(_)
            | Self::UsersAssigned(_)
            | Self::MovedToHistory(_)
            | Self::ExternalIntegrationStatusSet(_)
            | Self::Deleted => None,
        }
    }
}
