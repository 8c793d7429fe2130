//! What is sent of campaigns: the shapes of what the domain reads and the projections serialize. Nothing here is ever made;
//! tests hold real requests and replies against it.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::names::{
    Actor, BatchId, CampaignId, Count, Digest, ExternalId, ExternalIntegrationStatus, Instant, Key, Millis,
    OrganizationId, Position, Scope, SearchText, StorageUnitName, TaskStatus, Timestamp, Version, WorkerId,
    WorkspaceId,
};
use super::one_of;
use super::settings::Pace;
use super::tasks::Screen;
use super::things::{Change, Status};

/// A bulk request: one scope of every key of a unit, or of those that match a filter.
#[derive(ToSchema)]
pub(crate) struct Campaign {
    organization: OrganizationId,
    id: CampaignId,
    /// Whose keys it queues; nothing where it restarts tasks.
    #[schema(required = false)]
    unit: StorageUnitName,
    #[schema(required = false)]
    scope: Scope,
    /// Which of the key-scopes that were ever asked for; every key of the unit without it.
    #[schema(required = false)]
    filter: Filter,
    /// Which tasks it restarts.
    #[schema(required = false)]
    tasks: TaskFilter,
    /// The keys that it visits, when they were pinned before it began.
    #[schema(required = false)]
    pinned: Pinned,
    /// How many keys there are to visit, when that is known.
    #[schema(required = false)]
    total: Count,
    pace: Pace,
    #[schema(required = false)]
    canary: CanaryState,
    state: CampaignState,
    /// Why it asks for nothing now although it is not over.
    #[schema(required = false)]
    stands_still: String,
    /// Whether every key was dealt with.
    exhausted: bool,
    /// The last key that was dealt with.
    #[schema(required = false)]
    cursor: Key,
    /// Why its keys cannot be listed now, when they cannot.
    #[schema(required = false)]
    problem: String,
    /// How many keys were dealt with.
    keys: Count,
    /// How many of them were waiting already.
    already_waiting: Count,
    /// How many key-scopes it asked for.
    asked: Count,
    /// How many of those have come to an end.
    settled: Count,
    finished: Count,
    /// How many of those failed with no attempt left.
    failed: Count,
    /// How many of those were withdrawn, since the unit was dropped.
    withdrawn: Count,
    /// How many of the finished had never finished before.
    first: Count,
    /// How many of the finished produced what they had produced before.
    same: Count,
    /// How many of the finished produced something else.
    changed: Count,
    /// How many failed with each code, for the first codes.
    errors: BTreeMap<String, Count>,
    /// How many failed with a code beyond those.
    errors_other: Count,
    /// The first key that failed with each of those codes.
    #[schema(required = false)]
    error_examples: BTreeMap<String, Key>,
    #[schema(max_items = 10)]
    first_failures: Vec<FirstFailure>,
    /// Why it was paused or cancelled.
    #[schema(required = false)]
    reason: String,
    /// Who started it.
    actor: Actor,
    started_at: Timestamp,
    updated_at: Timestamp,
    /// When it was completed or cancelled.
    #[schema(required = false)]
    ended_at: Timestamp,
    version: Version,
    position: Position,
}

/// Where a campaign stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CampaignState {
    Pinning,
    Active,
    Paused,
    Waiting,
    Stopped,
    Cancelled,
    Completed,
}

/// A member that failed with no attempt left.
#[derive(ToSchema)]
pub(crate) struct FirstFailure {
    key: Key,
    code: String,
    text: String,
}

/// Conditions on key-scopes. All that are given must hold.
#[derive(ToSchema)]
pub(crate) struct Filter {
    status: Option<Status>,
    held: Option<bool>,
    /// The campaign that asked last.
    campaign: Option<CampaignId>,
    /// The code of what went wrong last.
    error_code: Option<String>,
    /// What its key begins with.
    key_prefix: Option<String>,
    change: Option<Change>,
    ever_finished: Option<bool>,
    finished_since: Option<Instant>,
    finished_before: Option<Instant>,
    updated_since: Option<Instant>,
    updated_before: Option<Instant>,
    restart_count_min: Option<u32>,
}

