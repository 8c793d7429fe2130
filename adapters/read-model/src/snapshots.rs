//! The rows of every view as they were at positions of the past: one file, `snapshots/rows.db`, which may be deleted at any
//! time. Rows are kept with the snapshots in which they are seen, so one that did not change is kept once.
//!
//! Whatever is wrong with the file, it is removed and begun anew: the rows of the past then take longer to fold.
//!
//! Read in this order: `layout` (what lies in the file), `take` (how the next snapshot is taken), `past` (how the rows of a
//! moment are put together).

mod layout;
mod news;
mod past;
mod take;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::ErasedView;
use projections::read_model::{ReadModel, ReadModelError};
use projections::snapshots::Snapshots;
use rusqlite::Connection;

use crate::{Failure, file};
use layout::Kept;
use past::{Base, PastRows};

/// The folder of the snapshots in the data folder.
const FOLDER: &str = "snapshots";
const FILE: &str = "rows.db";

/// The snapshots in a folder.
///
/// One writer; each board of the past reads through a connection of its own.
pub struct SqliteSnapshots {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    views: Vec<Arc<dyn ErasedView>>,
    kept: Vec<Kept>,
    /// Nothing until the first write.
    writer: Mutex<Option<Connection>>,
    /// Somebody found the file damaged.
    is_damaged: Arc<AtomicBool>,
}

impl SqliteSnapshots {
    /// The snapshots of a data folder. The file is opened, or made, when it is used first.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let views: Vec<Arc<dyn ErasedView>> = projections::fold::all().into_iter().map(Arc::from).collect();
        let kept = views.iter().map(|view| Kept::new(Arc::clone(view))).collect();
        let (path, writer) = (folder.join(FOLDER).join(FILE), Mutex::new(None));
        Self { inner: Arc::new(Inner { path, views, kept, writer, is_damaged: Arc::default() }) }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, ReadModelError> {
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || work(&inner).map_err(|failure| inner.answer(failure)));
        task.await.unwrap_or_else(|error| Err(ReadModelError::Unavailable(error.to_string())))
    }
}

impl Inner {
    fn with_writer<T>(
        &self,
        work: impl FnOnce(&mut Connection, &[Kept]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_damaged.swap(false, Ordering::Relaxed) {
            *writer = None;
            remove(&self.path)?;
        }
        if !self.path.exists() {
            // Somebody deleted it: what the connection still sees is nobody's any longer.
            *writer = None;
        }
        let connection = match writer.take() {
            Some(connection) => writer.insert(connection),
            None => writer.insert(self.open_writer()?),
        };
        work(connection, &self.kept)
    }

    /// Opens the file, which is begun anew unless it is one of these views.
    fn open_writer(&self) -> Result<Connection, Failure> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| cannot("made", folder, &error))?;
        match layout::open(&self.path, &self.kept) {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => {}
            Err(problem) => {
                tracing::warn!(path = %self.path.display(), %problem, "the snapshots are begun anew");
            }
        }
        remove(&self.path)?;
        layout::create(&self.path, &self.kept)
    }

    /// What is known as of a position; nothing when there is no snapshot before it that can be used.
    fn base(&self, at: Position) -> Option<Base> {
        if self.is_damaged.load(Ordering::Relaxed) || !self.path.exists() {
            return None;
        }
        match layout::base(&self.path, &self.kept, at) {
            Ok(base) => base,
            Err(failure) => {
                tracing::warn!(problem = %self.answer(failure), "the rows are folded without a snapshot");
                None
            }
        }
    }

    fn answer(&self, failure: Failure) -> ReadModelError {
        match failure {
            Failure::Answer(answer) => answer,
            Failure::Row(row) => {
                self.is_damaged.store(true, Ordering::Relaxed);
                ReadModelError::Unavailable(format!(
                    "a snapshot is damaged, ask again: {row}: {}",
                    row.source
                ))
            }
            Failure::Sqlite(error) => {
                if file::is_damage(&error) {
                    self.is_damaged.store(true, Ordering::Relaxed);
                }
                ReadModelError::Unavailable(format!("the snapshots: {error}"))
            }
            Failure::Layout(_) => ReadModelError::Unavailable(failure.to_string()),
        }
    }
}

#[async_trait]
impl Snapshots for SqliteSnapshots {
    async fn last(&self) -> Result<Position, ReadModelError> {
        self.run(|inner| {
            if !inner.path.exists() {
                return Ok(Position::START);
            }
            inner.with_writer(|writer, _| Ok(layout::last(writer)?.map_or(Position::START, |(_, at)| at)))
        })
        .await
    }

    async fn take(&self, events: Vec<Arc<RecordedEvent>>, keep: usize) -> Result<(), ReadModelError> {
        self.run(move |inner| inner.with_writer(|writer, kept| take::take(writer, kept, &events, keep))).await
    }

    async fn clear(&self) -> Result<(), ReadModelError> {
        self.run(|inner| {
            *inner.writer.lock().unwrap_or_else(PoisonError::into_inner) = None;
            remove(&inner.path)
        })
        .await
    }

    async fn rows(&self, at: Position) -> Result<Arc<dyn ReadModel>, ReadModelError> {
        self.run(move |inner| {
            let rows = PastRows::new(&inner.views, inner.base(at), Arc::clone(&inner.is_damaged))?;
            Ok(Arc::new(rows) as Arc<dyn ReadModel>)
        })
        .await
    }
}

/// Removes the file with everything that belongs to it; removing nothing succeeds.
fn remove(path: &Path) -> Result<(), Failure> {
    for file in [path.to_owned(), path.with_extension("db-wal"), path.with_extension("db-shm")] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot("removed", &file, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    let problem = format!("{} cannot be {what}: {error}", path.display());
    Failure::Answer(ReadModelError::Unavailable(problem))
}
