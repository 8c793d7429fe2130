//! Programs and services that process documents: the module port over one process per document, long-lived processes,
//! and HTTP; and the webhook port, since it is reached in the same way.
//!
//! [`Definition`] says what is written in the configuration, [`ConfiguredModules`] runs it; [`WebhookClient`] delivers. This
//! crate does not know which storage unit uses which module, nor what becomes of a result, a failure or an answer.

mod definition;
mod excerpt;
mod http;
mod process;
mod program;
mod stream;
#[cfg(test)]
mod tests;
pub mod tls;
mod webhook;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::names::ModuleName;
use domain::ports::{Job, ModuleFailure, ModuleProfile, ModuleResult, Modules};
use tokio::task::JoinSet;

use http::Service;
use stream::Programs;

pub use webhook::{SecretSource, WebhookClient, WebhookSettings};

pub use definition::{
    BATCH_ITEMS_MAX, BATCH_ITEMS_MAX_MAX, CODE_BYTES_MAX, Definition, DefinitionError, END_LIMIT_MS, Kind,
    Mode, OUTPUT_BYTES_MAX, OUTPUT_BYTES_MAX_MAX, Problem, REPLY_BYTES_MAX, REQUEST_BYTES_MAX,
    STDERR_BYTES_MAX, STDERR_BYTES_MAX_MAX, TIME_LIMIT_MS, TIME_LIMIT_MS_MAX,
};

/// The modules that the configuration defines, each run as its definition says.
#[derive(Debug, Default)]
pub struct ConfiguredModules {
    modules: BTreeMap<ModuleName, Module>,
}

#[derive(Debug)]
struct Module {
    definition: Definition,
    way: Way,
}

/// How a module is run.
#[derive(Debug)]
enum Way {
    Once,
    Stream(Arc<Programs>),
    Http(Box<Service>),
}

impl ConfiguredModules {
    /// Takes the definitions if each of them can be run as it is written. Looks at no network, and at no file but the
    /// certificates that services with `https://` need: see [`Self::missing_programs`].
    ///
    /// # Errors
    /// [`DefinitionError`], which names the module and says what to write instead.
    pub fn new(definitions: BTreeMap<ModuleName, Definition>) -> Result<Self, DefinitionError> {
        let mut modules = BTreeMap::new();
        for (name, definition) in definitions {
            let module = Module::new(definition);
            let module = module.map_err(|problem| DefinitionError { module: name.clone(), problem })?;
            modules.insert(name, module);
        }
        Ok(Self { modules })
    }

    /// The modules whose program or working directory is not there now. One error at start is worth more than one
    /// per document; it is no error of [`Self::new`], because a server may start before its programs are installed.
    #[must_use]
    pub fn missing_programs(&self) -> Vec<DefinitionError> {
        let missing = |(name, module): (&ModuleName, &Module)| {
            let problem = match module.definition.kind {
                Kind::Command => process::missing(&module.definition)?,
                Kind::Http => return None,
            };
            Some(DefinitionError { module: name.clone(), problem })
        };
        self.modules.iter().filter_map(missing).collect()
    }
}

impl Module {
    fn new(definition: Definition) -> Result<Self, Problem> {
        definition.check()?;
        let way = match (definition.kind, definition.mode) {
            (Kind::Command, Mode::Once) => Way::Once,
            (Kind::Command, Mode::Stream) => Way::Stream(Arc::new(Programs::new(definition.clone()))),
            (Kind::Http, Mode::Once | Mode::Stream) => Way::Http(Box::new(Service::new(definition.clone())?)),
        };
        Ok(Self { definition, way })
    }

    async fn run_batch(&self, jobs: Vec<Job>) -> Vec<Result<ModuleResult, ModuleFailure>> {
        match &self.way {
            Way::Stream(programs) => programs.run_batch(&jobs).await,
            Way::Http(service) => service.run_batch(&jobs).await,
            Way::Once => {
                let mut results = Vec::with_capacity(jobs.len());
                for job in jobs {
                    results.push(program::run(&self.definition, job).await);
                }
                results
            }
        }
    }
}

#[async_trait]
impl Modules for ConfiguredModules {
    fn profile(&self, module: &ModuleName) -> Option<ModuleProfile> {
        let Module { definition, way } = self.modules.get(module)?;
        let batch_items_max = match way {
            Way::Once => 1,
            Way::Stream(_) | Way::Http(_) => definition.batch_items_max,
        };
        Some(ModuleProfile {
            retry: definition.retry,
            output_scope: definition.output_scope.clone(),
            batch_items_max,
        })
    }

    async fn run(&self, module: &ModuleName, job: Job) -> Result<ModuleResult, ModuleFailure> {
        let mut results = self.run_batch(module, vec![job]).await;
        results.pop().expect("a batch of one has one result")
    }

    async fn run_batch(
        &self,
        module: &ModuleName,
        jobs: Vec<Job>,
    ) -> Vec<Result<ModuleResult, ModuleFailure>> {
        match self.modules.get(module) {
            Some(module) => module.run_batch(jobs).await,
            None => jobs.iter().map(|_| Err(not_defined(module))).collect(),
        }
    }

    async fn end(&self) {
        let mut ending = JoinSet::new();
        for module in self.modules.values() {
            match &module.way {
                Way::Stream(programs) => {
                    let programs = programs.clone();
                    ending.spawn(async move { programs.end().await });
                }
                Way::Once | Way::Http(_) => {}
            }
        }
        while ending.join_next().await.is_some() {}
    }
}

fn not_defined(module: &ModuleName) -> ModuleFailure {
    ModuleFailure {
        code: "not_defined".to_owned(),
        text: format!("no module '{module}' is defined here; add [modules.{module}] to the configuration"),
        may_pass_later: false,
    }
}
