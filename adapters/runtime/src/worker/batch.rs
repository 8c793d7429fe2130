//! A batch: the modules of one scope, in order, over documents of one unit. Each document has an ending of its own.
//! Does not know how a lease is kept or a result reported.

use std::vec::IntoIter;

use domain::digest::Digest;
use domain::names::ModuleName;
use domain::ports::{ContentError, Job, ModuleFailure, ModuleProfile, ModuleResult};
use domain::retry::RetryPolicy;
use domain::storage_unit::{ModuleEntry, ModuleInput, Settings};
use domain::work::Output;
use sha2::{Digest as _, Sha256};

use super::hand::{Ending, Hand};
use crate::documents::DocumentError;

/// How much of the documents of one batch is in memory at once, in bytes, and one document more. What is beyond it
/// waits for its turn.
const PORTION_BYTES_MAX: usize = 64 << 20;

/// A document on its way through the modules.
struct Item<'a> {
    hand: &'a Hand<'a>,
    document: Vec<u8>,
    /// What the module before made of it.
    previous: Vec<u8>,
    outputs: Vec<Output>,
    /// How it ended, once it did before its last module.
    ending: Option<Ending>,
}

/// Gives every lease its ending, in order.
pub(super) async fn attempt(hands: &[Hand<'_>], settings: Result<Settings, String>) -> Vec<Ending> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(problem) => return vec![Ending::Interrupted(problem); hands.len()],
    };
    let mut endings = Vec::with_capacity(hands.len());
    while let Some(rest) = hands.get(endings.len()..).filter(|rest| !rest.is_empty()) {
        let mut items = read_portion(rest, &settings).await;
        let entries = hands.first().map_or(&[][..], |hand| super::entries(&settings, &hand.claim.id.scope));
        for entry in entries {
            run_entry(&mut items, entry, &settings).await;
        }
        endings.extend(items.into_iter().map(Item::end));
    }
    endings
}

/// Reads documents until there is enough in memory. At least one.
async fn read_portion<'a>(hands: &'a [Hand<'a>], settings: &Settings) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut size_bytes = 0;
    for hand in hands {
        let id = &hand.claim.id;
        let size_bytes_max = settings.limits.input_bytes_max;
        let read = hand.engine.document(&id.unit, &id.key, &id.scope, size_bytes_max).await;
        let (document, ending) = match read {
            Ok(document) => (document, None),
            Err(error) => (Vec::new(), Some(unreadable(&error))),
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
async fn run_entry(items: &mut [Item<'_>], entry: &ModuleEntry, settings: &Settings) {
    let mut open: Vec<&mut Item<'_>> = items.iter_mut().filter_map(Item::if_open).collect();
    let Some(engine) = open.first().map(|item| item.hand.engine) else { return };
    let Some(profile) = engine.modules().profile(&entry.module) else {
        open.iter_mut().for_each(|item| item.ending = Some(not_defined(&entry.module)));
        return;
    };
    for batch in open.chunks_mut(profile.batch_items_max.max(1)) {
        let jobs = batch.iter_mut().map(|item| item.job(entry, settings)).collect();
        let mut results = engine.modules().run_batch(&entry.module, jobs).await.into_iter();
        for item in batch {
            item.take(&mut results, entry, &profile).await;
        }
    }
}

impl Item<'_> {
    /// This, unless it has ended or its lease is gone.
    fn if_open(&mut self) -> Option<&mut Self> {
        if self.ending.is_none() && self.hand.is_lost() {
            self.ending = Some(Ending::GivenUp);
        }
        self.ending.is_none().then_some(self)
    }

    fn job(&mut self, entry: &ModuleEntry, settings: &Settings) -> Job {
        let id = &self.hand.claim.id;
        let mut merged = settings.modules.settings.clone();
        merged.extend(entry.settings.clone());
        Job {
            unit: id.unit.clone(),
            scope: id.scope.clone(),
            key: id.key.clone(),
            attempt: self.hand.claim.attempt,
            settings: merged,
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
        let retry = entry.retry.unwrap_or(profile.retry);
        match results.next() {
            Some(Ok(result)) => {
                if let Err(error) = self.keep(result.output, entry, profile).await {
                    self.ending = Some(Ending::Interrupted(error.to_string()));
                }
            }
            Some(Err(failure)) => self.ending = Some(Ending::Failed { failure, retry }),
            None => {
                let problem = format!("the module {} gave fewer results than it got documents", entry.module);
                self.ending = Some(Ending::Interrupted(problem));
            }
        }
    }

    async fn keep(
        &mut self,
        output: Vec<u8>,
        entry: &ModuleEntry,
        profile: &ModuleProfile,
    ) -> Result<(), DocumentError> {
        let digest = Digest(Sha256::digest(&output).into());
        let size_bytes = output.len() as u64;
        let scope = entry.output_scope.clone().or_else(|| profile.output_scope.clone());
        self.previous.clone_from(&output);
        if let Some(scope) = &scope {
            self.hand.keep_if_leased(scope, output).await?;
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

fn unreadable(error: &DocumentError) -> Ending {
    let (code, may_pass_later) = match error {
        DocumentError::Content(ContentError::NotFound { .. }) => ("input_not_found", false),
        DocumentError::Content(ContentError::TooLarge { .. }) => ("input_too_large", false),
        DocumentError::Content(ContentError::Outside(_)) => ("input_outside", false),
        DocumentError::Content(ContentError::Location(_)) => ("input_location", false),
        DocumentError::Content(ContentError::Storage(_)) => ("input_storage", true),
        DocumentError::NoUnit | DocumentError::Submit(_) | DocumentError::Read(_) => {
            return Ending::Interrupted(error.to_string());
        }
    };
    let failure = ModuleFailure { code: code.to_owned(), text: error.to_string(), may_pass_later };
    Ending::Failed { failure, retry: RetryPolicy::default() }
}

fn not_defined(module: &ModuleName) -> Ending {
    let failure = ModuleFailure {
        code: "not_defined".to_owned(),
        text: format!(
            "the module {module} is not defined here; define it as [modules.{module}] in reprise.toml"
        ),
        may_pass_later: false,
    };
    Ending::Failed { failure, retry: RetryPolicy::never() }
}
