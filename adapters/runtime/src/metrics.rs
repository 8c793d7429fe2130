//! What is counted and measured while the engine works, and the registry that writes it out. One per engine, so that
//! several in one process stay apart. `docs/operations/metrics.md` is the list for people.
//!
//! Where things happen, a count is an addition to a number that was looked up before. It does not know who reads it.

mod depths;
mod modules;
mod pipeline;
mod sampled;

use std::borrow::Cow;
use std::sync::Arc;

use domain::ports::Modules;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::engine::Engine;

use modules::{Measured, ModuleMetrics};
pub(crate) use pipeline::{CommandCounters, PipelineMetrics};

/// Names and values of the labels of one line.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// Everything that an engine counts.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) pipeline: PipelineMetrics,
    modules: ModuleMetrics,
    followers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let pipeline = PipelineMetrics::register(&mut registry);
        let modules = ModuleMetrics::register(&mut registry);
        let followers = Gauge::default();
        registry.register(
            "reprise_event_followers",
            "Readers that follow the events at this moment",
            followers.clone(),
        );
        registry.register(
            "reprise_build",
            "The program, by its version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        Self { registry, pipeline, modules, followers }
    }
}

impl Metrics {
    /// The same modules; whoever runs them is measured.
    pub(crate) fn measured(&self, modules: Arc<dyn Modules>) -> Arc<dyn Modules> {
        Arc::new(Measured { modules, metrics: self.modules.clone() })
    }
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

/// Counts somebody who follows the events, until it is dropped.
#[derive(Debug)]
pub struct FollowerCount(Gauge);

impl Drop for FollowerCount {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Engine {
    /// Everything that is counted and measured, as OpenMetrics text without its last line, so that more can follow. What
    /// cannot be found out at this moment is left out.
    pub async fn metrics_text(&self) -> String {
        let mut text = String::new();
        let sampled = sampled::sample(self).await;
        for registry in [&self.metrics().registry, &sampled] {
            encode_registry(&mut text, registry).expect("a text takes everything that is written to it");
        }
        text
    }

    /// Counts somebody who follows the events for as long as what it gives is kept.
    #[must_use]
    pub fn count_follower(&self) -> FollowerCount {
        let followers = self.metrics().followers.clone();
        followers.inc();
        FollowerCount(followers)
    }
}
