//! `/v1/campaigns`: bulk requests, how far each has come, and how to steer it. Does not know how one begins: see `start`.

mod start;

use domain::campaign::Command as Steer;
use domain::campaign::{self, Pace};
use domain::envelope::Command;
use domain::names::{CampaignId, StorageUnitName};
use domain::stream::{Position, Subject};
use projections::read_model::{self, Page as RowPage, Query as Rows, ReadModelError};
use projections::view::Value;
use projections::views::{CampaignReport, CampaignRow, CampaignState, Campaigns};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok};
use crate::description::problems::{CampaignRefusals, CampaignWriteRefusals};
use crate::description::{campaigns, names, one_of, settings, things};
use crate::extract::{AsOf, Keyed, Nothing, Path, Query, Reason, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, start::start))
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(report))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(set_pace))
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

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this unit.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    unit: Option<StorageUnitName>,
    /// Only those that stand there.
    #[param(value_type = campaigns::CampaignState, required = false, inline)]
    state: Option<CampaignState>,
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

/// List campaigns
#[utoipa::path(
    get, path = "/v1/campaigns", operation_id = "list_campaigns", tag = "campaigns",
    params(ListQuery),
    responses((status = 200, description = "A page of campaigns", body = Page<campaigns::Campaign>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let unit = query.unit.map(|unit| ("unit", Value::Text(unit.to_string()).into()));
    let stands = query.state.map(|state| ("state", Value::Text(state.name().to_owned()).into()));
    let rows = Rows {
        filters: unit.into_iter().chain(stands).collect(),
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let rows = read_model::list::<Campaigns>(state.engine.read_model(), rows).await?;
    let RowPage { rows, next, position } = rows;
    let items: Vec<Resource> = rows.into_iter().map(Resource::from).collect();
    ok(position, &Page { items, next: next.as_deref().map(page::cursor), position })
}

/// Show a campaign
#[utoipa::path(
    get, path = "/v1/campaigns/{id}", operation_id = "show_campaign", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), One),
    responses((status = 200, description = "The campaign", body = campaigns::Campaign), CampaignRefusals),
)]
async fn show(AsOf(state): AsOf<ApiState>, Path(id): Path<CampaignId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = row(&state, id).await?.ok_or_else(absent)?;
    ok(position, &Resource::from(row))
}

/// Report what a campaign has come to
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/report", operation_id = "campaign_report", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), One),
    responses((status = 200, description = "The report", body = campaigns::CampaignReport), CampaignRefusals),
)]
async fn report(AsOf(state): AsOf<ApiState>, Path(id): Path<CampaignId>, Query(query): Query<One>) -> Reply {
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = row(&state, id).await?.ok_or_else(absent)?;
    ok(position, &CampaignReport::of(row, state.engine.clock().now()))
}

/// Show the history of a campaign
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/events", operation_id = "campaign_events", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), Numbered),
    responses(
        (status = 200, description = "A page of its events", body = Page<things::TimelineEntry>),
        CampaignRefusals,
    ),
)]
async fn timeline(
    AsOf(state): AsOf<ApiState>,
    Path(id): Path<CampaignId>,
    Query(query): Query<Many>,
) -> Reply {
    events::events(&state, &Subject::Campaign(id), &query, absent()).await
}

async fn row(state: &ApiState, id: CampaignId) -> Result<Option<CampaignRow>, ReadModelError> {
    read_model::row::<Campaigns>(state.engine.read_model(), &id.to_string()).await
}

pub(super) fn absent() -> Problem {
    campaign::Refusal::DoesNotExist.into()
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Pause a campaign
///
/// It queues nothing until it is resumed. What is queued already stays queued.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/pause", operation_id = "pause_campaign", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "The campaign", body = Steered), CampaignWriteRefusals),
)]
async fn pause(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Pause).await
}

/// Resume a campaign
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/resume", operation_id = "resume_campaign", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "The campaign", body = Steered), CampaignWriteRefusals),
)]
async fn resume(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Resume).await
}

/// Cancel a campaign
///
/// It queues nothing more, ever. What is queued already stays queued.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/cancel", operation_id = "cancel_campaign", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "The campaign", body = Steered), CampaignWriteRefusals),
)]
async fn cancel(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    Keyed(write): Keyed<Nothing>,
) -> Reply {
    steer(&state, id, write.split().1, Steer::Cancel).await
}

type PaceWrite = Write<settings::Pace>;

/// Set the pace of a campaign
#[utoipa::path(
    put, path = "/v1/campaigns/{id}/pace", operation_id = "set_pace", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), Keyed<Pace>),
    request_body = PaceWrite,
    responses((status = 200, description = "The campaign", body = Steered), CampaignWriteRefusals),
)]
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

one_of! {
    /// The campaign, or as much of it as is known when the views cannot be read.
    Steered = SteeredShown | SteeredUnseen;
}
type SteeredShown = campaigns::Campaign;

/// What is known of a campaign after a write when the views cannot be read.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignSteered)]
struct SteeredUnseen {
    #[schema(value_type = names::CampaignId)]
    id: CampaignId,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// The campaign as the views show it after a write. The write counts whatever they show, so nothing here is an error.
async fn after_write(state: &ApiState, id: CampaignId, position: Position) -> Reply {
    let _reached = state.engine.wait_for_views(position).await;
    match row(state, id).await {
        Ok(Some(row)) => ok(position, &Resource::from(row)),
        Ok(None) | Err(_) => ok(position, &SteeredUnseen { id, position }),
    }
}
