//! The read-model port: rows and checkpoints of the views, and how they are asked for.

mod query;

use std::sync::Arc;

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use serde::de::DeserializeOwned;

pub use query::{Direction, Order, Place, Query, Test};

use crate::view::{Value, View};

/// Why the read model could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadModelError {
    /// Try later.
    #[error("the read model cannot be used now: {0}")]
    Unavailable(String),
    /// The rows are damaged: rebuild them from the log.
    #[error("the read model is damaged, rebuild it with 'reprise projections rebuild': {0}")]
    Damaged(String),
    /// There is no view of this name.
    #[error("there is no projection '{0}'")]
    UnknownView(String),
    /// The cursor is not one that an earlier page gave.
    #[error("the cursor is not one that an earlier page gave; start without a cursor")]
    BadCursor,
}

/// Rows as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPage {
    /// Key and JSON of each row, in the order that was asked for.
    pub rows: Vec<(String, String)>,
    /// The cursor for what comes after the last one; nothing when this is the last page.
    pub next: Option<String>,
    /// The position that the rows reflect.
    pub position: Position,
}

/// What is kept of a row, given its key and its JSON; nothing leaves the row out.
pub type Pick = Arc<dyn Fn(&str, &str) -> Result<Option<String>, ReadModelError> + Send + Sync>;

/// What was picked in one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// What was picked, in the order of the rows.
    pub items: Vec<String>,
    /// Whether something more would have been picked.
    pub has_more: bool,
    /// The position that the rows reflect.
    pub position: Position,
}

/// How many rows a question finds, by the values in some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCounts<K> {
    /// The values and how many rows have them, values ascending; values that no row has are left out.
    pub counts: Vec<(K, u64)>,
    /// The position that they reflect.
    pub position: Position,
}

/// What is known of one projection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// Its schema.
    pub schema: u32,
    /// The position that it reflects.
    pub position: Position,
    /// How many rows it has.
    pub rows: u64,
}

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RebuildReport {
    /// The projection.
    pub name: String,
    /// The position at which old and new were compared.
    pub position: Position,
    /// Rows of the new one.
    pub rows: u64,
    /// Rows that were missing, additional or different in the old one.
    pub rows_different: u64,
}

/// Rows and checkpoints.
#[async_trait]
pub trait ReadModel: Send + Sync {
    /// The position up to which every view has seen every event.
    async fn checkpoint(&self) -> Result<Position, ReadModelError>;

    /// Folds events, which follow the checkpoint in the order of the log, into every view, and keeps rows and
    /// checkpoints in one transaction: after a crash, both are there or neither. A view skips what it has seen.
    async fn apply(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError>;

    /// Takes in events as [`ReadModel::apply`] does, for whoever is far behind: rows and checkpoints may show them, and indexes be
    /// complete, only after the next `apply`. After an error or a crash, events are given again from the checkpoint on.
    async fn gather(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.apply(events).await
    }

    /// The JSON of one row.
    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError>;

    /// A page of rows.
    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError>;

    /// Picks from every row that the query finds, until it has picked `limit` times. All rows are of one state of the view,
    /// however many there are and whatever is applied meanwhile.
    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError>;

    /// Counts the rows that the query finds, whatever its order, `after` and limit say, by the values in these columns. Each
    /// row that an index of the view leaves is looked at.
    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError>;

    /// Groups that begin with the prefix, and how many rows each has; groups without rows are left out.
    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError>;

    /// Every projection.
    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError>;

    /// Begins to build a view beside the present one, from nothing. An unfinished one of the same view is discarded.
    async fn rebuild_begin(&self, view: &str) -> Result<(), ReadModelError>;

    /// Folds events into the view that is being built. Those that are not in its streams may be left out.
    async fn rebuild_apply(&self, view: &str, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError>;

    /// Takes note that the view that is being built was given everything up to a position. A model whose views are not
    /// rebuilt knows of none.
    async fn rebuild_reached(&self, view: &str, _: Position) -> Result<(), ReadModelError> {
        Err(ReadModelError::UnknownView(view.to_owned()))
    }

    /// Compares the built view with the present one and puts it in its place, in one transaction. Both must reflect
    /// the same position: the caller sees to it.
    async fn rebuild_switch(&self, view: &str) -> Result<RebuildReport, ReadModelError>;
}

/// Rows of one view, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<R> {
    /// The rows, in the order that was asked for.
    pub rows: Vec<R>,
    /// The cursor for what comes after the last one; nothing when this is the last page.
    pub next: Option<String>,
    /// The position that the rows reflect.
    pub position: Position,
}

/// One row of a view.
///
/// # Errors
/// As [`ReadModel::row`], or [`ReadModelError::Damaged`] when the row cannot be read.
pub async fn row<V: View>(model: &dyn ReadModel, key: &str) -> Result<Option<V::Row>, ReadModelError> {
    let json = model.row(V::NAME, key).await?;
    json.map(|json| parse::<V, V::Row>(&json)).transpose()
}

/// A page of rows of a view; the query's `view` is set to it.
///
/// # Errors
/// As [`ReadModel::list`], or [`ReadModelError::Damaged`] when a row cannot be read.
pub async fn list<V: View>(model: &dyn ReadModel, query: Query) -> Result<Page<V::Row>, ReadModelError> {
    model.list(Query { view: V::NAME, ..query }).await?.read::<V, V::Row>()
}

impl StoredPage {
    /// The rows of a view, or of each what `R` has of it.
    ///
    /// # Errors
    /// [`ReadModelError::Damaged`] when a row cannot be read.
    pub fn read<V: View, R: DeserializeOwned>(&self) -> Result<Page<R>, ReadModelError> {
        let rows = self.rows.iter().map(|(_, json)| parse::<V, R>(json)).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: self.next.clone(), position: self.position })
    }
}

/// A stored row of a view, or what `R` has of it.
pub(crate) fn parse<V: View, R: DeserializeOwned>(json: &str) -> Result<R, ReadModelError> {
    serde_json::from_str(json)
        .map_err(|error| ReadModelError::Damaged(format!("a row of {}: {error}", V::NAME)))
}
