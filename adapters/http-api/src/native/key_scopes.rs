//! `/v1/key-scopes`: where the work on each key-scope stands, its history, and what can be asked for it.

use domain::envelope::Command;
use domain::filter::Filter;
use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Position, Subject};
use domain::time::Timestamp;
use domain::work::{self, Change, Status};
use projections::matching;
use projections::read_model;
use projections::views::KeyScopes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok};
use crate::description::problems::{HoldRefusals, KeyScopeRefusals, ReprocessRefusals};
use crate::description::{attempts as past, names, things};
use crate::extract::{AsOf, Keyed, Nothing, Path, Query, Reason, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::reprocess::{Outcome, reprocess};
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(attempts))
        .routes(routes!(ask))
        .routes(routes!(hold))
        .routes(routes!(release))
}

/// A key-scope as a path says it.
type Place = Path<(StorageUnitName, Scope, Key)>;

/// The same as the description shows it.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes what `Place` reads, and is never made")]
pub(super) struct PlaceParams {
    #[param(inline)]
    unit: names::StorageUnitName,
    #[param(inline)]
    scope: names::Scope,
    #[param(inline)]
    key: names::Key,
}

fn id_of(Path((unit, scope, key)): Place) -> KeyScopeId {
    KeyScopeId { unit, scope, key }
}

pub(super) fn never_queued(id: &KeyScopeId) -> Problem {
    let KeyScopeId { unit, scope, key } = id;
    let detail =
        format!("nobody ever asked for key '{key}' in scope '{scope}' of storage unit {unit}; reprocess it");
    Problem::not_found("key_scope_not_found", detail)
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those of this unit.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    unit: Option<StorageUnitName>,
    /// Only those of this scope.
    #[param(value_type = names::Scope, required = false, inline)]
    scope: Option<Scope>,
    /// Only those that stand there.
    #[param(value_type = things::Status, required = false, inline)]
    status: Option<Status>,
    /// Only those that are held, or that are not.
    #[param(value_type = bool, required = false)]
    held: Option<bool>,
    /// Only those that this campaign asked for last.
    #[param(value_type = names::CampaignId, required = false, inline)]
    campaign: Option<CampaignId>,
    /// Only those whose last attempt failed with this code.
    #[param(value_type = String, required = false)]
    error_code: Option<String>,
    /// Only those whose key begins so.
    #[param(value_type = String, required = false)]
    key_prefix: Option<String>,
    /// Only those whose last result compares so with the one before.
    #[param(value_type = things::Change, required = false, inline)]
    change: Option<Change>,
    /// Only those that have finished before, or that never have.
    #[param(value_type = bool, required = false)]
    ever_finished: Option<bool>,
    /// Only those that finished last at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    finished_since: Option<Timestamp>,
    /// Only those that finished last before this instant.
    #[param(value_type = names::Instant, required = false, inline)]
    finished_before: Option<Timestamp>,
    /// Only those to which something happened at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    updated_since: Option<Timestamp>,
    /// Only those to which nothing happened at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    updated_before: Option<Timestamp>,
    /// Only those that were begun again at least so many times.
    #[param(value_type = u32, required = false)]
    restart_count_min: Option<u32>,
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

impl ListQuery {
    fn filter(&self) -> Filter {
        let Self { error_code, key_prefix, .. } = self;
        Filter {
            status: self.status,
            held: self.held,
            campaign: self.campaign,
            error_code: error_code.clone(),
            key_prefix: key_prefix.clone(),
            change: self.change,
            ever_finished: self.ever_finished,
            finished_since: self.finished_since,
            finished_before: self.finished_before,
            updated_since: self.updated_since,
            updated_before: self.updated_before,
            restart_count_min: self.restart_count_min,
        }
    }
}

/// List key-scopes
///
/// Those that were ever asked for.
#[utoipa::path(
    get, path = "/v1/key-scopes", operation_id = "list_key_scopes", tag = "key-scopes",
    params(ListQuery),
    responses((status = 200, description = "A page of key-scopes", body = Page<things::KeyScope>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let after = page::after(query.after.as_deref())?;
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    position::views(&state, query.min_position.as_deref()).await?;
    let place = (query.unit.as_ref(), query.scope.as_ref());
    let rows = matching::list(state.engine.read_model(), place, &query.filter(), (after, limit)).await?;
    let position = rows.position;
    ok(position, &Page { items: rows.rows, next: rows.next.as_deref().map(page::cursor), position })
}

/// Show a key-scope
#[utoipa::path(
    get, path = "/v1/key-scopes/{unit}/{scope}/{key}", operation_id = "show_key_scope", tag = "key-scopes",
    params(PlaceParams, One),
    responses((status = 200, description = "The key-scope", body = things::KeyScope), KeyScopeRefusals),
)]
async fn show(AsOf(state): AsOf<ApiState>, place: Place, Query(query): Query<One>) -> Reply {
    let id = id_of(place);
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = read_model::row::<KeyScopes>(state.engine.read_model(), &KeyScopes::row_key(&id)).await?;
    ok(position, &row.ok_or_else(|| never_queued(&id))?)
}

