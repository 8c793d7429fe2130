//! The HTTP surfaces: the native API at `/v1`, StageR's at its own paths, and what operations need.
//!
//! Surfaces translate: a request becomes a command or a question to the engine, its answer becomes a reply. They know no
//! rule and no store.

mod admission;
mod closing;
mod extract;
mod health;
mod metrics;
mod native;
mod observe;
mod page;
mod position;
mod problem;
mod reprocess;
mod request;
mod stager;
mod state;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};

pub use closing::Closing;
pub use state::{ApiState, HttpSettings};

/// Every route.
pub fn router(state: ApiState) -> Router {
    let body_bytes_max = state.settings.body_bytes_max;
    let metrics = Arc::<metrics::HttpMetrics>::default();
    let observer = observe::Observer { state: state.clone(), metrics: metrics.clone() };
    Router::new()
        .merge(native::router())
        .merge(stager::router())
        .merge(health::router())
        .merge(metrics::router())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(state.clone(), position::stamp_every_reply))
        .layer(Extension(metrics))
        .layer(from_fn_with_state(observer, observe::every_request))
        .with_state(state)
}
