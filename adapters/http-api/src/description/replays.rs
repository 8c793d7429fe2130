//! Replays as they are asked for and shown. The runtime reads and serializes them; nothing here is ever made, and tests
//! hold real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what the runtime reads and serializes, and are never made"
)]

use serde_json::Value;
use utoipa::ToSchema;

use super::names::{
    Actor, Count, EventKind, Id, LeaseMillis, Position, ReissueRate, StreamName, TargetName, TaskStatusName,
    Timestamp, Version,
};
use super::one_of;
use super::problems::ProblemDetails;

/// What is wanted of a replay.
#[derive(ToSchema)]
#[schema(as = PostedReplay)]
pub(crate) struct PostedReplay {
    mode: ReplayMode,
    /// Which commands; all when it says nothing.
    #[schema(required = false)]
    filter: ReplayFilter,
    /// What is otherwise on the fork of `what_if`.
    #[schema(required = false)]
    changes: ReplayChanges,
    /// Where commands are sent to in the mode `reissue`, and how fast.
    #[schema(required = false)]
    reissue: ReissueTarget,
    /// How many findings are listed at most. All are counted.
    #[schema(required = false, minimum = 0, maximum = 10_000)]
    findings_max: u32,
    /// Why.
    #[schema(required = false, max_length = 1_000)]
    reason: String,
}

/// What was wanted of a replay.
#[derive(ToSchema)]
struct ReplayRequest {
    mode: ReplayMode,
    filter: ReplayFilter,
    changes: ReplayChanges,
    #[schema(required = false)]
    reissue: ReissueTarget,
    findings_max: u32,
}

/// Where commands are sent to, and how fast.
#[derive(ToSchema)]
struct ReissueTarget {
    /// The instance, by the name that the configuration has for it.
    target: TargetName,
    #[schema(required = false)]
    pace: ReissuePace,
}

/// How fast commands are sent: as fast as possible, as fast as they were recorded, or so many per second.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReissuePace {
    FlatOut,
    Recorded,
    PerSecond(ReissueRate),
}

/// What is done with recorded commands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReplayMode {
    /// Decide each again on the state before it, and compare.
    Verify,
    /// Decide all of them on a fork on which something is otherwise, and compare how things end. Changed policies hold
    /// for the commands that the filter chooses; the fork ends where the filter does.
    WhatIf,
    /// Send each to another instance, which becomes the same. Needs the right `run`.
    Reissue,
}

/// What is otherwise on the fork.
#[derive(ToSchema)]
struct ReplayChanges {
    /// How long a lease lasts unless extended, and an extension of one.
    #[schema(required = false)]
    lease_ms: LeaseMillis,
    #[schema(required = false)]
    retry: RetryChange,
    #[schema(required = false)]
    limits: LimitsChange,
    /// Lines of the watchdog's policy.
    #[schema(required = false)]
    stuck: Vec<StuckPolicy>,
    /// Commands that are left out: their ids, or the positions of their first events.
    #[schema(required = false)]
    skip: Vec<String>,
    /// Commands that ask for something else.
    #[schema(required = false)]
    edit: Vec<CommandEdit>,
}

/// What is otherwise about repetitions; what is absent stays as it was recorded.
#[derive(ToSchema)]
struct RetryChange {
    /// How many attempts one request gets, the first included.
    #[schema(required = false)]
    attempts_max: u32,
    /// The wait after the first failure.
    #[schema(required = false)]
    backoff_ms: Count,
    /// The longest wait.
    #[schema(required = false)]
    backoff_ms_max: Count,
}

/// What is otherwise about limits; what is absent stays as it was recorded.
#[derive(ToSchema)]
struct LimitsChange {
    /// How many items of a unit, or tasks of a workspace, may be leased at once. A claim of one more is not carried out.
    #[schema(required = false)]
    in_flight_max: u32,
    /// How long an attempt may take. One whose result came later has failed when it came.
    #[schema(required = false)]
    attempt_ms_max: Count,
    /// How many bytes a module may produce. An attempt in which one produced more has failed for good.
    #[schema(required = false)]
    output_bytes_max: Count,
}

/// When a task is stuck, and where it goes then.
#[derive(ToSchema)]
struct StuckPolicy {
    /// Tasks of this status,
    status: TaskStatusName,
    /// that have had it for so long,
    threshold_ms: Count,
    /// go there: `"history"`, or `{"status": …}`.
    target: StuckTarget,
}

/// Where a stuck task goes: to another status, or to history as it is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum StuckTarget {
    Status(TaskStatusName),
    History,
}

/// A command that asks for something else.
#[derive(ToSchema)]
struct CommandEdit {
    /// Its id, or the position of its first event.
    of: String,
    /// What it asks, in the form in which it is recorded.
    command: Value,
}

/// Which commands are meant: those for which everything holds that is said.
#[derive(ToSchema)]
struct ReplayFilter {
    /// A glob that the stream's name matches.
    #[schema(required = false, example = "key_scope-docs/*")]
    streams: String,
    /// Types of events, or kinds of things: the command recorded one of them.
    #[schema(required = false)]
    types: Vec<EventKind>,
    /// Where the command's first event lies.
    #[schema(required = false)]
    positions: PositionSpan,
    /// When the command was decided.
    #[schema(required = false)]
    times: TimeSpan,
}

/// A part of the log; both ends belong to it.
#[derive(ToSchema)]
struct PositionSpan {
    #[schema(required = false)]
    from: Position,
    #[schema(required = false)]
    to: Position,
}

/// A span of time; both ends belong to it.
#[derive(ToSchema)]
struct TimeSpan {
    #[schema(required = false)]
    from: Timestamp,
    #[schema(required = false)]
    to: Timestamp,
}

