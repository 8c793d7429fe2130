//! An engine in this process, and cycles of work on it: queued, claimed, started, finished, one command each.
//!
//! The commands are those that the surfaces send, so the log is that of a server. Does not know HTTP.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::digest::Digest;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, Key, ModuleName, Scope, StorageUnitName, WorkerId};
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{KeyScopeId, Version};
use domain::time::Millis;
use domain::work::{self, Output, Priority, Token};
use runtime::{Engine, Parts};
use store_sqlite::SqliteStore;
use tokio::task::JoinSet;

use super::failed;
use super::no_views::NoViews;
use super::server::{SCOPE, UNIT, key};
use crate::assemble;
use crate::config::Config;
use crate::exit::CliError;

/// How many commands, and events, a cycle has.
pub(super) const EVENTS_PER_CYCLE: u64 = 4;
/// How long a lease lasts: longer than any run.
const LEASE: Millis = Millis::from_secs(86_400);
/// How long the files may still be in use once the engine has stopped.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(30);
/// How often that is looked at.
const CLOSE_LOOK: Duration = Duration::from_millis(2);

/// Whether there are views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Views {
    Kept,
    None,
}

/// An engine over a folder of its own, with a unit of managed content.
pub(super) struct Running {
    pub(super) engine: Engine,
    store: Arc<SqliteStore>,
    unit: StorageUnitName,
    scope: Scope,
    actor: Actor,
    worker: WorkerId,
    output: Output,
}

impl Running {
    pub(super) async fn start(folder: &Path, views: Views) -> Result<Arc<Self>, CliError> {
        let name = |error: domain::names::InvalidName| failed("name a thing", &error);
        let config = Config { data_dir: folder.to_owned(), ..Config::default() };
        let store = assemble::open_store(&config)?.ok_or_else(|| failed("open a log", &"it is in use"))?;
        let parts = assemble::parts(&config, folder, Arc::clone(&store), BTreeMap::new()).await?;
        let parts = match views {
            Views::Kept => parts,
            Views::None => Parts { read_model: Arc::new(NoViews), ..parts },
        };
        let engine = Engine::start(parts).await.map_err(|error| failed("start an engine", &error))?;
        let running = Self {
            engine,
            store,
            unit: StorageUnitName::new(UNIT).map_err(name)?,
            scope: Scope::new(SCOPE).map_err(name)?,
            actor: Actor::new("http").map_err(name)?,
            worker: WorkerId::new("bench/1").map_err(name)?,
            output: Output {
                module: ModuleName::new("bench").map_err(name)?,
                digest: Digest([5; 32]),
                size_bytes: 1,
                scope: None,
            },
        };
        let settings = Settings {
            content: Content::Managed,
            modules: ModuleTable::default(),
            queue_enabled: true,
            limits: Limits::default(),
        };
        let create = storage_unit::Command::Create(settings);
        running.submit(&running.actor, Command::StorageUnit(running.unit.clone(), create)).await?;
        Ok(Arc::new(running))
    }

    async fn submit(&self, actor: &Actor, command: Command) -> Result<Option<Version>, CliError> {
        let envelope = Envelope::new(CommandId(self.engine.fresh_id()), actor.clone(), command);
        let accepted = self.engine.submit(envelope).await;
        Ok(accepted.map_err(|error| failed("go on", &error))?.version)
    }

    /// Queues, claims, starts and finishes the work on a key, one durable command after the other.
    async fn cycle(&self, number: u64, done: &AtomicU64) -> Result<(), CliError> {
        let name = |error: domain::names::InvalidName| failed("name a thing", &error);
        let key = Key::new(key(number)).map_err(name)?;
        let id = KeyScopeId { unit: self.unit.clone(), scope: self.scope.clone(), key };
        let worker = Actor::new(self.worker.as_str()).map_err(name)?;
        let submit = async |actor: &Actor, command| {
            let version = self.submit(actor, Command::work(id.clone(), command)).await?;
            done.fetch_add(1, Ordering::Relaxed);
            Ok::<_, CliError>(version)
        };
        submit(&self.actor, work::Command::Queue { campaign: None, priority: Priority::default() }).await?;
        let claim = work::Command::Claim { worker: self.worker.clone(), lease_ms: LEASE };
        let version = submit(&worker, claim).await?;
        let token = Token(version.ok_or_else(|| failed("go on", &"a claim recorded nothing"))?);
        submit(&worker, work::Command::Start { token }).await?;
        let outputs = vec![self.output.clone()];
        let digest = Digest([7; 32]);
        submit(&worker, work::Command::Complete { token, outputs, digest }).await?;
        Ok(())
    }

    /// Cycles on these keys, one after the other by each of so many producers, until there are no more keys or the time
    /// is over; gives how many commands were acknowledged, and up to which key they came.
    pub(super) async fn cycles(
        self: &Arc<Self>,
        producers: usize,
        numbers: Range<u64>,
        until: Option<Instant>,
    ) -> Result<(u64, u64), CliError> {
        let (next, done) = (Arc::new(AtomicU64::new(numbers.start)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..producers {
            let (running, next, done) = (Arc::clone(self), Arc::clone(&next), Arc::clone(&done));
            tasks.spawn(async move {
                while until.is_none_or(|until| Instant::now() < until) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    running.cycle(number, &done).await?;
                }
                Ok::<_, CliError>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| failed("go on", &error))??;
        }
        Ok((done.load(Ordering::Relaxed), next.load(Ordering::Relaxed).min(numbers.end)))
    }

    /// Waits until every view shows what was acknowledged.
    pub(super) async fn views_reached(&self) {
        let position = self.engine.acknowledged();
        while !self.engine.wait_for_views(position).await {}
    }

    /// Stops the engine, and waits until its files are closed.
    pub(super) async fn stop(self: Arc<Self>) -> Result<(), CliError> {
        let Some(Self { engine, store, .. }) = Arc::into_inner(self) else {
            return Err(failed("stop an engine", &"somebody still uses it"));
        };
        engine.shutdown().await;
        drop(engine);
        let begun = Instant::now();
        while Arc::strong_count(&store) > 1 {
            if begun.elapsed() > CLOSE_WAIT_MAX {
                return Err(failed("stop an engine", &"its files stay open"));
            }
            tokio::time::sleep(CLOSE_LOOK).await;
        }
        Ok(())
    }
}
