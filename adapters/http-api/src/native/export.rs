//! `GET /v1/export`: the log as CloudEvents, line by line, to its end at the time of the request. Does not know the form of
//! a line.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use domain::names::{OrganizationId, StorageUnitName};
use domain::ports::{ArchiveFilter, LogArchive, ReadError};
use domain::stream::Position;
use domain::time::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::log::{NDJSON, after, known_kind};
use crate::access::identity::Identity;
use crate::access::rights::Right;
use crate::description::{lines, names};
use crate::extract::{Query, State};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(export))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Begin after this position.
    #[param(value_type = names::Position, required = false, inline)]
    after: Option<String>,
    /// End with this position; without it, with the last one at the time of the request.
    #[param(value_type = names::Position, required = false, inline)]
    until: Option<String>,
    /// Only of streams whose names begin so.
    #[param(value_type = String, required = false, example = "key_scope-docs/")]
    stream_prefix: Option<String>,
    /// Only of this unit: its own stream and those of its key-scopes and records.
    #[param(value_type = names::StorageUnitName, required = false, inline)]
    unit: Option<StorageUnitName>,
    /// Only of this type, such as `key_scope.finished`, or of this kind of thing, such as `campaign`.
    #[param(value_type = names::EventKind, required = false, inline)]
    kind: Option<String>,
    /// Only what was recorded at this instant or later.
    #[param(value_type = names::Instant, required = false, inline)]
    since: Option<Timestamp>,
    /// Only what was recorded before this instant.
    #[param(value_type = names::Instant, required = false, inline)]
    before: Option<Timestamp>,
    /// Only what belongs to this organization; of other organizations than the own one, for admins of `default`.
    #[param(value_type = names::OrganizationId, required = false, inline)]
    organization: Option<OrganizationId>,
}

/// An event of an export: a CloudEvent, version 1.0. Its `data` is the payload as it is stored. The last line of an export
/// is one of the type `reprise.export.ended`, without which the export is not whole.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the event store writes, and is never made")]
pub(crate) struct CloudEvent {
    #[schema(pattern = "^1\\.0$")]
    specversion: String,
    #[schema(min_length = 1)]
    id: String,
    /// The log.
    #[schema(pattern = "^urn:uuid:[0-9a-f-]{36}$")]
    source: String,
    #[schema(pattern = "^[a-z_]+(\\.[a-z_]+)+$")]
    r#type: String,
    /// The stream.
    #[schema(value_type = names::StreamName, required = false)]
    subject: String,
    /// When it was recorded.
    #[schema(value_type = names::Timestamp, required = false)]
    time: String,
    #[schema(pattern = "^application/json$")]
    datacontenttype: String,
    #[schema(value_type = names::Position, required = false)]
    position: String,
    /// Its place in its stream.
    #[schema(pattern = "^[0-9]+$", required = false)]
    version: String,
    /// The version of the payload's stored form.
    #[schema(minimum = 1, required = false)]
    schemaversion: u16,
    #[schema(value_type = names::OrganizationId, required = false)]
    organization: String,
    #[schema(value_type = names::Actor, required = false)]
    actor: String,
    #[schema(value_type = names::Id, required = false)]
    commandid: String,
    #[schema(required = false)]
    idempotencykey: String,
    /// The command that recorded it, as a text of JSON.
    #[schema(required = false)]
    command: String,
    #[schema(required = false)]
    reason: String,
    #[schema(value_type = names::Id, required = false)]
    causationid: String,
    #[schema(value_type = names::Id, required = false)]
    correlationid: String,
    /// The metadata as a text of JSON, where the other attributes do not say all of them.
    #[schema(required = false)]
    metadata: String,
    data: serde_json::Value,
}

type CloudEventLines = lines::Lines<CloudEvent>;

/// Export events
///
/// As CloudEvents 1.0, a line each, oldest first; the last line says how many there were. What is exported without a filter
/// from the beginning can be imported by `reprise import`.
#[utoipa::path(
    get, path = "/v1/export", operation_id = "export_events", tag = "events",
    params(ExportQuery),
    responses((
        status = 200, description = "Lines of CloudEvents", body = CloudEventLines,
        content_type = "application/x-ndjson",
    )),
)]
async fn export(
    State(state): State<ApiState>,
    identity: Identity,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    // Looks at the right as well.
    identity.engine_of(&state, query.organization.as_ref())?;
    let after = after(&state, query.after.as_deref(), "query parameter after").await?;
    let head = state.engine.store().head().await?;
    let until = match &query.until {
        None => head,
        until => self::after(&state, until.as_deref(), "query parameter until").await?,
    };
    let kinds: Vec<String> = query.kind.into_iter().collect();
    kinds.iter().try_for_each(|kind| known_kind(&state, kind))?;
    let of_all = identity.has(Right::Run);
    let organization = query.organization.or_else(|| (!of_all).then(|| identity.organization.clone()));
    let filter = ArchiveFilter {
        stream_prefix: query.stream_prefix.unwrap_or_default(),
        unit: query.unit,
        kinds,
        since: query.since,
        before: query.before,
        organization,
    };
    let export = Export { archive: state.archive.clone(), after, reached: after, until, filter, events: 0 };
    let pages = futures::stream::try_unfold(Some(export), Export::next);
    let headers = [(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let mut response = (headers, Body::from_stream(pages)).into_response();
    position::stamp(&mut response, until);
    Ok(response)
}

/// An export under way: a page of it is in memory at a time.
struct Export {
    archive: Arc<dyn LogArchive>,
    after: Position,
    reached: Position,
    until: Position,
    filter: ArchiveFilter,
    events: u64,
}

impl Export {
    /// The next lines. After an error the reply breaks off: who reads it misses its last line.
    async fn next(this: Option<Self>) -> Result<Option<(Bytes, Option<Self>)>, io::Error> {
        let Some(mut this) = this else { return Ok(None) };
        loop {
            let page = this.archive.page(this.reached, this.until, &this.filter).await;
            let page = page.map_err(|error| broken_off(&error))?;
            this.events += page.events;
            let Some(reached) = page.reached else {
                let end = this.archive.end(this.after, this.until, &this.filter, this.events).await;
                let end = end.map_err(|error| broken_off(&error))?;
                return Ok(Some((end.into(), None)));
            };
            this.reached = reached;
            if !page.lines.is_empty() {
                return Ok(Some((page.lines.into(), Some(this))));
            }
        }
    }
}

fn broken_off(error: &ReadError) -> io::Error {
    tracing::error!(%error, "an export was broken off");
    io::Error::other(error.to_string())
}
