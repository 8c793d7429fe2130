//! The engine: everything of the runtime put together, and what a surface may ask of it.

mod access;
mod commands;
mod reads;
mod recovery;

pub(crate) use access::Lesson;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use domain::names::{OrganizationId, StorageUnitName, WorkerId};
use domain::ports::{Clock, ContentStore, EventStore, Ids, Modules, ReadError, Webhooks};
use domain::stream::Position;
use domain::time::Timestamp;
use projections::read_model::{ReadModel, ReadModelError};
use projections::snapshots::Snapshots;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::board::Board;
use crate::documents::{RecordLocks, record_locks};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::owners::Owners;
use crate::past::taking::Taking;
use crate::past::{Boards, ClockThen, Then};
use crate::pipeline::{Pipeline, SubmitError};
use crate::presence::Presence;
use crate::projector::{Projector, RebuildError};
use crate::refusals::Refusals;
use crate::repeats::Repeats;
use crate::replay::Replays;
use crate::settings::RuntimeSettings;
use crate::stop::{ShutdownReport, Stop, StopSwitch};
use crate::tasks::{Allocation, QueueSettings};
use crate::worker;

/// What an engine is made of.
pub struct Parts {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// The rows.
    pub read_model: Arc<dyn ReadModel>,
    /// The rows as they were.
    pub snapshots: Arc<dyn Snapshots>,
    /// The documents.
    pub content: Arc<dyn ContentStore>,
    /// The programs.
    pub modules: Arc<dyn Modules>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// The limits.
    pub settings: RuntimeSettings,
}

/// Why an engine could not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The event store's reason.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The read model's reason.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
    /// What was left over from the last run could not be put in order.
    #[error("what the last run left over could not be put in order: {0}")]
    Recovery(#[from] SubmitError),
}

/// A running engine. Clones are handles to the same one.
///
/// A handle is the engine's own, which sees everything, or that of an organization, to which nothing else is there; and it is
/// the present, or a moment of the past.
#[derive(Clone)]
pub struct Engine(Arc<Inner>, Option<Arc<Sight>>);

/// What an organization sees, or what was to be seen at a moment.
struct Sight {
    /// Nothing for whoever sees everything.
    organization: Option<OrganizationId>,
    /// Nothing for the present.
    then: Option<(Then, ClockThen)>,
    store: Arc<dyn EventStore>,
    read_model: Arc<dyn ReadModel>,
}

