//! The file: opened, found damaged, moved aside. Does not know what lies in it: see [`crate::tables`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::Failure;
use crate::tables::{self, LAYOUT, Table};

/// The file's name in its folder.
pub(crate) const FILE: &str = "views.db";
/// How long a connection waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of the file the writer keeps in memory, in KiB; negative as SQLite wants it.
const CACHE_KIB: i64 = -32_768;
/// How many pages of 4 KiB are written to the log before they are copied to their places: the same page is often
/// written again soon, and only the copying waits for the disk.
const CHECKPOINT_PAGES: i64 = 16_384;
/// To how much the log shrinks again after a large transaction, in bytes.
const LOG_BYTES_MAX: i64 = 128 << 20;
/// How many prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// Why the read model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("the folder of the read model cannot be used; check that {} is a folder that may be written", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file cannot be used, and not because of what is in it.
    #[error("the read model cannot be opened; check that {} may be written and that no other program has it", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
}

/// Opens the file for writing, prepared for these tables; one that is damaged is moved aside first.
pub(crate) fn open(folder: &Path, live: &[Table]) -> Result<(PathBuf, Connection), OpenError> {
    let path = folder.join(FILE);
    fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    if mark(&path).exists() {
        set_aside(&path, "it was found damaged while it was used last")?;
    }
    let connection = match open_writer(&path, live) {
        Ok(connection) => connection,
        Err(Failure::Sqlite(source)) if is_outside(&source) => return Err(OpenError::File { path, source }),
        Err(problem) => {
            set_aside(&path, &problem.to_string())?;
            open_writer(&path, live).map_err(|failure| unusable(&path, failure))?
        }
    };
    Ok((path, connection))
}

fn unusable(path: &Path, failure: Failure) -> OpenError {
    let path = path.to_owned();
    match failure {
        Failure::Sqlite(source) => OpenError::File { path, source },
        Failure::Row(_) | Failure::Answer(_) | Failure::Layout(_) => {
            OpenError::Folder { path, source: io::Error::other(failure) }
        }
    }
}

/// What every connection wants.
pub(crate) fn ready(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Otherwise a statement is planned again when it is asked with other values.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_writer(path: &Path, live: &[Table]) -> Result<Connection, Failure> {
    let mut connection = Connection::open(path)?;
    ready(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let is_new: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    if layout != LAYOUT && !is_new {
        return Err(Failure::Layout(layout));
    }
    connection.pragma_update(None, "user_version", LAYOUT)?;
    tables::prepare(&mut connection, live)?;
    Ok(connection)
}

/// Opens the file for reading, beside the writer.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    ready(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Whether what is in the file is not what was written.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether the cause lies outside the file, so that beginning anew would not help.
fn is_outside(error: &rusqlite::Error) -> bool {
    let outside = [
        ErrorCode::CannotOpen,
        ErrorCode::DatabaseBusy,
        ErrorCode::DatabaseLocked,
        ErrorCode::DiskFull,
        ErrorCode::FileLockingProtocolFailed,
        ErrorCode::OutOfMemory,
        ErrorCode::PermissionDenied,
        ErrorCode::ReadOnly,
        ErrorCode::SystemIoFailure,
    ];
    error.sqlite_error_code().is_some_and(|code| outside.contains(&code))
}

/// Remembers that the file is damaged, so that it is begun anew when it is opened next.
pub(crate) fn mark_damaged(path: &Path, error: &rusqlite::Error) {
    tracing::error!(
        path = %path.display(),
        error = %error,
        "the read model is damaged; it is built again from the log at the next start"
    );
    if let Err(error) = fs::write(mark(path), b"") {
        tracing::warn!(path = %path.display(), error = %error, "the damaged read model could not be marked");
    }
}

fn mark(path: &Path) -> PathBuf {
    path.with_extension("db.is-damaged")
}

/// Moves the file aside, in place of one that was moved aside earlier.
pub(crate) fn set_aside(path: &Path, problem: &str) -> Result<(), OpenError> {
    let aside = path.with_extension("db.damaged");
    tracing::warn!(
        path = %path.display(),
        aside = %aside.display(),
        problem,
        "the read model cannot be used as it is; it is moved aside and built again from the log"
    );
    let folder = |source| OpenError::Folder { path: path.to_owned(), source };
    match fs::rename(path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder(error)),
        Ok(()) | Err(_) => {}
    }
    for leftover in [path.with_extension("db-wal"), path.with_extension("db-shm"), mark(path)] {
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(folder(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
