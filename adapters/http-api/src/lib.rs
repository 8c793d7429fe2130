//! The HTTP surfaces: the native API at `/v1`, StageR's at its own paths, and what operations need.
//!
//! Surfaces translate: a request becomes a command or a question to the engine, its answer becomes a reply. They know no
//! rule and no store.

mod admission;
mod closing;
mod extract;
mod health;
mod native;
mod page;
mod position;
mod problem;
mod reprocess;
mod request;
mod stager;
mod state;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

pub use closing::Closing;
pub use state::{ApiState, HttpSettings};

/// Every route.
pub fn router(state: ApiState) -> Router {
    let body_bytes_max = state.settings.body_bytes_max;
    Router::new()
        .merge(native::router())
        .merge(stager::router())
        .merge(health::router())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(state.clone(), position::stamp_every_reply))
        .with_state(state)
}
