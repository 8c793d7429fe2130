//! The snapshots port: the rows of every view as they were at positions of the past, so that what they were at any other
//! one is folded from few events. Derived from the log like all rows, and may be gone at any time.

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;

use crate::read_model::{ReadModel, ReadModelError};

/// Keeps the rows of every view as they were at some positions.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The position of the last snapshot; [`Position::START`] without any.
    async fn last(&self) -> Result<Position, ReadModelError>;

    /// Takes the next snapshot: of the rows after these events, which follow the last one in the order of the log. Of the
    /// snapshots so many are kept, the newest; what only older ones need is removed.
    async fn take(&self, events: Vec<Arc<RecordedEvent>>, keep: usize) -> Result<(), ReadModelError>;

    /// Removes every snapshot.
    async fn clear(&self) -> Result<(), ReadModelError>;

    /// The rows as of the last snapshot at or before a position, or as of the start of the log when there is none. Events
    /// that are applied to them are seen by nobody else.
    async fn rows(&self, at: Position) -> Result<Arc<dyn ReadModel>, ReadModelError>;
}
