//! What can be asked for a task: each call is one command. Does not know what follows from it.

use axum::http::StatusCode;
use domain::envelope::Command;
use domain::names::{EditPath, TaskId, UserName};
use domain::task::{self, Assignment, Resolution};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{absent, standing};
use crate::description::problems::TaskWriteRefusals;
use crate::description::{names, tasks as described};
use crate::extract::{Keyed, Nothing, Path, Reason, State, Write};
use crate::native::{Reply, reply};
use crate::request::carry_out;
use crate::state::ApiState;

type To = Path<TaskId>;
type ApproveWrite = Write<ApproveBody>;
type ResolveWrite = Write<ResolveBody>;
type AssignWrite = Write<described::Assignment>;
type EditWrite = Write<EditBody>;

/// Restart a task
///
/// It begins again with its first payload; edits are lost to it.
#[utoipa::path(
    post, path = "/v1/tasks/{id}/restart", operation_id = "restart_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn restart(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Nothing>) -> Reply {
    send(&state, id, &write.split().1, task::Command::Restart { campaign: None }).await
}

/// Hold a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/hold", operation_id = "hold_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn hold(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Nothing>) -> Reply {
    send(&state, id, &write.split().1, task::Command::Hold).await
}

/// Release a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/release", operation_id = "release_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn release(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Nothing>) -> Reply {
    send(&state, id, &write.split().1, task::Command::Release).await
}

/// Run a task now
#[utoipa::path(
    post, path = "/v1/tasks/{id}/run-now", operation_id = "run_now_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn run_now(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Nothing>) -> Reply {
    send(&state, id, &write.split().1, task::Command::RunNow).await
}

/// Reopen the review of a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/reopen-review", operation_id = "reopen_review_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn reopen_review(
    State(state): State<ApiState>,
    id: To,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    send(&state, id, &write.split().1, task::Command::ReopenReview).await
}

/// Who approves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskApprove)]
pub(super) struct ApproveBody {
    #[schema(value_type = names::UserName)]
    user: UserName,
}

/// Approve a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/approve", operation_id = "approve_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<ApproveBody>),
    request_body = ApproveWrite,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn approve(
    State(state): State<ApiState>,
    id: To,
    Keyed(write): Keyed<ApproveBody>,
) -> Reply {
    let (ApproveBody { user }, write) = write.split();
    send(&state, id, &write, task::Command::Approve { user }).await
}

/// As what a task is settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskResolve)]
pub(super) struct ResolveBody {
    #[schema(value_type = described::Resolution)]
    outcome: Resolution,
    text: String,
}

/// Settle a task by hand
#[utoipa::path(
    post, path = "/v1/tasks/{id}/resolve", operation_id = "resolve_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<ResolveBody>),
    request_body = ResolveWrite,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn resolve(
    State(state): State<ApiState>,
    id: To,
    Keyed(write): Keyed<ResolveBody>,
) -> Reply {
    let (ResolveBody { outcome, text }, write) = write.split();
    send(&state, id, &write, task::Command::Resolve { outcome, text }).await
}

/// Say who reviews a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/assign", operation_id = "assign_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<described::Assignment>),
    request_body = AssignWrite,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn assign(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Assignment>) -> Reply {
    let (assignment, write) = write.split();
    send(&state, id, &write, task::Command::Assign(assignment)).await
}

/// What a part of the result is from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskEdit)]
pub(super) struct EditBody {
    #[schema(value_type = names::EditPath)]
    path: EditPath,
    /// `null` takes an earlier edit back.
    value: Value,
}

/// Change a part of the result of a task
#[utoipa::path(
    post, path = "/v1/tasks/{id}/edit", operation_id = "edit_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<EditBody>),
    request_body = EditWrite,
    responses((status = 200, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn edit(State(state): State<ApiState>, id: To, Keyed(write): Keyed<EditBody>) -> Reply {
    let (EditBody { path, value }, write) = write.split();
    send(&state, id, &write, task::Command::Edit { path, value }).await
}

/// Delete a task
#[utoipa::path(
    delete, path = "/v1/tasks/{id}", operation_id = "delete_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 202, description = "Where the task stands", body = described::TaskStanding), TaskWriteRefusals),
)]
pub(super) async fn delete(State(state): State<ApiState>, id: To, Keyed(write): Keyed<Nothing>) -> Reply {
    let deleting = send(&state, id, &write.split().1, task::Command::Delete).await?;
    let (mut parts, body) = deleting.into_parts();
    parts.status = StatusCode::ACCEPTED;
    Ok(axum::response::Response::from_parts(parts, body))
}

async fn send(state: &ApiState, Path(id): To, write: &Write<()>, command: task::Command) -> Reply {
    let accepted = carry_out(state, write.envelope(state, Command::Task(id, command))).await?;
    let task = state.engine.task(id).await?;
    let mut body = standing(id, task.present().ok_or_else(|| absent(id))?);
    if let Value::Object(members) = &mut body {
        members.insert("changed".to_owned(), json!(!accepted.events.is_empty()));
        members.insert("position".to_owned(), json!(accepted.position));
    }
    reply(StatusCode::OK, accepted.position, &body)
}
