//! What can be asked of an engine.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::aggregate::Aggregate;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, Scope, StorageUnitName, WorkerId};
use domain::storage_unit;
use domain::stream::{KeyScopeId, Subject};
use domain::work::{self, UnassignCause};

use super::Engine;
use super::access::Lesson;
use crate::board::{Claimed, Claimer};
use crate::pipeline::{Accepted, SubmitError};
use crate::waiters::Serves;
use crate::worker;

impl Engine {
    /// Carries out a command. When this returns `Ok`, what was recorded is durable. One that its sender gave a key is
    /// carried out once: sent again, it gets the first answer.
    ///
    /// # Errors
    /// [`SubmitError`], which says what to do.
    pub async fn submit(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let envelope = self.owned(envelope).await?;
        let lesson = Lesson::of(&envelope);
        let result = match envelope.idempotency_key {
            None => self.submit_new(envelope).await,
            Some(_) => self.submit_once(envelope).await,
        };
        self.learn(lesson, result)
    }

    /// Carries out a command of the engine's own, which waits for its place in the queue.
    ///
    /// # Errors
    /// [`SubmitError`], which says what to do.
    pub async fn submit_patiently(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let envelope = self.owned(envelope).await?;
        let lesson = Lesson::of(&envelope);
        let result = self.0.pipeline.submit_patiently(envelope).await;
        self.learn(lesson, result)
    }

    /// The state of a thing, after everything that was acknowledged before; of a moment, as it was then.
    ///
    /// # Errors
    /// [`SubmitError`] when its stream cannot be read.
    pub async fn inspect(&self, subject: Subject) -> Result<Aggregate, SubmitError> {
        self.look_at(subject, Aggregate::clone).await
    }

    /// The same for whoever needs a part of the state only.
    pub(crate) async fn look_at<T>(
        &self,
        subject: Subject,
        look: impl FnOnce(&Aggregate) -> T,
    ) -> Result<T, SubmitError> {
        if let Some((then, _)) = self.then() {
            return self.inspect_then(&subject, *then).await.map(|aggregate| look(&aggregate));
        }
        let inspected = self.0.pipeline.inspect(subject.clone()).await?;
        let owners = self.organization().zip(inspected.organization.as_ref());
        // Whether the system is paused concerns everybody.
        let is_foreign = subject != Subject::System && owners.is_some_and(|(mine, its)| mine != its);
        Ok(if is_foreign { look(&Aggregate::initial(&subject)) } else { look(&inspected.aggregate) })
    }

    /// Takes every item of a unit back from whoever has it; when this returns, nobody has any (`reference/stager.md`
    /// §7.3).
    ///
    /// # Errors
    /// [`SubmitError`]; then some items may have been taken back and others not.
    pub async fn reset_queue(
        &self,
        unit: &StorageUnitName,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<usize, SubmitError> {
        let envelope = |command| {
            let envelope = Envelope::new(CommandId(self.fresh_id()), actor.clone(), command);
            Envelope { reason: reason.map(str::to_owned), ..envelope }
        };
        let reset = envelope(Command::StorageUnit(unit.clone(), storage_unit::Command::ResetQueue));
        let cause = reset.id.0;
        let accepted = self.submit(reset).await?;
        let taken = self.board().taken(unit, accepted.position).await;
        let unassign = |id: KeyScopeId| {
            let command = Command::work(id, work::Command::Unassign { cause: UnassignCause::Reset });
            envelope(command).following(cause, Some(cause))
        };
        let commands: Vec<Envelope> = taken.into_iter().map(unassign).collect();
        let results =
            futures::future::join_all(commands.into_iter().map(|command| self.submit_patiently(command)))
                .await;
        results.into_iter().try_fold(0, |count, result| Ok(count + usize::from(!result?.events.is_empty())))
    }

    /// Claims up to `max` items for a worker that can work on everything; waits up to `wait` until there is one.
    ///
    /// # Errors
    /// [`SubmitError`] when nothing could be claimed for a reason other than that there is nothing.
    pub async fn claim(
        &self,
        worker: &WorkerId,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, SubmitError> {
        let everything: Arc<Serves> = Arc::new(|_, _| true);
        self.claim_served(worker, max, wait, &everything).await
    }

    pub(crate) async fn claim_served(
        &self,
        worker: &WorkerId,
        max: usize,
        wait: Duration,
        serves: &Arc<Serves>,
    ) -> Result<Vec<Claimed>, SubmitError> {
        let (worker, actor) = (worker.clone(), None);
        let claimer = Claimer { worker, actor, max, lease_ms: None, serves: serves.clone() };
        self.board().claim(&claimer, wait).await
    }

    /// Whether the built-in workers can work on a scope, or on a stage.
    pub(crate) fn serves(&self, unit: &StorageUnitName, scope: &Scope) -> bool {
        let units = self.0.units.read().unwrap_or_else(PoisonError::into_inner);
        let settings = units.get(unit).and_then(Option::as_ref);
        settings.is_some_and(|settings| worker::serves(self.modules(), &settings.modules, scope))
    }

    /// Whether exports to webhooks happen here, and the work of a queue is one of them: then it is nobody else's.
    pub(crate) fn exports(&self, unit: &StorageUnitName, scope: &Scope) -> bool {
        if !self.0.is_exporting.load(Ordering::Relaxed) {
            return false;
        }
        let units = self.0.units.read().unwrap_or_else(PoisonError::into_inner);
        let Some(settings) = units.get(unit).and_then(Option::as_ref) else { return false };
        let has_modules = settings.modules.modules.get(scope).is_some_and(|modules| !modules.is_empty());
        worker::export::serves(unit, scope, has_modules)
    }
}
