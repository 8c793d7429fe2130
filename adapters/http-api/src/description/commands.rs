//! Commands as anyone may post them, and as they are read back. The domain reads and serializes them; nothing here is ever
//! made, and tests hold real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what the domain reads and serializes, and are never made"
)]

use serde_json::Value;
use utoipa::ToSchema;

use super::campaigns::Canary;
use super::names::{
    Actor, EditPath, Id, IdempotencyKey, OrganizationId, Position, Scope, StorageUnitName, StreamName,
    Timestamp, UserName, Version,
};
use super::one_of;
use super::settings::{Content, Limits, ModuleTable, Pace};
use super::tasks::{Assignment, Resolution, Stage};

one_of! {
    /// A command, told by the stream that it is about.
    PostedCommand = PostedToUnit | PostedToKeyScope | PostedToTask | PostedToCampaign | PostedToSystem;
}

/// Declares a command to one kind of stream.
macro_rules! posted {
    ($(#[doc = $doc:literal])+ $name:ident($pattern:literal, $example:literal, $command:ident)) => {
        $(#[doc = $doc])+
        #[derive(ToSchema)]
        struct $name {
            /// The idempotency key; the same as the header.
            id: Option<IdempotencyKey>,
            /// What it concerns; parts percent-encoded.
            #[schema(pattern = $pattern, max_length = 8_192, example = $example)]
            stream: String,
            command: $command,
            /// On whose behalf; `Reprise-Actor` without it.
            actor: Option<Actor>,
            /// Why.
            #[schema(max_length = 1_000)]
            reason: Option<String>,
            /// What it follows from.
            causation_id: Option<Id>,
            /// What it belongs to.
            correlation_id: Option<Id>,
            /// Ignored, so that what was read back can be posted.
            #[schema(required = false)]
            recorded: Value,
        }
    };
}

posted! {
    /// A command to a storage unit.
    PostedToUnit("^storage_unit-([A-Za-z0-9_-]|\\.[A-Za-z0-9_-])[A-Za-z0-9._-]{0,126}$", "storage_unit-docs", UnitCommand)
}
posted! {
    /// A command to a key-scope.
    PostedToKeyScope(
        "^key_scope-([A-Za-z0-9_-]|\\.[A-Za-z0-9_-])[A-Za-z0-9._-]{0,126}/([A-Za-z0-9_-]|\\.[A-Za-z0-9_-])([A-Za-z0-9._-]|%[2-7][0-9A-E]){0,40}/([A-Za-z0-9_-]|\\.[A-Za-z0-9_-])([A-Za-z0-9._-]|/|%[2-7][0-9A-E]){0,400}$",
        "key_scope-docs/raw/a.txt",
        KeyScopeCommand
    )
}
posted! {
    /// A command to a task, or to the work of its stage.
    PostedToTask("^task-[1-9][0-9]{0,15}$", "task-104", TaskCommand)
}
posted! {
    /// A command to a campaign.
    PostedToCampaign(
        "^campaign-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "campaign-0195d3c0-0000-7000-8000-000000000000",
        CampaignCommand
    )
}

posted! {
    /// A command to the whole system.
    PostedToSystem("^system$", "system", SystemCommand)
}

/// Declares commands: a name and, if the command has one, a body.
macro_rules! commands {
    ($(#[doc = $doc:literal])+ $all:ident { $($command:ident($name:ident, $word:literal $(, $body:ty)?);)+ }) => {
        one_of! {
            $(#[doc = $doc])+
            $all = $($command)|+;
        }
        $(
            #[derive(ToSchema)]
            struct $command {
                #[schema(inline)]
                name: $name,
                $(body: $body,)?
            }

            #[derive(ToSchema)]
            enum $name {
                #[schema(rename = $word)]
                It,
            }
        )+
    };
}

commands! {
    /// A command to a storage unit.
    UnitCommand {
        Create(CreateName, "create", UnitSettings);
        SetContent(SetContentName, "set_content", Content);
        SetModules(SetModulesName, "set_modules", ModuleTable);
        EnableQueue(EnableQueueName, "enable_queue");
        DisableQueue(DisableQueueName, "disable_queue");
        SetLimits(SetLimitsName, "set_limits", Limits);
        Drop(DropName, "drop");
    }
}
commands! {
    /// A command to a key-scope.
    KeyScopeCommand {
        Queue(QueueName, "queue", QueueRequest);
        Unassign(UnassignName, "unassign", UnassignRequest);
        Hold(HoldName, "hold");
        Release(ReleaseName, "release");
    }
}
commands! {
    /// A command to a campaign.
    CampaignCommand {
        Start(StartName, "start", StartRequest);
        SetPace(SetPaceName, "set_pace", Pace);
        Pause(PauseName, "pause");
        Resume(ResumeName, "resume");
        Cancel(CancelName, "cancel");
    }
}

commands! {
    /// A command to the whole system.
    SystemCommand {
        PauseSystem(PauseSystemName, "pause", PauseRequest);
        ResumeSystem(ResumeSystemName, "resume");
    }
}

/// Why nothing is given to workers any longer.
#[derive(ToSchema)]
struct PauseRequest {
    #[schema(min_length = 1, max_length = 1_000, pattern = "[!-~]")]
    reason: String,
}

/// What is set for a unit from the beginning.
#[derive(ToSchema)]
struct UnitSettings {
    content: Content,
    modules: ModuleTable,
    queue_enabled: bool,
    limits: Limits,
}

/// How a key-scope is asked for.
#[derive(ToSchema)]
struct QueueRequest {
    /// Who goes first; what is said nothing of goes in between.
    #[schema(required = false, inline)]
    priority: PriorityOther,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum PriorityOther {
    High,
    Low,
}

commands! {
    /// A command to a task.
    TaskOwnCommand {
        TaskRestart(TaskRestartName, "restart", NoMembers);
        TaskEdit(TaskEditName, "edit", EditRequest);
        TaskAssign(TaskAssignName, "assign", Assignment);
        TaskApprove(TaskApproveName, "approve", ApproveRequest);
        TaskReopen(TaskReopenName, "reopen_review");
        TaskHold(TaskHoldName, "hold");
        TaskRelease(TaskReleaseName, "release");
        TaskRunNow(TaskRunNowName, "run_now");
        TaskResolve(TaskResolveName, "resolve", ResolveRequest);
        TaskSetStatus(TaskSetStatusName, "set_external_integration_status", StatusRequest);
        TaskDelete(TaskDeleteName, "delete");
    }
}

/// A command that takes the work of a stage back from whoever has it.
#[derive(ToSchema)]
struct StageUnassign {
    #[schema(inline)]
    name: UnassignName,
    body: UnassignRequest,
    /// The stage that is meant: another one's work is not touched.
    stage: Stage,
}

one_of! {
    /// A command to a task, or to the work of its stage.
    TaskCommand = TaskOwnCommand | StageUnassign;
}

/// Nothing.
#[derive(ToSchema)]
struct NoMembers {}

/// What a part of the result is from now on.
#[derive(ToSchema)]
struct EditRequest {
    path: EditPath,
    /// `null` takes an earlier edit back.
    #[schema(required = true)]
    value: Value,
}

/// Who approves.
#[derive(ToSchema)]
struct ApproveRequest {
    user: UserName,
}

/// As what a task is settled.
#[derive(ToSchema)]
struct ResolveRequest {
    outcome: Resolution,
    text: String,
}

/// How far the client's own side is.
#[derive(ToSchema)]
struct StatusRequest {
    /// Not blank.
    #[schema(min_length = 1, max_length = 32, pattern = "[^ \\t\\n]")]
    status: String,
}

/// How a lease is taken back.
#[derive(ToSchema)]
struct UnassignRequest {
    #[schema(inline)]
    cause: CauseReset,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum CauseReset {
    Reset,
}

/// What a campaign asks for.
#[derive(ToSchema)]
struct StartRequest {
    target: StartTarget,
    #[schema(required = false)]
    pace: Pace,
    canary: Option<Canary>,
}

/// One scope of every key of a unit.
#[derive(ToSchema)]
struct StartTarget {
    unit: StorageUnitName,
    scope: Scope,
}

/// A command that recorded something, as it is posted, and where it lies.
#[derive(ToSchema)]
pub(crate) struct CommandLine {
    /// The sender's key, or else the command's id.
    id: IdempotencyKey,
    stream: StreamName,
    command: RecordedCommand,
    actor: Actor,
    #[schema(required = false)]
    reason: String,
    #[schema(required = false)]
    causation_id: Id,
    #[schema(required = false)]
    correlation_id: Id,
    recorded: Recorded,
}

/// A command as it was recorded.
#[derive(ToSchema)]
struct RecordedCommand {
    name: String,
    #[schema(required = false)]
    body: Value,
    /// Of a command to the work of a task's stage: which stage.
    #[schema(required = false)]
    stage: Stage,
}

/// Where a command's first event lies.
#[derive(ToSchema)]
struct Recorded {
    position: Position,
    version: Version,
    at: Timestamp,
    command_id: Id,
    organization: OrganizationId,
}
