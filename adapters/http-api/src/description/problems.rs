//! Refusals in the description: which codes an operation can answer with, by status. Does not know why.
//!
//! An operation names what is particular to it by one of these types; what any operation can answer is added to all of them
//! when the document is finished.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Under which member of a response its codes are listed.
pub(super) const CODES: &str = "x-problem-codes";

/// Why a request was not answered as asked, and what to do about it (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/storage_unit_not_found",
    "title": "Storage unit not found",
    "status": 404,
    "detail": "No storage unit of this name exists; create it first.",
    "code": "storage_unit_not_found"
}))]
#[expect(dead_code, reason = "describes what `crate::problem::ProblemBody` serializes, and is never made")]
pub(crate) struct ProblemDetails {
    /// The kind of problem as a path.
    #[schema(pattern = "^/problems/[a-z_]+$")]
    r#type: String,
    /// The kind of problem, for people.
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence that says what to do.
    detail: String,
    /// The kind of problem, for programs.
    #[schema(pattern = "^[a-z_]+$")]
    code: String,
    /// How the request is called in the log.
    #[schema(required = false)]
    request_id: String,
}

/// Declares which codes come with which status.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $($code:literal)|+),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$(($status.to_string(), response(&[$($code),+]))),+])
            }
        }
    )+};
}

fn response(codes: &[&str]) -> RefOr<Response> {
    let codes = Extensions::builder().add(CODES, json!(codes)).build();
    RefOr::T(ResponseBuilder::new().extensions(Some(codes)).build())
}

