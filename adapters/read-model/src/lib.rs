//! Rows and checkpoints of the projections in SQLite: one file, `views.db`, which may be deleted at any time.
//!
//! Everything in it is derived from the log, so a damaged file is moved aside and built again, and a view whose
//! schema has changed starts from nothing. It does not know what a view means: it folds JSON rows through
//! [`projections::fold::ErasedView`].
//!
//! Read in this order: `tables` (what lies in the file), `recent` (how events become rows), `writer` (when these are written),
//! `query` (how they are asked for), `select` (in which SQL), `rebuild`, then `snapshots`: a second file,
//! `snapshots/rows.db`, with the rows as they were.

mod apply;
mod file;
#[cfg(test)]
#[path = "../../../projections/src/histories.rs"]
mod histories;
mod query;
mod rebuild;
mod recent;
mod select;
mod snapshots;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::{DamagedRow, ErasedView};
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::Value;
use rusqlite::Connection;
use tokio::sync::Semaphore;

pub use file::OpenError;
pub use query::PAGE_ROWS_MAX;
pub use snapshots::SqliteSnapshots;

use tables::{Table, find};
use writer::Writer;

/// How many reads run at once; further ones wait.
pub const READERS_MAX: usize = 4;

/// The read model in a file.
///
/// One writer; reads go through connections of their own and see the state between two batches, never inside one.
pub struct SqliteReadModel {
    inner: Arc<Inner>,
    permits: Arc<Semaphore>,
}

struct Inner {
    path: PathBuf,
    views: Vec<Arc<dyn ErasedView>>,
    live: Vec<Table>,
    /// Connections that no read uses now, at most [`READERS_MAX`]. Closed before the writer, which then tidies up.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
}

/// Why an operation on the file failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Row(#[from] DamagedRow),
    #[error(transparent)]
    Answer(#[from] ReadModelError),
    #[error("the file has layout {0}, which this version does not read")]
    Layout(i64),
}

impl SqliteReadModel {
    /// Opens the read model in a folder, which is created when it is not there. Blocks while the file is prepared.
    ///
    /// A file that cannot be read as a read model is moved aside and begun anew, with a warning; so is one that was
    /// found damaged while it was used last.
    ///
    /// # Errors
    /// [`OpenError`] when the folder or file cannot be used at all.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_views(folder, projections::fold::all().into_iter().map(Arc::from).collect())
    }

    /// Moves the read model of a folder aside, so that it begins anew when it is opened next.
    ///
    /// # Errors
    /// [`OpenError`] when the file cannot be moved.
    pub fn set_aside(folder: &Path, why: &str) -> Result<(), OpenError> {
        file::set_aside(&folder.join(file::FILE), why)
    }

    fn open_views(folder: &Path, views: Vec<Arc<dyn ErasedView>>) -> Result<Self, OpenError> {
        let live: Vec<Table> = views.iter().map(|view| Table::live(Arc::clone(view))).collect();
        let (path, writer) = file::open(folder, &live)?;
        let (writer, readers) = (Mutex::new(Writer::new(writer)), Mutex::new(Vec::new()));
        let inner = Arc::new(Inner { path, views, live, writer, readers });
        Ok(Self { inner, permits: Arc::new(Semaphore::new(READERS_MAX)) })
    }

    /// Runs one write at a time. When the caller goes away meanwhile, the write still comes to its end.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut Writer) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, ReadModelError> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            // A panic in an earlier write has rolled its transaction back and forgotten the rows in memory.
            let mut writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            work(&inner, &mut writer).map_err(|failure| inner.answer(failure))
        });
        task.await.unwrap_or_else(|error| Err(ReadModelError::Unavailable(error.to_string())))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, ReadModelError> {
        let unavailable = |error: &dyn std::error::Error| ReadModelError::Unavailable(error.to_string());
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_owned().await.map_err(|error| unavailable(&error))?;
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let answer = inner.with_reader(work).map_err(|failure| inner.answer(failure));
            drop(permit);
            answer
        });
        task.await.map_err(|error| unavailable(&error))?
    }
}

