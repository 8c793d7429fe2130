//! `/v1/storage-units`: the units, what is set for them, and what can be asked for all their work.

mod queue;
mod settings;

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use domain::envelope::Command;
use domain::names::{ModuleName, StorageUnitName};
use domain::storage_unit::{self, Command as Set};
use domain::stream::{Position, Subject};
use projections::overview::{StatusCounts, overview};
use projections::read_model::{self, Query as Rows};
use projections::view::View as _;
use projections::views::{KeyScopes, StorageUnitRow, StorageUnits};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok, reply};
use crate::description::problems::{UnitRefusals, UnitWriteRefusals};
use crate::description::{names, one_of, things};
use crate::extract::{AsOf, Keyed, Nothing, Path, Query, Reason, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, settings::create))
        .routes(routes!(show, remove))
        .routes(routes!(settings::set_content))
        .routes(routes!(settings::set_modules))
        .routes(routes!(settings::set_queue))
        .routes(routes!(settings::set_limits))
        .routes(routes!(queue::reset))
        .routes(routes!(queue::reprocess_keys))
        .routes(routes!(timeline))
}

/// A storage unit as it is sent.
#[derive(Serialize)]
struct Resource {
    #[serde(flatten)]
    row: StorageUnitRow,
    /// Its key-scopes by status.
    counts: StatusCounts,
    /// Modules that it names and that are not defined in this process; only in answers to writes of modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_defined_here: Option<Vec<ModuleName>>,
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

/// List storage units
#[utoipa::path(
    get, path = "/v1/storage-units", operation_id = "list_storage_units", tag = "storage units",
    params(Many),
    responses((status = 200, description = "A page of units", body = Page<things::StorageUnit>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<Many>) -> Reply {
    let rows = Rows {
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let model = state.engine.read_model();
    let page = read_model::list::<StorageUnits>(model, rows).await?;
    let counts = model.counts(KeyScopes::NAME, "").await?;
    let items = resources(page.rows, &counts, page.position);
    ok(page.position, &Page { items, next: page.next.as_deref().map(page::cursor), position: page.position })
}

/// Show a storage unit
#[utoipa::path(
    get, path = "/v1/storage-units/{name}", operation_id = "show_storage_unit", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), One),
    responses((status = 200, description = "The unit", body = things::StorageUnit), UnitRefusals),
)]
async fn show(
    AsOf(state): AsOf<ApiState>,
    Path(name): Path<StorageUnitName>,
    Query(query): Query<One>,
) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    ok(position, &resource(&state, &name).await?.ok_or_else(absent)?)
}

/// Show the history of a storage unit
///
/// It outlives the unit.
#[utoipa::path(
    get, path = "/v1/storage-units/{name}/events", operation_id = "storage_unit_events", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Numbered),
    responses((status = 200, description = "A page of its events", body = Page<things::TimelineEntry>), UnitRefusals),
)]
async fn timeline(
    AsOf(state): AsOf<ApiState>,
    Path(name): Path<StorageUnitName>,
    Query(query): Query<Many>,
) -> Reply {
    events::events(&state, &Subject::StorageUnit(name), &query, absent()).await
}

async fn resource(state: &ApiState, name: &StorageUnitName) -> Result<Option<Resource>, Problem> {
    let model = state.engine.read_model();
    let Some(row) = read_model::row::<StorageUnits>(model, name.as_str()).await? else { return Ok(None) };
    let counts = model.counts(KeyScopes::NAME, &KeyScopes::unit_prefix(name)).await?;
    let position = row.position;
    Ok(resources(vec![row], &counts, position).pop())
}

/// Rows and their counts, in the order of the rows.
fn resources(rows: Vec<StorageUnitRow>, counts: &[(String, u64)], position: Position) -> Vec<Resource> {
    let overview = overview(&rows, counts, position);
    let counts = |row: &StorageUnitRow| {
        let unit = overview.units.iter().find(|unit| unit.name == row.name);
        unit.map(|unit| unit.counts).unwrap_or_default()
    };
    rows.into_iter().map(|row| Resource { counts: counts(&row), row, not_defined_here: None }).collect()
}

pub(super) fn absent() -> Problem {
    storage_unit::Refusal::DoesNotExist.into()
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A unit that was dropped.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageUnitDropped)]
struct Dropped {
    #[schema(value_type = names::StorageUnitName)]
    name: StorageUnitName,
    #[schema(pattern = "^clearing$")]
    state: &'static str,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// Drop a storage unit
///
/// Its work is withdrawn and what the engine kept for it is removed, in the background; registered content is not touched.
#[utoipa::path(
    delete, path = "/v1/storage-units/{name}", operation_id = "drop_storage_unit", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 202, description = "It is being cleared", body = Dropped), UnitWriteRefusals),
)]
async fn remove(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    let position = submit(&state, &name, &write.split().1, Set::Drop).await?;
    reply(StatusCode::ACCEPTED, position, &Dropped { name, state: "clearing", position })
}

async fn submit(
    state: &ApiState,
    name: &StorageUnitName,
    write: &Write<()>,
    command: Set,
) -> Result<Position, Problem> {
    let envelope = write.envelope(state, Command::StorageUnit(name.clone(), command));
    Ok(carry_out(state, envelope).await?.position)
}

one_of! {
    /// The unit, or as much of it as is known when the views cannot be read.
    WrittenUnit = WrittenShown | WrittenUnseen;
}
type WrittenShown = things::StorageUnit;

/// What is known of a unit after a write when the views cannot be read.
#[derive(Serialize, ToSchema)]
#[schema(as = StorageUnitWritten)]
struct WrittenUnseen {
    #[schema(value_type = names::StorageUnitName)]
    name: StorageUnitName,
    #[schema(value_type = names::Position)]
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<names::ModuleName>, required = false)]
    not_defined_here: Option<Vec<ModuleName>>,
}

/// What a write changed, for its answer.
struct Written {
    status: StatusCode,
    position: Position,
    not_defined_here: Option<Vec<ModuleName>>,
}

/// The unit as the views show it after a write. The write counts whatever they show, so nothing here is an error.
async fn after_write(state: &ApiState, name: &StorageUnitName, written: Written) -> Reply {
    let Written { status, position, not_defined_here } = written;
    let _reached = state.engine.wait_for_views(position).await;
    let mut response = match resource(state, name).await {
        Ok(Some(resource)) => reply(status, position, &Resource { not_defined_here, ..resource })?,
        Ok(None) | Err(_) => {
            reply(status, position, &WrittenUnseen { name: name.clone(), position, not_defined_here })?
        }
    };
    if status == StatusCode::CREATED {
        let location = HeaderValue::from_str(&format!("/v1/storage-units/{name}"));
        let location = location.expect("a storage unit's name is plain ASCII");
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
