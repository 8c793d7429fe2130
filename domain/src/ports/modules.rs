//! The module port: programs and services that process documents. Does not know which unit uses which.

use async_trait::async_trait;

use crate::names::{Key, ModuleName, Scope, StorageUnitName};
use crate::retry::RetryPolicy;

/// What the configuration says of a module, apart from how it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleProfile {
    /// Attempts and backoff, unless the storage unit says otherwise.
    pub retry: RetryPolicy,
    /// The scope that keeps the result, unless the storage unit says otherwise.
    pub output_scope: Option<Scope>,
    /// How many documents it takes at once; 1 when it knows no batches.
    pub batch_items_max: usize,
}

/// One document for one module.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// The key.
    pub key: Key,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// The unit's settings for all modules, overlaid with those for this one.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The document.
    pub input: Vec<u8>,
}

/// What a module made of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleResult {
    /// The result.
    pub output: Vec<u8>,
}

/// Why a module made nothing of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct ModuleFailure {
    /// What went wrong, as a code: `exit_1`, `time_limit`, `output_limit`, `not_defined`, …
    pub code: String,
    /// What went wrong, as a text; bounded.
    pub text: String,
    /// Whether another attempt could end better.
    pub may_pass_later: bool,
}

/// Runs modules.
#[async_trait]
pub trait Modules: Send + Sync {
    /// What is known of a module, nothing when it is not defined here.
    fn profile(&self, module: &ModuleName) -> Option<ModuleProfile>;

    /// Runs a module over one document. Ends the program when the returned future is dropped.
    async fn run(&self, module: &ModuleName, job: Job) -> Result<ModuleResult, ModuleFailure>;

    /// Runs a module over a batch: documents of one unit and scope, with the same settings, at most
    /// [`ModuleProfile::batch_items_max`]. Gives what became of each, in their order; the failure of one is not that of
    /// another. Ends what works on the batch when the returned future is dropped.
    ///
    /// Without batches of its own, a module runs over one document after the other.
    async fn run_batch(
        &self,
        module: &ModuleName,
        jobs: Vec<Job>,
    ) -> Vec<Result<ModuleResult, ModuleFailure>> {
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            results.push(self.run(module, job).await);
        }
        results
    }

    /// Ends programs that live from batch to batch. When this returns, none is left; what is run afterwards starts them
    /// again. After a crash, they end by themselves: their stdin is closed.
    async fn end(&self) {}
}
