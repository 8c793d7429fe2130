//! `/v1/batches`: tasks of one workspace that belong together, and how many there are. Does not know the tasks one by one.

use domain::batch::Described;
use domain::names::{BatchId, WorkspaceId};
use domain::stream::{Position, Subject};
use projections::read_model::{self, Query as Rows};
use projections::view::{Value, View as _};
use projections::views::{BatchCounts, BatchRow, Batches, Tasks};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, made, ok};
use crate::description::problems::{BatchCreateRefusals, BatchRefusals};
use crate::description::{names, tasks as described, things};
use crate::extract::{AsOf, Keyed, Path, Query, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show)).routes(routes!(timeline))
}

type BatchWrite = Write<described::BatchDescription>;

/// A batch as it is sent.
#[derive(Debug, Serialize)]
struct Resource {
    #[serde(flatten)]
    row: BatchRow,
    /// Its tasks.
    counts: BatchCounts,
}

/// A batch after its creation.
#[derive(Debug, Serialize)]
struct Created {
    id: BatchId,
    #[serde(flatten)]
    described: Described,
    position: Position,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this workspace.
    #[param(value_type = names::WorkspaceId, required = false, inline)]
    workspace: Option<WorkspaceId>,
    /// As of this moment of the past; not together with `min_position`.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
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

/// List batches
#[utoipa::path(
    get, path = "/v1/batches", operation_id = "list_batches", tag = "workspaces",
    params(ListQuery),
    responses((status = 200, description = "A page of batches", body = Page<described::TaskBatch>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let workspace = query.workspace.map(|id| ("workspace", Value::Integer(id.get().into()).into()));
    let rows = Rows {
        filters: workspace.into_iter().collect(),
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let page = read_model::list::<Batches>(state.engine.read_model(), rows).await?;
    let mut items = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        items.push(resource(&state, row).await?);
    }
    let next = page.next.as_deref().map(page::cursor);
    ok(page.position, &Page { items, next, position: page.position })
}

/// Show a batch
#[utoipa::path(
    get, path = "/v1/batches/{id}", operation_id = "show_batch", tag = "workspaces",
    params(("id" = inline(names::BatchId), Path), One),
    responses((status = 200, description = "The batch", body = described::TaskBatch), BatchRefusals),
)]
async fn show(AsOf(state): AsOf<ApiState>, Path(id): Path<BatchId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = row(&state, id).await?;
    ok(position, &resource(&state, row).await?)
}

/// Show the history of a batch
#[utoipa::path(
    get, path = "/v1/batches/{id}/events", operation_id = "batch_events", tag = "workspaces",
    params(("id" = inline(names::BatchId), Path), Numbered),
    responses((status = 200, description = "A page of its events", body = Page<things::TimelineEntry>), BatchRefusals),
)]
async fn timeline(AsOf(state): AsOf<ApiState>, Path(id): Path<BatchId>, Query(query): Query<Many>) -> Reply {
    events::events(&state, &Subject::Batch(id), &query, absent(id)).await
}

/// Create a batch
#[utoipa::path(
    post, path = "/v1/batches", operation_id = "create_batch", tag = "workspaces",
    params(Keyed<described::BatchDescription>),
    request_body = BatchWrite,
    responses((status = 201, description = "The batch", body = described::BatchCreated, headers(("Location" = String, description = "Its path"))), BatchCreateRefusals),
)]
async fn create(State(state): State<ApiState>, Keyed(write): Keyed<Described>) -> Reply {
    let (described, write) = write.split();
    let (id, position) = state.engine.create_batch(write.asked(&state), described.clone()).await?;
    made(&format!("/v1/batches/{id}"), position, &Created { id, described, position })
}

/// A batch as the views show it.
pub(super) async fn row(state: &ApiState, id: BatchId) -> Result<BatchRow, Problem> {
    let row = read_model::row::<Batches>(state.engine.read_model(), &Batches::row_key(id)).await?;
    row.ok_or_else(|| absent(id))
}

async fn resource(state: &ApiState, row: BatchRow) -> Result<Resource, Problem> {
    let prefix = Tasks::batch_prefix(row.described.workspace, row.id);
    let counts = state.engine.read_model().counts(Tasks::NAME, &prefix).await?;
    Ok(Resource { counts: Tasks::batch_counts(&counts), row })
}

fn absent(id: BatchId) -> Problem {
    let detail = format!("there is no batch {id}; GET /v1/batches lists them");
    Problem::not_found("batch_not_found", detail)
}
