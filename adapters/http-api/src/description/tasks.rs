//! What is sent of and for tasks, workspaces and batches. Nothing here is ever made.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use std::collections::BTreeMap;

use domain::task::USERS_MAX;
use serde_json::Value;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::{PartialSchema as _, ToSchema};

use super::names::{
    Actor, AnyObject, BatchId, CampaignId, Count, Digest, DisplayName, EditPath, ExternalId, Millis,
    ModuleName, OrganizationId, Position, SecretName, TaskId, TaskStatusName, Timestamp, Token, UserName,
    Version, WorkerId, WorkspaceId,
};
use super::settings::{Limits, ModuleEntry};
use super::things::{LastError, Status};

/// A task, in the inbox or in the history.
#[derive(ToSchema)]
pub(crate) struct Task {
    id: TaskId,
    organization: OrganizationId,
    workspace: WorkspaceId,
    #[schema(required = false)]
    batch: BatchId,
    /// What the client calls it.
    #[schema(required = false)]
    external_id: ExternalId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    priority: TaskPriority,
    /// The client's own words about it.
    #[schema(required = false)]
    metadata: AnyObject,
    plan: Plan,
    status: TaskStatusName,
    status_number: u16,
    /// The status for people.
    status_text: String,
    status_since: Timestamp,
    /// The version of the event by which it came into that status.
    status_version: Version,
    screen: Screen,
    /// Whether nobody may claim it.
    held: bool,
    /// The automated stage that it is in, or was in last.
    stage: Stage,
    /// How its export stands.
    integration: IntegrationStatus,
    /// How far the client's own side is.
    #[schema(max_length = 32)]
    external_integration: String,
    restart_count: Count,
    /// The campaign that restarted it last.
    #[schema(required = false)]
    campaign: CampaignId,
    #[schema(required = false)]
    warning: Warning,
    #[schema(required = false)]
    resolved: ByHand,
    assignment: Assignment,
    /// Who has approved it in the present review.
    #[schema(required = false)]
    approvals: Vec<Approval>,
    /// How far each assigned user is.
    reviewers: Vec<Reviewer>,
    /// What people changed since the last restart.
    #[schema(required = false)]
    edits: BTreeMap<EditPath, Value>,
    #[schema(required = false)]
    work: StageWork,
    /// How many attempts were started, over all stages and restarts.
    attempt_count: Count,
    /// How many results came after their lease was gone; they were not used.
    late_results: Count,
    /// What went wrong last. Of a refused export it is the answer.
    #[schema(required = false)]
    last_error: LastError,
    /// What each stage's last finished run produced, as one digest over all outputs.
    #[schema(required = false)]
    outputs: BTreeMap<Stage, Digest>,
    created_at: Timestamp,
    /// When pre-processing was asked for: at its creation, and again at each restart.
    pre_processing_started_at: Timestamp,
    /// When it came to an end: processed or deleted.
    #[schema(required = false)]
    finished_at: Timestamp,
    updated_at: Timestamp,
    created_by: Actor,
    updated_by: Actor,
    version: Version,
    position: Position,
}

/// An automated stage.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Stage {
    PreProcessing,
    Recognition,
    Export,
}

/// How the export of a task stands.
#[derive(ToSchema)]
pub(crate) enum IntegrationStatus {
    NotQueued,
    Queued,
    Succeeded,
    Failed,
}

/// What the watchdog did to a stuck task.
#[derive(ToSchema)]
pub(crate) struct Warning {
    at: Timestamp,
    /// The status that it was stuck in.
    from: TaskStatusName,
    /// The status that it got; nothing when it was moved to history.
    #[schema(required = false)]
    to: TaskStatusName,
    /// Since when it was stuck.
    since: Timestamp,
    /// For how long it may have been.
    threshold_ms: Millis,
}

/// What a person settled by hand.
#[derive(ToSchema)]
pub(crate) struct ByHand {
    at: Timestamp,
    by: Actor,
    /// Why.
    text: String,
}

/// A user's approval.
#[derive(ToSchema)]
pub(crate) struct Approval {
    user: UserName,
    at: Timestamp,
}

/// An assigned user.
#[derive(ToSchema)]
pub(crate) struct Reviewer {
    user: UserName,
    status: UserStatus,
}

/// How far an assigned user is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum UserStatus {
    Open,
    Approved,
}

/// The work of a task's stage.
#[derive(ToSchema)]
pub(crate) struct StageWork {
    status: Status,
    /// Who has it, while it is leased.
    #[schema(required = false)]
    worker: WorkerId,
    #[schema(required = false)]
    lease_until: Timestamp,
    #[schema(required = false)]
    token: Token,
    /// When it is queued again, while it is retrying.
    #[schema(required = false)]
    retry_at: Timestamp,
    /// How many attempts of this run have failed.
    failures: Count,
    queued_position: Position,
    queued_at: Timestamp,
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
    status: TaskStatusName,
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
    status: TaskStatusName,
    status_number: u16,
    status_text: String,
    count: Count,
}

/// Who reviews a task, in which order.
#[derive(ToSchema)]
pub(crate) struct Assignment {
    /// None means that whoever likes may review.
    #[schema(required = false, schema_with = users)]
    users: Vec<UserName>,
    #[schema(required = false)]
    order: ReviewOrder,
}

/// Each of them once.
fn users() -> ArrayBuilder {
    ArrayBuilder::new().items(UserName::schema()).max_items(Some(USERS_MAX)).unique_items(true)
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
    #[schema(required = false)]
    plan: Plan,
    #[schema(required = false)]
    assignment: Assignment,
    webhook: Option<Webhook>,
    /// The modules of each stage.
    #[schema(required = false)]
    modules: StageModules,
    #[schema(required = false)]
    limits: Limits,
}

