//! What is sent of explanations: the shapes of what the projections make and serialize. Nothing here is ever made; tests hold
//! real replies against it.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use utoipa::ToSchema;

use super::names::{
    Actor, AnyObject, CampaignId, Count, Key, Millis, Position, QueueUnit, Scope, StreamName, Timestamp,
    UserName, Version, WorkerId,
};
use super::tasks::{Resolution, ReviewOrder};

/// Why a thing does not move, and what to do about it.
#[derive(ToSchema)]
pub(crate) struct Explanation {
    /// The stream of the thing.
    subject: StreamName,
    /// Where it stands, as its resource shows it.
    state: String,
    /// When it came there; absent when nothing ever happened to it.
    #[schema(required = false)]
    since: Timestamp,
    /// What keeps it there, what has to go first in front.
    #[schema(min_items = 1)]
    causes: Vec<ExplainedCause>,
    /// Its place in the queue, while it waits.
    #[schema(required = false)]
    queue: QueueLine,
    /// What to do: first what frees it from its first cause, then from the next, then whatever else helps.
    suggestions: Vec<Suggestion>,
    /// What can be asked of it now and would record something.
    legal: Vec<LegalCommand>,
    position: Position,
}

/// A rule that keeps a thing where it is.
#[derive(ToSchema)]
pub(crate) struct ExplainedCause {
    cause: CauseName,
    /// The rule, as a sentence.
    rule: String,
    /// The event by which the rule came to hold.
    #[schema(required = false)]
    event: EventBehind,
    #[schema(required = false)]
    unit: QueueUnit,
    #[schema(required = false)]
    scope: Scope,
    /// Of a pause: why.
    #[schema(required = false)]
    reason: String,
    /// How many items of the unit are leased.
    #[schema(required = false)]
    in_flight: Count,
    #[schema(required = false)]
    in_flight_max: Count,
    #[schema(required = false)]
    waiting: Count,
    /// How many go first.
    #[schema(required = false)]
    ahead: Count,
    /// When a lease runs out, or a backoff ends.
    #[schema(required = false)]
    until: Timestamp,
    #[schema(required = false)]
    code: String,
    #[schema(required = false)]
    text: String,
    /// How many attempts of the run have failed.
    #[schema(required = false)]
    failures: Count,
    #[schema(required = false)]
    worker: WorkerId,
    #[schema(required = false)]
    attempt: Count,
    /// When the worker was heard of last.
    #[schema(required = false)]
    last_heartbeat: Timestamp,
    /// Whose approval is open.
    #[schema(required = false)]
    users: Vec<UserName>,
    #[schema(required = false)]
    order: ReviewOrder,
    #[schema(required = false)]
    outcome: Resolution,
    /// The status in which the task was stuck.
    #[schema(required = false)]
    from: String,
    /// The status that it got.
    #[schema(required = false)]
    to: String,
    #[schema(required = false)]
    stuck_since: Timestamp,
    #[schema(required = false)]
    threshold_ms: Millis,
    #[schema(required = false)]
    campaign: CampaignId,
    #[schema(required = false)]
    keys_per_second_max: Count,
    /// How many of the campaign's keys have not settled.
    #[schema(required = false)]
    open: Count,
}

/// The rules by name.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CauseName {
    NeverAskedFor,
    UnitGone,
    Held,
    SystemPaused,
    QueueDisabled,
    InFlightLimit,
    NoWorker,
    WaitsInLine,
    BeingClaimed,
    Backoff,
    FailedForGood,
    Leased,
    Running,
    Finished,
    InHistory,
    Deleting,
    Deleted,
    WaitsForReview,
    SettledByHand,
    Stuck,
    CampaignPinning,
    CampaignPaused,
    CanaryWaits,
    CanaryStopped,
    CanaryUnsettled,
    ListingFails,
    CampaignPace,
    CampaignAsks,
    MembersOpen,
    CampaignCancelled,
    CampaignCompleted,
    CampaignNeverBegan,
    UnitClearing,
    QueuesOpen,
    AtRest,
}

/// The event behind a rule.
#[derive(ToSchema)]
pub(crate) struct EventBehind {
    stream: StreamName,
    position: Position,
    version: Version,
    /// The type of the event.
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "system.paused")]
    event: String,
    /// For people.
    summary: String,
    at: Timestamp,
    actor: Actor,
    #[schema(required = false)]
    reason: String,
}

/// The place of a piece of work in its queue.
#[derive(ToSchema)]
pub(crate) struct QueueLine {
    unit: QueueUnit,
    scope: Scope,
    /// How many that may be claimed go before it, counted up to 10000; absent while it is not in line.
    #[schema(required = false, maximum = 10_000)]
    ahead: Count,
    /// The first of those.
    #[schema(max_items = 3)]
    first: Vec<QueuedItem>,
    /// How many items of the unit are leased.
    in_flight: Count,
    in_flight_max: Count,
    /// Who serves the queue, as far as they were heard of within a minute.
    #[schema(max_items = 20)]
    workers: Vec<ServingWorker>,
}

/// An item in a queue; of a task, the key is its id.
#[derive(ToSchema)]
pub(crate) struct QueuedItem {
    unit: QueueUnit,
    scope: Scope,
    key: Key,
}

/// A worker that serves a queue.
#[derive(ToSchema)]
pub(crate) struct ServingWorker {
    name: WorkerId,
    last_seen: Timestamp,
}

/// Something to do.
#[derive(ToSchema)]
pub(crate) struct Suggestion {
    /// What, as a sentence.
    text: String,
    request: SuggestedRequest,
    /// The same as a line for a shell.
    #[schema(pattern = "^reprise ")]
    command: String,
}

/// A request to this API.
#[derive(ToSchema)]
pub(crate) struct SuggestedRequest {
    method: SuggestedMethod,
    #[schema(pattern = "^/v1/")]
    path: String,
    #[schema(required = false)]
    body: AnyObject,
}

/// How a suggestion is sent.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub(crate) enum SuggestedMethod {
    Post,
    Put,
}

/// A command that is allowed now, and what it would record.
#[derive(ToSchema)]
pub(crate) struct LegalCommand {
    /// As `/v1/commands` takes it.
    command: AnyObject,
    sender: CommandSender,
    records: Vec<WouldRecord>,
}

/// Who sends such commands: whoever wants something to be done, workers through `/v1/leases`, or the engine itself.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CommandSender {
    Anyone,
    Workers,
    Engine,
}

/// An event that would be recorded.
#[derive(ToSchema)]
pub(crate) struct WouldRecord {
    #[schema(pattern = "^[a-z_]+\\.[a-z_]+$", example = "key_scope.held")]
    event: String,
    /// For people.
    summary: String,
}
