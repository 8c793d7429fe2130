//! `/v1/tasks`: documents on their way through the stages of a workspace: where each stands, its history, and what can be
//! asked for it. Does not know which stages there are.

mod create;
mod list;
mod outputs;
mod restart;
mod steer;

use domain::names::{TaskId, UserName};
use domain::stream::Subject;
use domain::task;
use projections::read_model;
use projections::views::{TaskRow, Tasks, UserStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok};
use crate::description::problems::TaskRefusals;
use crate::description::{attempts as past, names, tasks as described, things};
use crate::extract::{AsOf, Path, Query};
use crate::page::Page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(list::counts))
        .routes(routes!(restart::restart))
        .routes(routes!(show, steer::delete))
        .routes(routes!(context))
        .routes(routes!(outputs::input))
        .routes(routes!(outputs::output))
        .routes(routes!(timeline))
        .routes(routes!(attempts))
        .routes(routes!(steer::restart))
        .routes(routes!(steer::hold))
        .routes(routes!(steer::release))
        .routes(routes!(steer::run_now))
        .routes(routes!(steer::approve))
        .routes(routes!(steer::reopen_review))
        .routes(routes!(steer::resolve))
        .routes(routes!(steer::assign))
        .routes(routes!(steer::edit))
}

/// A task as it is sent.
#[derive(Debug, Serialize)]
struct Resource {
    status_number: u16,
    status_text: &'static str,
    /// How far each assigned user is.
    reviewers: Vec<Reviewer>,
    #[serde(flatten)]
    row: TaskRow,
}

#[derive(Debug, Serialize)]
struct Reviewer {
    user: UserName,
    status: UserStatus,
}

impl From<TaskRow> for Resource {
    fn from(row: TaskRow) -> Self {
        let reviewer = |(user, status): (&UserName, UserStatus)| Reviewer { user: user.clone(), status };
        Self {
            status_number: row.status.number(),
            status_text: row.status.text(),
            reviewers: row.user_statuses().map(reviewer).collect(),
            row,
        }
    }
}

pub(super) fn absent(id: TaskId) -> Problem {
    Problem::not_found("task_not_found", format!("there is no task {id}; GET /v1/tasks lists them"))
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Show a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}", operation_id = "show_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), One),
    responses((status = 200, description = "The task", body = described::Task), TaskRefusals),
)]
async fn show(AsOf(state): AsOf<ApiState>, Path(id): Path<TaskId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = read_model::row::<Tasks>(state.engine.read_model(), &Tasks::row_key(id)).await?;
    ok(position, &Resource::from(row.ok_or_else(|| absent(id))?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct When {
    /// As of this moment of the past.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
}

/// Show the context of a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}/context", operation_id = "task_context", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), When),
    responses((status = 200, description = "What it was created with for its workers", body = names::AnyObject), TaskRefusals),
)]
async fn context(AsOf(state): AsOf<ApiState>, Path(id): Path<TaskId>, Query(_): Query<When>) -> Reply {
    let task = state.engine.task(id).await?;
    let task = task.present().ok_or_else(|| absent(id))?;
    ok(state.engine.acknowledged(), &task.payload.context)
}

/// Show the history of a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}/events", operation_id = "task_events", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Numbered),
    responses((status = 200, description = "A page of its events", body = Page<things::TimelineEntry>), TaskRefusals),
)]
async fn timeline(AsOf(state): AsOf<ApiState>, Path(id): Path<TaskId>, Query(query): Query<Many>) -> Reply {
    events::events(&state, &Subject::Task(id), &query, absent(id)).await
}

/// Show the attempts on the stages of a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}/attempts", operation_id = "task_attempts", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Numbered),
    responses((status = 200, description = "A page of attempts", body = Page<past::Attempt>), TaskRefusals),
)]
async fn attempts(AsOf(state): AsOf<ApiState>, Path(id): Path<TaskId>, Query(query): Query<Many>) -> Reply {
    events::attempts_of(&state, &Subject::Task(id), &query, absent(id)).await
}

/// A task right after a command, without waiting for the views.
fn standing(id: TaskId, task: &task::Present) -> serde_json::Value {
    let status = task.status();
    json!({
        "id": id,
        "status": status.name(),
        "status_number": status.number(),
        "status_text": status.text(),
        "held": task.held,
        "restart_count": task.restart_count,
    })
}