impl Inner {
    fn with_reader<T>(
        &self,
        work: impl FnOnce(&Self, &mut Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => file::open_reader(&self.path)?,
        };
        // A connection on which something failed is not used again.
        let answer = work(self, &mut reader)?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(answer)
    }

    fn live(&self, view: &str) -> Result<&Table, ReadModelError> {
        find(&self.live, view).ok_or_else(|| ReadModelError::UnknownView(view.to_owned()))
    }

    fn answer(&self, failure: Failure) -> ReadModelError {
        match failure {
            Failure::Answer(answer) => answer,
            Failure::Row(row) => ReadModelError::Damaged(format!("{row}: {}", row.source)),
            Failure::Sqlite(error) if file::is_damage(&error) => {
                file::mark_damaged(&self.path, &error);
                ReadModelError::Damaged(error.to_string())
            }
            Failure::Layout(_) => ReadModelError::Damaged(failure.to_string()),
            Failure::Sqlite(error) => ReadModelError::Unavailable(error.to_string()),
        }
    }
}

#[async_trait]
impl ReadModel for SqliteReadModel {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        self.read(|inner, reader| {
            let transaction = reader.transaction()?;
            let positions = inner.live.iter().map(|table| tables::position(&transaction, table));
            let positions = positions.collect::<Result<Vec<_>, _>>()?;
            Ok(positions.into_iter().min().unwrap_or_default())
        })
        .await
    }

    async fn apply(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.write(move |inner, writer| writer.apply(&inner.live, &events)).await
    }

    async fn gather(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.write(move |inner, writer| writer.gather(&inner.live, &events)).await
    }

    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError> {
        let key = key.to_owned();
        self.read(move |inner, reader| query::row(reader, inner.live(view)?, &key)).await
    }

    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError> {
        self.read(move |inner, reader| query::list(reader, inner.live(query.view)?, &query)).await
    }

    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError> {
        self.read(move |inner, reader| query::pick(reader, inner.live(query.view)?, &query, &pick)).await
    }

    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        self.read(move |inner, reader| query::count_by(reader, inner.live(query.view)?, &query, by)).await
    }

    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        let prefix = prefix.to_owned();
        self.read(move |inner, reader| query::counts(reader, inner.live(view)?, &prefix)).await
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        self.read(|inner, reader| {
            let transaction = reader.transaction()?;
            inner.live.iter().map(|table| query::status(&transaction, table)).collect()
        })
        .await
    }

    async fn rebuild_begin(&self, view: &str) -> Result<(), ReadModelError> {
        let build = self.build(view)?;
        self.write(move |_, writer| writer.rebuild_begin(&build)).await
    }

    async fn rebuild_apply(&self, view: &str, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        let build = self.build(view)?;
        self.write(move |_, writer| writer.rebuild_apply(&build, &events)).await
    }

    async fn rebuild_reached(&self, view: &str, position: Position) -> Result<(), ReadModelError> {
        let build = self.build(view)?;
        self.write(move |_, writer| writer.rebuild_reached(&build, position)).await
    }

    async fn rebuild_switch(&self, view: &str) -> Result<RebuildReport, ReadModelError> {
        let build = self.build(view)?;
        let view = view.to_owned();
        self.write(move |inner, writer| writer.rebuild_switch(inner.live(&view)?, &build)).await
    }
}

impl SqliteReadModel {
    /// The table in which a view is built beside its present one.
    fn build(&self, view: &str) -> Result<Table, ReadModelError> {
        let known = self.inner.views.iter().find(|known| known.name() == view);
        known
            .map(|view| Table::build(Arc::clone(view)))
            .ok_or_else(|| ReadModelError::UnknownView(view.to_owned()))
    }
}
