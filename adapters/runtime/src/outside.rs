//! What workers outside this process may ask: to claim, and to report with content or with a digest.
//!
//! They are trusted with what they hold a lease on and nothing else. Does not know how they are reached.

use std::sync::Arc;
use std::time::Duration;

use domain::aggregate::Aggregate;
use domain::digest::Digest;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, ModuleName, Scope, StorageUnitName, WorkerId};
use domain::record::WritePolicy;
use domain::retry::RetryPolicy;
use domain::storage_unit::ModuleEntry;
use domain::stream::{KeyScopeId, RecordId, Subject};
use domain::time::Millis;
use domain::work::{self, LEASE_MS_MAX, Lease, Output, Token, Work};
use sha2::{Digest as _, Sha256};

use crate::board::{ClaimCounts, Claimed, Claimer};
use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::{Accepted, SubmitError};
use crate::presence::{Present, QueueFilter};
use crate::waiters::Serves;
use crate::worker;

/// The most items of one claim.
pub const CLAIM_ITEMS_MAX: usize = 1_000;
/// The most queues that one claim names.
pub const CLAIM_QUEUES_MAX: usize = 1_000;
/// The longest that a claim may wait for work.
pub const CLAIM_WAIT_MAX: Duration = Duration::from_secs(30);

/// A worker outside this process asks for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub worker: WorkerId,
    /// Under whose name its claims are recorded; nothing for its own.
    pub actor: Option<Actor>,
    /// What it says of its version.
    pub version: Option<String>,
    /// From which queues; none means all.
    pub queues: Vec<QueueFilter>,
    /// At most how many, up to [`CLAIM_ITEMS_MAX`].
    pub max: usize,
    /// For how long; nothing for as long as the unit says.
    pub lease_ms: Option<Millis>,
    /// How long to wait until there is something, up to [`CLAIM_WAIT_MAX`].
    pub wait: Duration,
}

/// Why a claim was not tried, or came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The name belongs to the workers of this process.
    #[error(
        "names that begin with '{}' belong to the workers inside the server; choose another",
        worker::PREFIX
    )]
    ReservedName,
    /// A number is out of range.
    #[error("{name} is {value}; set it between {min} and {max}")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// What it is.
        value: u128,
        /// The least that is allowed.
        min: u128,
        /// The most that is allowed.
        max: u128,
    },
    /// The pipeline's reason.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Claim {
    fn check(&self) -> Result<(), ClaimError> {
        if is_reserved_worker(&self.worker) {
            return Err(ClaimError::ReservedName);
        }
        let lease_ms = self.lease_ms.unwrap_or(LEASE_MS_MAX).0;
        let numbers = [
            ("max", self.max as u128, 1, CLAIM_ITEMS_MAX as u128),
            ("the number of queues", self.queues.len() as u128, 0, CLAIM_QUEUES_MAX as u128),
            ("lease_ms", u128::from(lease_ms), 1, u128::from(LEASE_MS_MAX.0)),
            ("wait_ms", self.wait.as_millis(), 0, CLAIM_WAIT_MAX.as_millis()),
        ];
        let wrong = numbers.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value));
        match wrong {
            Some((name, value, min, max)) => Err(ClaimError::OutOfRange { name, value, min, max }),
            None => Ok(()),
        }
    }
}

/// Whether a name belongs to the workers of this process.
#[must_use]
pub fn is_reserved_worker(worker: &WorkerId) -> bool {
    worker.as_str().starts_with(worker::PREFIX)
}

// ── Claiming ───────────────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    /// Claims for a worker outside this process; answers the moment there is something, or when the time is up with
    /// nothing. May be dropped at any moment: then nothing stays leased.
    ///
    /// # Errors
    /// [`ClaimError`]; nothing was leased.
    pub async fn claim_for(&self, claim: Claim) -> Result<Vec<Claimed>, ClaimError> {
        claim.check()?;
        if self.is_standby() {
            return Err(SubmitError::Standby.into());
        }
        let Claim { worker, actor, version, queues, max, lease_ms, wait } = claim;
        let last_seen = self.clock().now();
        let organization = self.organization().cloned();
        self.presence().asks(Present {
            organization: organization.clone(),
            worker: worker.clone(),
            version,
            queues: queues.clone(),
            last_seen,
        });
        let owners = self.owners();
        let engine = self.clone();
        let serves: Arc<Serves> = Arc::new(move |unit: &StorageUnitName, scope: &Scope| {
            !engine.exports(unit, scope)
                && (queues.is_empty() || queues.iter().any(|queue| queue.covers(unit, scope)))
                && organization.as_ref().is_none_or(|organization| owners.has(organization, unit.as_str()))
        });
        let claimer = Claimer { worker, actor, max, lease_ms, serves };
        let mut stop = self.senders_stop();
        tokio::select! {
            claimed = self.board().claim(&claimer, wait) => Ok(claimed?),
            () = stop.wait() => Err(SubmitError::Stopping.into()),
        }
    }

    /// Why no lease is given at all, after everything that was acknowledged before; nothing when leases are given.
    ///
    /// # Errors
    /// [`SubmitError`] when the system's stream cannot be read.
    pub async fn pause_reason(&self) -> Result<Option<String>, SubmitError> {
        match self.inspect(Subject::System).await? {
            Aggregate::System(system) => Ok(system.pause_reason().map(str::to_owned)),
            Aggregate::StorageUnit(_)
            | Aggregate::KeyScope(_)
            | Aggregate::Record(_)
            | Aggregate::Campaign(_)
            | Aggregate::Task(_)
            | Aggregate::Workspace(_)
            | Aggregate::Batch(_)
            | Aggregate::ExternalId(_)
            | Aggregate::Ids(_)
            | Aggregate::ApiKey(_)
            | Aggregate::Access(_) => Ok(None),
        }
    }

    /// Gives back leases that did not reach the worker who claimed them.
    pub async fn give_back(&self, worker: WorkerId, leases: Vec<Claimed>) {
        self.board().release((worker, leases)).await;
    }

    /// How many claims wait, and how many were woken for what.
    #[must_use]
    pub fn claim_counts(&self) -> ClaimCounts {
        self.board().claim_counts()
    }

    /// A worker has said something of what it holds.
    pub fn worker_speaks(&self, worker: &WorkerId) {
        self.presence().speaks(self.organization(), worker, self.clock().now());
    }

    /// The workers that spoke lately, in the order of their names. As far as this process knows since it started.
    #[must_use]
    pub fn workers(&self) -> Vec<Present> {
        if self.is_past() {
            // What workers say of themselves is in no event.
            return Vec::new();
        }
        self.presence().list(self.organization(), self.clock().now())
    }
}

