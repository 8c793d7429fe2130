//! The board: the work queue and the timers, kept up to date from the log, and the line of those who wait for work.
//! Does not know which worker runs what. How work is claimed is in `claiming`, how a board
//! comes to be at start in `restoring`.

mod claiming;
mod restoring;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::event::{Event, RecordedEvent};
use domain::names::{StorageUnitName, WorkerId};
use domain::ports::{Clock, EventStore, Ids, ReadError};
use domain::process::timers::{Due, Timers};
use domain::stream::{KeyScopeId, Position, Subject};
use domain::time::{Millis, Timestamp};
use domain::work::Token;
use domain::work_id::happened;
use projections::read_model::{ReadModel, ReadModelError};
use projections::work_queue::{Gate, QueueDepth, Rank, Standing, WorkQueue};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::pipeline::Pipeline;
use crate::stop::Stop;
use crate::waiters::Waiters;

pub(crate) use claiming::Claimer;

/// The wait after a failed read before the next try.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// A lease that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// On what.
    pub id: KeyScopeId,
    /// The fencing token to show with every later command.
    pub token: Token,
    /// When the lease runs out.
    pub until: Timestamp,
    /// How long it was given for.
    pub lease_ms: Millis,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
}

/// How many claims wait for work, and how many were woken for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimCounts {
    /// How many wait now.
    pub waiting: usize,
    /// How many were ever handed something to claim after they had waited.
    pub woken: u64,
    /// How many of those could then claim nothing of it: it was out of date, or the store could not be written.
    pub woken_for_nothing: u64,
}

/// Work queue, timers, and who waits for work.
#[derive(Default)]
struct State {
    queue: WorkQueue,
    timers: Timers,
    waiters: Waiters,
    woken: u64,
    woken_for_nothing: u64,
}

/// The shared board.
#[derive(Clone)]
pub(crate) struct Board {
    state: Arc<Mutex<State>>,
    timers_moved: Arc<Notify>,
    position: watch::Receiver<Position>,
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// Claims that go on by themselves, whether or not whoever asked is still there.
    claims: Arc<Mutex<JoinSet<()>>>,
}

impl Board {
    /// Restores the board from the open rows and starts to follow the log. Gives the leases that were there.
    pub(crate) async fn start(
        store: Arc<dyn EventStore>,
        model: &dyn ReadModel,
        pipeline: Pipeline,
        (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>),
        batch_max: usize,
        stop: Stop,
    ) -> Result<(Self, Vec<(KeyScopeId, WorkerId)>, tokio::task::JoinHandle<()>), ReadModelError> {
        let from = model.checkpoint().await?;
        let (state, leases) = restoring::restore(model).await?;
        let (publish, position) = watch::channel(from);
        let board = Self {
            state: Arc::new(Mutex::new(state)),
            timers_moved: Arc::default(),
            position,
            pipeline,
            clock,
            ids,
            claims: Arc::default(),
        };
        let handle = tokio::spawn(board.clone().follow(store, from, batch_max, publish, stop));
        Ok((board, leases, handle))
    }