/// Conditions on tasks. All that are given must hold.
#[derive(ToSchema)]
pub(crate) struct TaskFilter {
    /// One of these, by name or number.
    #[schema(required = false, max_items = 64)]
    status: Option<Vec<TaskStatus>>,
    screen: Option<Screen>,
    workspace: Option<WorkspaceId>,
    batch: Option<BatchId>,
    external_id: Option<ExternalId>,
    /// A part of its name or external id; case does not matter.
    text: Option<SearchText>,
    worker: Option<WorkerId>,
    /// The code of what went wrong last.
    error_code: Option<String>,
    /// The campaign that restarted it last.
    campaign: Option<CampaignId>,
    held: Option<bool>,
    /// Whether it carries the watchdog's warning.
    stuck: Option<bool>,
    external_integration_status: Option<ExternalIntegrationStatus>,
    created_since: Option<Instant>,
    created_before: Option<Instant>,
    updated_since: Option<Instant>,
    updated_before: Option<Instant>,
    restart_count_min: Option<u32>,
}

/// A set of keys that is recorded and does not change any more.
#[derive(ToSchema)]
pub(crate) struct Pinned {
    keys: Count,
    /// Over the sorted keys, each followed by a line feed.
    digest: Digest,
}

/// The keys that go first, the rules that stop the rest, and what follows when none is broken.
#[derive(ToSchema)]
pub(crate) struct Canary {
    size: CanarySize,
    #[schema(required = false)]
    stop_when: StopWhen,
    #[schema(required = false)]
    then: Then,
}

one_of! {
    /// How many keys go first.
    CanarySize = CanaryKeys | CanaryPercent;
}

/// So many.
#[derive(ToSchema)]
struct CanaryKeys {
    #[schema(minimum = 1)]
    keys: u32,
}

/// So many of a hundred, rounded up.
#[derive(ToSchema)]
struct CanaryPercent {
    #[schema(minimum = 1, maximum = 100)]
    percent: u32,
}

/// What must not become of a canary. Without any rule it always passes.
#[derive(ToSchema)]
struct StopWhen {
    /// The greatest share of those that finished or failed which may have failed.
    #[schema(minimum = 0, maximum = 1)]
    failed_share_max: Option<f64>,
    /// The greatest share of those with an earlier result which may have produced something else.
    #[schema(minimum = 0, maximum = 1)]
    changed_share_max: Option<f64>,
}

/// What follows after a canary that has passed.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Then {
    Continue,
    Wait,
}

/// A canary and what became of it.
#[derive(ToSchema)]
struct CanaryState {
    size: CanarySize,
    stop_when: StopWhen,
    then: Then,
    /// How many keys go first, when that is known.
    #[schema(required = false)]
    keys: Count,
    state: CanaryStands,
    /// What had become of it when it was judged.
    #[schema(required = false)]
    tally: Tally,
    /// The rule that it broke.
    #[schema(required = false)]
    broken: Broken,
}

/// Where a canary stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum CanaryStands {
    Running,
    Passed,
    Stopped,
    Overruled,
}

/// What became of the keys that a campaign asked for.
#[derive(ToSchema)]
struct Tally {
    asked: Count,
    finished: Count,
    failed: Count,
    withdrawn: Count,
    same: Count,
    changed: Count,
}

/// A rule that a canary broke: how many of how many, and what share may be.
#[derive(ToSchema)]
struct Broken {
    rule: BrokenRule,
    #[schema(required = false)]
    failed: Count,
    #[schema(required = false)]
    changed: Count,
    of: Count,
    #[schema(minimum = 0, maximum = 1)]
    share_max: f64,
}

/// Which rule.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum BrokenRule {
    FailedShare,
    ChangedShare,
}

/// What a campaign has come to.
#[derive(ToSchema)]
pub(crate) struct CampaignReport {
    id: CampaignId,
    /// Nothing where it restarts tasks.
    #[schema(required = false)]
    unit: StorageUnitName,
    #[schema(required = false)]
    scope: Scope,
    /// Which tasks it restarts.
    #[schema(required = false)]
    tasks: TaskFilter,
    state: CampaignState,
    #[schema(required = false)]
    stands_still: String,
    #[schema(required = false)]
    total: Count,
    keys: Count,
    already_waiting: Count,
    asked: Count,
    settled: Count,
    finished: Count,
    failed: Count,
    withdrawn: Count,
    first: Count,
    same: Count,
    changed: Count,
    /// The failed by their code, most first.
    #[schema(max_items = 32)]
    errors: Vec<ErrorGroup>,
    errors_other: Count,
    #[schema(required = false)]
    canary: CanaryState,
    started_at: Timestamp,
    #[schema(required = false)]
    ended_at: Timestamp,
    duration_ms: Millis,
    #[schema(minimum = 0)]
    settled_per_second: f64,
    position: Position,
}

/// Members that failed with one code.
#[derive(ToSchema)]
struct ErrorGroup {
    code: String,
    count: Count,
    /// The first of them.
    #[schema(required = false)]
    example: Key,
}
