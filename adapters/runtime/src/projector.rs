//! The projection runner: feeds the read model from the log, and rebuilds projections beside the running ones.
//! Does not know any view.

use std::sync::Arc;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ports::{EventFilter, EventStore, ReadError};
use domain::stream::Position;
use projections::fold;
use projections::read_model::{ReadModel, ReadModelError, RebuildReport};
use tokio::sync::{Mutex, watch};

use crate::stop::Stop;

/// The wait after a failed read or write before the next try; doubles with each further failure.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// The longest wait.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(10);

/// How many batches a page of the log has while the views are far behind.
const PAGE_BATCHES: usize = 2;
/// From how many events on a batch says that more are there already: a store gives so many of its file at once.
const BEHIND_EVENTS_MIN: usize = 1_024;

/// How long a rebuild waits for the present views to catch up before it compares.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// Why a rebuild did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// The read model's reason.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
    /// The event store's reason.
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildProgress {
    /// How many events were folded.
    pub events: u64,
    /// The position reached.
    pub position: Position,
    /// The position to reach.
    pub head: Position,
}

/// The read model and how far it has come.
#[derive(Clone)]
pub(crate) struct Projector {
    store: Arc<dyn EventStore>,
    model: Arc<dyn ReadModel>,
    position: watch::Receiver<Position>,
    /// Why the views stand still, while they do.
    failure: watch::Receiver<Option<RebuildError>>,
    /// Held while rows change, so that a rebuild can compare two views at one position.
    gate: Arc<Mutex<()>>,
    /// Held during a rebuild: a second one of the same view would build in the same place.
    rebuilding: Arc<Mutex<()>>,
    batch_max: usize,
}

impl Projector {
    /// Starts to follow the log from the read model's checkpoint.
    pub(crate) async fn start(
        store: Arc<dyn EventStore>,
        model: Arc<dyn ReadModel>,
        batch_max: usize,
        stop: Stop,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), ReadModelError> {
        let checkpoint = model.checkpoint().await?;
        let (publish, position) = watch::channel(checkpoint);
        let (fail, failure) = watch::channel(None);
        let (gate, rebuilding) = (Arc::default(), Arc::default());
        let projector = Self { store, model, position, failure, gate, rebuilding, batch_max };
        let handle = tokio::spawn(projector.clone().follow(checkpoint, publish, fail, stop));
        Ok((projector, handle))
    }

    /// The position that every view reflects.
    pub(crate) fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until every view reflects the position, or the time is up; says whether it does.
    pub(crate) async fn wait_for(&self, position: Position, wait_max: Duration) -> bool {
        let mut seen = self.position.clone();
        let reached = seen.wait_for(|reached| *reached >= position);
        matches!(tokio::time::timeout(wait_max, reached).await, Ok(Ok(_)))
    }

    /// Waits until the views have moved on.
    pub(crate) fn watch(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }

    /// Why the views stand still, while they do.
    pub(crate) fn failure(&self) -> Option<RebuildError> {
        self.failure.borrow().clone()
    }

