//! `/v1/keys`: API keys are created, listed, rotated and revoked. A secret is shown once, in the answer that made it.
//! Does not know who may ask: the access table says.

use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use domain::api_key::{self, Issued, Role};
use domain::envelope::Command;
use domain::names::{Actor, ApiKeyId, KeyName, OrganizationId};
use domain::stream::{Position, Subject};
use domain::time::{Millis, Timestamp};
use projections::read_model::{self, Query as Rows};
use projections::view::Value;
use projections::views::{ApiKeyRow, ApiKeys, KeyState};
use runtime::Engine;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Many, Numbered, One, Reply, events, ok, reply};
use crate::access::identity::Identity;
use crate::access::secret::Secret;
use crate::description::problems::{KeyCreateRefusals, KeyRefusals, KeyRotateRefusals};
use crate::description::{names, things};
use crate::extract::{AsOf, Nothing, Path, Query, Reason, State, Write};
use crate::page::{self, Page};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// How many keys may be in use, those of all organizations together.
const KEYS_MAX: usize = 10_000;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show))
        .routes(routes!(timeline))
        .routes(routes!(rotate))
        .routes(routes!(revoke))
}

/// A key as it is sent: everything but its secret and what follows from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct Resource {
    #[schema(value_type = names::ApiKeyId)]
    id: ApiKeyId,
    #[schema(value_type = names::OrganizationId)]
    organization: OrganizationId,
    #[schema(value_type = names::KeyName)]
    name: KeyName,
    #[schema(value_type = things::Role)]
    role: Role,
    #[schema(value_type = things::KeyState)]
    state: KeyState,
    #[schema(value_type = names::Actor)]
    created_by: Actor,
    #[schema(value_type = names::Timestamp)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    rotated_at: Option<Timestamp>,
    /// Until when the secret before the last rotation is valid as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    previous_secret_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    revoked_at: Option<Timestamp>,
}

/// A key with its secret, which is shown this one time.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyWithSecret)]
struct Shown {
    #[schema(value_type = names::ApiKeyId)]
    id: ApiKeyId,
    /// What to present as `Authorization: Bearer`.
    #[schema(pattern = "^rp_[0-9a-f]{32}_[0-9a-f]+$")]
    api_key: String,
    /// Null when the views have not come so far.
    #[schema(value_type = Option<Resource>, required = true)]
    key: Option<Resource>,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// A key that lets nobody in any longer.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyRevoked)]
struct Revoked {
    #[schema(value_type = names::ApiKeyId)]
    id: ApiKeyId,
    #[schema(value_type = things::KeyState)]
    state: KeyState,
    #[schema(value_type = names::Position)]
    position: Position,
}

impl From<ApiKeyRow> for Resource {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id,
            organization: row.organization,
            name: row.name,
            role: row.role,
            state: row.state,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            rotated_at: row.rotated_at,
            previous_secret_until: row.previous.map(|previous| previous.until),
            revoked_at: row.revoked_at,
        }
    }
}

// ── Questions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Those of another organization, for admins of `default`.
    #[param(value_type = names::OrganizationId, required = false, inline)]
    organization: Option<OrganizationId>,
    /// Only those that stand there.
    #[param(value_type = things::KeyState, required = false, inline)]
    state: Option<KeyState>,
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

/// List API keys
///
/// Those of the own organization, without secrets.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "list_keys", tag = "keys",
    params(ListQuery),
    responses((status = 200, description = "A page of keys", body = Page<Resource>)),
)]
async fn list(AsOf(state): AsOf<ApiState>, identity: Identity, Query(query): Query<ListQuery>) -> Reply {
    let engine = identity.engine_of(&state, query.organization.as_ref())?;
    let rows = Rows {
        filters: query
            .state
            .map(|state| ("state", Value::Text(state.name().to_owned()).into()))
            .into_iter()
            .collect(),
        after: page::after(query.after.as_deref())?,
        ..Rows::page(page::limit(query.limit.as_deref(), &state.settings)?)
    };
    position::views(&state, query.min_position.as_deref()).await?;
    let rows = read_model::list::<ApiKeys>(engine.read_model(), rows).await?;
    let (position, next) = (rows.position, rows.next.as_deref().map(page::cursor));
    let items: Vec<Resource> = rows.rows.into_iter().map(Resource::from).collect();
    ok(position, &Page { items, next, position })
}

