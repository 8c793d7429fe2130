//! What the process says of itself while it runs: log lines, and spans for those who collect them. Does not know what
//! is said.

#[cfg(feature = "otel")]
mod spans;

use std::io::IsTerminal as _;

use axum::http::HeaderMap;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::args::{Args, Command};
use crate::exit::CliError;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: an object for each line.
    Json,
}

/// Takes up a trace that began with a caller.
#[cfg(feature = "otel")]
pub(crate) const TAKE_UP_TRACE: Option<fn(&HeaderMap, &Span)> = Some(spans::take_up);
/// Traces that began with a caller are taken up by builds that export spans.
#[cfg(not(feature = "otel"))]
pub(crate) const TAKE_UP_TRACE: Option<fn(&HeaderMap, &Span)> = None;

/// While this is kept, the process says what it does; what it has not said yet, it says when this is dropped.
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    _exporter: Option<spans::Exporter>,
}

impl Telemetry {
    /// Starts to write log lines to stderr, and to export spans where the environment says so.
    pub(crate) fn start(args: &Args, format: LogFormat) -> Result<Self, CliError> {
        let level = match (&args.command, args.global.verbose) {
            (_, 2..) => "debug",
            (_, 1) | (Command::Serve(_) | Command::Work(_), 0) => "info",
            (_, 0) => "warn",
        };
        let filter = EnvFilter::try_from_env("REPRISE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
        let registry = tracing_subscriber::registry().with(lines(format).with_filter(filter));
        #[cfg(feature = "otel")]
        {
            let (exporter, layer) = spans::Exporter::start()?;
            registry.with(layer).init();
            Ok(Self { _exporter: exporter })
        }
        #[cfg(not(feature = "otel"))]
        {
            registry.init();
            Ok(Self {})
        }
    }
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // Whoever read the log may be gone: that is no reason to stop working.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}
