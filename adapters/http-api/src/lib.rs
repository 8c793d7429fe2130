//! The HTTP surfaces: the native API at `/v1`, StageR's and SmartDocumentor's at their own paths, and what operations need.
//!
//! Surfaces translate: a request becomes a command or a question to the engine, its answer becomes a reply. They know no
//! rule and no store.

#![expect(unused_qualifications, reason = "what describes a route is generated, and writes paths in full")]

mod access;
mod admission;
mod closing;
mod connect;
mod description;
mod docs;
mod extract;
mod health;
mod limits;
mod metrics;
mod native;
mod observe;
mod page;
mod position;
mod problem;
mod reprocess;
mod request;
mod smartdocumentor;
mod stager;
mod state;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;

pub use access::{RouteAccess, access_table};

pub use closing::Closing;
pub use description::document;
pub use state::{ApiState, HttpSettings};

/// Every route.
pub fn router(state: ApiState) -> Router {
    let body_bytes_max = state.settings.body_bytes_max;
    let metrics = Arc::<metrics::HttpMetrics>::default();
    let observer = observe::Observer { state: state.clone(), metrics: metrics.clone() };
    let tokens = Arc::<connect::tokens::Tokens>::default();
    let guard = access::Guard::new(state.clone(), tokens.clone());
    let (described, _) = described().split_for_parts();
    described
        .merge(stager::router())
        .merge(smartdocumentor::router())
        .merge(connect::router())
        .merge(docs::router())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(guard, access::guard))
        .layer(from_fn_with_state(state.clone(), position::stamp_every_reply))
        .layer(Extension(metrics))
        .layer(Extension(tokens))
        .layer(from_fn_with_state(observer, observe::every_request))
        .with_state(state)
}

/// Every route that the description describes.
fn described() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(description::heading())
        .merge(native::router())
        .merge(health::router())
        .merge(metrics::router())
        .merge(description::router())
}
