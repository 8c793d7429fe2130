//! The native API at `/v1`. Every route translates: a request becomes a command or a question, the answer a reply.
//! Does not know any rule. `docs/http-api.md` is its manual.

pub(crate) mod bases;
mod batches;
mod campaigns;
mod commands;
mod diff;
mod documents;
mod events;
mod explain;
mod export;
mod integrity;
mod key_scopes;
mod keys;
mod leases;
mod log;
mod overview;
mod projections;
mod replays;
mod storage_units;
mod system;
mod tasks;
mod trace;
mod workers;
mod workspaces;

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::stream::Position;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

use crate::description::names;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// What a handler gives.
pub(crate) type Reply = Result<Response, Problem>;

/// Every native route.
pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(storage_units::router())
        .merge(key_scopes::router())
        .merge(keys::router())
        .merge(campaigns::router())
        .merge(workspaces::router())
        .merge(batches::router())
        .merge(tasks::router())
        .merge(explain::router())
        .merge(leases::router())
        .merge(documents::router())
        .merge(workers::router())
        .merge(commands::router())
        .merge(trace::router())
        .merge(log::router())
        .merge(export::router())
        .merge(integrity::router())
        .merge(overview::router())
        .merge(diff::router())
        .merge(system::router())
        .merge(projections::router())
        .merge(replays::router())
}

/// The query string of a question for one thing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct One {
    /// As of this moment of the past; not together with `min_position`.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
}

/// The query string of a question for one thing that is only asked of the present.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OneNow {
    /// Wait until the answer reflects this position; 503 `views_behind` when it does not in time.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
}

/// The query string of a question for a page of something that has no filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Many {
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

/// The same where the things are numbered: [`Many`] as the description shows it then.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Many` reads, and is never made")]
struct Numbered {
    /// As of this moment of the past; not together with `min_position`.
    #[param(value_type = names::Moment, required = false, inline)]
    at: Option<String>,
    /// Wait until the log has reached this position.
    #[param(value_type = names::Position, required = false, inline)]
    min_position: Option<String>,
    /// How many items; 100 unless said otherwise.
    #[param(value_type = names::Limit, required = false, inline)]
    limit: Option<String>,
    /// The `next` of the page before: the number of its last item.
    #[param(value_type = names::Version, required = false, inline)]
    after: Option<String>,
}

/// A JSON reply that reflects a position.
pub(crate) fn reply(status: StatusCode, position: Position, body: &impl Serialize) -> Reply {
    let json = serde_json::to_vec(body)
        .map_err(|error| Problem::broken("unwritable_reply", format!("the answer is no JSON: {error}")))?;
    let content_type = HeaderValue::from_static("application/json");
    let mut response = (status, [(CONTENT_TYPE, content_type)], json).into_response();
    position::stamp(&mut response, position);
    Ok(response)
}

/// A JSON reply that says where the thing is that was made.
fn made(path: &str, position: Position, body: &impl Serialize) -> Reply {
    let mut response = reply(StatusCode::CREATED, position, body)?;
    let location = HeaderValue::from_str(path).expect("a path of words and numbers is ASCII");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// A JSON reply with status 200.
fn ok(position: Position, body: &impl Serialize) -> Reply {
    reply(StatusCode::OK, position, body)
}
