//! A log with faults. Does not know what is written to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::ports::{
    Append, AppendError, Appended, Direction, EventFilter, EventStore, NewEvent, ReadError, Subscription,
};
use domain::stream::{Position, StreamId, Version};
use tokio::sync::watch;

use super::Gate;

/// What happens to a write.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing out of the ordinary.
    Nothing,
    /// It is not done, and says so.
    Unavailable,
    /// It is not done, and nobody can say whether it was.
    LostOnTheWay,
    /// It is done, and nobody can say whether it was.
    LostOnTheWayBack,
    /// Another process appends this just before.
    Rival(Append),
}

/// Whether an event can be written.
type Refusing = Box<dyn Fn(&StreamId, &NewEvent) -> bool + Send>;

/// A real store with faults.
pub struct FaultyStore {
    inner: Arc<dyn EventStore>,
    faults: Mutex<VecDeque<Fault>>,
    refusing: Mutex<Option<Refusing>>,
    refused: watch::Sender<usize>,
    /// What every write has to pass.
    pub gate: Gate,
}

impl FaultyStore {
    /// The store as it is, until something is asked for.
    #[must_use]
    pub fn over(inner: Arc<dyn EventStore>) -> Arc<Self> {
        let (faults, refusing, refused) = (Mutex::default(), Mutex::default(), watch::Sender::new(0));
        Arc::new(Self { inner, faults, refusing, refused, gate: Gate::default() })
    }

    /// What happens to the next writes, one each.
    pub fn next_writes(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.faults).extend(faults);
    }

    /// Refuses appends with an event like this from now on; the others of a batch are done.
    pub fn refuse(&self, which: impl Fn(&StreamId, &NewEvent) -> bool + Send + 'static) {
        *lock(&self.refusing) = Some(Box::new(which));
    }

    /// Refuses nothing any longer.
    pub fn refuse_nothing(&self) {
        *lock(&self.refusing) = None;
    }

    /// Waits until something was refused.
    pub async fn something_was_refused(&self) {
        let mut refused = self.refused.subscribe();
        refused.wait_for(|refused| *refused > 0).await.expect("the store is still there");
    }

    fn is_refused(&self, append: &Append) -> bool {
        let refusing = lock(&self.refusing);
        let refused = |which: &Refusing| append.events.iter().any(|event| which(&append.stream, event));
        refusing.as_ref().is_some_and(refused)
    }

    async fn append_unrefused(&self, batch: &[Append]) -> Vec<Result<Appended, AppendError>> {
        let refused: Vec<bool> = batch.iter().map(|append| self.is_refused(append)).collect();
        let rest = batch.iter().zip(&refused).filter(|(_, refused)| !**refused);
        let rest: Vec<Append> = rest.map(|(append, _)| append.clone()).collect();
        let mut results = self.inner.append_many(rest.into()).await.into_iter();
        self.refused.send_modify(|count| *count += refused.iter().filter(|refused| **refused).count());
        let result = |refused| if refused { Err(unavailable()) } else { results.next().expect("one each") };
        refused.into_iter().map(result).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable() -> AppendError {
    AppendError::Unavailable("the test wants it so".to_owned())
}

fn unknown(batch: &[Append]) -> Vec<Result<Appended, AppendError>> {
    vec![Err(AppendError::Unknown("the test wants it so".to_owned())); batch.len()]
}

#[async_trait]
impl EventStore for FaultyStore {
    async fn append_many(&self, batch: Arc<[Append]>) -> Vec<Result<Appended, AppendError>> {
        // Faults go to writes in the order in which they come, whoever passes the gate first.
        let fault = lock(&self.faults).pop_front();
        self.gate.pass().await;
        match fault {
            None | Some(Fault::Nothing) => self.append_unrefused(&batch).await,
            Some(Fault::Unavailable) => vec![Err(unavailable()); batch.len()],
            Some(Fault::LostOnTheWay) => unknown(&batch),
            Some(Fault::LostOnTheWayBack) => {
                let _nobody_hears = self.inner.append_many(batch.clone()).await;
                unknown(&batch)
            }
            Some(Fault::Rival(append)) => {
                let results = self.inner.append_many([append].into()).await;
                assert!(results.iter().all(Result::is_ok), "the rival was too late: {results:?}");
                self.append_unrefused(&batch).await
            }
        }
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        self.inner.read_stream(stream, from, direction, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Vec<Arc<RecordedEvent>>, ReadError> {
        self.inner.read_all(after, limit, filter).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.inner.head().await
    }

    async fn last(&self) -> Result<Option<Arc<RecordedEvent>>, ReadError> {
        self.inner.last().await
    }

    async fn subscribe(&self, after: Position) -> Result<Box<dyn Subscription>, ReadError> {
        self.inner.subscribe(after).await
    }
}
