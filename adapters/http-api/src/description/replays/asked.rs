//! What is wanted of a replay.

use serde_json::Value;
use utoipa::ToSchema;

use crate::description::names::{
    Count, EventKind, LeaseMillis, Position, ReissueRate, TargetName, TaskStatusName, Timestamp,
};

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
pub(super) struct ReplayRequest {
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
