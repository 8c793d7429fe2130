//! Spans for an OpenTelemetry collector: requests, commands, appends and what modules do, over OTLP/HTTP. Where to, and how, say
//! the environment variables of the OpenTelemetry specification. Does not know what happens in a span.

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::exit::CliError;

/// Where the collector is: one of these must be set, or nothing is exported.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// Which form it is sent in, the first that is set: `http/protobuf`, which is the default, or `http/json`.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// Sends spans while it is kept, and the last ones when it is dropped.
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Starts to export what the layer is told; nothing when the environment names no collector.
    pub(super) fn start<S>() -> Result<(Option<Self>, Option<impl Layer<S>>), CliError>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        if first_set(ENDPOINTS).is_none() {
            return Ok((None, None));
        }
        let exporter = SpanExporter::builder().with_http().with_protocol(protocol()?).build();
        let exporter =
            exporter.map_err(|error| CliError::Environment(format!("spans cannot be exported: {error}")))?;
        let resource = Resource::builder();
        let resource = match std::env::var("OTEL_SERVICE_NAME") {
            Ok(_) => resource,
            Err(_) => resource.with_service_name("reprise"),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("reprise");
        // Whatever is logged, every span is exported; what libraries say is theirs.
        let ours = ["http_api", "runtime"].map(|part| (part, LevelFilter::DEBUG));
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(Targets::from_iter(ours));
        Ok((Some(Self(provider)), Some(layer)))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

fn protocol() -> Result<Protocol, CliError> {
    match first_set(PROTOCOLS).as_deref() {
        None | Some("http/protobuf") => Ok(Protocol::HttpBinary),
        Some("http/json") => Ok(Protocol::HttpJson),
        Some(other) => Err(CliError::Environment(format!(
            "spans cannot be exported as '{other}'; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json"
        ))),
    }
}

fn first_set(names: [&str; 2]) -> Option<String> {
    names.into_iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
}

/// Makes the span a part of the trace that the headers `traceparent` and `tracestate` name.
pub(super) fn take_up(headers: &HeaderMap, span: &Span) {
    let context = TraceContextPropagator::new().extract(&Headers(headers));
    if context.span().span_context().is_valid() {
        // Where nothing is exported, there is no trace to be part of.
        let _taken_up = span.set_parent(context);
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}
