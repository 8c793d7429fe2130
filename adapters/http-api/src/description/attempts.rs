//! What is sent of attempts: the shapes of what the projections make and serialize. Nothing here is ever made; tests hold real
//! replies against it.
#![expect(dead_code, reason = "these types describe what other crates serialize, and are never made")]

use utoipa::ToSchema;

use std::collections::BTreeMap;

use super::names::{Count, Digest, ModuleName, Scope, Timestamp, Token, Version, WorkerId};
use super::tasks::Stage;
use super::things::Change;

/// An attempt on a key-scope, or on a stage of a task. Attempts are never overwritten.
#[derive(ToSchema)]
pub(crate) struct Attempt {
    /// Counted from 1 over all runs.
    #[schema(minimum = 1)]
    number: u32,
    /// Of a task.
    #[schema(required = false)]
    stage: Stage,
    worker: WorkerId,
    token: Token,
    /// What it was given with its lease; absent when nothing is known of it.
    #[schema(required = false)]
    given: Given,
    assigned_at: Timestamp,
    #[schema(required = false)]
    started_at: Timestamp,
    lease_until: Timestamp,
    #[schema(required = false)]
    ended_at: Timestamp,
    outcome: AttemptOutcome,
    /// Of a finished attempt: one digest over all outputs.
    #[schema(required = false)]
    digest: Digest,
    /// Of a finished attempt.
    #[schema(required = false)]
    change: Change,
    /// Of a finished attempt: what each module produced.
    #[schema(required = false)]
    outputs: Vec<Output>,
    /// Of a failed attempt: what went wrong, as a code.
    #[schema(required = false)]
    code: String,
    /// Of a failed attempt: what went wrong, as a text.
    #[schema(required = false)]
    text: String,
    /// Of a failed attempt: how many attempts of the run had failed then, this one included.
    #[schema(required = false)]
    failures: Count,
    /// Of a failed attempt: when it was to be tried again; absent when no attempt was left.
    #[schema(required = false)]
    retry_at: Timestamp,
    /// Of an attempt that was taken back.
    #[schema(required = false)]
    cause: UnassignCause,
    /// Results that its worker brought after the lease was gone; they were not used.
    #[schema(required = false)]
    late_results: Vec<LateResult>,
}

/// What an attempt was given.
#[derive(ToSchema)]
pub(crate) struct Given {
    /// The modules of its queue, in the order in which they run; absent when there were none.
    #[schema(required = false)]
    modules: Vec<ModuleName>,
    /// Which modules these are: the version of the storage unit or workspace that set them.
    #[schema(required = false)]
    modules_version: Version,
    /// Of a key-scope: the digest of the document, where it is kept here.
    #[schema(required = false)]
    document: Digest,
    /// Of a task: what the stages before had made last.
    #[schema(required = false)]
    outputs: BTreeMap<Stage, Digest>,
}

/// What came of an attempt.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum AttemptOutcome {
    Assigned,
    Running,
    Finished,
    Failed,
    Unassigned,
    Withdrawn,
}

/// Why a lease was taken back.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum UnassignCause {
    Reset,
    LeaseExpired,
    Released,
    WorkerGone,
}

/// What one module produced.
#[derive(ToSchema)]
pub(crate) struct Output {
    module: ModuleName,
    digest: Digest,
    size_bytes: Count,
    /// The scope that the output was kept in.
    #[schema(required = false)]
    scope: Scope,
}

/// A result that came after its lease was gone.
#[derive(ToSchema)]
pub(crate) struct LateResult {
    at: Timestamp,
    token: Token,
    outcome: ReportedOutcome,
    #[schema(required = false)]
    digest: Digest,
    #[schema(required = false)]
    code: String,
}

/// What a worker reported.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReportedOutcome {
    Finished,
    Failed,
}