refusals! {
    /// Of a storage unit that must be there.
    UnitRefusals { 404: "storage_unit_not_found" }
    /// Of a change to a storage unit.
    UnitWriteRefusals {
        404: "storage_unit_not_found",
        409: "storage_unit_clearing",
        422: "limit_out_of_range" | "too_many_modules" | "no_module_before_first",
    }
    /// Of a change to where a unit's content lies.
    UnitContentRefusals {
        403: "content_not_allowed",
        404: "storage_unit_not_found",
        409: "storage_unit_clearing",
        422: "content_location",
        503: "content_unavailable",
    }
    /// Of a new storage unit.
    UnitCreateRefusals {
        403: "content_not_allowed",
        409: "storage_unit_exists" | "storage_unit_clearing",
        422: "content_location" | "limit_out_of_range" | "too_many_modules" | "no_module_before_first",
        503: "content_unavailable",
    }
    /// Of a request for many keys of a unit.
    KeysRefusals { 404: "storage_unit_not_found", 422: "no_keys" | "too_many_keys" }
    /// Of a key-scope that must have been asked for.
    KeyScopeRefusals { 404: "key_scope_not_found" }
    /// Of a request for one key-scope.
    ReprocessRefusals {
        404: "storage_unit_not_found" | "key_not_found" | "scope_not_found",
        422: "key_outside" | "content_location",
        503: "content_unavailable",
    }
    /// Of holding or releasing a key-scope.
    HoldRefusals { 409: "never_queued" }
    /// Of an API key that must be there.
    KeyRefusals { 404: "key_not_found" }
    /// Of another secret for an API key.
    KeyRotateRefusals { 404: "key_not_found", 409: "key_revoked" | "key_expired", 422: "grace_too_long" }
    /// Of a new API key.
    KeyCreateRefusals {
        409: "key_name_taken" | "too_many_keys",
        422: "first_key_not_admin" | "reserved_name" | "expires_in_the_past",
    }
    /// Of a campaign that must be there.
    CampaignRefusals { 404: "campaign_not_found" }
    /// Of steering a campaign.
    CampaignWriteRefusals { 404: "campaign_not_found", 409: "campaign_over" | "campaign_pinning", 422: "pace_zero" }
    /// Of a new campaign.
    CampaignStartRefusals {
        404: "storage_unit_not_found",
        409: "campaign_exists" | "targets_changed" | "campaign_pinning",
        422: "pace_zero" | "canary_size" | "canary_over_tasks" | "no_target" | "too_many_keys",
    }
    /// Of a claim.
    ClaimRefusals { 422: "reserved_worker" | "out_of_range" | "invalid_version" }
    /// Of what a worker says of its leases.
    ReportRefusals {
        404: "storage_unit_not_found",
        409: "late_result" | "lease_gone" | "not_queued" | "on_hold" | "never_queued",
        413: "content_too_large",
        422: "invalid_output" | "digest_mismatch" | "too_many_outputs" | "invalid_failure" | "lease_length"
            | "wrong_number_of_items" | "reserved_worker" | "key_outside" | "content_location",
        503: "content_unavailable",
    }
    /// Of a document that is to be read.
    DocumentRefusals {
        404: "storage_unit_not_found" | "content_not_found",
        413: "content_too_large",
        422: "key_outside" | "content_location",
        503: "content_unavailable",
    }
    /// Of a command: whatever any other write can answer.
    CommandRefusals {
        403: "content_not_allowed" | "command_reserved",
        404: "storage_unit_not_found" | "key_not_found" | "scope_not_found" | "campaign_not_found" | "task_not_found"
            | "workspace_not_found",
        409: "already_paused" | "storage_unit_exists" | "storage_unit_clearing" | "campaign_exists" | "campaign_over" | "campaign_pinning"
            | "campaign_not_pinned" | "targets_changed" | "never_queued"
            | "not_queued" | "on_hold" | "lease_gone" | "task_exists" | "task_gone" | "task_in_history"
            | "not_in_review" | "not_assigned" | "not_their_turn" | "nothing_to_run" | "workspace_exists"
            | "batch_exists" | "external_id_taken" | "not_standby" | "other_history" | "history_missing"
            | "recorded_otherwise",
        422: "invalid_command" | "too_large" | "too_many_edits" | "wrong_assignment" | "no_webhook" | "out_of_range" | "reason_missing" | "canary_size" | "canary_over_tasks" | "content_location" | "limit_out_of_range" | "too_many_modules" | "no_module_before_first"
            | "key_outside" | "pace_zero",
        503: "content_unavailable",
    }
    /// Of a task that must be there.
    TaskRefusals { 404: "task_not_found" }
    /// Of what a module is given of a task.
    TaskInputRefusals {
        404: "task_not_found" | "content_not_found",
        413: "content_too_large",
        503: "content_unavailable",
    }
    /// Of what a stage of a task made.
    TaskOutputRefusals {
        404: "task_not_found" | "output_not_made" | "output_not_kept",
        413: "content_too_large",
        503: "content_unavailable",
    }
    /// Of a new task.
    TaskCreateRefusals {
        404: "workspace_not_found" | "batch_not_found",
        409: "external_id_taken" | "task_exists" | "no_default_workspace" | "batch_of_another_workspace",
        422: "too_large" | "wrong_assignment",
    }
    /// Of what is asked for the tasks of a list, as a whole.
    TaskRestartRefusals { 422: "wrong_number_of_items" | "listed_twice" }
    /// Of what is asked for a task.
    TaskWriteRefusals {
        404: "task_not_found",
        409: "task_gone" | "task_in_history" | "not_in_review" | "not_assigned" | "not_their_turn" | "nothing_to_run"
            | "on_hold" | "not_queued",
        422: "too_large" | "too_many_edits" | "wrong_assignment",
    }
    /// Of counts of tasks.
    TaskCountRefusals { 404: "batch_not_found", 409: "batch_of_another_workspace" }
    /// Of a workspace that must be there.
    WorkspaceRefusals { 404: "workspace_not_found" }
    /// Of the settings of a workspace.
    WorkspaceWriteRefusals {
        404: "workspace_not_found",
        409: "workspace_exists",
        422: "no_webhook" | "out_of_range",
    }
    /// Of a batch that must be there.
    BatchRefusals { 404: "batch_not_found" }
    /// Of a new batch.
    BatchCreateRefusals { 404: "workspace_not_found", 409: "batch_exists", 422: "too_large" }
    /// Of a pause of the whole system.
    PauseRefusals { 409: "already_paused", 422: "reason_missing" }
    /// Of the end of a pause; there is nothing to refuse but what every write can.
    ResumeRefusals { 422: "invalid_reason" }
    /// Of a stream that must have events.
    ProofRefusals { 404: "stream_not_found" }
    /// Of a command that must have recorded something.
    TraceRefusals { 404: "command_not_found" }
    /// Of a comparison of two moments.
    DiffRefusals { 422: "moments_exchanged" | "too_far_apart" | "unknown_view" }
    /// Of a projection that must be there.
    ProjectionRefusals { 404: "projection_not_found" }
    /// Of a replay that must be kept.
    ReplayRefusals { 404: "replay_not_found" }
    /// Of a new replay.
    ReplayBeginRefusals {
        409: "target_refused",
        422: "invalid_replay",
        503: "too_many_replays" | "target_unavailable",
    }
}
