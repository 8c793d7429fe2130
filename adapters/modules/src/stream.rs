//! Programs that live from batch to batch: one for each batch that is worked on at the same time, kept for the next one.
//! Does not know how a program is spoken to.

mod child;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::ports::{Job, ModuleFailure, ModuleResult};
use domain::retry::RetryPolicy;
use domain::time::Millis;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::definition::Definition;
use crate::wire::{BatchStart, Item};
use child::{Child, Trouble};

/// The wait before a program that failed is started again: it doubles with each further failure in a row.
const BACKOFF: RetryPolicy =
    RetryPolicy { attempts_max: u32::MAX, backoff_ms: Millis(100), backoff_ms_max: Millis(5_000) };

/// The processes of one module.
#[derive(Debug)]
pub(crate) struct Programs {
    definition: Definition,
    /// Those between two batches. There are never more than batches at the same time, which the number of workers
    /// bounds.
    idle: Mutex<Vec<Child>>,
    starts: Mutex<Starts>,
    batches: AtomicU64,
}

/// When a program may be started next.
#[derive(Debug, Default)]
struct Starts {
    failures: u32,
    not_before: Option<Instant>,
}

/// What became of a batch so far.
type Results = Vec<Result<ModuleResult, ModuleFailure>>;

impl Programs {
    pub(crate) fn new(definition: Definition) -> Self {
        Self { definition, idle: Mutex::default(), starts: Mutex::default(), batches: AtomicU64::default() }
    }

    /// Gives one document after the other to one program. One that dies or is silent fails the document that it has in
    /// hand; another one is started for the next. When the returned future is dropped, the program is killed.
    pub(crate) async fn run_batch(&self, jobs: &[Job]) -> Results {
        let Some(first) = jobs.first() else { return Vec::new() };
        let batch = (self.batches.fetch_add(1, Ordering::Relaxed) + 1).to_string();
        let start = BatchStart::new(&batch, first);
        let mut results = Results::with_capacity(jobs.len());
        let mut held = None;
        for (index, job) in jobs.iter().enumerate() {
            let mut child = match held.take() {
                Some(child) => child,
                None => match self.begin(&start).await {
                    Ok(child) => child,
                    // What cannot be started for one document cannot be started for the next one either.
                    Err(failure) => {
                        results.resize_with(jobs.len(), || Err(failure.clone()));
                        return results;
                    }
                },
            };
            match child.process(&Item::new(index, job), index).await {
                Ok(reply) => {
                    self.went_well();
                    results.push(reply.judge(&self.definition));
                    held = Some(child);
                }
                Err(trouble) => results.push(Err(self.went_wrong(child, &trouble).await)),
            }
        }
        if let Some(child) = held {
            self.end_batch(child, &batch).await;
        }
        results
    }

    /// Ends the programs between two batches: their stdin is closed, and those that do not end in time are killed.
    pub(crate) async fn end(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ending: JoinSet<()> = idle.into_iter().map(Child::end).collect();
        while ending.join_next().await.is_some() {}
    }

    /// A program that knows about the batch: one that is there, or a new one as soon as it may be started.
    async fn begin(&self, start: &BatchStart<'_>) -> Result<Child, ModuleFailure> {
        while let Some(mut child) = self.take_idle() {
            // One that ended in the meantime is nobody's failure.
            match child.begin(start).await {
                Ok(()) => return Ok(child),
                Err(trouble) => drop(child.fail(&trouble).await),
            }
        }
        let not_before = self.starts.lock().unwrap_or_else(PoisonError::into_inner).not_before;
        if let Some(not_before) = not_before {
            tokio::time::sleep_until(not_before).await;
        }
        let mut child = Child::start(&self.definition).inspect_err(|_| self.delay_next_start())?;
        match child.begin(start).await {
            Ok(()) => Ok(child),
            Err(trouble) => Err(self.went_wrong(child, &trouble).await),
        }
    }

    /// Ends the batch. Its results stand, whatever becomes of the program now.
    async fn end_batch(&self, mut child: Child, batch: &str) {
        match child.end_batch(batch).await {
            Ok(()) => self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(child),
            Err(trouble) => {
                let failure = self.went_wrong(child, &trouble).await;
                tracing::warn!(%failure, "a module did not end its batch as it should; it will be started again");
            }
        }
    }

    fn take_idle(&self) -> Option<Child> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn went_well(&self) {
        *self.starts.lock().unwrap_or_else(PoisonError::into_inner) = Starts::default();
    }

    async fn went_wrong(&self, child: Child, trouble: &Trouble) -> ModuleFailure {
        self.delay_next_start();
        child.fail(trouble).await
    }

    fn delay_next_start(&self) {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.failures = starts.failures.saturating_add(1);
        let delay = BACKOFF.delay_after(starts.failures);
        starts.not_before = delay.map(|delay| Instant::now() + delay.as_duration());
    }
}
