//! `reprise work`: the built-in worker as a process of its own. It claims from a server over HTTP what its own modules can
//! process, and reports what came of it. Does not know where the documents lie.

mod attempt;
mod queues;

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

/// How long one claim waits for work; what the server has learnt meanwhile is looked at in between.
const CLAIM_WAIT: Millis = Millis(10_000);
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

impl Lease {
    /// What names it in a report.
    fn place(&self, worker: &WorkerId) -> Value {
        let Self { unit, scope, key, token, .. } = self;
        json!({ "worker": worker, "unit": unit, "scope": scope, "key": key, "token": token })
    }
}

/// The worker.
struct Worker {
    client: Client,
    name: WorkerId,
    modules: ConfiguredModules,
    queues: Queues,
    /// What it has in hand.
    held: Mutex<HashMap<String, Lease>>,
}

impl Worker {
    /// Processes one document after the other until told to stop.
    async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let claimed = tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                claimed = self.claim() => claimed,
            };
            match claimed {
                Ok(leases) => {
                    for lease in leases {
                        self.hold(&lease);
                        self.work_on(&lease).await;
                        self.let_go(&lease);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "nothing could be claimed; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
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
        let body = json!({
            "worker": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "queues": queues,
            "wait_ms": CLAIM_WAIT,
        });
        let reply = self.client.send(Method::POST, "/v1/leases", &body).await?;
        let reply: Leases = serde_json::from_value(reply)
            .map_err(|error| CliError::Unavailable(format!("the server's leases cannot be read: {error}")))?;
        Ok(reply.leases)
    }

    /// Says something of a lease.
    async fn say(&self, word: &str, lease: &Lease, more: Value) -> Result<Value, CliError> {
        let mut body = lease.place(&self.name);
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.client.send(Method::POST, &format!("/v1/leases/{word}"), &body).await
    }

    /// Gives back everything that is still in hand.
    async fn give_back(&self) {
        let held: Vec<Lease> = self.held().drain().map(|(_, lease)| lease).collect();
        for lease in held {
            if let Err(error) = self.say("release", &lease, Value::Null).await {
                tracing::warn!(%error, key = %lease.key, "a lease could not be given back; it will run out");
            }
        }
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
