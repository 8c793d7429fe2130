//! `/v1/workspaces`: where tasks are processed, and how. Does not know the tasks.

use axum::http::StatusCode;
use domain::envelope::Command;
use domain::names::WorkspaceId;
use domain::stream::{Position, Subject};
use domain::workspace::{self, Settings};
use projections::read_model::{self, Query as Rows};
use projections::views::Workspaces;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, made, ok, reply};
use crate::description::problems::{WorkspaceRefusals, WorkspaceWriteRefusals};
use crate::description::{names, tasks as described, things};
use crate::extract::{AsOf, Keyed, Path, Query, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, configure))
        .routes(routes!(timeline))
}

type SettingsWrite = Write<described::WorkspaceSettings>;

/// A workspace after a write.
#[derive(Debug, Serialize)]
struct Written {
    id: WorkspaceId,
    #[serde(flatten)]
    settings: Settings,
    position: Position,
}

/// List workspaces
#[utoipa::path(
    get, path = "/v1/workspaces", operation_id = "list_workspaces", tag = "workspaces",
    params(Many),
    responses((status = 200, description = "A page of workspaces", body = Page<described::Workspace>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<Many>) -> Reply {
    let rows = Rows {
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let page = read_model::list::<Workspaces>(state.engine.read_model(), rows).await?;
    let next = page.next.as_deref().map(page::cursor);
    ok(page.position, &Page { items: page.rows, next, position: page.position })
}

/// Show a workspace
#[utoipa::path(
    get, path = "/v1/workspaces/{id}", operation_id = "show_workspace", tag = "workspaces",
    params(("id" = inline(names::WorkspaceId), Path), One),
    responses((status = 200, description = "The workspace", body = described::Workspace), WorkspaceRefusals),
)]
async fn show(AsOf(state): AsOf<ApiState>, Path(id): Path<WorkspaceId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let key = Workspaces::row_key(id);
    let row = read_model::row::<Workspaces>(state.engine.read_model(), &key).await?;
    ok(position, &row.ok_or_else(absent)?)
}

/// Show the history of a workspace
#[utoipa::path(
    get, path = "/v1/workspaces/{id}/events", operation_id = "workspace_events", tag = "workspaces",
    params(("id" = inline(names::WorkspaceId), Path), Numbered),
    responses((status = 200, description = "A page of its events", body = Page<things::TimelineEntry>), WorkspaceRefusals),
)]
async fn timeline(
    AsOf(state): AsOf<ApiState>,
    Path(id): Path<WorkspaceId>,
    Query(query): Query<Many>,
) -> Reply {
    events::events(&state, &Subject::Workspace(id), &query, absent()).await
}

pub(super) fn absent() -> Problem {
    workspace::Refusal::DoesNotExist.into()
}

/// Create a workspace
#[utoipa::path(
    post, path = "/v1/workspaces", operation_id = "create_workspace", tag = "workspaces",
    params(Keyed<described::WorkspaceSettings>),
    request_body = SettingsWrite,
    responses((status = 201, description = "The workspace", body = described::WorkspaceWritten, headers(("Location" = String, description = "Its path"))), WorkspaceWriteRefusals),
)]
async fn create(State(state): State<ApiState>, Keyed(write): Keyed<Settings>) -> Reply {
    let (settings, write) = write.split();
    let asked = write.asked(&state);
    let (id, position) = state.engine.create_workspace(asked, settings.clone()).await?;
    made(&format!("/v1/workspaces/{id}"), position, &Written { id, settings, position })
}

/// Replace the settings of a workspace
///
/// Tasks that exist keep their plan.
#[utoipa::path(
    put, path = "/v1/workspaces/{id}", operation_id = "configure_workspace", tag = "workspaces",
    params(("id" = inline(names::WorkspaceId), Path), Keyed<described::WorkspaceSettings>),
    request_body = SettingsWrite,
    responses((status = 200, description = "The workspace", body = described::WorkspaceWritten), WorkspaceWriteRefusals),
)]
async fn configure(
    State(state): State<ApiState>,
    Path(id): Path<WorkspaceId>,
    Keyed(write): Keyed<Settings>,
) -> Reply {
    let (settings, write) = write.split();
    let configure = Command::Workspace(id, workspace::Command::Configure(settings.clone()));
    let position = carry_out(&state, write.envelope(&state, configure)).await?.position;
    reply(StatusCode::OK, position, &Written { id, settings, position })
}