/// A line of the answer: progress, a finding, and at last a report or a problem.
#[derive(ToSchema)]
pub(crate) struct ReplayLine {
    #[schema(required = false)]
    progress: ReplayProgress,
    #[schema(required = false)]
    finding: ReplayFinding,
    #[schema(required = false)]
    report: ReplayReport,
    #[schema(required = false)]
    problem: ProblemDetails,
}

/// How far a replay has come.
#[derive(ToSchema)]
struct ReplayProgress {
    /// The position up to which the log was read.
    position: Position,
    /// The position at which it ends.
    head: Position,
    events: Count,
    commands: Count,
    findings: Count,
}

/// What a replay came to.
#[derive(ToSchema)]
struct ReplayReport {
    /// The position up to which the log was read.
    position: Position,
    events: Count,
    /// How many commands were decided again, or sent.
    commands: Count,
    /// How many findings there are, listed or not.
    findings: Count,
    #[schema(required = false)]
    fork: ForkReport,
    #[schema(required = false)]
    reissue: SentCounts,
}

/// What became of what was sent in the mode `reissue`.
#[derive(ToSchema)]
struct SentCounts {
    /// How many commands were carried out there.
    carried_out: Count,
    /// How many were there already.
    there_already: Count,
}

/// What became of the fork of `what_if`.
#[derive(ToSchema)]
struct ForkReport {
    commands: ForkCounts,
    /// How many things went their own way, whether or not they end alike.
    apart: Count,
    /// How many things end otherwise, by kind and by how they end.
    endings: Vec<EndingCount>,
    /// Changes of single commands that met none.
    #[schema(required = false)]
    unmet: Vec<String>,
}

/// What became of the commands on a fork.
#[derive(ToSchema)]
struct ForkCounts {
    /// Decided there, as recorded or with changed policies.
    decided: Count,
    /// Of these, refused or without effect there.
    without_effect: Count,
    /// Left out because somebody wanted so.
    skipped: Count,
    /// Replaced because somebody wanted so.
    edited: Count,
    /// Left out because what they follow from did not happen.
    without_cause: Count,
    /// Left out because their lease was not given.
    without_lease: Count,
    /// Claims that a limit did not permit.
    over_limit: Count,
    /// Left out because they cannot be read.
    unreadable: Count,
    /// Timers that fired on the fork alone.
    timers: Count,
}

/// How many things of a kind end so in the log and otherwise on the fork.
#[derive(ToSchema)]
struct EndingCount {
    #[schema(example = "key_scope")]
    kind: String,
    #[schema(example = "failed")]
    recorded: String,
    #[schema(example = "finished")]
    fork: String,
    count: Count,
}

/// A replay.
#[derive(ToSchema)]
pub(crate) struct Replay {
    id: Id,
    state: ReplayState,
    actor: Actor,
    started_at: Timestamp,
    request: ReplayRequest,
    #[schema(required = false)]
    progress: ReplayProgress,
    #[schema(required = false)]
    report: ReplayReport,
    /// Why it failed, if it did.
    #[schema(required = false)]
    problem: String,
    /// What it found, as far as it is listed; absent in lists.
    #[schema(required = false)]
    findings: Vec<ReplayFinding>,
}

/// How a replay stands: under way, at its end, unable to go on, or left by its reader.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReplayState {
    Running,
    Done,
    Failed,
    Cancelled,
}

one_of! {
    /// Something that is not as it is in the log.
    ReplayFinding = DivergenceFinding | EndingFinding | RefusedFinding;
}

/// A command that the other instance refused. Nothing is sent after it.
#[derive(ToSchema)]
struct RefusedFinding {
    kind: RefusedKind,
    stream: StreamName,
    /// The version of its first event here.
    version: Version,
    position: Position,
    command_id: Id,
    /// Why, as a sentence.
    text: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum RefusedKind {
    Refused,
}

/// A thing that ends otherwise on the fork.
#[derive(ToSchema)]
struct EndingFinding {
    kind: EndingKind,
    stream: StreamName,
    /// The version of the first event that differs.
    since: Version,
    /// How it ends in the log: its status or state, or `absent`.
    recorded: String,
    /// How it ends on the fork.
    fork: String,
    /// Where its rows differ.
    differences: Vec<FoundDifference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum EndingKind {
    Ending,
}

/// A command that is decided otherwise now.
#[derive(ToSchema)]
struct DivergenceFinding {
    kind: DivergenceKind,
    stream: StreamName,
    /// The version of the first event that differs.
    version: Version,
    position: Position,
    recorded_at: Timestamp,
    command_id: Id,
    /// The command; absent when the log does not have it.
    #[schema(required = false)]
    command: Value,
    /// What is wrong, as a word.
    problem: ReplayProblem,
    /// What is wrong, as a sentence.
    text: String,
    /// The event in the log.
    #[schema(required = false)]
    recorded: StoredForm,
    /// What was decided in its place.
    #[schema(required = false)]
    decided: StoredForm,
    /// Where the two differ.
    #[schema(required = false)]
    differences: Vec<FoundDifference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum DivergenceKind {
    Divergence,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReplayProblem {
    DecidedOtherwise,
    Refused,
    CommandMissing,
    CommandUnreadable,
    Impossible,
    VersionExpected,
}

/// An event in its stored form.
#[derive(ToSchema)]
struct StoredForm {
    r#type: String,
    data: Value,
}

/// One place at which two JSON values differ.
#[derive(ToSchema)]
struct FoundDifference {
    /// The place as a JSON pointer.
    path: String,
    before: Value,
    after: Value,
}
