//! One lease in a built-in worker's hand: started, kept alive, reported. Does not know what is made of the document.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use domain::aggregate::Refusal;
use domain::digest::Digest;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, Scope, WorkerId};
use domain::ports::{ContentError, ModuleFailure};
use domain::record::WritePolicy;
use domain::retry::RetryPolicy;
use domain::stream::{KeyScopeId, RecordId};
use domain::work::{self, Output, Work};
use sha2::{Digest as _, Sha256};

use super::RETRY_DELAY;
use super::batch::{Ending, Held};
use crate::board::Claimed;
use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::{Accepted, SubmitError};

/// How often within a lease the worker shows that it is alive.
const HEARTBEATS_PER_LEASE: u32 = 3;

/// One lease in a worker's hand.
pub(super) struct Hand<'a> {
    pub(super) engine: &'a Engine,
    pub(super) claim: Claimed,
    worker: &'a WorkerId,
    /// The largest document that is read, in bytes.
    pub(super) input_bytes_max: u64,
    /// How often and when the plan of a task has its stage tried again.
    planned_retry: Option<RetryPolicy>,
    lost: AtomicBool,
}

impl<'a> Hand<'a> {
    /// Begins the attempt, if that can be recorded.
    pub(super) async fn start(
        engine: &'a Engine,
        worker: &'a WorkerId,
        input_bytes_max: u64,
        claim: Claimed,
    ) -> Option<Self> {
        // Without an answer the attempt ends as the module's own entry says.
        let planned_retry = engine.planned_retry(&claim.id).await.ok().flatten();
        let lost = AtomicBool::new(false);
        let hand = Self { engine, claim, worker, input_bytes_max, planned_retry, lost };
        match hand.send(work::Command::Start { token: hand.claim.token }).await {
            Ok(_) => Some(hand),
            Err(error) => {
                let key = &hand.claim.id.key;
                tracing::warn!(%error, %key, "the attempt could not be started; its lease will run out");
                None
            }
        }
    }

    /// Keeps an output, unless the lease was taken back: the result will be refused, and must not replace one that
    /// counts.
    async fn keep_if_leased(&self, scope: &Scope, output: Vec<u8>) -> Result<(), DocumentError> {
        let id = &self.claim.id;
        if id.task_stage().is_some() {
            return self.engine.keep_task_output(id, self.claim.token, output).await;
        }
        if !self.is_leased().await? {
            return Ok(());
        }
        let record = RecordId { unit: id.unit.clone(), key: id.key.clone() };
        let reason = format!("made from scope {} in attempt {}", id.scope, self.claim.attempt);
        let envelope = |command| self.envelope(command).because(reason);
        self.engine.write_document(&record, scope, output, None, WritePolicy::Merge, envelope).await?;
        Ok(())
    }

    async fn is_leased(&self) -> Result<bool, SubmitError> {
        let aggregate = self.engine.inspect(self.claim.id.subject()).await?;
        let lease = aggregate.work().and_then(Work::lease);
        Ok(lease.is_some_and(|lease| lease.token == self.claim.token))
    }

    /// Keeps the lease alive; returns when it is gone.
    pub(super) async fn heartbeat(&self) {
        let lease_ms = self.claim.lease_ms;
        loop {
            tokio::time::sleep(lease_ms.as_duration() / HEARTBEATS_PER_LEASE).await;
            let extend = work::Command::ExtendLease { token: self.claim.token, lease_ms };
            match self.send(extend).await {
                Err(SubmitError::Refused(Refusal::Work(work::Refusal::LeaseGone { .. }))) => {
                    tracing::warn!(key = %self.claim.id.key, "the lease was taken back; the attempt is given up");
                    self.lost.store(true, Ordering::Relaxed);
                    return;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, key = %self.claim.id.key, "a heartbeat could not be sent");
                }
            }
        }
    }

    /// Reports how the attempt ended; tries again while the store cannot be written, until the lease is anybody's.
    pub(super) async fn report(&self, ending: Ending) {
        let token = self.claim.token;
        let command = match ending {
            Ending::Finished(outputs) => {
                work::Command::Complete { token, digest: digest_of(&outputs), outputs }
            }
            Ending::Failed { code, text, retry } => work::Command::Fail { token, code, text, retry },
            Ending::GivenUp => return,
        };
        let until = tokio::time::Instant::now() + self.claim.lease_ms.as_duration();
        loop {
            match self.send(command.clone()).await {
                Err(SubmitError::Unavailable(_)) if tokio::time::Instant::now() < until => {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, key = %self.claim.id.key, "a result could not be recorded");
                    return;
                }
            }
        }
    }

    async fn send(&self, command: work::Command) -> Result<Accepted, SubmitError> {
        let command = Command::work(self.claim.id.clone(), command);
        self.engine.submit_patiently(self.envelope(command)).await
    }

    fn envelope(&self, command: Command) -> Envelope {
        let actor = Actor::new(self.worker.as_str()).unwrap_or_else(|_| Actor::system());
        Envelope::new(CommandId(self.engine.ids().fresh()), actor, command)
    }
}

#[async_trait]
impl Held for Hand<'_> {
    fn id(&self) -> &KeyScopeId {
        &self.claim.id
    }

    fn attempt(&self) -> u32 {
        self.claim.attempt
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn planned_retry(&self) -> Option<RetryPolicy> {
        self.planned_retry
    }

    async fn read(&self) -> Result<Vec<u8>, Ending> {
        let KeyScopeId { unit, scope, key } = &self.claim.id;
        let read = match self.claim.id.task_stage() {
            Some(_) => self.engine.task_input(&self.claim.id, self.input_bytes_max).await,
            None => self.engine.document(unit, key, scope, self.input_bytes_max).await,
        };
        read.map_err(|error| unreadable(&error))
    }

    async fn keep(&self, scope: &Scope, output: Vec<u8>) -> Result<(), Ending> {
        let kept = self.keep_if_leased(scope, output).await;
        kept.map_err(|error| Ending::interrupted(error.to_string()))
    }
}

pub(super) fn unreadable(error: &DocumentError) -> Ending {
    let (code, may_pass_later) = match error {
        DocumentError::Content(ContentError::NotFound { .. }) => ("input_not_found", false),
        DocumentError::Content(ContentError::TooLarge { .. }) => ("input_too_large", false),
        DocumentError::Content(ContentError::Outside(_)) => ("input_outside", false),
        DocumentError::Content(ContentError::Location(_)) => ("input_location", false),
        DocumentError::Content(ContentError::Storage(_)) => ("input_storage", true),
        DocumentError::NoUnit | DocumentError::Submit(_) | DocumentError::Read(_) => {
            return Ending::interrupted(error.to_string());
        }
    };
    let failure = ModuleFailure { code: code.to_owned(), text: error.to_string(), may_pass_later };
    Ending::failed(failure, RetryPolicy::default())
}

/// One digest over all outputs: that of the only one, or else that of their digests in order.
pub(crate) fn digest_of(outputs: &[Output]) -> Digest {
    match outputs {
        [only] => only.digest,
        outputs => {
            let mut hasher = Sha256::new();
            for output in outputs {
                hasher.update(output.digest.0);
            }
            Digest(hasher.finalize().into())
        }
    }
}