struct Inner {
    parts: Parts,
    metrics: Metrics,
    pipeline: Pipeline,
    projector: Projector,
    board: Board,
    presence: Presence,
    record_locks: RecordLocks,
    repeats: Repeats,
    allocation: Allocation,
    replays: Replays,
    owners: Arc<Owners>,
    boards: Arc<Boards>,
    keys: Keys,
    refusals: Refusals,
    /// What the built-in workers need to know of each unit and workspace to say what they serve; nothing of a unit that
    /// was dropped.
    units: RwLock<HashMap<StorageUnitName, Option<QueueSettings>>>,
    /// Whether exports to webhooks happen in this process.
    is_exporting: AtomicBool,
    /// Ends those who send commands.
    senders: (StopSwitch, Stop),
    /// Ends the pipeline.
    piping: StopSwitch,
    /// Ends those who follow the log.
    followers: (StopSwitch, Stop),
    tasks: Mutex<JoinSet<()>>,
    follower_tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    pipeline_task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

/// How long between two words about how far the projections are behind at start.
const CATCH_UP_NOTICE: Duration = Duration::from_secs(2);
/// Rows read at once.
const PAGE_ROWS_MAX: usize = 1_000;

// ── Start and end ──────────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    /// Starts an engine: brings the projections up to the log, takes back what built-in workers of an earlier
    /// process still held, and goes on with campaigns and clearings under way. It has no workers yet.
    ///
    /// # Errors
    /// [`StartError`] when the store or the read model cannot be used.
    pub async fn start(mut parts: Parts) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        parts.modules = metrics.measured(parts.modules);
        let last = parts.store.last().await?;
        let last = last.map_or((Position::START, Timestamp::default()), |event| {
            (event.position, event.metadata.recorded_at)
        });
        let (piping, piping_stop) = StopSwitch::new();
        let followers = StopSwitch::new();
        let Parts { store, read_model, clock, ids, settings, .. } = &parts;
        let counts = metrics.pipeline.clone();
        let (pipeline, pipeline_task) =
            Pipeline::start(store.clone(), clock.clone(), last, settings, counts, piping_stop);
        let (projector, projector_task) = Projector::start(
            store.clone(),
            read_model.clone(),
            settings.batch_events_max,
            followers.1.clone(),
        )
        .await?;
        catch_up(&projector, last.0).await?;
        let (board, leases, board_task) = Board::start(
            store.clone(),
            &**read_model,
            pipeline.clone(),
            (clock.clone(), ids.clone()),
            settings.batch_events_max,
            followers.1.clone(),
        )
        .await?;
        let inner = Inner {
            metrics,
            pipeline,
            projector,
            board,
            presence: Presence::default(),
            record_locks: record_locks(),
            repeats: Repeats::default(),
            allocation: Allocation::default(),
            replays: Replays::default(),
            owners: Arc::default(),
            boards: Arc::new(Boards::new(parts.store.clone(), parts.snapshots.clone())),
            keys: Keys::default(),
            refusals: Refusals::default(),
            units: RwLock::default(),
            is_exporting: AtomicBool::new(false),
            senders: StopSwitch::new(),
            piping,
            followers,
            tasks: Mutex::default(),
            follower_tasks: Mutex::new(vec![projector_task, board_task]),
            pipeline_task: Mutex::new(Some(pipeline_task)),
            parts,
        };
        let engine = Self(Arc::new(inner), None);
        engine.restore_keys().await?;
        if !engine.is_standby() {
            engine.take_back(leases).await?;
        }
        engine.go_on(last.0).await?;
        engine.take_snapshots().await;
        Ok(engine)
    }

    /// Begins to take snapshots, where they are wanted.
    async fn take_snapshots(&self) {
        let Parts { store, snapshots, settings, .. } = &self.0.parts;
        let Some(every) = settings.snapshot_events else { return };
        let taking = Taking {
            store: store.clone(),
            snapshots: snapshots.clone(),
            every: every.get(),
            keep: settings.snapshots_kept_max,
            seen: self.0.projector.watch(),
        };
        let task = tokio::spawn(taking.run(self.0.followers.1.clone()));
        self.0.follower_tasks.lock().await.push(task);
    }

    /// Stops: nothing new is claimed, what is in hand comes to its end within the limit, everything acknowledged is
    /// in the log and in the views.
    pub async fn shutdown(&self) -> ShutdownReport {
        let inner = &*self.0;
        inner.senders.0.stop();
        let mut tasks = std::mem::take(&mut *inner.tasks.lock().await);
        let ended = async { while tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(inner.parts.settings.shutdown_max, ended).await.is_ok();
        tasks.shutdown().await;
        inner.parts.modules.end().await;
        inner.board.claims_settled().await;
        inner.piping.stop();
        if let Some(task) = inner.pipeline_task.lock().await.take() {
            // A panic there was reported when it happened; there is nothing left to wait for.
            let _ended = task.await;
        }
        // Nothing comes after this any longer.
        self.wait_for_views(self.acknowledged()).await;
        inner.followers.0.stop();
        for task in std::mem::take(&mut *inner.follower_tasks.lock().await) {
            let _ended = task.await;
        }
        ShutdownReport { in_time }
    }

    pub(crate) fn senders_stop(&self) -> Stop {
        self.0.senders.1.clone()
    }

    pub(crate) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    /// Starts built-in workers, which process one batch each at a time, until the engine is shut down. A standby has none.
    pub async fn start_workers(&self, count: usize) {
        if self.is_standby() {
            return;
        }
        let process = self.ids().fresh();
        let mut tasks = self.0.tasks.lock().await;
        for number in 1..=count {
            let name = format!("{}{number}@{process}", worker::PREFIX);
            let name = WorkerId::new(name).expect("a short name of letters, digits and '/@-' is valid");
            tasks.spawn(worker::run(self.clone(), name, self.0.senders.1.clone()));
        }
    }

    /// Starts exporters, which deliver one task each at a time to the webhook of its workspace, until the engine is shut
    /// down. From then on nobody else can claim these exports.
    pub async fn start_exporters(&self, webhooks: Arc<dyn Webhooks>, count: usize) {
        self.0.is_exporting.store(count > 0, Ordering::Relaxed);
        let process = self.ids().fresh();
        let mut tasks = self.0.tasks.lock().await;
        for number in 1..=count {
            let name = format!("{}exporter-{number}@{process}", worker::PREFIX);
            let name = WorkerId::new(name).expect("a short name of letters, digits and '/@-' is valid");
            let stop = self.0.senders.1.clone();
            tasks.spawn(worker::export::run(self.clone(), webhooks.clone(), name, stop));
        }
        drop(tasks);
        self.0.board.wake();
    }
}

/// Waits until the views are up to date. Damage does not go away by waiting.
async fn catch_up(projector: &Projector, head: Position) -> Result<(), StartError> {
    while !projector.wait_for(head, CATCH_UP_NOTICE).await {
        match projector.failure() {
            Some(RebuildError::Store(error @ ReadError::Corrupt { .. })) => return Err(error.into()),
            Some(RebuildError::ReadModel(error @ ReadModelError::Damaged(_))) => return Err(error.into()),
            Some(RebuildError::Store(_) | RebuildError::ReadModel(_)) | None => {}
        }
        tracing::info!(position = %projector.position(), %head, "the projections are catching up with the log");
    }
    Ok(())
}
