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
mod front;
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

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

pub use access::{RouteAccess, access_table};

pub use closing::Closing;
pub use description::document;
pub use state::{ApiState, HttpSettings};

/// Every route.
pub fn router(state: ApiState) -> Router {
    let metrics = Arc::<metrics::HttpMetrics>::default();
    let tokens = Arc::<connect::tokens::Tokens>::default();
    let front = front::Front::new(state.clone(), metrics.clone(), tokens.clone());
    let (described, _) = described(metrics).split_for_parts();
    described
        .merge(stager::router())
        .merge(smartdocumentor::router())
        .merge(connect::router(tokens))
        .merge(docs::router())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(Arc::new(front), front::every_request))
        .with_state(state)
}

/// Every route that the description describes.
fn described(metrics: Arc<metrics::HttpMetrics>) -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(description::heading())
        .merge(native::router())
        .merge(health::router())
        .merge(metrics::router(metrics))
        .merge(description::router())
}
