//! Tasks: one row for inbox and history, with everything that lists and status objects show. Does not know the attempts
//! one by one: see [`crate::attempts`].

mod fold;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::digest::Digest;
use domain::event::{Event, RecordedEvent};
use domain::names::{
    Actor, BatchId, CampaignId, DisplayName, ExternalId, OrganizationId, TaskId, UserName, WorkerId,
    WorkspaceId,
};
use domain::stream::{Position, Subject, Version};
use domain::task::{
    Assignment, ExternalIntegrationStatus, IntegrationStatus, Plan, Priority, Screen, Stage, StageQueue,
    TaskStatus,
};
use domain::time::{Millis, Timestamp};
use domain::work::Token;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::LastError;
use crate::view::{Column, ColumnKind, Value, View};

/// Every task that was ever created. Key: the id with leading zeros, so that rows come in the order of the ids.
/// Counted per `workspace/batch/screen/status`: the batch is `-` for tasks without one, the status is its number.
#[derive(Debug, Clone, Copy)]
pub struct Tasks;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Its id.
    pub id: TaskId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The workspace that processes it.
    pub workspace: WorkspaceId,
    /// The batch that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What the client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who goes first.
    pub priority: Priority,
    /// The client's own words about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Json>,
    /// Which stages it passes.
    pub plan: Plan,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it came into that status.
    pub status_since: Timestamp,
    /// The version of the event by which it came into that status: what the watchdog says it saw.
    pub status_version: Version,
    /// Where it is shown.
    pub screen: Screen,
    /// Whether nobody may claim it.
    pub held: bool,
    /// The automated stage that it is in, or was in last.
    pub stage: Stage,
    /// How its export stands.
    pub integration: IntegrationStatus,
    /// How far the client's own side is.
    pub external_integration: ExternalIntegrationStatus,
    /// How many times it was restarted.
    pub restart_count: u32,
    /// The campaign that restarted it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// What the watchdog did to it, until it is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
    /// What a person settled by hand, until it is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<ByHand>,
    /// Who reviews it, in which order.
    pub assignment: Assignment,
    /// Who has approved it in the present review, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// What people changed since the last restart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub edits: BTreeMap<String, Json>,
    /// The work of its stage, while there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<StageWork>,
    /// How many attempts were started, over all stages and restarts.
    pub attempt_count: u32,
    /// How many results came after their lease was gone; they were not used.
    pub late_results: u32,
    /// What went wrong last, until an attempt succeeds or the task is restarted. Of a refused export it is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// What each stage's last finished run produced, as one digest over all outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Stage, Digest>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When pre-processing was asked for: at its creation, and again at each restart.
    pub pre_processing_started_at: Timestamp,
    /// When it came to an end: processed or deleted; nothing while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When something happened to it last.
    pub updated_at: Timestamp,
    /// Who created it.
    pub created_by: Actor,
    /// Who did something to it last.
    pub updated_by: Actor,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

/// What of a task's row concerns whoever queues and times its stages. Reads in half the time of the whole row.
#[derive(Debug, Clone, Deserialize)]
pub struct OpenTaskRow {
    /// Its id.
    pub id: TaskId,
    /// The workspace that processes it.
    pub workspace: WorkspaceId,
    /// The automated stage that it is in.
    pub stage: Stage,
    /// Who goes first.
    pub priority: Priority,
    /// Whether nobody may claim it.
    pub held: bool,
    /// The work of its stage.
    pub work: Option<StageWork>,
}

/// Why a task carries a warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// When the watchdog touched it.
    pub at: Timestamp,
    /// The status that it was stuck in.
    pub from: TaskStatus,
    /// The status that it got; nothing when it was moved to history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TaskStatus>,
    /// Since when it was stuck.
    pub since: Timestamp,
    /// For how long it may have been, in milliseconds.
    pub threshold_ms: Millis,
}

/// What a person settled by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Why.
    pub text: String,
}

/// A user's approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub user: UserName,
    /// When.
    pub at: Timestamp,
}

/// How far an assigned user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Has not approved yet.
    Open,
    /// Has approved.
    Approved,
}

/// The work of a task's stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageWork {
    /// Where it stands, by the same words as a key-scope's.
    pub status: super::Status,
    /// Who has it, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// When the lease runs out, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The fencing token of the lease, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// When it is queued again, while it is retrying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// How many attempts of this run have failed.
    pub failures: u32,
    /// The position of the event by which it entered the queue last.
    pub queued_position: Position,
    /// When it entered the queue last.
    pub queued_at: Timestamp,
}

impl TaskRow {
    /// The queue of the stage that it is in, or was in last.
    #[must_use]
    pub const fn queue(&self) -> StageQueue {
        StageQueue { workspace: self.workspace, stage: self.stage }
    }

    /// The text in which a search looks: what people and clients call it, in lower case.
    fn searched_text(&self) -> String {
        let external_id = self.external_id.as_ref().map(ExternalId::as_str).unwrap_or_default();
        format!("{}\n{external_id}", self.display_name).to_lowercase()
    }

    /// How far each assigned user is, in the order of the assignment.
    pub fn user_statuses(&self) -> impl Iterator<Item = (&UserName, UserStatus)> {
        self.assignment.users.iter().map(|user| {
            let has_approved = self.approvals.iter().any(|approval| approval.user == *user);
            (user, if has_approved { UserStatus::Approved } else { UserStatus::Open })
        })
    }
}

/// How many tasks a batch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BatchCounts {
    /// In all.
    pub total: u64,
    /// Of those, in history.
    pub in_history: u64,
}

impl Tasks {
    /// The key of a task's row.
    #[must_use]
    pub fn row_key(id: TaskId) -> String {
        format!("{:020}", id.get())
    }

