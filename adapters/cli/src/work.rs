//! `reprise work`: the built-in worker as a process of its own. It claims from a server over HTTP what its own modules can
//! process, in batches when its modules take them, and reports what came of it. Does not know where the documents lie.

mod attempt;
mod queues;
mod report;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::names::{Key, Scope, StorageUnitName, WorkerId};
use domain::ports::Modules as _;
use domain::storage_unit::ModuleEntry;
use domain::time::Millis;
use domain::work::Token;
use hyper::Method;
use modules::ConfiguredModules;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Global, WorkOptions};
use crate::client::Client;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::serve::terminated;
use queues::Queues;
use report::Said;

/// How long one claim waits for work; what the server has learnt meanwhile is looked at in between.
const CLAIM_WAIT: Millis = Millis(10_000);
/// How many leases are given back in one request at most.
const RELEASED_ITEMS_MAX: usize = 1_000;
/// The wait after something could not be had before the next try.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Works until SIGINT or SIGTERM; then finishes what is in hand within the limit and gives back what is not finished.
pub(crate) async fn work(global: &Global, config: &Config, options: WorkOptions) -> Result<Exit, CliError> {
    let modules = ConfiguredModules::new(config.modules.clone());
    let modules = modules.map_err(|error| CliError::Environment(error.to_string()))?;
    if config.modules.is_empty() {
        return Err(CliError::Environment(
            "no module is defined here, so nothing can be processed; add [modules.NAME] to reprise.toml"
                .to_owned(),
        ));
    }
    for missing in modules.missing_programs() {
        tracing::warn!("{missing}");
    }
    let worker = Arc::new(Worker {
        client: Client::of_server(global, config)?,
        name: name(options.name)?,
        modules,
        queues: Queues::new(&options.queue)?,
        held: Mutex::default(),
        paused: Mutex::default(),
    });
    let (stop, stopped) = watch::channel(false);
    let mut jobs = JoinSet::new();
    for _ in 0..options.jobs.map_or_else(processors, usize::from) {
        jobs.spawn(worker.clone().run(stopped.clone()));
    }
    tracing::info!(worker = %worker.name, jobs = jobs.len(), "working");
    terminated().await?;
    tracing::info!("stopping: finishing what is in hand");
    stop.send_replace(true);
    let ended = async { while jobs.join_next().await.is_some() {} };
    if tokio::time::timeout(config.runtime().shutdown_max, ended).await.is_err() {
        jobs.shutdown().await;
    }
    worker.give_back().await;
    worker.modules.end().await;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// The name that was asked for, or one that says machine and process.
fn name(asked: Option<WorkerId>) -> Result<WorkerId, CliError> {
    if let Some(name) = asked {
        return Ok(name);
    }
    let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let host = host.unwrap_or_default();
    let host = if host.trim().is_empty() { "worker" } else { host.trim() };
    WorkerId::new(format!("{host}/{}", std::process::id()))
        .map_err(|error| CliError::Usage(format!("{error}; choose a name with --name")))
}

/// What a claim is answered with.
#[derive(Deserialize)]
struct Leases {
    leases: Vec<Lease>,
    /// Why there is none for anybody, when that is so.
    paused: Option<Paused>,
}

#[derive(Deserialize)]
struct Paused {
    reason: String,
}

/// A lease, as the server sends it.
#[derive(Debug, Clone, Deserialize)]
struct Lease {
    unit: StorageUnitName,
    scope: Scope,
    key: Key,
    token: Token,
    lease_ms: Millis,
    attempt: u32,
    modules: Vec<ModuleEntry>,
    input_url: String,
}

/// The worker.
struct Worker {
    client: Client,
    name: WorkerId,
    modules: ConfiguredModules,
    queues: Queues,
    /// What it has in hand.
    held: Mutex<HashMap<String, Lease>>,
    /// Why the server gives no lease to anybody, as far as it said so.
    paused: Mutex<Option<String>>,
}

impl Worker {
    /// Processes one batch after the other until told to stop.
    async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let claimed = tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                claimed = self.claim() => claimed,
            };
            match claimed {
                Ok(leases) => {
                    for first in leases {
                        self.work_on_batch(first).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "nothing could be claimed; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Processes the document of a lease, and more of the same queue when its modules take batches.
    async fn work_on_batch(&self, first: Lease) {
        self.hold(&first);
        let more = self.claim_more(&first).await;
        let mut leases = vec![first];
        leases.extend(more);
        let defined = |lease: &Lease| {
            let is_defined = |entry: &ModuleEntry| self.modules.profile(&entry.module).is_some();
            !lease.modules.is_empty() && lease.modules.iter().all(is_defined)
        };
        // The unit's modules may have changed since the queues were looked at, or since the first claim.
        let modules = leases.first().map(|first| first.modules.clone()).unwrap_or_default();
        let (ours, others): (Vec<_>, Vec<_>) =
            leases.into_iter().partition(|lease| lease.modules == modules && defined(lease));
        self.release(others).await;
        self.work_on(&ours).await;
        ours.iter().for_each(|lease| self.let_go(lease));
    }

    /// Claims what else waits in the queue of a lease, as much as a batch of its modules has. Does not wait.
    async fn claim_more(&self, first: &Lease) -> Vec<Lease> {
        let more_max = runtime::batch_items_max(&self.modules, &first.modules) - 1;
        if more_max == 0 {
            return Vec::new();
        }
        let queues = json!([{ "unit": first.unit, "scope": first.scope }]);
        match self.claim_from(&queues, more_max, Millis(0)).await {
            Ok(Leases { leases, paused: _ }) => {
                leases.iter().for_each(|lease| self.hold(lease));
                leases
            }
            Err(error) => {
                tracing::warn!(%error, "the rest of a batch could not be claimed; the batch is smaller");
                Vec::new()
            }
        }
    }

    async fn claim(&self) -> Result<Vec<Lease>, CliError> {
        let queues = self.queues.served(&self.client, &self.modules).await?;
        if queues.is_empty() {
            // An empty list would mean every queue.
            tokio::time::sleep(RETRY_DELAY).await;
            return Ok(Vec::new());
        }
        let Leases { leases, paused } = self.claim_from(&json!(queues), 1, CLAIM_WAIT).await?;
        self.note_pause(paused.map(|paused| paused.reason));
        Ok(leases)
    }

    async fn claim_from(&self, queues: &Value, max: usize, wait_ms: Millis) -> Result<Leases, CliError> {
        let body = json!({
            "worker": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "queues": queues,
            "max": max,
            "wait_ms": wait_ms,
        });
        let reply = self.client.send(Method::POST, "/v1/leases", &body).await?;
        serde_json::from_value(reply)
            .map_err(|error| CliError::Unavailable(format!("the server's leases cannot be read: {error}")))
    }

    /// Says once that the server gives no work to anybody, and once that it does again.
    fn note_pause(&self, paused: Option<String>) {
        let mut known = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == paused {
            return;
        }
        match &paused {
            Some(reason) => tracing::info!(reason, "the server is paused; waiting until it is resumed"),
            None => tracing::info!("the server is paused no longer"),
        }
        *known = paused;
    }

    /// Gives back everything that is still in hand.
    async fn give_back(&self) {
        let held: Vec<Lease> = self.held().drain().map(|(_, lease)| lease).collect();
        self.release(held).await;
    }

    /// Gives leases back. One that cannot be given back runs out.
    async fn release(&self, leases: Vec<Lease>) {
        for batch in leases.chunks(RELEASED_ITEMS_MAX) {
            let said: Vec<Said> = batch.iter().map(|lease| Said::of(lease, json!({}))).collect();
            if let Err(error) = self.say_all("release", &said).await {
                tracing::warn!(%error, leases = batch.len(), "leases could not be given back; they will run out");
            }
        }
        leases.iter().for_each(|lease| self.let_go(lease));
    }

    fn hold(&self, lease: &Lease) {
        self.held().insert(lease.input_url.clone(), lease.clone());
    }

    fn let_go(&self, lease: &Lease) {
        self.held().remove(&lease.input_url);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