/// Which stages tasks pass.
#[derive(ToSchema)]
pub(crate) struct Plan {
    /// Whether their content is recognized.
    #[schema(required = false)]
    recognition: bool,
    #[schema(required = false)]
    review: ReviewMode,
    /// Whether their result is exported; the workspace needs a webhook then.
    #[schema(required = false)]
    export: bool,
    /// Attempts and backoff of each stage, where they are not the usual ones.
    #[schema(required = false)]
    retry: StageRetries,
}

/// Who reviews tasks: people, or nobody.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReviewMode {
    ByUsers,
    Automatic,
}

/// Attempts and backoff of each stage.
#[derive(ToSchema)]
pub(crate) struct StageRetries {
    #[schema(required = false)]
    pre_processing: StageRetry,
    #[schema(required = false)]
    recognition: StageRetry,
    #[schema(required = false)]
    export: StageRetry,
}

/// Attempts and backoff of a stage.
#[derive(ToSchema)]
pub(crate) struct StageRetry {
    /// How many attempts one run gets, the first included.
    #[schema(required = false, minimum = 1)]
    attempts_max: u32,
    /// The wait after the first failure; it doubles with each further failure.
    #[schema(required = false)]
    backoff_ms: Millis,
    /// The longest wait.
    #[schema(required = false)]
    backoff_ms_max: Millis,
}

/// The modules of each stage, in the order in which they run.
#[derive(ToSchema)]
pub(crate) struct StageModules {
    #[schema(required = false)]
    pre_processing: Vec<ModuleEntry>,
    #[schema(required = false)]
    recognition: Vec<ModuleEntry>,
    #[schema(required = false)]
    export: Vec<ModuleEntry>,
}

/// Where tasks are exported to.
#[derive(ToSchema)]
pub(crate) struct Webhook {
    #[schema(pattern = "^https?://[!-~]+$", max_length = 2_048)]
    url: String,
    /// The name under which the configuration keeps the secret that signs deliveries; unsigned without one.
    secret: Option<SecretName>,
    /// How long a delivery may take; 30 s without it.
    #[schema(required = false, minimum = 1, maximum = 300_000)]
    time_limit_ms: u64,
}

/// A workspace with its settings.
#[derive(ToSchema)]
pub(crate) struct Workspace {
    id: WorkspaceId,
    organization: OrganizationId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    #[schema(required = false)]
    is_default: bool,
    plan: Plan,
    assignment: Assignment,
    #[schema(required = false)]
    webhook: Webhook,
    #[schema(required = false)]
    modules: StageModules,
    limits: Limits,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: Version,
    position: Position,
}

/// A workspace after a write.
#[derive(ToSchema)]
pub(crate) struct WorkspaceWritten {
    id: WorkspaceId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    #[schema(required = false)]
    is_default: bool,
    plan: Plan,
    assignment: Assignment,
    #[schema(required = false)]
    webhook: Webhook,
    #[schema(required = false)]
    modules: StageModules,
    limits: Limits,
    position: Position,
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
    organization: OrganizationId,
    workspace: WorkspaceId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    counts: BatchCounts,
    created_at: Timestamp,
    version: Version,
    position: Position,
}

/// How many tasks a batch has.
#[derive(ToSchema)]
pub(crate) struct BatchCounts {
    total: Count,
    /// Of those, in history.
    in_history: Count,
}

/// A batch after its creation.
#[derive(ToSchema)]
pub(crate) struct BatchCreated {
    id: BatchId,
    workspace: WorkspaceId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    position: Position,
}

/// A task as its workers are told.
#[derive(ToSchema)]
pub(crate) struct LeasedTask {
    id: TaskId,
    workspace: WorkspaceId,
    stage: Stage,
    #[schema(required = false)]
    batch: BatchId,
    #[schema(required = false)]
    external_id: ExternalId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    priority: TaskPriority,
    restart_count: Count,
    context: AnyObject,
    metadata: AnyObject,
    custom_form_values: AnyObject,
    /// What people changed since the last restart.
    edits: BTreeMap<EditPath, Value>,
    /// Who approved it in its review.
    reviewed_by: Vec<UserName>,
    /// What the stages before made.
    outputs: BTreeMap<Stage, LeasedOutput>,
}

/// What a stage of a task made.
#[derive(ToSchema)]
pub(crate) struct LeasedOutput {
    module: ModuleName,
    digest: Digest,
    size_bytes: Count,
    /// Whether `GET /v1/tasks/{id}/outputs/{stage}` gives it.
    kept: bool,
}

/// What a module is given of a task.
#[derive(ToSchema)]
pub(crate) struct TaskDocument {
    id: TaskId,
    workspace: WorkspaceId,
    stage: Stage,
    #[schema(required = false)]
    batch: BatchId,
    #[schema(required = false)]
    external_id: ExternalId,
    display_name: DisplayName,
    #[schema(required = false)]
    description: String,
    priority: TaskPriority,
    restart_count: Count,
    context: AnyObject,
    metadata: AnyObject,
    custom_form_values: AnyObject,
    /// What people changed since the last restart.
    edits: BTreeMap<EditPath, Value>,
    /// Who approved it in its review.
    reviewed_by: Vec<UserName>,
    /// What the stages before made.
    outputs: BTreeMap<Stage, OutputWithContent>,
}

/// What a stage of a task made, with its bytes when they are kept.
#[derive(ToSchema)]
pub(crate) struct OutputWithContent {
    module: ModuleName,
    digest: Digest,
    size_bytes: Count,
    kept: bool,
    /// The bytes, when they are text.
    #[schema(required = false)]
    content: String,
    /// The bytes as Base64, when they are not.
    #[schema(required = false)]
    content_base64: String,
}
