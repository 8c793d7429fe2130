//! `/v1/tasks`: documents on their way through the stages of a workspace: where each stands, its history, and what can be
//! asked for it. Does not know which stages there are.

mod create;
mod steer;

use domain::names::{BatchId, ExternalId, TaskId, UserName, WorkerId, WorkspaceId};
use domain::stream::Subject;
use domain::task::{self, Screen, TaskStatus};
use projections::read_model::{self, Query as Rows, Test};
use projections::view::{Value, View as _};
use projections::views::{TaskRow, Tasks, UserStatus};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, batches, events, ok};
use crate::description::problems::{TaskCountRefusals, TaskRefusals};
use crate::description::{names, tasks as described, things};
use crate::extract::{Path, Query, State};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create::create))
        .routes(routes!(counts))
        .routes(routes!(show, steer::delete))
        .routes(routes!(context))
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

fn absent(id: TaskId) -> Problem {
    Problem::not_found("task_not_found", format!("there is no task {id}; GET /v1/tasks lists them"))
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this workspace.
    #[param(value_type = names::WorkspaceId, required = false, inline)]
    workspace: Option<WorkspaceId>,
    /// Only those of this batch.
    #[param(value_type = names::BatchId, required = false, inline)]
    batch: Option<BatchId>,
    #[serde(default, deserialize_with = "status")]
    /// Only those of this status, by its name or its number.
    #[param(value_type = names::TaskStatus, required = false, inline)]
    status: Option<TaskStatus>,
    /// Only those that are shown there.
    #[param(value_type = described::Screen, required = false, inline)]
    screen: Option<Screen>,
    /// Only the one that clients call so.
    #[param(value_type = names::ExternalId, required = false, inline)]
    external_id: Option<ExternalId>,
    /// Only those that this worker has.
    #[param(value_type = names::WorkerId, required = false, inline)]
    worker: Option<WorkerId>,
    /// Only those whose last attempt failed with this code.
    #[param(value_type = String, required = false)]
    error_code: Option<String>,
    /// Only those that are held, or that are not.
    #[param(value_type = bool, required = false)]
    held: Option<bool>,
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// How many items; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// The `next` of the page before, as it is.
    #[param(value_type = names::Cursor, required = false, inline)]
    after: Option<String>,
}

/// A status by its number or its name.
fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TaskStatus>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let numbered = text.parse().ok().and_then(TaskStatus::from_number);
    let status = numbered.or_else(|| TaskStatus::from_name(&text));
    status.map(Some).ok_or_else(|| {
        let names: Vec<&str> = TaskStatus::ALL.into_iter().map(TaskStatus::name).collect();
        serde::de::Error::custom(format!("there is no status '{text}'; use one of {}", names.join(", ")))
    })
}

impl ListQuery {
    fn filters(&self) -> Vec<(&'static str, Test)> {
        let Self { workspace, batch, status, screen, external_id, worker, error_code, held, .. } = self;
        let text = |text: &str| Value::Text(text.to_owned());
        let asked = [
            ("workspace", workspace.map(|id| Value::Integer(id.get().into()))),
            ("batch", batch.map(|id| Value::Integer(id.get().cast_signed()))),
            ("status", status.map(|status| Value::Integer(status.number().into()))),
            ("screen", screen.map(|screen| text(screen.name()))),
            ("external_id", external_id.as_ref().map(|id| text(id.as_str()))),
            ("worker", worker.as_ref().map(|worker| text(worker.as_str()))),
            ("error_code", error_code.as_deref().map(text)),
            ("held", held.map(|held| if held { Value::Integer(1) } else { Value::Absent })),
        ];
        asked.into_iter().filter_map(|(column, value)| Some((column, value?.into()))).collect()
    }
}