    /// What the groups of a workspace's tasks begin with.
    #[must_use]
    pub fn workspace_prefix(workspace: WorkspaceId) -> String {
        format!("{workspace}/")
    }

    /// What the groups of a batch's tasks begin with.
    #[must_use]
    pub fn batch_prefix(workspace: WorkspaceId, batch: BatchId) -> String {
        format!("{workspace}/{batch}/")
    }

    /// How many tasks a batch has, from the counts of the groups under [`Tasks::batch_prefix`].
    #[must_use]
    pub fn batch_counts(counts: &[(String, u64)]) -> BatchCounts {
        let mut batch = BatchCounts::default();
        for (group, count) in counts {
            batch.total += count;
            if group.split('/').nth(2) == Some(Screen::History.name()) {
                batch.in_history += count;
            }
        }
        batch
    }

    /// How many tasks have each status on each screen, from the counts of any groups.
    #[must_use]
    pub fn status_counts(counts: &[(String, u64)]) -> BTreeMap<(Screen, TaskStatus), u64> {
        let mut by_status = BTreeMap::new();
        for (group, count) in counts {
            let mut parts = group.split('/').skip(2);
            let screen = match parts.next() {
                Some(name) if name == Screen::History.name() => Screen::History,
                Some(_) | None => Screen::Inbox,
            };
            let number = parts.next().and_then(|number| number.parse().ok());
            if let Some(status) = number.and_then(TaskStatus::from_number) {
                *by_status.entry((screen, status)).or_default() += count;
            }
        }
        by_status
    }
}

impl View for Tasks {
    const NAME: &'static str = "tasks";
    const SCHEMA: u32 = 2;
    const STREAMS: &'static str = "task-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "workspace", kind: ColumnKind::Integer },
        Column { name: "batch", kind: ColumnKind::Integer },
        Column { name: "external_id", kind: ColumnKind::Text },
        Column { name: "text", kind: ColumnKind::Text },
        Column { name: "priority", kind: ColumnKind::Integer },
        Column { name: "status", kind: ColumnKind::Integer },
        Column { name: "integration", kind: ColumnKind::Integer },
        Column { name: "external_integration", kind: ColumnKind::Text },
        Column { name: "screen", kind: ColumnKind::Text },
        Column { name: "open", kind: ColumnKind::Integer },
        Column { name: "warned", kind: ColumnKind::Integer },
        Column { name: "held", kind: ColumnKind::Integer },
        Column { name: "restart_count", kind: ColumnKind::Integer },
        Column { name: "worker", kind: ColumnKind::Text },
        Column { name: "error_code", kind: ColumnKind::Text },
        Column { name: "campaign", kind: ColumnKind::Text },
        Column { name: "created_us", kind: ColumnKind::Integer },
        Column { name: "updated_us", kind: ColumnKind::Integer },
    ];
    /// Those of few tasks come first: what is absent from a task is not in the index, and batches are small. Lists of any
    /// screen or status name all there are, so that they follow the others too.
    const INDEXES: &'static [&'static [&'static str]] = &[
        &["organization", "external_id"],
        &["open"],
        &["worker"],
        &["warned"],
        &["campaign"],
        &["error_code"],
        &["batch", "status", "created_us"],
        &["organization", "workspace", "status", "created_us"],
        &["organization", "status", "created_us"],
        &["organization", "screen", "created_us"],
        &["organization", "screen", "updated_us"],
        &["status", "screen"],
    ];
    type Row = TaskRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match (&event.event, Subject::try_from(&event.stream)) {
            (Event::Task(_), Ok(Subject::Task(id))) => Some(Self::row_key(id)),
            (_, Ok(_) | Err(_)) => None,
        }
    }

    fn evolve(row: Option<TaskRow>, event: &RecordedEvent) -> Option<TaskRow> {
        match &event.event {
            Event::Task(happened) => fold::evolve(row, happened, event),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => row,
        }
    }

    fn values(row: &TaskRow) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        let flag = |is_set: bool| if is_set { Value::Integer(1) } else { Value::Absent };
        let is_open = row.work.as_ref().is_some_and(|work| work.status.is_open());
        vec![
            text(row.organization.as_str()),
            Value::Integer(row.workspace.get().into()),
            row.batch.map_or(Value::Absent, |batch| Value::Integer(batch.get().cast_signed())),
            row.external_id.as_ref().map_or(Value::Absent, |id| text(id.as_str())),
            Value::Text(row.searched_text()),
            Value::Integer(match row.priority {
                Priority::Low => 0,
                Priority::High => 1,
            }),
            Value::Integer(row.status.number().into()),
            Value::Integer(row.integration.number().into()),
            text(row.external_integration.as_str()),
            text(row.screen.name()),
            flag(is_open),
            flag(row.warning.is_some()),
            flag(row.held),
            Value::Integer(row.restart_count.into()),
            row.work
                .as_ref()
                .and_then(|work| work.worker.as_ref())
                .map_or(Value::Absent, |worker| text(worker.as_str())),
            row.last_error.as_ref().map_or(Value::Absent, |error| text(&error.code)),
            row.campaign.map_or(Value::Absent, |id| Value::Text(id.to_string())),
            Value::Integer(row.created_at.as_micros()),
            Value::Integer(row.updated_at.as_micros()),
        ]
    }

    fn group(row: &TaskRow) -> Option<String> {
        let batch = row.batch.map_or_else(|| "-".to_owned(), |batch| batch.to_string());
        Some(format!("{}/{batch}/{}/{}", row.workspace, row.screen.name(), row.status.number()))
    }
}
