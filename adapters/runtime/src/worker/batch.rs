//! A batch: the modules of one scope, in order, over documents of one unit. Each document has an ending of its own.
//! Workers inside the server and outside share it. Does not know how a lease is kept, a document read or a result
//! reported: whoever holds the lease does.

use std::vec::IntoIter;

use async_trait::async_trait;
use domain::names::{ModuleName, Scope};
use domain::ports::{Job, ModuleFailure, ModuleProfile, ModuleResult, Modules};
use domain::retry::RetryPolicy;
use domain::storage_unit::{ModuleEntry, ModuleInput};
use domain::stream::KeyScopeId;
use domain::work::Output;

use crate::outside::digest_of;

/// How much of the documents of one batch is in memory at once, in bytes, and one document more. What is beyond it
/// waits for its turn.
const PORTION_BYTES_MAX: usize = 64 << 20;

/// One lease in somebody's hand.
#[async_trait]
pub trait Held: Sync {
    /// On what.
    fn id(&self) -> &KeyScopeId;

    /// Which attempt this is, counted from 1.
    fn attempt(&self) -> u32;

    /// Whether the lease was found to be gone.
    fn is_lost(&self) -> bool;

    /// How often and when another attempt is made, whatever the module's entry says; nothing unless a plan says it.
    fn planned_retry(&self) -> Option<RetryPolicy> {
        None
    }

    /// The document, or how the attempt ends without it.
    async fn read(&self) -> Result<Vec<u8>, Ending>;

    /// Keeps an output under a scope, now or with the report; or how the attempt ends when that cannot be.
    async fn keep(&self, scope: &Scope, output: Vec<u8>) -> Result<(), Ending>;
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With what each module made.
    Finished(Vec<Output>),
    /// With nothing.
    Failed {
        /// What went wrong, as a code.
        code: String,
        /// What went wrong, as a text.
        text: String,
        /// How often and when it is tried again.
        retry: RetryPolicy,
    },
    /// The lease is somebody else's now.
    GivenUp,
}

impl Ending {
    /// The end by a failure; `retry` holds if another attempt could end better.
    #[must_use]
    pub fn failed(failure: ModuleFailure, retry: RetryPolicy) -> Self {
        let ModuleFailure { code, text, may_pass_later } = failure;
        let retry = if may_pass_later { retry } else { RetryPolicy::never() };
        Self::Failed { code, text, retry }
    }

    /// The engine could not read or keep what was needed: another attempt may.
    #[must_use]
    pub fn interrupted(text: impl Into<String>) -> Self {
        Self::Failed { code: "engine".to_owned(), text: text.into(), retry: RetryPolicy::default() }
    }
}

/// How many documents a worker takes at once: as many as the module of the scope that takes the most. At least 1.
#[must_use]
pub fn batch_items_max(modules: &dyn Modules, entries: &[ModuleEntry]) -> usize {
    let profiles = entries.iter().filter_map(|entry| modules.profile(&entry.module));
    profiles.map(|profile| profile.batch_items_max).max().unwrap_or(1).max(1)
}

/// A document on its way through the modules.
struct Item<'a, H> {
    hand: &'a H,
    document: Vec<u8>,
    /// What the module before made of it.
    previous: Vec<u8>,
    outputs: Vec<Output>,
    /// How it ended, once it did before its last module.
    ending: Option<Ending>,
}

/// Runs the modules of a scope over documents of it, and gives every lease its ending, in order. Each entry has its
/// whole settings: the unit's, overlaid with its own.
pub async fn attempt<H: Held>(modules: &dyn Modules, entries: &[ModuleEntry], hands: &[H]) -> Vec<Ending> {
    let mut endings = Vec::with_capacity(hands.len());
    while let Some(rest) = hands.get(endings.len()..).filter(|rest| !rest.is_empty()) {
        let mut items = read_portion(rest).await;
        for entry in entries {
            run_entry(modules, entry, &mut items).await;
        }
        endings.extend(items.into_iter().map(Item::end));
    }
    endings
}

