//! What is sent of and for tasks, workspaces and batches. Rows are described by what every one of them has; the manual
//! says the rest. Nothing here is ever made.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::names::{
    AnyObject, BatchId, Count, DisplayName, ExternalId, Position, TaskId, Timestamp, UserName, Version,
    WorkspaceId,
};

/// A task, with everything that `docs/http-api.md` says of one.
#[derive(ToSchema)]
pub(crate) struct Task {
    id: TaskId,
    workspace: WorkspaceId,
    display_name: DisplayName,
    status: String,
    status_number: u16,
    status_text: String,
    status_since: Timestamp,
    screen: Screen,
    held: bool,
    restart_count: Count,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: Version,
    position: Position,
    /// What else the manual says.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

/// Where a task is shown.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Screen {
    Inbox,
    History,
}

/// A task right after a command.
#[derive(ToSchema)]
pub(crate) struct TaskStanding {
    id: TaskId,
    status: String,
    status_number: u16,
    status_text: String,
    held: bool,
    restart_count: Count,
    /// Whether anything was recorded.
    changed: bool,
    position: Position,
}

/// A task that is there.
#[derive(ToSchema)]
pub(crate) struct TaskCreated {
    id: TaskId,
    /// Whether the same request was answered before.
    repeated: bool,
    position: Position,
}

/// How many tasks have each status.
#[derive(ToSchema)]
pub(crate) struct TaskCounts {
    items: Vec<TaskCount>,
    total: Count,
    position: Position,
}

/// How many tasks of one screen have a status.
#[derive(ToSchema)]
pub(crate) struct TaskCount {
    screen: Screen,
    status: String,
    status_number: u16,
    status_text: String,
    count: Count,
}

/// Who reviews a task, in which order.
#[derive(ToSchema)]
pub(crate) struct Assignment {
    /// None means that whoever likes may review.
    #[schema(required = false, max_items = 100)]
    users: Vec<UserName>,
    #[schema(required = false)]
    order: ReviewOrder,
}

/// Which of the assigned users have to review, and when.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReviewOrder {
    Any,
    All,
    InSequence,
}

/// `low` or `high`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum TaskPriority {
    Low,
    High,
}

/// As what a person settles a task.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Resolution {
    Finished,
    Failed,
}

/// What is set for a workspace.
#[derive(ToSchema)]
pub(crate) struct WorkspaceSettings {
    display_name: DisplayName,
    #[schema(max_length = 4_096)]
    description: Option<String>,
    /// Whether tasks that name no workspace go here.
    #[schema(required = false)]
    is_default: bool,
    /// Which stages its tasks pass.
    #[schema(required = false)]
    plan: AnyObject,
    #[schema(required = false)]
    assignment: Assignment,
    /// Where its tasks are exported to.
    #[schema(required = false)]
    webhook: AnyObject,
    /// The modules of each stage.
    #[schema(required = false)]
    modules: AnyObject,
    /// The limits of its queues.
    #[schema(required = false)]
    limits: AnyObject,
}

/// A workspace with its settings.
#[derive(ToSchema)]
pub(crate) struct Workspace {
    id: WorkspaceId,
    display_name: DisplayName,
    plan: AnyObject,
    assignment: Assignment,
    limits: AnyObject,
    position: Position,
    /// What else the manual says.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

/// What a batch is.
#[derive(ToSchema)]
pub(crate) struct BatchDescription {
    workspace: WorkspaceId,
    display_name: DisplayName,
    #[schema(max_length = 4_096)]
    description: Option<String>,
}

/// A batch, with how many tasks it has.
#[derive(ToSchema)]
pub(crate) struct TaskBatch {
    id: BatchId,
    workspace: WorkspaceId,
    display_name: DisplayName,
    position: Position,
    /// What else the manual says.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

/// A task as its workers are told.
#[derive(ToSchema)]
pub(crate) struct LeasedTask {
    id: TaskId,
    workspace: WorkspaceId,
    stage: String,
    #[schema(required = false)]
    batch: BatchId,
    #[schema(required = false)]
    external_id: ExternalId,
    display_name: DisplayName,
    restart_count: Count,
    context: AnyObject,
    /// What else the manual says.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}
