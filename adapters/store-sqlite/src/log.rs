//! The log file: how it is made, opened for writing and for reading. Does not know the stream index.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::options::OpenError;

/// The log file's name in the data folder.
pub const FILE: &str = "events.db";
/// Marks a SQLite file as a log of reprise: the letters "Rprs".
const APPLICATION_ID: i64 = 0x5270_7273;
/// The format of the log file.
const FORMAT: i64 = 1;
/// The page size, in bytes: two or three dozen events in one page.
pub(crate) const PAGE_BYTES: u64 = 8_192;
/// The most pages that SQLite allows.
const PAGES_MAX: u64 = 4_294_967_294;
/// The writer moves its journal into the file when nobody waits; SQLite does so by itself should it have become so long, in
/// pages.
const JOURNAL_PAGES: u64 = 2_000;
/// How long a statement waits for a lock that another program has on the file.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// One table keyed by position and nothing else to maintain; beside it the log's identity, written once.
const SCHEMA: &str = "
    CREATE TABLE events(
        position INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        id BLOB NOT NULL,
        type TEXT NOT NULL,
        schema INTEGER NOT NULL,
        payload TEXT NOT NULL,
        metadata TEXT NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE log(id BLOB NOT NULL) STRICT;
";
/// The identity of a log that did not exist before.
const FRESH_ID: &str = "INSERT INTO log VALUES (randomblob(16))";

/// Where the log of a data folder lies.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Opens the log for the only writer; makes it when there is none.
pub(crate) fn open(folder: &Path, log_bytes_max: Option<u64>) -> Result<Connection, OpenError> {
    let path = path(folder);
    let failed = |error| open_error(&path, &error);
    let connection =
        connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).map_err(failed)?;
    if is_empty(&connection).map_err(failed)? {
        create(&connection).map_err(failed)?;
        // The file's own flush says nothing about its entry in the folder.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| OpenError::File { path: folder.to_owned(), problem: error.to_string() })?;
    }
    check(&path, &connection)?;
    let pages_max = log_bytes_max.map_or(PAGES_MAX, |bytes| (bytes / PAGE_BYTES).clamp(1, PAGES_MAX));
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = {JOURNAL_PAGES};
             PRAGMA max_page_count = {pages_max};"
        ))
        .map_err(failed)?;
    Ok(connection)
}

/// Opens the log for reading, beside the writer.
pub(crate) fn open_reader(folder: &Path) -> Result<Connection, rusqlite::Error> {
    connect(&path(folder), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the log for reading and makes sure that it is one; whoever writes it goes on.
pub(crate) fn open_to_read(folder: &Path) -> Result<Connection, OpenError> {
    let path = path(folder);
    if !path.is_file() {
        let problem = "there is no event log; name the data folder with --data-dir".to_owned();
        return Err(OpenError::File { path, problem });
    }
    let failed = |error| open_error(&path, &error);
    let connection = open_reader(folder).map_err(failed)?;
    check(&path, &connection)?;
    Ok(connection)
}

/// Makes the file of a log that has this identity and no event yet. Nothing of it is durable before [`finish`].
pub(crate) fn create_at(path: &Path, id: &[u8]) -> Result<Connection, rusqlite::Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         BEGIN;
         {SCHEMA}"
    ))?;
    connection.execute("INSERT INTO log VALUES (?1)", [id])?;
    Ok(connection)
}

/// Ends the making of a log, and marks it as one.
pub(crate) fn finish(log: Connection) -> Result<(), rusqlite::Error> {
    log.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {FORMAT};
         COMMIT;
         PRAGMA journal_mode = WAL;"
    ))?;
    log.close().map_err(|(_, error)| error)
}

/// The identity of the log.
pub(crate) fn id(log: &Connection) -> Result<Vec<u8>, rusqlite::Error> {
    log.query_row("SELECT id FROM log", (), |row| row.get(0))
}

/// The position of the last event, 0 when there is none.
pub(crate) fn head(log: &Connection) -> Result<u64, rusqlite::Error> {
    let head: i64 = log.query_row("SELECT coalesce(max(position), 0) FROM events", (), |row| row.get(0))?;
    Ok(head.unsigned_abs())
}

/// A connection as all files here want it.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_MAX)?;
    // Otherwise every new value of a LIMIT has its statement planned again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn is_empty(log: &Connection) -> Result<bool, rusqlite::Error> {
    let tables: i64 = log.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && pragma(log, "user_version")? == 0 && pragma(log, "application_id")? == 0)
}

fn create(log: &Connection) -> Result<(), rusqlite::Error> {
    log.execute_batch(&format!(
        "PRAGMA page_size = {PAGE_BYTES};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         BEGIN IMMEDIATE;
         {SCHEMA}
         {FRESH_ID};
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {FORMAT};
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))
}

/// Makes sure that a file is a log, and of a known format.
fn check(path: &Path, log: &Connection) -> Result<(), OpenError> {
    let failed = |error| open_error(path, &error);
    let found = pragma(log, "user_version").map_err(failed)?;
    if pragma(log, "application_id").map_err(failed)? != APPLICATION_ID {
        return Err(OpenError::NotALog { path: path.to_owned() });
    }
    if found > FORMAT {
        return Err(OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

fn pragma(log: &Connection, name: &str) -> Result<i64, rusqlite::Error> {
    log.pragma_query_value(None, name, |row| row.get(0))
}

pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotALog { path: path.to_owned() },
        Some(_) | None => OpenError::File { path: path.to_owned(), problem: error.to_string() },
    }
}
