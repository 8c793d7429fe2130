//! What an explanation needs to know, read together: the thing's history, its unit, its place in the queue, who serves that,
//! and what is to come to it. Does not know what follows from it: [`projections::explain`] does.

mod campaigns;

use std::time::Duration;

use domain::aggregate::{Aggregate, CorruptHistory};
use domain::campaign::{Campaign, KeyTarget, Target};
use domain::event::RecordedEvent;
use domain::names::{Scope, StorageUnitName, UserName};
use domain::ports::{Direction, ReadError};
use domain::stream::{KeyScopeId, Subject, Version};
use domain::time::{Millis, Timestamp};
use domain::work::{Lease, Work};
use projections::explain::{Explanation, QueueFacts, Serving, Surroundings, Thing, explain, owner};
use projections::read_model::{self, ReadModelError};
use projections::views::Campaigns;

use crate::engine::Engine;
use crate::outside::is_reserved_worker;
use crate::pipeline::SubmitError;
use crate::presence::Present;
use crate::streams::read_whole;

/// A worker that was silent for longer counts as gone: a claim waits for half of this at most, and then comes again.
const SERVING_SILENCE_MAX: Millis = Millis(60_000);
/// What the names of those begin with who export tasks; such work is nobody else's.
const EXPORTER: &str = "built-in/exporter-";
/// How many workers of a queue are named.
const WORKERS_NAMED_MAX: usize = 20;
/// How long an explanation waits until the queue knows of everything that was acknowledged.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The log's reason.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The read model's reason.
    #[error(transparent)]
    Read(#[from] ReadModelError),
    /// The pipeline's reason, or a history that is impossible.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<CorruptHistory> for ExplainError {
    fn from(error: CorruptHistory) -> Self {
        Self::Submit(SubmitError::Corrupt(error.to_string()))
    }
}

impl Engine {
    /// Why a thing does not move and what to do about it, as of everything that was acknowledged before; nothing when
    /// nothing ever happened to it and nothing is about to.
    ///
    /// # Errors
    /// [`ExplainError`] when log or views cannot be read.
    pub async fn explain(
        &self,
        subject: &Subject,
        asker: Option<&UserName>,
    ) -> Result<Option<Explanation>, ExplainError> {
        // Whether the system is paused concerns everybody.
        let thing = match subject {
            Subject::System => self.whole().thing(subject.clone()).await?,
            Subject::KeyScope(_)
            | Subject::Task(_)
            | Subject::Campaign(_)
            | Subject::StorageUnit(_)
            | Subject::Record(_)
            | Subject::Workspace(_)
            | Subject::Batch(_)
            | Subject::ExternalId(..)
            | Subject::Ids(_)
            | Subject::ApiKey(_)
            | Subject::Access(_) => self.thing(subject.clone()).await?,
        };
        let around = match subject {
            Subject::KeyScope(id) => self.around_key_scope(id, &thing).await?,
            Subject::Task(_) => self.around_task(&thing).await?,
            Subject::Campaign(_) => self.around_campaign(&thing).await?,
            Subject::StorageUnit(unit) => self.around_unit(unit).await?,
            Subject::Workspace(id) => self.around_unit(&StorageUnitName::of_tasks(*id)).await?,
            Subject::System => self.around().await?,
            Subject::Record(_)
            | Subject::Batch(_)
            | Subject::ExternalId(..)
            | Subject::Ids(_)
            | Subject::ApiKey(_)
            | Subject::Access(_) => Surroundings::at(self.clock().now()),
        };
        // The system is there before anything happens to it.
        let is_unknown =
            thing.history.is_empty() && around.campaigns.is_empty() && *subject != Subject::System;
        Ok((!is_unknown).then(|| explain(&thing, &around, asker)))
    }

    /// A thing as its whole history leaves it.
    async fn thing(&self, subject: Subject) -> Result<Thing, ExplainError> {
        let history = read_whole(self.store(), &subject.stream()).await?;
        Ok(Thing::new(subject, history)?)
    }
}

