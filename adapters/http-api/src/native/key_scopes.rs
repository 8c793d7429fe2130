//! `/v1/key-scopes`: where the work on each key-scope stands, its history, and what can be asked for it.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use domain::envelope::Command;
use domain::filter::Filter;
use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Subject};
use domain::time::Timestamp;
use domain::work::{self, Change, Status};
use projections::matching;
use projections::read_model;
use projections::views::KeyScopes;
use serde::Deserialize;
use serde_json::json;

use super::{Many, One, Reply, events, ok};
use crate::extract::{Keyed, Nothing, Path, Query, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::reprocess::reprocess;
use crate::request::carry_out;
use crate::state::ApiState;

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/v1/key-scopes", get(list))
        .route("/v1/key-scopes/{unit}/{scope}/{key}", get(show))
        .route("/v1/key-scopes/{unit}/{scope}/{key}/events", get(timeline))
        .route("/v1/key-scopes/{unit}/{scope}/{key}/attempts", get(attempts))
        .route("/v1/key-scopes/{unit}/{scope}/{key}/reprocess", post(ask))
        .route("/v1/key-scopes/{unit}/{scope}/{key}/hold", post(hold))
        .route("/v1/key-scopes/{unit}/{scope}/{key}/release", post(release))
}

/// A key-scope as a path says it.
type Place = Path<(StorageUnitName, Scope, Key)>;

fn id_of(Path((unit, scope, key)): Place) -> KeyScopeId {
    KeyScopeId { unit, scope, key }
}

fn never_queued(id: &KeyScopeId) -> Problem {
    let KeyScopeId { unit, scope, key } = id;
    let detail =
        format!("nobody ever asked for key '{key}' in scope '{scope}' of storage unit {unit}; reprocess it");
    Problem::not_found("key_scope_not_found", detail)
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    unit: Option<StorageUnitName>,
    scope: Option<Scope>,
    status: Option<Status>,
    held: Option<bool>,
    campaign: Option<CampaignId>,
    error_code: Option<String>,
    key_prefix: Option<String>,
    change: Option<Change>,
    ever_finished: Option<bool>,
    finished_since: Option<Timestamp>,
    finished_before: Option<Timestamp>,
    updated_since: Option<Timestamp>,
    updated_before: Option<Timestamp>,
    restart_count_min: Option<u32>,
    min_position: Option<String>,
    limit: Option<String>,
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

async fn list(State(state): State<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let after = page::after(query.after.as_deref())?;
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    position::views(&state, query.min_position.as_deref()).await?;
    let place = (query.unit.as_ref(), query.scope.as_ref());
    let rows = matching::list(state.engine.read_model(), place, &query.filter(), (after, limit)).await?;
    let position = rows.position;
    ok(position, &Page { items: rows.rows, next: rows.next.as_deref().map(page::cursor), position })
}

async fn show(State(state): State<ApiState>, place: Place, Query(query): Query<One>) -> Reply {
    let id = id_of(place);
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let row = read_model::row::<KeyScopes>(state.engine.read_model(), &KeyScopes::row_key(&id)).await?;
    ok(position, &row.ok_or_else(|| never_queued(&id))?)
}

async fn timeline(State(state): State<ApiState>, place: Place, Query(query): Query<Many>) -> Reply {
    let id = id_of(place);
    let absent = never_queued(&id);
    events::events(&state, &Subject::KeyScope(id), &query, absent).await
}

async fn attempts(State(state): State<ApiState>, place: Place, Query(query): Query<Many>) -> Reply {
    let id = id_of(place);
    let absent = never_queued(&id);
    events::attempts_of(&state, &Subject::KeyScope(id), &query, absent).await
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

async fn ask(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    let (outcome, position) = reprocess(&state, id_of(place), &write).await?;
    ok(position, &json!({ "outcome": outcome, "position": position }))
}

async fn hold(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    set_held(&state, id_of(place), &write, work::Command::Hold).await
}

async fn release(State(state): State<ApiState>, place: Place, Keyed(write): Keyed<Nothing>) -> Reply {
    set_held(&state, id_of(place), &write, work::Command::Release).await
}

async fn set_held(state: &ApiState, id: KeyScopeId, write: &Write<Nothing>, command: work::Command) -> Reply {
    let held = command == work::Command::Hold;
    let envelope = write.envelope(state, Command::work(id.clone(), command));
    let position = carry_out(state, envelope).await?.position;
    let KeyScopeId { unit, scope, key } = id;
    ok(position, &json!({ "unit": unit, "scope": scope, "key": key, "held": held, "position": position }))
}
