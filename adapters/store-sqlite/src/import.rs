//! A log written anew from events that another one had: beside the place where a log lies, and put there once it is whole.
//! Does not know where the events come from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use domain::stream::Position;
use event_codec::StoredEvent;
use event_codec::cloud_events::LogId;
use rusqlite::{Connection, params};

use crate::options::OpenError;
use crate::row::{checksum, columns};
use crate::{FolderLock, log};

/// The new log's name in the data folder until it is whole.
const FILE: &str = "events.db.new";
/// What SQLite puts beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why a log is not written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There are events already.
    #[error(
        "the data folder {} holds a log with {events} events, and only an empty one takes a whole log; choose a new \
         folder with --data-dir", folder.display()
    )]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// How many events its log has.
        events: u64,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {problem}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
}

/// A log that is being written. Dropping it leaves the data folder as it was.
pub struct NewLog {
    connection: Option<Connection>,
    folder: PathBuf,
    path: PathBuf,
    head: u64,
    /// Dropped last: until then nobody else may open the folder.
    _lock: FolderLock,
}

impl NewLog {
    /// Begins a log with this identity in a data folder, which is made when there is none.
    ///
    /// # Errors
    /// [`ImportError`] when the folder is in use, has events, or cannot be written.
    pub fn begin(folder: &Path, id: LogId) -> Result<Self, ImportError> {
        let lock = check_empty(folder)?;
        let path = folder.join(FILE);
        remove(&path);
        let connection =
            log::create_at(&path, id.0.as_bytes()).map_err(|error| write_error(&path, &error))?;
        Ok(Self { connection: Some(connection), folder: folder.to_owned(), path, head: 0, _lock: lock })
    }

    /// Makes sure that a data folder has no events, and that nobody else has it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn check(folder: &Path) -> Result<(), ImportError> {
        check_empty(folder).map(drop)
    }

    /// Adds the next event, whose position must be the next one.
    ///
    /// # Errors
    /// [`ImportError::Write`]; nothing more can be added then.
    pub fn add(&mut self, stored: &StoredEvent<'_>) -> Result<(), ImportError> {
        let sql = concat!("INSERT INTO events(", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        if stored.position != Position::row(self.head + 1) {
            let problem = format!("position {} does not follow {}", stored.position, self.head);
            return Err(ImportError::Write { path: self.path.clone(), problem });
        }
        let text = |bytes| std::str::from_utf8(bytes).map_err(|error| write_error(&self.path, &error));
        let (payload, metadata) = (text(stored.payload)?, text(stored.metadata)?);
        let connection = self.connection.as_ref().expect("it is taken only by finishing");
        let added = connection.prepare_cached(sql).and_then(|mut insert| {
            insert.execute(params![
                stored.position.major.cast_signed(),
                stored.stream,
                stored.version.0.cast_signed(),
                stored.id.0.as_bytes().as_slice(),
                stored.type_name,
                stored.schema,
                payload,
                metadata,
                checksum(stored),
            ])
        });
        added.map_err(|error| write_error(&self.path, &error))?;
        self.head += 1;
        Ok(())
    }

    /// Makes the log durable and puts it where a log lies. Before this the data folder has none of it.
    ///
    /// # Errors
    /// [`ImportError::Write`].
    pub fn finish(mut self) -> Result<Position, ImportError> {
        let connection = self.connection.take().expect("it is taken only here");
        log::finish(connection).map_err(|error| write_error(&self.path, &error))?;
        let place = log::path(&self.folder);
        for suffix in BESIDE {
            // Those of the empty log that was there before.
            remove(&beside(&place, suffix));
        }
        let moved = File::open(&self.path)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.path, &place))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        moved.map_err(|error| write_error(&place, &error))?;
        Ok(Position::row(self.head))
    }
}

impl Drop for NewLog {
    fn drop(&mut self) {
        drop(self.connection.take());
        remove(&self.path);
        for suffix in BESIDE {
            remove(&beside(&self.path, suffix));
        }
    }
}

/// The right to a folder without events.
fn check_empty(folder: &Path) -> Result<FolderLock, ImportError> {
    let lock = crate::lock(folder)?;
    let path = log::path(folder);
    if path.exists() {
        let there = log::open_to_read(folder)?;
        let events = log::head(&there).map_err(|error| log::open_error(&path, &error))?;
        if events > 0 {
            return Err(ImportError::NotEmpty { folder: folder.to_owned(), events });
        }
    }
    Ok(lock)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What is not there need not be removed, and what cannot be removed is found out by whoever writes there next.
fn remove(path: &Path) {
    let _removed = fs::remove_file(path);
}

fn write_error(path: &Path, error: &dyn std::fmt::Display) -> ImportError {
    ImportError::Write { path: path.to_owned(), problem: error.to_string() }
}
