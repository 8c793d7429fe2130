//! `/v1/campaigns`: bulk requests, how far each has come, and how to steer it. Does not know how one begins: see `start`.

mod start;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post, put};
use domain::campaign::Command as Steer;
use domain::campaign::{self, Pace};
use domain::envelope::Command;
use domain::names::{CampaignId, StorageUnitName};
use domain::stream::{Position, Subject};
use projections::read_model::{self, Page as RowPage, Query as Rows, ReadModelError};
use projections::view::{Value, View as _};
use projections::views::{CampaignReport, CampaignRow, CampaignState, Campaigns};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Many, One, Reply, events, ok};
use crate::extract::{Keyed, Nothing, Path, Query, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/v1/campaigns", get(list).post(start::start))
        .route("/v1/campaigns/{id}", get(show))
        .route("/v1/campaigns/{id}/events", get(timeline))
        .route("/v1/campaigns/{id}/report", get(report))
        .route("/v1/campaigns/{id}/pause", post(pause))
        .route("/v1/campaigns/{id}/resume", post(resume))
        .route("/v1/campaigns/{id}/cancel", post(cancel))
        .route("/v1/campaigns/{id}/pace", put(set_pace))
}

/// A campaign as it is sent.
#[derive(Serialize)]
struct Resource {
    #[serde(flatten)]
    row: CampaignRow,
    /// How many of the key-scopes that it asked for have come to an end.
    settled: u64,
    /// Why it queues nothing now although it is not over.
    #[serde(skip_serializing_if = "Option::is_none")]
    stands_still: Option<String>,
}

impl From<CampaignRow> for Resource {
    fn from(row: CampaignRow) -> Self {
        Self { settled: row.settled(), stands_still: row.stands_still(), row }
    }
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    unit: Option<StorageUnitName>,
    state: Option<CampaignState>,
    min_position: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

async fn list(State(state): State<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let unit = query.unit.map(|unit| ("unit", Value::Text(unit.to_string())));
    let stands = query.state.map(|state| ("state", Value::Text(state.name().to_owned())));
    let rows = Rows {
        view: Campaigns::NAME,
        filters: unit.into_iter().chain(stands).collect(),
        key_prefix: String::new(),
        after: page::after(query.after.as_deref())?,
        limit: page::limit(query.limit.as_deref(), &state.settings)?,
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let rows = read_model::list::<Campaigns>(state.engine.read_model(), rows).await?;
    let RowPage { rows, next, position } = rows;
    let items: Vec<Resource> = rows.into_iter().map(Resource::from).collect();
    ok(position, &Page { items, next: next.as_deref().map(page::cursor), position })
}

async fn show(State(state): State<ApiState>, Path(id): Path<CampaignId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = row(&state, id).await?.ok_or_else(absent)?;
    ok(position, &Resource::from(row))
}

async fn report(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Query(query): Query<One>,
) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = row(&state, id).await?.ok_or_else(absent)?;
    ok(position, &CampaignReport::of(row, state.engine.clock().now()))
}

async fn timeline(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Query(query): Query<Many>,
) -> Reply {
    events::events(&state, &Subject::Campaign(id), &query, absent()).await
}

async fn row(state: &ApiState, id: CampaignId) -> Result<Option<CampaignRow>, ReadModelError> {
    read_model::row::<Campaigns>(state.engine.read_model(), &id.to_string()).await
}

fn absent() -> Problem {
    campaign::Refusal::DoesNotExist.into()
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

async fn pause(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Pause).await
}

async fn resume(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Resume).await
}

async fn cancel(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Cancel).await
}

async fn set_pace(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Pace>,
) -> Reply {
    let (pace, write) = write.split();
    steer(&state, id, write, Steer::SetPace(pace)).await
}

async fn steer(state: &ApiState, id: CampaignId, write: Write<()>, command: Steer) -> Reply {
    let envelope = write.envelope(state, Command::Campaign(id, command));
    let position = carry_out(state, envelope).await?.position;
    after_write(state, id, position).await
}

/// The campaign as the views show it after a write. The write counts whatever they show, so nothing here is an error.
async fn after_write(state: &ApiState, id: CampaignId, position: Position) -> Reply {
    let _reached = state.engine.wait_for_views(position).await;
    match row(state, id).await {
        Ok(Some(row)) => ok(position, &Resource::from(row)),
        Ok(None) | Err(_) => ok(position, &json!({ "id": id, "position": position })),
    }
}
