//! `GET /metrics`: everything that is counted and measured, for Prometheus; and what is counted of requests. Does not
//! know what the engine counts.

#[cfg(target_os = "linux")]
mod process;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health;
use crate::state::ApiState;

/// The form of the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

pub(crate) fn router(http: Arc<HttpMetrics>) -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show)).route_layer(Extension(http))
}

/// Show the metrics
///
/// Everything that is counted and measured, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operations",
    responses((
        status = 200, description = "The metrics as OpenMetrics text", body = String,
        content_type = "application/openmetrics-text",
    )),
)]
async fn show(State(state): State<ApiState>, Extension(http): Extension<Arc<HttpMetrics>>) -> Response {
    let mut text = state.engine.metrics_text().await;
    let mut sampled = Registry::default();
    let ready = Gauge::<i64>::default();
    ready.set(health::is_ready(&state).await.into());
    sampled.register("reprise_ready", "1 when the instance is ready for work, else 0", ready);
    #[cfg(target_os = "linux")]
    process::sample(&mut sampled);
    for registry in [&http.registry, &sampled] {
        encode_registry(&mut text, registry).expect("a text takes everything that is written to it");
    }
    encode_eof(&mut text).expect("a text takes everything that is written to it");
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What is counted of requests. The labels are bounded: routes as they are written in the router, methods and statuses
/// by kind.
pub(crate) struct HttpMetrics {
    registry: Registry,
    requests: Family<Labels<4>, Counter>,
    durations: Family<Labels<3>, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_5, 2.0, 17));
        let durations = Family::new_with_constructor(buckets);
        let (requests, in_flight) = (Family::default(), Gauge::default());
        let mut registry = Registry::default();
        let help = "Requests that were answered, by surface, route, method and kind of status";
        registry.register("reprise_http_requests", help, Family::clone(&requests));
        let help = "How long requests took until their reply began, waiting for work included";
        registry.register("reprise_http_request_duration_seconds", help, durations.clone());
        let help = "Requests whose reply has not begun";
        registry.register("reprise_http_requests_in_flight", help, Gauge::clone(&in_flight));
        Self { registry, requests, durations, in_flight }
    }
}

/// A request that is being answered, until it is dropped.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl HttpMetrics {
    /// A request has come in.
    pub(crate) fn begins(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request has been answered; `route` is the path as the router has it, nothing when no route matched.
    pub(crate) fn ended(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let surface = ("surface", Cow::Borrowed(route.map_or("none", surface)));
        let route = ("route", route.map_or(Cow::Borrowed("none"), |route| Cow::Owned(route.to_owned())));
        let method = ("method", Cow::Borrowed(method_label(method)));
        let labels =
            [surface.clone(), route.clone(), method.clone(), ("status", status_class(status).into())];
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&[surface, route, method]).observe(took.as_secs_f64());
    }
}

/// Whose path it is.
fn surface(route: &str) -> &'static str {
    match route.split('/').nth(1).unwrap_or_default() {
        "v1" => "native",
        "admin" | "transaction" | "access" | "reprocess" => "stager",
        "api" | "connect" => "smartdocumentor",
        "healthz" | "readyz" | "metrics" => "operations",
        _ => "other",
    }
}

/// Methods can be made up, so only the known ones have lines of their own.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
