//! Seeing requests from outside: each has an id, a span under which everything is logged that is done for it, a line in
//! the log and its place in the metrics. Never payloads, and of the address only the path. Does not know any route.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures::StreamExt as _;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::metrics::HttpMetrics;
use crate::state::ApiState;

/// The header by which callers name a request, and replies say how it is called.
pub(crate) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

tokio::task_local! {
    static REQUEST_ID: Arc<str>;
}

/// How the request is called for which this is running; nothing when it is running for none.
pub(crate) fn request_id() -> Option<Arc<str>> {
    REQUEST_ID.try_with(Arc::clone).ok()
}

/// Sees to it that a request is seen while it is answered.
pub(crate) async fn observed<A: Future<Output = Response>>(
    state: &ApiState,
    metrics: &HttpMetrics,
    request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response {
    let (begun, in_flight) = (Instant::now(), metrics.begins());
    let id = callers_id(request.headers()).unwrap_or_else(|| {
        Arc::from(&*state.engine.fresh_id().hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    });
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!(
        "request",
        request_id = &*id,
        %method,
        route = route.unwrap_or("none"),
        status = tracing::field::Empty
    );
    if let Some(take_up) = state.settings.take_up_trace {
        take_up(request.headers(), &span);
    }
    let answering = REQUEST_ID.scope(id.clone(), answer(request)).instrument(span.clone());
    let mut response = answering.await;
    drop(in_flight);
    let (status, took) = (response.status(), begun.elapsed());
    metrics.ended(route, &method, status, took);
    span.record("status", status.as_u16());
    span.in_scope(|| log(route, &path, status, took.as_millis()));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response.map(|body| in_span(body, span, id))
}

/// An id that a caller gave, if it can be repeated anywhere without harm.
fn callers_id(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(REQUEST_ID_HEADER)?.to_str().ok()?;
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&it);
    let is_well_formed = !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(is_plain);
    is_well_formed.then(|| id.into())
}

/// A line for each request: what was refused for everybody, what went well for those who want to know. Scrapes have none.
fn log(route: Option<&str>, path: &str, status: StatusCode, took_ms: u128) {
    let status = status.as_u16();
    match (route, status) {
        (Some("/metrics"), _) => {}
        (Some("/healthz" | "/readyz"), _) | (_, 100..=399) => {
            tracing::debug!(path, status, took_ms, "answered");
        }
        (_, _) => tracing::info!(path, status, took_ms, "refused"),
    }
}

// ── Replies that are written while they are sent ───────────────────────────────────────────────────────────────

/// What is done while a reply is written belongs to its request as well.
fn in_span(body: Body, span: Span, id: Arc<str>) -> Body {
    if body.size_hint().exact().is_some() {
        return body;
    }
    let mut written = body.into_data_stream();
    Body::from_stream(futures::stream::poll_fn(move |context| {
        let _entered = span.enter();
        REQUEST_ID.sync_scope(id.clone(), || written.poll_next_unpin(context))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_over(id: &str) -> bool {
        let headers = HeaderMap::from_iter([(REQUEST_ID_HEADER, HeaderValue::from_str(id).unwrap())]);
        callers_id(&headers).is_some()
    }

    #[test]
    fn an_id_is_taken_over_when_it_is_short_and_plain() {
        assert!(taken_over("a") && taken_over("01J9-x_y.z:1+2/3=@") && taken_over(&"a".repeat(128)));
        assert!(!taken_over("") && !taken_over(&"a".repeat(129)));
        assert!(!taken_over("a b") && !taken_over("a\"b") && !taken_over("{a}") && !taken_over("a;b"));
        assert_eq!(callers_id(&HeaderMap::new()), None);
    }
}