    async fn follow(
        self,
        mut from: Position,
        publish: watch::Sender<Position>,
        fail: watch::Sender<Option<RebuildError>>,
        mut stop: Stop,
    ) {
        let mut delay = RETRY_DELAY;
        loop {
            let begun = from;
            let followed = tokio::select! {
                () = stop.wait() => return,
                followed = self.follow_until_failure(&mut from, &publish, &fail) => followed,
            };
            delay = if from == begun { (delay * 2).min(RETRY_DELAY_MAX) } else { RETRY_DELAY };
            if let Err(error) = followed {
                tracing::error!(%error, position = %from, "the projections stand still; trying again");
                fail.send_replace(Some(error));
            }
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn follow_until_failure(
        &self,
        from: &mut Position,
        publish: &watch::Sender<Position>,
        fail: &watch::Sender<Option<RebuildError>>,
    ) -> Result<(), RebuildError> {
        self.catch_up(from, publish, fail).await?;
        let mut subscription = self.store.subscribe(*from).await?;
        let mut events = subscription.next(self.batch_max).await?;
        loop {
            let is_behind = events.len() >= self.batch_max.min(BEHIND_EVENTS_MIN);
            let taken_in = self.take_in(events, from, publish, fail);
            // Whoever is behind reads what comes next meanwhile; whoever is not waits for more of it to come.
            events = if is_behind {
                let next = async { Ok(subscription.next(self.batch_max).await?) };
                futures::future::try_join(taken_in, next).await?.1
            } else {
                taken_in.await?;
                subscription.next(self.batch_max).await?
            };
        }
    }

    /// Takes in what the log has already, page by page, and shows it at the end: a row that many events touch is written once.
    async fn catch_up(
        &self,
        from: &mut Position,
        publish: &watch::Sender<Position>,
        fail: &watch::Sender<Option<RebuildError>>,
    ) -> Result<(), RebuildError> {
        // What is gathered must not be switched away.
        let gate = self.gate.lock().await;
        let mut page = self.page(*from).await?;
        let mut last = *from;
        while page.len() >= self.page_events() {
            last = page.last().map_or(last, |event| event.position);
            // What comes next is read while this is taken in.
            let (next, gathered) = futures::future::join(self.page(last), self.model.gather(page)).await;
            gathered?;
            page = next?;
        }
        last = page.last().map_or(last, |event| event.position);
        if last > *from {
            self.model.apply(page).await?;
            Self::show(last, from, publish, fail);
        }
        drop(gate);
        Ok(())
    }

    /// Folds events into the views and says so.
    async fn take_in(
        &self,
        events: Vec<Arc<RecordedEvent>>,
        from: &mut Position,
        publish: &watch::Sender<Position>,
        fail: &watch::Sender<Option<RebuildError>>,
    ) -> Result<(), RebuildError> {
        let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
        let gate = self.gate.lock().await;
        self.model.apply(events).await?;
        drop(gate);
        Self::show(last, from, publish, fail);
        Ok(())
    }

    /// Says that the views show everything up to a position.
    fn show(
        last: Position,
        from: &mut Position,
        publish: &watch::Sender<Position>,
        fail: &watch::Sender<Option<RebuildError>>,
    ) {
        *from = last;
        publish.send_replace(last);
        fail.send_if_modified(|failure| failure.take().is_some());
    }

    /// Builds a projection beside the present one, compares the two at an equal position and switches.
    pub(crate) async fn rebuild(
        &self,
        view: &str,
        progress: &(dyn Fn(RebuildProgress) + Send + Sync),
    ) -> Result<RebuildReport, RebuildError> {
        let _alone = self.rebuilding.lock().await;
        let asked_at = self.store.head().await?;
        self.model.rebuild_begin(view).await?;
        let mut at = RebuildProgress { events: 0, position: Position::START, head: self.position() };
        self.rebuild_up_to(view, at.head, &mut at, progress).await?;
        // The comparison is to cover everything that was there when it was asked for. Views that stand still are
        // compared where they stand.
        self.wait_for(asked_at, CATCH_UP_MAX).await;
        // What came meanwhile is little; with the gate closed nothing more comes.
        let _gate = self.gate.lock().await;
        at.head = self.model.checkpoint().await?;
        self.rebuild_up_to(view, at.head, &mut at, progress).await?;
        Ok(self.model.rebuild_switch(view).await?)
    }

    async fn rebuild_up_to(
        &self,
        view: &str,
        end: Position,
        at: &mut RebuildProgress,
        progress: &(dyn Fn(RebuildProgress) + Send + Sync),
    ) -> Result<(), RebuildError> {
        let filter = EventFilter { stream_prefix: fold::streams(view).to_owned() };
        let mut page = self.page_until(at.position, end, &filter).await?;
        while let Some(last) = page.events.last().map(|event| event.position) {
            at.events += page.events.len() as u64;
            at.position = last;
            // What comes next is read while this is taken in.
            let next = async {
                if page.is_last { Ok(Page::default()) } else { self.page_until(last, end, &filter).await }
            };
            let taken_in = self.model.rebuild_apply(view, page.events);
            let (next, taken_in) = futures::future::join(next, taken_in).await;
            taken_in?;
            page = next?;
            progress(*at);
        }
        if at.position < end {
            // The last events were not in the view's streams.
            at.position = end;
            self.model.rebuild_reached(view, end).await?;
            progress(*at);
        }
        Ok(())
    }

    /// Events that follow a position, up to another.
    async fn page_until(
        &self,
        after: Position,
        end: Position,
        filter: &EventFilter,
    ) -> Result<Page, ReadError> {
        if after >= end {
            return Ok(Page::default());
        }
        let limit = self.page_events();
        let mut events = self.store.read_all(after, limit, filter).await?;
        let is_last = events.len() < limit || events.last().is_some_and(|event| event.position >= end);
        events.retain(|event| event.position <= end);
        Ok(Page { events, is_last })
    }

    /// Events that follow a position.
    async fn page(&self, after: Position) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        self.store.read_all(after, self.page_events(), &EventFilter::default()).await
    }

    /// How many events are read at once while the views are far behind.
    const fn page_events(&self) -> usize {
        self.batch_max.saturating_mul(PAGE_BATCHES)
    }
}

/// A part of the log.
#[derive(Default)]
struct Page {
    events: Vec<Arc<RecordedEvent>>,
    /// Whether nothing follows it.
    is_last: bool,
}
