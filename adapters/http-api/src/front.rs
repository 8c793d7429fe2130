//! What every request passes on its way to its route, and every reply on its way back: it is seen, it is let in, and the
//! reply says a position. Does not know any route.
//!
//! All of it is one layer: a router makes each of its layers anew for every request.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::access::{Guard, guarded};
use crate::connect::tokens::Tokens;
use crate::metrics::HttpMetrics;
use crate::observe::observed;
use crate::position::stamped;
use crate::state::ApiState;

/// What stands in front of the routes.
pub(crate) struct Front {
    state: ApiState,
    metrics: Arc<HttpMetrics>,
    guard: Guard,
}

impl Front {
    pub(crate) fn new(state: ApiState, metrics: Arc<HttpMetrics>, tokens: Arc<Tokens>) -> Self {
        let guard = Guard::new(state.clone(), tokens);
        Self { state, metrics, guard }
    }
}

pub(crate) async fn every_request(
    State(front): State<Arc<Front>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Front { state, metrics, guard } = &*front;
    DefaultBodyLimit::max(state.settings.body_bytes_max).apply(&mut request);
    observed(state, metrics, request, |request| stamped(state, guarded(guard, request, next))).await
}
