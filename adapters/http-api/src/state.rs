//! What every handler has at hand: the engine and the surface's own limits.

use std::sync::Arc;

use axum::http::HeaderMap;
use domain::ports::{EventForms, LogArchive, Targets};
use runtime::Engine;
use tracing::Span;

use crate::closing::Closing;

/// Limits and choices of the HTTP surfaces.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The most bytes of a request's headers together.
    pub headers_bytes_max: usize,
    /// How many requests are answered at once.
    pub requests_at_once_max: usize,
    /// How many requests a key, or an address without one, may send in a second; nothing for as many as it likes.
    pub requests_per_second_max: Option<u32>,
    /// The most rows of one page.
    pub page_rows_max: usize,
    /// The most keys of one request that names keys one by one.
    pub keys_max: usize,
    /// The zone of keys that are sent without one (`reference/stager.md` §1).
    pub zone: String,
    /// Base URLs below which content may be registered over HTTP; anything else is refused.
    pub registered_bases: Vec<String>,
    /// Whether whoever calls owns this process and may do everything, without a key: the command line, in process.
    pub trusted: bool,
    /// Called with the headers of each request and the span that was made for it: here a trace is taken up that began
    /// with the caller.
    pub take_up_trace: Option<fn(&HeaderMap, &Span)>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            headers_bytes_max: 32 << 10,
            requests_at_once_max: 4_096,
            requests_per_second_max: None,
            page_rows_max: 1_000,
            keys_max: 10_000,
            zone: "LOCAL_ZONE".to_owned(),
            registered_bases: Vec::new(),
            trusted: false,
            take_up_trace: None,
        }
    }
}

/// What every handler has at hand.
#[derive(Clone)]
pub struct ApiState {
    /// The engine.
    pub engine: Engine,
    /// The surface's own limits.
    pub settings: Arc<HttpSettings>,
    /// How events are shown to programs.
    pub forms: Arc<dyn EventForms>,
    /// The log as a whole, for those who take it elsewhere. Everybody's: whoever asks it says whose events are wanted.
    pub archive: Arc<dyn LogArchive>,
    /// The instances that recorded commands may be sent to.
    pub targets: Arc<dyn Targets>,
    /// Says when to end what would otherwise go on for as long as its reader listens.
    pub closing: Closing,
}