/// Show the history of a key-scope
///
/// It outlives its unit.
#[utoipa::path(
    get, path = "/v1/key-scopes/{unit}/{scope}/{key}/events", operation_id = "key_scope_events", tag = "key-scopes",
    params(PlaceParams, Numbered),
    responses(
        (status = 200, description = "A page of its events", body = Page<things::TimelineEntry>),
        KeyScopeRefusals,
    ),
)]
async fn timeline(AsOf(state): AsOf<ApiState>, place: Place, Query(query): Query<Many>) -> Reply {
    let id = id_of(place);
    let absent = never_queued(&id);
    events::events(&state, &Subject::KeyScope(id), &query, absent).await
}

/// List the attempts on a key-scope
///
/// Oldest first. Attempts are never overwritten.
#[utoipa::path(
    get, path = "/v1/key-scopes/{unit}/{scope}/{key}/attempts", operation_id = "key_scope_attempts", tag = "key-scopes",
    params(PlaceParams, Numbered),
    responses((status = 200, description = "A page of attempts", body = Page<past::Attempt>), KeyScopeRefusals),
)]
async fn attempts(AsOf(state): AsOf<ApiState>, place: Place, Query(query): Query<Many>) -> Reply {
    let id = id_of(place);
    let absent = never_queued(&id);
    events::attempts_of(&state, &Subject::KeyScope(id), &query, absent).await
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What became of a request for a key-scope.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyScopeReprocessed)]
struct Asked {
    outcome: Outcome,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// Whether a key-scope is held.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyScopeHeld)]
struct Held {
    #[schema(value_type = names::StorageUnitName)]
    unit: StorageUnitName,
    #[schema(value_type = names::Scope)]
    scope: Scope,
    #[schema(value_type = names::Key)]
    key: Key,
    held: bool,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// Ask for a key-scope
#[utoipa::path(
    post, path = "/v1/key-scopes/{unit}/{scope}/{key}/reprocess", operation_id = "reprocess_key_scope",
    tag = "key-scopes",
    params(PlaceParams, Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "What became of it", body = Asked), ReprocessRefusals),
)]
async fn ask(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    let (outcome, position) = reprocess(&state, id_of(place), &write).await?;
    ok(position, &Asked { outcome, position })
}

/// Hold a key-scope
///
/// Nobody may claim it until it is released; what it is doing goes on.
#[utoipa::path(
    post, path = "/v1/key-scopes/{unit}/{scope}/{key}/hold", operation_id = "hold_key_scope", tag = "key-scopes",
    params(PlaceParams, Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "It is held", body = Held), HoldRefusals),
)]
async fn hold(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    set_held(&state, id_of(place), &write, work::Command::Hold).await
}

/// Release a key-scope
///
/// It may be claimed again.
#[utoipa::path(
    post, path = "/v1/key-scopes/{unit}/{scope}/{key}/release", operation_id = "release_key_scope", tag = "key-scopes",
    params(PlaceParams, Keyed<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "It is not held", body = Held), HoldRefusals),
)]
async fn release(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    set_held(&state, id_of(place), &write, work::Command::Release).await
}

async fn set_held(state: &ApiState, id: KeyScopeId, write: &Write<Nothing>, command: work::Command) -> Reply {
    let held = command == work::Command::Hold;
    let envelope = write.envelope(state, Command::work(id.clone(), command));
    let position = carry_out(state, envelope).await?.position;
    let KeyScopeId { unit, scope, key } = id;
    ok(position, &Held { unit, scope, key, held, position })
}
