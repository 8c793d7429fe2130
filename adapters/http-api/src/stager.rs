//! The StageR surface: the paths, methods, codes and bodies of `reference/stager.md` §3, §4, §6 and §7.
//!
//! The path word selects the operation, not the method; each documented method is registered, and GET is a legal
//! trigger. It does not know how commands are decided nor where content lies: it asks the engine.
//!
//! Read in this order: [`reply`] (what is answered), [`keys`] (zones), [`input`] (what is read from a request), then a
//! file for each group of calls.

mod access;
mod admin;
mod batch;
mod input;
mod keys;
mod page;
mod reply;
mod reprocess;
mod transaction;

use std::future::ready;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post, put};

use crate::problem::Problem;
use crate::state::ApiState;

/// Every call of this surface.
pub(crate) fn router() -> Router<ApiState> {
    Router::new()
        .merge(admin_routes())
        .merge(transaction_routes())
        .merge(access_routes())
        .merge(reprocess_routes())
}

/// The answer to a request that did not get as far as its call.
pub(crate) fn refused(problem: Problem) -> Response {
    reply::refused(problem).into_response()
}

/// `reference/stager.md` §3. `statistics` is our path for what the reference says no path of.
fn admin_routes() -> Router<ApiState> {
    let create = get(admin::create).put(admin::create).post(admin::create);
    let drop = get(admin::drop).delete(admin::drop).post(admin::drop);
    Router::new()
        .route("/admin/create/{unit}", effect("GET, PUT, POST", create))
        .route("/admin/drop/{unit}", effect("GET, DELETE, POST", drop))
        .route("/admin/list", get(admin::list).post(admin::list))
        .route("/admin/statistics/{unit}", get(admin::statistics).post(admin::statistics))
        .route("/admin/setContentProcessingModules/{unit}", post(admin::set_modules))
        .route("/admin/enableReprocessingQueue/{unit}/{enabled}", put(admin::enable_queue))
}

/// `reference/stager.md` §4.
fn transaction_routes() -> Router<ApiState> {
    let delete_scope = || delete(transaction::delete).post(transaction::delete);
    Router::new()
        .route("/transaction/add/{unit}/{scope}", put(transaction::add).post(transaction::add))
        .route("/transaction/delete/{unit}", delete_scope())
        .route("/transaction/delete/{unit}/{scope}", delete_scope())
        .route("/transaction/batch/{unit}", put(batch::batch).post(batch::batch))
}

/// `reference/stager.md` §6.
fn access_routes() -> Router<ApiState> {
    let fetch = || get(access::fetch).post(access::fetch);
    let fetch_multiple = || get(access::fetch_multiple_by_query).post(access::fetch_multiple_by_body);
    let fetch_page = || get(page::fetch_page_by_query).post(page::fetch_page_by_body);
    Router::new()
        .route("/access/fetch/{unit}/{key}", fetch())
        .route("/access/fetch/{unit}/{key}/{scope}", fetch())
        .route("/access/fetchMultiple/{unit}", fetch_multiple())
        .route("/access/fetchMultiple/{unit}/{scope}", fetch_multiple())
        .route("/access/fetchPage/{unit}", fetch_page())
        .route("/access/fetchPage/{unit}/{scope}", fetch_page())
}

/// `reference/stager.md` §7.3.
fn reprocess_routes() -> Router<ApiState> {
    let key = get(reprocess::key).post(reprocess::key);
    let keys = get(reprocess::keys_by_query).post(reprocess::keys_by_body);
    let all = get(reprocess::all).post(reprocess::all);
    let reset = get(reprocess::reset).post(reprocess::reset);
    Router::new()
        .route("/reprocess/key/{unit}/{key}/{scope}", effect("GET, POST", key))
        .route("/reprocess/keys/{unit}/{scope}", effect("GET, POST", keys))
        .route("/reprocess/all/{unit}/{scope}", effect("GET, POST", all))
        .route("/reprocess/reset/{unit}", effect("GET, POST", reset))
}

/// A route whose GET changes something. HEAD is not among the documented methods, and would otherwise be answered by
/// doing what GET does.
fn effect(allowed: &'static str, route: MethodRouter<ApiState>) -> MethodRouter<ApiState> {
    route.head(move || ready((StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allowed)])))
}
