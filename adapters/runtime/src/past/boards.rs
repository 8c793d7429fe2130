//! The last few boards that were asked for: all rows as of a position each. Does not know who asks.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ports::{EventFilter, EventStore, ReadError};
use domain::stream::Position;
use lru::LruCache;
use projections::read_model::{ReadModel, ReadModelError};
use projections::snapshots::Snapshots;
use tokio::sync::{OnceCell, Semaphore};

/// How many boards are kept for whoever asks again, such as for the next page. Each takes some 20 MB at most, beside a
/// temporary file where more was folded.
const BOARDS_KEPT_MAX: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");
/// How many boards are put together at once: each takes a processor while it is.
const MAKING_MAX: usize = 2;
/// How long somebody waits for the turn of the board that was asked for.
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);
/// How many events are folded at once: a row that many of them touch is written once.
const EVENTS_AT_ONCE: usize = 16_384;

type Board = Arc<OnceCell<Arc<dyn ReadModel>>>;

/// Boards of the past.
pub(crate) struct Boards {
    pub(crate) store: Arc<dyn EventStore>,
    snapshots: Arc<dyn Snapshots>,
    kept: Mutex<LruCache<Position, Board>>,
    making: Semaphore,
}

impl Boards {
    pub(crate) fn new(store: Arc<dyn EventStore>, snapshots: Arc<dyn Snapshots>) -> Self {
        let (kept, making) = (Mutex::new(LruCache::new(BOARDS_KEPT_MAX)), Semaphore::new(MAKING_MAX));
        Self { store, snapshots, kept, making }
    }

    /// Every row as of a position. Whoever asks for the same one meanwhile waits for the same board.
    pub(crate) async fn rows(&self, position: Position) -> Result<Arc<dyn ReadModel>, ReadModelError> {
        let board = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kept.get_or_insert(position, Board::default))
        };
        board.get_or_try_init(|| self.make(position)).await.cloned()
    }

    /// Whether the rows as of a position are at hand.
    pub(crate) fn has(&self, position: Position) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&position).is_some_and(|board| board.initialized())
    }

    /// A board turned out to be of no use any longer: it is put together again when somebody asks.
    pub(crate) fn forget(&self, position: Position) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop(&position);
    }

    async fn make(&self, position: Position) -> Result<Arc<dyn ReadModel>, ReadModelError> {
        let turn = tokio::time::timeout(TURN_WAIT_MAX, self.making.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            let busy = "many moments of the past are being asked for; ask again shortly";
            return Err(ReadModelError::Unavailable(busy.to_owned()));
        };
        let rows = self.snapshots.rows(position).await?;
        let mut seen = rows.checkpoint().await?;
        while seen < position {
            let events = self.store.read_all(seen, EVENTS_AT_ONCE, &EventFilter::default()).await;
            let mut events = events.map_err(unreadable)?;
            events.retain(|event| event.position <= position);
            let Some(last) = events.last() else { break };
            seen = last.position;
            rows.apply(events).await?;
        }
        Ok(rows)
    }
}

pub(super) fn unreadable(error: ReadError) -> ReadModelError {
    match error {
        ReadError::Unavailable(_) => ReadModelError::Unavailable(error.to_string()),
        ReadError::Corrupt { .. } => ReadModelError::Damaged(error.to_string()),
    }
}