    async fn follow(
        self,
        store: Arc<dyn EventStore>,
        mut from: Position,
        batch_max: usize,
        publish: watch::Sender<Position>,
        mut stop: Stop,
    ) {
        loop {
            let followed = tokio::select! {
                () = stop.wait() => return,
                followed = self.follow_until_failure(&*store, &mut from, batch_max, &publish) => followed,
            };
            if let Err(error) = followed {
                tracing::error!(%error, position = %from, "the work queue stands still; trying again");
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn follow_until_failure(
        &self,
        store: &dyn EventStore,
        from: &mut Position,
        batch_max: usize,
        publish: &watch::Sender<Position>,
    ) -> Result<(), ReadError> {
        let mut subscription = store.subscribe(*from).await?;
        loop {
            let events = subscription.next(batch_max).await?;
            let timers_moved = self.state().apply_all(&events);
            if let Some(last) = events.last() {
                *from = last.position;
                publish.send_replace(last.position);
            }
            if timers_moved {
                self.timers_moved.notify_one();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, and hands over what became claimable by that.
    fn change(&self, change: impl FnOnce(&mut WorkQueue)) {
        let mut state = self.state();
        change(&mut state.queue);
        state.serve();
    }

    /// Everything of a unit that is leased, once the board has seen the position.
    pub(crate) async fn taken(&self, unit: &StorageUnitName, at: Position) -> Vec<KeyScopeId> {
        self.caught_up(at).await;
        self.state().queue.taken(unit)
    }

    /// Looks again who can be given what: somebody may serve more than before.
    pub(crate) fn wake(&self) {
        self.state().serve();
    }

    /// How many claims wait, and how many were woken for what.
    pub(crate) fn claim_counts(&self) -> ClaimCounts {
        let state = self.state();
        let State { waiters, woken, woken_for_nothing, .. } = &*state;
        ClaimCounts { waiting: waiters.len(), woken: *woken, woken_for_nothing: *woken_for_nothing }
    }

    /// How much stands where in each queue.
    pub(crate) fn depths(&self) -> Vec<QueueDepth> {
        self.state().queue.depths()
    }

    /// What a unit lets through; nothing when there is no such unit.
    pub(crate) fn gate(&self, unit: &StorageUnitName) -> Option<Gate> {
        self.state().queue.gate(unit)
    }

    /// Where an entry with this rank stands.
    pub(crate) fn standing(&self, id: &KeyScopeId, rank: Rank) -> Standing {
        self.state().queue.standing(id, rank)
    }

    /// Waits until the board has seen a position.
    pub(crate) async fn caught_up(&self, at: Position) {
        let mut position = self.position.clone();
        // An error means that the engine is stopping: then the board shows what it has.
        drop(position.wait_for(|reached| *reached >= at).await);
    }

    /// Waits until the board has seen something after a position.
    pub(crate) async fn has_passed(&self, at: Position) {
        let mut position = self.position.clone();
        // An error means that the engine is stopping, which whoever waits is told otherwise.
        drop(position.wait_for(|reached| *reached > at).await);
    }

    /// The position that the board reflects.
    pub(crate) fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// How many items wait in all queues.
    pub(crate) async fn waiting(&self) -> usize {
        self.state().queue.waiting()
    }

    /// Waits until a timer is due, and takes everything that is, at most `limit`.
    pub(crate) async fn next_due(&self, limit: usize) -> Vec<(KeyScopeId, Timestamp, Due)> {
        loop {
            let moved = self.timers_moved.notified();
            let now = self.clock.now();
            let (due, next) = {
                let mut state = self.state();
                (state.timers.take_due(now, limit), state.timers.next())
            };
            if !due.is_empty() {
                return due;
            }
            match next {
                None => moved.await,
                Some(at) => {
                    let wait = at.since(now).as_duration() + Duration::from_millis(1);
                    // Whichever comes first: the timer, or an event that moves it.
                    let _moved = tokio::time::timeout(wait, moved).await;
                }
            }
        }
    }

    /// Puts back a timer whose command could not be sent.
    pub(crate) async fn set_timer(&self, id: &KeyScopeId, at: Timestamp, due: Due) {
        self.state().timers.set(id, at, due);
        self.timers_moved.notify_one();
    }
}

impl State {
    /// Takes note of events and hands over what became claimable; says whether the next timer is another one.
    fn apply_all(&mut self, events: &[Arc<RecordedEvent>]) -> bool {
        let timer_before = self.timers.next();
        // Every event is applied, whichever of them makes something claimable.
        let claimable = events.iter().filter(|event| self.apply(event)).count() > 0;
        if claimable {
            self.serve();
        }
        self.timers.next() != timer_before
    }

    /// Hands over what is claimable.
    fn serve(&mut self) {
        self.woken += self.waiters.serve(&mut self.queue);
    }

    /// Takes note of an event; says whether something may have become claimable.
    fn apply(&mut self, recorded: &RecordedEvent) -> bool {
        if let Some((id, event)) = happened(recorded) {
            self.timers.apply(&id, event);
            return self.queue.apply_work(&id, event, recorded.position);
        }
        match (&recorded.event, Subject::try_from(&recorded.stream)) {
            (Event::StorageUnit(event), Ok(Subject::StorageUnit(unit))) => {
                self.queue.apply_unit(&unit, event)
            }
            (Event::Workspace(event), Ok(Subject::Workspace(id))) => self.queue.apply_workspace(id, event),
            (Event::System(event), Ok(_) | Err(_)) => self.queue.apply_system(event),
            (
                Event::StorageUnit(_)
                | Event::KeyScope(_)
                | Event::Record(_)
                | Event::Campaign(_)
                | Event::Task(_)
                | Event::Workspace(_)
                | Event::Batch(_)
                | Event::ExternalId(_)
                | Event::Ids(_)
                | Event::ApiKey(_)
                | Event::Access(_),
                Ok(_) | Err(_),
            ) => false,
        }
    }
}