/// List tasks
#[utoipa::path(
    get, path = "/v1/tasks", operation_id = "list_tasks", tag = "tasks",
    params(ListQuery),
    responses((status = 200, description = "A page of tasks", body = Page<described::Task>)),
)]
async fn list(State(state): State<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let rows = Rows {
        filters: query.filters(),
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let page = read_model::list::<Tasks>(state.engine.read_model(), rows).await?;
    let items: Vec<Resource> = page.rows.into_iter().map(Resource::from).collect();
    let next = page.next.as_deref().map(page::cursor);
    ok(page.position, &Page { items, next, position: page.position })
}

/// Show a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}", operation_id = "show_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), One),
    responses((status = 200, description = "The task", body = described::Task), TaskRefusals),
)]
async fn show(State(state): State<ApiState>, Path(id): Path<TaskId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = read_model::row::<Tasks>(state.engine.read_model(), &Tasks::row_key(id)).await?;
    ok(position, &Resource::from(row.ok_or_else(|| absent(id))?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuery {}

/// Show what the workers of a task are given
#[utoipa::path(
    get, path = "/v1/tasks/{id}/context", operation_id = "task_context", tag = "tasks",
    params(("id" = inline(names::TaskId), Path)),
    responses((status = 200, description = "What its workers are given", body = names::AnyObject), TaskRefusals),
)]
async fn context(
    State(state): State<ApiState>,
    Path(id): Path<TaskId>,
    Query(NoQuery {}): Query<NoQuery>,
) -> Reply {
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
async fn timeline(State(state): State<ApiState>, Path(id): Path<TaskId>, Query(query): Query<Many>) -> Reply {
    events::events(&state, &Subject::Task(id), &query, absent(id)).await
}

/// Show the attempts on the stages of a task
#[utoipa::path(
    get, path = "/v1/tasks/{id}/attempts", operation_id = "task_attempts", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), Numbered),
    responses((status = 200, description = "A page of attempts", body = Page<names::AnyObject>), TaskRefusals),
)]
async fn attempts(State(state): State<ApiState>, Path(id): Path<TaskId>, Query(query): Query<Many>) -> Reply {
    events::attempts_of(&state, &Subject::Task(id), &query, absent(id)).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CountsQuery {
    /// Only those of this workspace.
    #[param(value_type = names::WorkspaceId, required = false, inline)]
    workspace: Option<WorkspaceId>,
    /// Only those of this batch.
    #[param(value_type = names::BatchId, required = false, inline)]
    batch: Option<BatchId>,
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
}

/// Count tasks by status
#[utoipa::path(
    get, path = "/v1/tasks/counts", operation_id = "count_tasks", tag = "tasks",
    params(CountsQuery),
    responses((status = 200, description = "How many have each status", body = described::TaskCounts), TaskCountRefusals),
)]
async fn counts(State(state): State<ApiState>, Query(query): Query<CountsQuery>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let prefix = match (query.workspace, query.batch) {
        (_, Some(batch)) => {
            let of = batches::row(&state, batch).await?.described.workspace;
            if let Some(workspace) = query.workspace.filter(|workspace| *workspace != of) {
                let detail = format!(
                    "batch {batch} belongs to workspace {of}, not to {workspace}; leave workspace out"
                );
                return Err(Problem::conflict("batch_of_another_workspace", detail));
            }
            Tasks::batch_prefix(of, batch)
        }
        (Some(workspace), None) => Tasks::workspace_prefix(workspace),
        (None, None) => String::new(),
    };
    let counts = state.engine.read_model().counts(Tasks::NAME, &prefix).await?;
    let by_status = Tasks::status_counts(&counts);
    let total: u64 = by_status.values().sum();
    let items: Vec<_> = by_status.iter().map(counted).collect();
    ok(position, &json!({ "items": items, "total": total, "position": position }))
}

fn counted((&(screen, status), count): (&(Screen, TaskStatus), &u64)) -> serde_json::Value {
    json!({
        "screen": screen.name(),
        "status": status.name(),
        "status_number": status.number(),
        "status_text": status.text(),
        "count": count,
    })
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
