//! Takes snapshots: whenever the views have seen so many events more, in the background. Does not know what is in one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::event::RecordedEvent;
use domain::ports::{EventFilter, EventStore, ReadError};
use domain::stream::Position;
use projections::read_model::ReadModelError;
use projections::snapshots::Snapshots;
use tokio::sync::watch;

use crate::stop::Stop;

/// After each snapshot, the rest is so many times as long as the work was: present work goes before.
const REST: u32 = 3;
/// How many such rests follow one snapshot at most, while so much goes on that the next one is half due after each.
const RESTS_MAX: u32 = 4;
/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(5);
/// The wait after something went wrong, and where the log does not say how many events it has.
const RETRY_DELAY: Duration = Duration::from_secs(10);
/// Events read at once.
const EVENTS_READ_MAX: usize = 4_096;

/// Takes snapshots until it is stopped.
pub(crate) struct Taking {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) snapshots: Arc<dyn Snapshots>,
    /// How many events lie between two of them.
    pub(crate) every: usize,
    /// How many are kept.
    pub(crate) keep: usize,
    /// The position that the views reflect.
    pub(crate) seen: watch::Receiver<Position>,
}

/// Why no snapshot was taken.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] ReadError),
    #[error(transparent)]
    Snapshots(#[from] ReadModelError),
}

impl Taking {
    pub(crate) async fn run(mut self, mut stop: Stop) {
        loop {
            let trouble = tokio::select! {
                () = stop.wait() => return,
                trouble = self.take_all() => trouble,
            };
            if let Err(trouble) = trouble {
                tracing::warn!(%trouble, "no snapshots of the rows are taken now; trying again");
            }
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep(RETRY_DELAY) => {}
            }
        }
    }

    /// Comes back only when it has to wait for longer.
    async fn take_all(&mut self) -> Result<(), Trouble> {
        let mut last = self.snapshots.last().await?;
        if last > self.store.head().await? {
            // They are of another log, such as one that was replaced from a backup.
            self.snapshots.clear().await?;
            last = Position::START;
        }
        loop {
            let every = self.every as u64;
            let due = |seen: &Position| last.events_until(*seen).is_none_or(|events| events >= every);
            if self.seen.wait_for(due).await.is_err() {
                return Ok(());
            }
            let begun = Instant::now();
            let events = self.events(last).await?;
            let Some(end) = events.last().map(|event| event.position).filter(|_| events.len() == self.every)
            else {
                return Ok(());
            };
            self.snapshots.take(events, self.keep).await?;
            last = end;
            self.rest((begun.elapsed() * REST).min(REST_MAX)).await;
        }
    }

    /// Rests, and for longer while the views get half as many events in that time as a snapshot is of.
    async fn rest(&self, rest: Duration) {
        for _ in 0..RESTS_MAX {
            let before = *self.seen.borrow();
            tokio::time::sleep(rest).await;
            let came = before.events_until(*self.seen.borrow());
            if came.is_none_or(|events| events < self.every as u64 / 2) {
                return;
            }
        }
    }

    async fn events(&self, mut after: Position) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        let mut events = Vec::with_capacity(self.every);
        while events.len() < self.every {
            let limit = (self.every - events.len()).min(EVENTS_READ_MAX);
            let mut read = self.store.read_all(after, limit, &EventFilter::default()).await?;
            let Some(last) = read.last() else { break };
            after = last.position;
            events.append(&mut read);
        }
        Ok(events)
    }
}