// ── Reporting ──────────────────────────────────────────────────────────────────────────────────────────────────

/// What a module made, as a worker outside this process reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The module.
    pub module: ModuleName,
    /// What it made.
    pub made: Made,
    /// The scope that keeps it; without one, that of the unit's entry or of the module's definition.
    pub scope: Option<Scope>,
}

/// What a module made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The bytes, to be kept by the engine if there is a scope for them.
    Content(Vec<u8>),
    /// What the worker says of bytes that it did not send.
    Described {
        /// Their digest.
        digest: Digest,
        /// How many they are.
        size_bytes: u64,
    },
}

impl Engine {
    /// Completes a piece of work. Content is kept first, and only while the lease is the worker's: a late result
    /// replaces nothing.
    ///
    /// # Errors
    /// [`DocumentError`]; then the work is not complete, and reporting again is safe.
    pub async fn complete(
        &self,
        id: &KeyScopeId,
        token: Token,
        reports: Vec<Report>,
        envelope: &(dyn Fn(Command) -> Envelope + Send + Sync),
    ) -> Result<Accepted, DocumentError> {
        let has_content = reports.iter().any(|report| matches!(report.made, Made::Content(_)));
        let is_task = id.task_stage().is_some();
        let keeps =
            has_content && !is_task && self.lease(id).await?.is_some_and(|lease| lease.token == token);
        let mut outputs = Vec::with_capacity(reports.len());
        for Report { module, made, scope } in reports {
            let output = match made {
                // What is not sent is not kept, whatever scope is named.
                Made::Described { digest, size_bytes } => {
                    Output { module, digest, size_bytes, scope: scope.filter(|_| !is_task) }
                }
                Made::Content(bytes) if is_task => {
                    let (digest, size_bytes) = (digest_of(&bytes), bytes.len() as u64);
                    self.keep_task_output(id, token, bytes).await?;
                    Output { module, digest, size_bytes, scope: Some(id.scope.clone()) }
                }
                Made::Content(bytes) => {
                    let (digest, size_bytes) = (digest_of(&bytes), bytes.len() as u64);
                    let scope = match scope {
                        Some(scope) => Some(scope),
                        None => self.output_scope(id, &module).await?,
                    };
                    if let Some(scope) = scope.as_ref().filter(|_| keeps) {
                        let record = RecordId { unit: id.unit.clone(), key: id.key.clone() };
                        let policy = WritePolicy::Merge;
                        self.write_document(&record, scope, bytes, None, policy, envelope).await?;
                    }
                    Output { module, digest, size_bytes, scope }
                }
            };
            outputs.push(output);
        }
        let complete = work::Command::Complete { token, digest: worker::digest_of(&outputs), outputs };
        Ok(self.submit(envelope(Command::work(id.clone(), complete))).await?)
    }

    /// How often and when a failed attempt is repeated, if its worker does not say so: as the unit's entry of the module
    /// says, else the module's definition; the scope's first module counts when none is named.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn retry_policy(
        &self,
        id: &KeyScopeId,
        module: Option<&ModuleName>,
    ) -> Result<RetryPolicy, SubmitError> {
        if let Some(planned) = self.planned_retry(id).await? {
            return Ok(planned);
        }
        let entry = self.entry(id, |entry| module.is_none_or(|module| *module == entry.module)).await?;
        let module = module.or(entry.as_ref().map(|entry| &entry.module));
        let profile = module.and_then(|module| self.modules().profile(module));
        let own = entry.as_ref().and_then(|entry| entry.retry);
        Ok(own.or(profile.map(|profile| profile.retry)).unwrap_or_default())
    }

    /// The lease on a piece of work, when somebody has one.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn lease(&self, id: &KeyScopeId) -> Result<Option<Lease>, SubmitError> {
        Ok(self.inspect(id.subject()).await?.work().and_then(Work::lease).cloned())
    }

    async fn output_scope(&self, id: &KeyScopeId, module: &ModuleName) -> Result<Option<Scope>, SubmitError> {
        let entry = self.entry(id, |entry| entry.module == *module).await?;
        let defined = || self.modules().profile(module).and_then(|profile| profile.output_scope);
        Ok(entry.and_then(|entry| entry.output_scope).or_else(defined))
    }

    async fn entry(
        &self,
        id: &KeyScopeId,
        wanted: impl Fn(&ModuleEntry) -> bool,
    ) -> Result<Option<ModuleEntry>, SubmitError> {
        let settings = self.queue_settings(&id.unit).await?;
        let entries = settings.and_then(|mut settings| settings.modules.modules.remove(&id.scope));
        Ok(entries.into_iter().flatten().find(wanted))
    }
}

/// The digest of some bytes.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
