//! Replays as they are asked for and shown. The runtime reads and serializes them; nothing here is ever made, and tests
//! hold real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what the runtime reads and serializes, and are never made"
)]

mod asked;
mod found;

use utoipa::ToSchema;

use super::names::{Actor, Count, Id, Position, Timestamp};
use super::problems::ProblemDetails;
use asked::ReplayRequest;
use found::ReplayFinding;

pub(crate) use asked::PostedReplay;

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
