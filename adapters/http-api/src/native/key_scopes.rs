//! `/v1/key-scopes`: where the work on each key-scope stands, its history, and what can be asked for it.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use domain::envelope::Command;
use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Subject};
use domain::work;
use projections::read_model::{self, Query as Rows};
use projections::view::{Value, View as _};
use projections::views::{KeyScopes, Status};
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
    min_position: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

impl ListQuery {
    fn filters(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &dyn ToString| Value::Text(text.to_string());
        let filters = [
            ("unit", self.unit.as_ref().map(|unit| text(unit))),
            ("scope", self.scope.as_ref().map(|scope| text(scope))),
            ("status", self.status.map(|status| text(&status.name()))),
            ("held", self.held.map(|held| Value::Integer(held.into()))),
            ("campaign", self.campaign.map(|campaign| text(&campaign))),
            ("error_code", self.error_code.as_ref().map(|code| text(code))),
        ];
        filters.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}

async fn list(State(state): State<ApiState>, Query(query): Query<ListQuery>) -> Reply {
    let rows = Rows {
        view: KeyScopes::NAME,
        filters: query.filters(),
        key_prefix: query.unit.as_ref().map(KeyScopes::unit_prefix).unwrap_or_default(),
        after: page::after(query.after.as_deref())?,
        limit: page::limit(query.limit.as_deref(), &state.settings)?,
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let rows = read_model::list::<KeyScopes>(state.engine.read_model(), rows).await?;
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