/// Show an API key
#[utoipa::path(
    get, path = "/v1/keys/{id}", operation_id = "show_key", tag = "keys",
    params(("id" = inline(names::ApiKeyId), Path), One),
    responses((status = 200, description = "The key", body = Resource), KeyRefusals),
)]
async fn show(
    AsOf(state): AsOf<ApiState>,
    identity: Identity,
    Path(id): Path<ApiKeyId>,
    Query(query): Query<One>,
) -> Reply {
    let engine = engine_of_key(&state, &identity, id)?;
    let position = position::views(&state, query.min_position.as_deref()).await?;
    ok(position, &resource(&engine, id).await?.ok_or_else(absent)?)
}

/// Show the history of an API key
#[utoipa::path(
    get, path = "/v1/keys/{id}/events", operation_id = "key_events", tag = "keys",
    params(("id" = inline(names::ApiKeyId), Path), Numbered),
    responses(
        (status = 200, description = "A page of its events", body = Page<things::TimelineEntry>),
        KeyRefusals,
    ),
)]
async fn timeline(
    AsOf(state): AsOf<ApiState>,
    identity: Identity,
    Path(id): Path<ApiKeyId>,
    Query(query): Query<Many>,
) -> Reply {
    let engine = engine_of_key(&state, &identity, id)?;
    events::events(&ApiState { engine, ..state }, &Subject::ApiKey(id), &query, absent()).await
}

/// The engine as the organization has it that a key belongs to. Who runs the instance sees all keys.
fn engine_of_key(state: &ApiState, identity: &Identity, id: ApiKeyId) -> Result<Engine, Problem> {
    let organization = state.engine.key_organization(id).ok_or_else(absent)?;
    identity.engine_of(state, Some(&organization)).map_err(|_| absent())
}

async fn resource(engine: &Engine, id: ApiKeyId) -> Result<Option<Resource>, Problem> {
    let row = read_model::row::<ApiKeys>(engine.read_model(), &id.to_string()).await?;
    Ok(row.map(Resource::from))
}

fn absent() -> Problem {
    api_key::Refusal::DoesNotExist.into()
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A key that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyCreate)]
struct CreateBody {
    #[schema(value_type = names::KeyName)]
    name: KeyName,
    #[schema(value_type = things::Role)]
    role: Role,
    /// Another organization than the own one, for admins of `default`.
    #[schema(value_type = Option<names::OrganizationId>)]
    organization: Option<OrganizationId>,
    /// When it ends by itself.
    #[schema(value_type = Option<names::Instant>)]
    expires_at: Option<Timestamp>,
}

type CreateWrite = Write<CreateBody>;

/// Create an API key
///
/// The answer is the one time that its secret is shown. The first key of an instance is an admin's of `default`; from then on
/// every request needs one.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "create_key", tag = "keys",
    params(Write<CreateBody>),
    request_body = CreateWrite,
    responses((status = 201, description = "The key with its secret", body = Shown), KeyCreateRefusals),
)]
async fn create(State(state): State<ApiState>, identity: Identity, write: Write<CreateBody>) -> Reply {
    let (CreateBody { name, role, organization, expires_at }, write) = write.split();
    let engine = identity.engine_of(&state, organization.as_ref())?;
    let organization = organization.unwrap_or(identity.organization);
    check_new(&engine, &organization, &name, role)?;
    let (id, secret) = (ApiKeyId(engine.fresh_id()), Secret::fresh()?);
    let digest = runtime::digest_of(secret.as_str().as_bytes());
    let issue = api_key::Command::Issue(Issued { name, role, secret: digest, expires_at });
    let accepted = engine.submit(write.envelope(&state, Command::ApiKey(id, issue))).await?;
    with_secret(&engine, StatusCode::CREATED, id, &secret, accepted.position).await
}

