//! The SmartDocumentor surface: the paths, methods, codes and bodies of `reference/smartdocumentor.md` §4. How a client
//! proves itself (§1) is in [`crate::connect`].
//!
//! It does not know how commands are decided nor which stages a task has: it asks the engine.
//!
//! Read in this order: [`reply`] (what is answered), [`input`] (what is read from a request), [`status`] (a task as it is
//! shown), then a file for each group of calls.

mod batches;
mod input;
mod list;
mod pages;
mod process;
mod reply;
mod restart;
mod status;
mod workspaces;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};

use crate::problem::Problem;
use crate::state::ApiState;

const RESTART_PATH: &str = "/api/v1.0/external/sdtask/restartprocessing";

/// Every call of this surface.
pub(crate) fn router() -> Router<ApiState> {
    let restart = patch(restart::restart).layer(map_response(reply::without_body));
    Router::new()
        .route("/api/v1.0/external/sdtask/process", post(process::process))
        .route("/api/v1.0/external/sdtask/status", get(status::status))
        .route("/api/v1.0/external/sdtask/statuslist", get(list::list))
        .route("/api/v1.0/external/sdtask/statuslistpaginated", get(list::paginated))
        .route("/api/v1.0/external/sdtask/restartprocessing", restart)
        .route("/api/v1.0/external/sdtask/externalIntegrationStatus", patch(restart::set_external_status))
        .route("/api/v1.0/external/sdworkspace/CurrentWorkspaces", get(workspaces::current))
        .route("/api/v1.0/external/sdbatch", get(batches::show).post(batches::create))
        .route("/api/v1.0/external/sdbatch/listpaginated", get(batches::paginated))
}

/// The answer to a request that did not get as far as its call.
pub(crate) fn refused(path: &str, problem: Problem) -> Response {
    let response = reply::refused(problem).into_response();
    // Trap 3 of the reference: whatever the answer to this call, it has no body.
    if path == RESTART_PATH { reply::emptied(response) } else { response }
}