// ── What lies around ───────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    async fn around_key_scope(&self, id: &KeyScopeId, thing: &Thing) -> Result<Surroundings, ExplainError> {
        let mut around = self.around_work(thing).await?;
        let unit = self.thing(owner(&id.unit)).await?;
        let work = thing.aggregate.work().cloned().unwrap_or_default();
        if !unit.history.is_empty() && !work.is_open() {
            around.campaigns = self.campaigns_to_come(id, &work).await?;
        }
        around.owner = Some(unit);
        Ok(around)
    }

    async fn around_task(&self, thing: &Thing) -> Result<Surroundings, ExplainError> {
        let mut around = self.around_work(thing).await?;
        if let Some(place) = thing.place() {
            around.owner = Some(self.thing(owner(&place.unit)).await?);
        }
        Ok(around)
    }

    async fn around_campaign(&self, thing: &Thing) -> Result<Surroundings, ExplainError> {
        let mut around = self.around().await?;
        let (Subject::Campaign(id), Aggregate::Campaign(campaign)) = (&thing.subject, &thing.aggregate)
        else {
            return Ok(around);
        };
        let Campaign::Active(progress) = &**campaign else { return Ok(around) };
        let _reached = self.wait_for_views(self.store().head().await?).await;
        around.row = read_model::row::<Campaigns>(self.read_model(), &id.to_string()).await?;
        match &progress.target {
            Target::Keys(KeyTarget { unit, scope, filter: _ }) => {
                around.gate = self.board().gate(unit);
                around.workers = self.serving(unit, scope);
                around.owner = Some(self.thing(owner(unit)).await?);
            }
            Target::Tasks(_) => {}
        }
        Ok(around)
    }

    async fn around_unit(&self, unit: &StorageUnitName) -> Result<Surroundings, ExplainError> {
        let mut around = self.around().await?;
        around.owner = Some(self.thing(owner(unit)).await?);
        around.gate = self.board().gate(unit);
        let depths = self.board().depths().into_iter().filter(|depth| depth.unit == *unit);
        around.queues = depths
            .map(|depth| QueueFacts {
                workers: self.serving(unit, &depth.scope).len(),
                scope: depth.scope,
                waiting: depth.waiting,
                leased: depth.leased,
            })
            .collect();
        Ok(around)
    }

    /// What concerns all work: the system, the queue, who serves it, and when whoever has it was heard of.
    async fn around_work(&self, thing: &Thing) -> Result<Surroundings, ExplainError> {
        let mut around = self.around().await?;
        let Some(place) = thing.place() else { return Ok(around) };
        around.gate = self.board().gate(&place.unit);
        around.workers = self.serving(&place.unit, &place.scope);
        if let Some(rank) = thing.rank() {
            around.standing = Some(self.board().standing(&place, rank));
        }
        if let Some(lease) = thing.aggregate.work().and_then(Work::lease) {
            around.heard = self.heard(thing, lease);
        }
        Ok(around)
    }

    async fn around(&self) -> Result<Surroundings, ExplainError> {
        let caught_up = self.board().caught_up(self.store().head().await?);
        // A queue that stands still is shown as it is.
        let _in_time = tokio::time::timeout(CATCH_UP_MAX, caught_up).await;
        let mut around = Surroundings::at(self.clock().now());
        // Whether the system is paused concerns everybody.
        let system = self.whole();
        let stream = Subject::System.stream();
        let last = system.store().read_stream(&stream, Version(u64::MAX), Direction::Backward, 1).await?;
        around.system = last.into_iter().next();
        Ok(around)
    }
}

// ── Workers ────────────────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    /// Who serves a queue, as far as they were heard of lately.
    fn serving(&self, unit: &StorageUnitName, scope: &Scope) -> Vec<Serving> {
        let now = self.clock().now();
        let serves = |present: &Present| {
            let Present { worker, queues, last_seen, .. } = present;
            let is_here = now.since(*last_seen) <= SERVING_SILENCE_MAX;
            // What they asked for last says which queues others serve; the own ones serve what they have modules for.
            let covers = if self.exports(unit, scope) {
                worker.as_str().starts_with(EXPORTER)
            } else if is_reserved_worker(worker) {
                self.serves(unit, scope)
            } else {
                queues.is_empty() || queues.iter().any(|queue| queue.covers(unit, scope))
            };
            is_here && covers
        };
        let workers = self.workers().into_iter().filter(serves).take(WORKERS_NAMED_MAX);
        workers.map(|Present { worker: name, last_seen, .. }| Serving { name, last_seen }).collect()
    }

    /// When whoever has a lease was heard of last: as the log has it, or as this process remembers.
    fn heard(&self, thing: &Thing, lease: &Lease) -> Option<Timestamp> {
        let present = self.workers().into_iter().find(|present| present.worker == lease.worker);
        let seen = present.map(|present| present.last_seen);
        let recorded = thing.history.iter().rev().find(|event| says_alive(event));
        seen.max(recorded.map(|event| event.metadata.recorded_at))
    }
}

/// Whether an event says that the worker of a lease was alive when it was recorded.
fn says_alive(event: &RecordedEvent) -> bool {
    use domain::work::Event as Happened;
    matches!(
        event.event.work(),
        Some(Happened::Assigned(_) | Happened::ProcessStarted(_) | Happened::LeaseExtended(_))
    )
}