/// Reads documents until there is enough in memory. At least one.
async fn read_portion<H: Held>(hands: &[H]) -> Vec<Item<'_, H>> {
    let mut items = Vec::new();
    let mut size_bytes = 0;
    for hand in hands {
        let (document, ending) = match hand.read().await {
            Ok(document) => (document, None),
            Err(ending) => (Vec::new(), Some(ending)),
        };
        size_bytes += document.len();
        items.push(Item { hand, document, previous: Vec::new(), outputs: Vec::new(), ending });
        if size_bytes > PORTION_BYTES_MAX {
            break;
        }
    }
    items
}

/// Runs one module over everything that has not ended, in batches of the size that it takes.
async fn run_entry<H: Held>(modules: &dyn Modules, entry: &ModuleEntry, items: &mut [Item<'_, H>]) {
    let mut open: Vec<&mut Item<'_, H>> = items.iter_mut().filter_map(Item::if_open).collect();
    let Some(profile) = modules.profile(&entry.module) else {
        open.iter_mut().for_each(|item| item.ending = Some(not_defined(&entry.module)));
        return;
    };
    for batch in open.chunks_mut(profile.batch_items_max.max(1)) {
        let jobs = batch.iter_mut().map(|item| item.job(entry)).collect();
        let mut results = modules.run_batch(&entry.module, jobs).await.into_iter();
        for item in batch {
            item.take(&mut results, entry, &profile).await;
        }
    }
}

impl<H: Held> Item<'_, H> {
    /// This, unless it has ended or its lease is gone.
    fn if_open(&mut self) -> Option<&mut Self> {
        if self.ending.is_none() && self.hand.is_lost() {
            self.ending = Some(Ending::GivenUp);
        }
        self.ending.is_none().then_some(self)
    }

    fn job(&mut self, entry: &ModuleEntry) -> Job {
        let KeyScopeId { unit, scope, key } = self.hand.id().clone();
        Job {
            unit,
            scope,
            key,
            attempt: self.hand.attempt(),
            settings: entry.settings.clone(),
            input: match entry.input {
                ModuleInput::Document => self.document.clone(),
                ModuleInput::Previous => std::mem::take(&mut self.previous),
            },
        }
    }

    /// Takes the next of the results as what a module made of this.
    async fn take(
        &mut self,
        results: &mut IntoIter<Result<ModuleResult, ModuleFailure>>,
        entry: &ModuleEntry,
        profile: &ModuleProfile,
    ) {
        match results.next() {
            Some(Ok(result)) => {
                if let Err(ending) = self.keep(result.output, entry, profile).await {
                    self.ending = Some(ending);
                }
            }
            Some(Err(failure)) => {
                let retry = self.hand.planned_retry().or(entry.retry).unwrap_or(profile.retry);
                self.ending = Some(Ending::failed(failure, retry));
            }
            None => {
                let problem = format!("the module {} gave fewer results than it got documents", entry.module);
                self.ending = Some(Ending::interrupted(problem));
            }
        }
    }

    async fn keep(
        &mut self,
        output: Vec<u8>,
        entry: &ModuleEntry,
        profile: &ModuleProfile,
    ) -> Result<(), Ending> {
        let (digest, size_bytes) = (digest_of(&output), output.len() as u64);
        let id = self.hand.id();
        let scope = match id.task_stage() {
            // What a task's stage makes is always kept, under the stage.
            Some(_) => Some(id.scope.clone()),
            None => entry.output_scope.clone().or_else(|| profile.output_scope.clone()),
        };
        self.previous.clone_from(&output);
        if let Some(scope) = &scope {
            self.hand.keep(scope, output).await?;
        }
        self.outputs.push(Output { module: entry.module.clone(), digest, size_bytes, scope });
        Ok(())
    }

    fn end(self) -> Ending {
        match self.ending {
            Some(ending) => ending,
            None if self.hand.is_lost() => Ending::GivenUp,
            None => Ending::Finished(self.outputs),
        }
    }
}

fn not_defined(module: &ModuleName) -> Ending {
    let text =
        format!("the module {module} is not defined here; define it as [modules.{module}] in reprise.toml");
    Ending::Failed { code: "not_defined".to_owned(), text, retry: RetryPolicy::never() }
}
