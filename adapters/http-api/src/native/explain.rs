//! `…/explain`: why a thing does not move, and the requests that would free it. Does not know the rules: the engine explains.

mod request;

use domain::names::{CampaignId, Key, Scope, StorageUnitName, TaskId, UserName, WorkspaceId};
use domain::stream::{KeyScopeId, Position, Subject};
use domain::time::Timestamp;
use projections::explain::{Explanation, Legal, Line, Remedy, Why, user};
use runtime::ExplainError;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::request::Request;
use super::key_scopes::{PlaceParams, never_queued};
use super::{OneNow, Reply, campaigns, ok, storage_units, tasks, workspaces};
use crate::access::identity::Identity;
use crate::description::problems::{
    CampaignRefusals, KeyScopeRefusals, TaskRefusals, UnitRefusals, WorkspaceRefusals,
};
use crate::description::{explain as described, names};
use crate::extract::{Path, Query, State};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(key_scope))
        .routes(routes!(task))
        .routes(routes!(campaign))
        .routes(routes!(storage_unit))
        .routes(routes!(workspace))
        .routes(routes!(system))
}

/// An explanation as it is sent.
#[derive(Serialize)]
struct Body {
    /// The stream of the thing, as `/v1/commands` wants it.
    subject: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    causes: Vec<Why>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Line>,
    suggestions: Vec<Suggestion>,
    legal: Vec<Legal>,
    position: Position,
}

/// Something to do.
#[derive(Serialize)]
struct Suggestion {
    text: String,
    request: Request,
    command: String,
}

impl From<&Remedy> for Suggestion {
    fn from(remedy: &Remedy) -> Self {
        let request = Request::of(remedy);
        Self { text: remedy.text(), command: request::command_line(remedy, &request), request }
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Log(error) => error.into(),
            ExplainError::Read(error) => error.into(),
            ExplainError::Submit(error) => error.into(),
        }
    }
}

/// Explain a key-scope
///
/// Why it does not move, what can be asked of it, and what would free it; the first suggestion frees it from the first
/// cause. Nothing is recorded.
#[utoipa::path(
    get, path = "/v1/key-scopes/{unit}/{scope}/{key}/explain", operation_id = "explain_key_scope", tag = "key-scopes",
    params(PlaceParams, OneNow),
    responses((status = 200, description = "Why it does not move", body = described::Explanation), KeyScopeRefusals),
)]
async fn key_scope(
    State(state): State<ApiState>,
    Path((unit, scope, key)): Path<(StorageUnitName, Scope, Key)>,
    identity: Identity,
    Query(query): Query<OneNow>,
) -> Reply {
    let id = KeyScopeId { unit, scope, key };
    let absent = never_queued(&id);
    explained(&state, &identity, Subject::KeyScope(id), &query, absent).await
}

/// Explain a task
///
/// Why it does not move, what can be asked of it, and what would free it; the first suggestion frees it from the first
/// cause. Nothing is recorded.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/explain", operation_id = "explain_task", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), OneNow),
    responses((status = 200, description = "Why it does not move", body = described::Explanation), TaskRefusals),
)]
async fn task(
    State(state): State<ApiState>,
    Path(id): Path<TaskId>,
    identity: Identity,
    Query(query): Query<OneNow>,
) -> Reply {
    explained(&state, &identity, Subject::Task(id), &query, tasks::absent(id)).await
}

/// Explain a campaign
///
/// Why it asks for nothing now, or does not end, and what would let it go on.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/explain", operation_id = "explain_campaign", tag = "campaigns",
    params(("id" = inline(names::CampaignId), Path), OneNow),
    responses((status = 200, description = "Why it does not move", body = described::Explanation), CampaignRefusals),
)]
async fn campaign(
    State(state): State<ApiState>,
    Path(id): Path<CampaignId>,
    identity: Identity,
    Query(query): Query<OneNow>,
) -> Reply {
    explained(&state, &identity, Subject::Campaign(id), &query, campaigns::absent()).await
}

/// Explain a storage unit
///
/// Why its work is not claimed, and what would let it be.
#[utoipa::path(
    get, path = "/v1/storage-units/{name}/explain", operation_id = "explain_storage_unit", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), OneNow),
    responses((status = 200, description = "Why its work does not move", body = described::Explanation), UnitRefusals),
)]
async fn storage_unit(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    identity: Identity,
    Query(query): Query<OneNow>,
) -> Reply {
    explained(&state, &identity, Subject::StorageUnit(name), &query, storage_units::absent()).await
}

/// Explain a workspace
///
/// Why its tasks are not claimed, and what would let them be.
#[utoipa::path(
    get, path = "/v1/workspaces/{id}/explain", operation_id = "explain_workspace", tag = "workspaces",
    params(("id" = inline(names::WorkspaceId), Path), OneNow),
    responses((status = 200, description = "Why its tasks do not move", body = described::Explanation), WorkspaceRefusals),
)]
async fn workspace(
    State(state): State<ApiState>,
    Path(id): Path<WorkspaceId>,
    identity: Identity,
    Query(query): Query<OneNow>,
) -> Reply {
    explained(&state, &identity, Subject::Workspace(id), &query, workspaces::absent()).await
}

/// Explain the system
///
/// Whether leases are given to anybody: if not, since when, by whom and why, and what goes on with that.
#[utoipa::path(
    get, path = "/v1/system/explain", operation_id = "explain_system", tag = "system",
    params(OneNow),
    responses((status = 200, description = "Why no lease is given, or that they are", body = described::Explanation)),
)]
async fn system(State(state): State<ApiState>, identity: Identity, Query(query): Query<OneNow>) -> Reply {
    let absent = Problem::broken("no_system", "the system has no explanation");
    explained(&state, &identity, Subject::System, &query, absent).await
}

async fn explained(
    state: &ApiState,
    identity: &Identity,
    subject: Subject,
    query: &OneNow,
    absent: Problem,
) -> Reply {
    let position = position::views(state, query.min_position.as_deref()).await?;
    let asker: Option<UserName> = identity.key.as_ref().and_then(|(_, name)| user(name.as_str()));
    let explanation = state.engine.explain(&subject, asker.as_ref()).await?.ok_or(absent)?;
    let Explanation { state: stands, since, causes, queue, legal, remedies } = explanation;
    let suggestions = remedies.iter().map(Suggestion::from).collect();
    let subject = subject.stream().to_string();
    ok(position, &Body { subject, state: stands, since, causes, queue, suggestions, legal, position })
}
