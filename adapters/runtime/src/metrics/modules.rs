//! Modules that are measured while they run. Does not know what they are, nor who runs them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::names::ModuleName;
use domain::ports::{Job, ModuleFailure, ModuleProfile, ModuleResult, Modules};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tracing::Instrument as _;

use super::Labels;

/// Modules, with a clock beside them and a span around each run.
pub(super) struct Measured {
    pub(super) modules: Arc<dyn Modules>,
    pub(super) metrics: ModuleMetrics,
}

#[async_trait]
impl Modules for Measured {
    fn profile(&self, module: &ModuleName) -> Option<ModuleProfile> {
        self.modules.profile(module)
    }

    async fn run(&self, module: &ModuleName, job: Job) -> Result<ModuleResult, ModuleFailure> {
        let begun = Instant::now();
        let span = tracing::debug_span!("module", module = %module, documents = 1);
        let result = self.modules.run(module, job).instrument(span).await;
        self.metrics.ran(module, begun.elapsed(), std::slice::from_ref(&result));
        result
    }

    async fn run_batch(
        &self,
        module: &ModuleName,
        jobs: Vec<Job>,
    ) -> Vec<Result<ModuleResult, ModuleFailure>> {
        let begun = Instant::now();
        let span = tracing::debug_span!("module", module = %module, documents = jobs.len());
        let results = self.modules.run_batch(module, jobs).instrument(span).await;
        self.metrics.ran(module, begun.elapsed(), &results);
        results
    }

    async fn end(&self) {
        self.modules.end().await;
    }
}

/// What the built-in workers measure. Modules are those of the configuration, so their names are few.
#[derive(Clone)]
pub(super) struct ModuleMetrics {
    durations: Family<Labels<2>, Histogram, fn() -> Histogram>,
    documents: Family<Labels<2>, Counter>,
}

impl ModuleMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.005, 2.0, 18));
        let metrics = Self { durations: Family::new_with_constructor(buckets), documents: Family::default() };
        registry.register(
            "reprise_module_duration_seconds",
            "How long a module of the built-in workers took for a batch, by whether all of it succeeded",
            metrics.durations.clone(),
        );
        registry.register(
            "reprise_module_documents",
            "Documents that modules of the built-in workers were given, by what came of them",
            metrics.documents.clone(),
        );
        metrics
    }

    fn ran(&self, module: &ModuleName, took: Duration, results: &[Result<ModuleResult, ModuleFailure>]) {
        let labels =
            |outcome| [("module", Cow::Owned(module.to_string())), ("outcome", Cow::Borrowed(outcome))];
        let finished = results.iter().filter(|result| result.is_ok()).count();
        let failed = results.len() - finished;
        let outcome = if failed == 0 { "finished" } else { "failed" };
        self.durations.get_or_create(&labels(outcome)).observe(took.as_secs_f64());
        for (outcome, count) in [("finished", finished), ("failed", failed)] {
            self.documents.get_or_create(&labels(outcome)).inc_by(count as u64);
        }
    }
}
