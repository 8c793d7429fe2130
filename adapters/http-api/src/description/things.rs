//! What is sent of units, key-scopes and histories: the shapes of rows that the projections make and
//! serialize. Nothing here is ever made; tests hold real replies against it.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::names::{
    Actor, CampaignId, Count, Digest, Id, Key, ModuleName, OrganizationId, Position, Scope, StorageUnitName,
    Timestamp, Token, Version, WorkerId,
};
use super::settings::{Content, Limits, ModuleTable};

/// A storage unit.
#[derive(ToSchema)]
pub(crate) struct StorageUnit {
    organization: OrganizationId,
    name: StorageUnitName,
    state: UnitState,
    content: Content,
    modules: ModuleTable,
    /// Whether its work may be claimed.
    queue_enabled: bool,
    limits: Limits,
    created_at: Timestamp,
    updated_at: Timestamp,
    created_position: Position,
    version: Version,
    position: Position,
    counts: StatusCounts,
    /// Modules that it names and that are not defined in this process; only in answers to writes of modules.
    #[schema(required = false)]
    not_defined_here: Vec<ModuleName>,
}

/// `active`, or `clearing` after it was dropped.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum UnitState {
    Active,
    Clearing,
}

/// What an API key may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Role {
    Viewer,
    Operator,
    Admin,
    Worker,
}

/// `active`, or `revoked` for ever.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum KeyState {
    Active,
    Revoked,
}

/// How many key-scopes have each status.
#[derive(ToSchema)]
pub(crate) struct StatusCounts {
    queued: Count,
    assigned: Count,
    running: Count,
    retrying: Count,
    finished: Count,
    failed: Count,
}

/// How much work stands where.
#[derive(ToSchema)]
pub(crate) struct Overview {
    position: Position,
    /// Absent while leases are given.
    #[schema(required = false)]
    paused: PauseOverview,
    totals: StatusCounts,
    units: Vec<UnitOverview>,
}

/// A pause of the whole system.
#[derive(ToSchema)]
pub(crate) struct PauseOverview {
    since: Timestamp,
    by: Actor,
    #[schema(required = true)]
    reason: Option<String>,
}

/// Whether dispatching is paused.
#[derive(ToSchema)]
pub(crate) struct System {
    /// Whether no lease is given.
    paused: bool,
    /// Since when it is so.
    since: Timestamp,
    /// Who made it so.
    by: Actor,
    /// Why; a pause always says so.
    #[schema(required = false)]
    reason: String,
    version: Version,
    position: Position,
}

/// How much work of a unit stands where.
#[derive(ToSchema)]
pub(crate) struct UnitOverview {
    name: StorageUnitName,
    state: UnitState,
    queue_enabled: bool,
    counts: StatusCounts,
    /// By scope.
    scopes: BTreeMap<String, StatusCounts>,
}

/// One scope of one key, once it was asked for.
#[derive(ToSchema)]
pub(crate) struct KeyScope {
    organization: OrganizationId,
    unit: StorageUnitName,
    scope: Scope,
    key: Key,
    status: Status,
    /// Whether nobody may claim it, whatever its status.
    held: bool,
    priority: Priority,
    /// How many times it was begun again after its first run.
    restart_count: Count,
    /// How many attempts were started, over all runs.
    attempt_count: Count,
    /// How many attempts of the last run have failed.
    failures: Count,
    /// The campaign that asked last.
    #[schema(required = false)]
    campaign: CampaignId,
    /// Whether it was asked for while leased, so that it runs once more afterwards.
    requeue_requested: bool,
    /// Who has it, while it is leased.
    #[schema(required = false)]
    worker: WorkerId,
    /// When the lease runs out, while it is leased.
    #[schema(required = false)]
    lease_until: Timestamp,
    /// The fencing token of the lease, while it is leased.
    #[schema(required = false)]
    token: Token,
    /// When it is queued again, while it is retrying.
    #[schema(required = false)]
    retry_at: Timestamp,
    /// What went wrong last, until an attempt succeeds.
    #[schema(required = false)]
    last_error: LastError,
    /// One digest over all outputs of the last finished run.
    #[schema(required = false)]
    digest: Digest,
    #[schema(required = false)]
    change: Change,
    /// When it finished last.
    #[schema(required = false)]
    finished_at: Timestamp,
    queued_position: Position,
    queued_at: Timestamp,
    first_queued_at: Timestamp,
    /// How many results came after their lease was gone; they were not used.
    late_results: Count,
    updated_at: Timestamp,
    version: Version,
    position: Position,
}

/// Where the work on a key-scope stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    Assigned,
    Running,
    Retrying,
    Finished,
    Failed,
}

/// Who goes first in the queue.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Priority {
    High,
    Normal,
    Low,
}

/// How a run's outputs compare with those of the finished run before it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Change {
    First,
    Same,
    Changed,
}

/// What went wrong.
#[derive(ToSchema)]
pub(crate) struct LastError {
    code: String,
    text: String,
    at: Timestamp,
}

/// An event in the history of one thing.
#[derive(ToSchema)]
pub(crate) struct TimelineEntry {
    position: Position,
    version: Version,
    /// The type of the event.
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "key_scope.failed")]
    event: String,
    at: Timestamp,
    actor: Actor,
    #[schema(required = false)]
    reason: String,
    /// The command that recorded it.
    #[schema(required = false)]
    command: String,
    command_id: Id,
    #[schema(required = false)]
    causation_id: Id,
    #[schema(required = false)]
    correlation_id: Id,
    /// For people.
    summary: String,
    /// What it changed in the thing as it is sent.
    changes: Vec<Difference>,
}

/// What an event changed.
#[derive(ToSchema)]
pub(crate) struct Difference {
    /// A JSON pointer.
    #[schema(example = "/status")]
    path: String,
    before: Value,
    after: Value,
}
