//! `/v1/storage-units`: the units, what is set for them, and what can be asked for all their work.

mod queue;
mod settings;

use axum::Router;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::{get, post, put};
use domain::envelope::Command;
use domain::names::{ModuleName, StorageUnitName};
use domain::storage_unit::{self, Command as Set};
use domain::stream::{Position, Subject};
use projections::overview::{StatusCounts, overview};
use projections::read_model::{self, Query as Rows};
use projections::view::View as _;
use projections::views::{KeyScopes, StorageUnitRow, StorageUnits};
use serde::Serialize;
use serde_json::json;

use super::{Many, One, Reply, events, ok, reply};
use crate::extract::{Keyed, Nothing, Path, Query, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/v1/storage-units", get(list).post(settings::create))
        .route("/v1/storage-units/{name}", get(show).delete(remove))
        .route("/v1/storage-units/{name}/content", put(settings::set_content))
        .route("/v1/storage-units/{name}/modules", put(settings::set_modules))
        .route("/v1/storage-units/{name}/queue", put(settings::set_queue))
        .route("/v1/storage-units/{name}/limits", put(settings::set_limits))
        .route("/v1/storage-units/{name}/reset", post(queue::reset))
        .route("/v1/storage-units/{name}/reprocess", post(queue::reprocess_keys))
        .route("/v1/storage-units/{name}/events", get(timeline))
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

async fn list(State(state): State<ApiState>, Query(query): Query<Many>) -> Reply {
    let rows = Rows {
        view: StorageUnits::NAME,
        filters: Vec::new(),
        key_prefix: String::new(),
        after: page::after(query.after.as_deref())?,
        limit: page::limit(query.limit.as_deref(), &state.settings)?,
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let model = state.engine.read_model();
    let page = read_model::list::<StorageUnits>(model, rows).await?;
    let counts = model.counts(KeyScopes::NAME, "").await?;
    let items = resources(page.rows, &counts, page.position);
    ok(page.position, &Page { items, next: page.next.as_deref().map(page::cursor), position: page.position })
}

async fn show(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Query(query): Query<One>,
) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    ok(position, &resource(&state, &name).await?.ok_or_else(absent)?)
}

async fn timeline(
    State(state): State<ApiState>,
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

fn absent() -> Problem {
    storage_unit::Refusal::DoesNotExist.into()
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

async fn remove(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    let position = submit(&state, &name, &write.split().1, Set::Drop).await?;
    reply(StatusCode::ACCEPTED, position, &json!({ "name": name, "state": "clearing", "position": position }))
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
            let body = json!({ "name": name, "position": position, "not_defined_here": not_defined_here });
            reply(status, position, &body)?
        }
    };
    if status == StatusCode::CREATED {
        let location = HeaderValue::from_str(&format!("/v1/storage-units/{name}"));
        let location = location.expect("a storage unit's name is plain ASCII");
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
