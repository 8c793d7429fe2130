//! Replays as they are asked for and shown. The runtime reads and serializes them; nothing here is ever made, and tests
//! hold real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what the runtime reads and serializes, and are never made"
)]

use serde_json::Value;
use utoipa::ToSchema;

use super::names::{Actor, Count, EventKind, Id, Position, StreamName, Timestamp, Version};
use super::problems::ProblemDetails;

/// What is wanted of a replay.
#[derive(ToSchema)]
#[schema(as = PostedReplay)]
pub(crate) struct PostedReplay {
    mode: ReplayMode,
    /// Which commands; all when it says nothing.
    #[schema(required = false)]
    filter: ReplayFilter,
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
    findings_max: u32,
}

/// What is done with recorded commands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ReplayMode {
    /// Decide each again on the state before it, and compare.
    Verify,
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
    /// How many commands were decided again.
    commands: Count,
    /// How many findings there are, listed or not.
    findings: Count,
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

/// A command that is decided otherwise now.
#[derive(ToSchema)]
struct ReplayFinding {
    kind: FindingKind,
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
enum FindingKind {
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