/// What must hold in the world before a key is issued. Two that are created at the same moment may have one name.
fn check_new(
    engine: &Engine,
    organization: &OrganizationId,
    name: &KeyName,
    role: Role,
) -> Result<(), Problem> {
    let is_instance = *organization == OrganizationId::default_organization();
    let can_make_others = role == Role::Admin && is_instance;
    if !engine.has_keys() && !can_make_others {
        let detail = "the first key closes the instance to everybody without one, so it must be an admin's of the \
                      organization 'default'; create that one first";
        return Err(Problem::invalid("first_key_not_admin", detail));
    }
    if [Actor::system().as_str(), crate::request::ACTOR_DEFAULT].contains(&name.as_str()) {
        let detail = format!("'{name}' is a name under which the engine itself acts; choose another");
        return Err(Problem::invalid("reserved_name", detail));
    }
    if engine.has_key_named(organization, name) {
        let detail = format!("a key named {name} is in use; choose another name, or revoke that one first");
        return Err(Problem::conflict("key_name_taken", detail));
    }
    if engine.keys_in_use() >= KEYS_MAX {
        let detail = format!("{KEYS_MAX} keys are in use; revoke those that nobody needs");
        return Err(Problem::conflict("too_many_keys", detail));
    }
    Ok(())
}

/// How a key gets another secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKeyRotate)]
struct RotateBody {
    /// For how long the old secret stays valid, in milliseconds.
    #[serde(default)]
    #[schema(value_type = names::GraceMillis, required = false)]
    grace_ms: Millis,
}

type RotateWrite = Write<RotateBody>;

/// Give an API key another secret
///
/// The answer is the one time that it is shown.
#[utoipa::path(
    post, path = "/v1/keys/{id}/rotate", operation_id = "rotate_key", tag = "keys",
    params(("id" = inline(names::ApiKeyId), Path), Write<RotateBody>),
    request_body = RotateWrite,
    responses((status = 200, description = "The key with its new secret", body = Shown), KeyRotateRefusals),
)]
async fn rotate(
    State(state): State<ApiState>,
    identity: Identity,
    Path(id): Path<ApiKeyId>,
    write: Write<RotateBody>,
) -> Reply {
    let (RotateBody { grace_ms }, write) = write.split();
    let engine = engine_of_key(&state, &identity, id)?;
    let secret = Secret::fresh()?;
    let digest = runtime::digest_of(secret.as_str().as_bytes());
    let rotate = api_key::Command::Rotate { secret: digest, grace_ms };
    let accepted = engine.submit(write.envelope(&state, Command::ApiKey(id, rotate))).await?;
    with_secret(&engine, StatusCode::OK, id, &secret, accepted.position).await
}

/// The only answer that has the whole key. Nobody in between may keep it.
async fn with_secret(
    engine: &Engine,
    status: StatusCode,
    id: ApiKeyId,
    secret: &Secret,
    position: Position,
) -> Reply {
    // Whether or not the views came so far: the key is valid, and this is the one time that it is shown.
    let _reached = engine.wait_for_views(position).await;
    let key = resource(engine, id).await.unwrap_or_default();
    let mut response = reply(status, position, &Shown { id, api_key: secret.key(id), key, position })?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::CREATED {
        let location = HeaderValue::from_str(&format!("/v1/keys/{id}"));
        response.headers_mut().insert(LOCATION, location.expect("an id is hexadecimal digits and '-'"));
    }
    Ok(response)
}

/// Revoke an API key
///
/// It is refused from the reply on, for ever. Again is no error.
#[utoipa::path(
    post, path = "/v1/keys/{id}/revoke", operation_id = "revoke_key", tag = "keys",
    params(("id" = inline(names::ApiKeyId), Path), Write<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "That it is revoked", body = Revoked), KeyRefusals),
)]
async fn revoke(
    State(state): State<ApiState>,
    identity: Identity,
    Path(id): Path<ApiKeyId>,
    write: Write<Nothing>,
) -> Reply {
    let engine = engine_of_key(&state, &identity, id)?;
    let command = Command::ApiKey(id, api_key::Command::Revoke);
    let position = engine.submit(write.envelope(&state, command)).await?.position;
    ok(position, &Revoked { id, state: KeyState::Revoked, position })
}
