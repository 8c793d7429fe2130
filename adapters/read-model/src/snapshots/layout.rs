//! What lies in the file of the snapshots. Does not know how they are taken.
//!
//! Snapshots are numbered from 1 on. `h_NAME` holds rows of a view, each with the first snapshot in which it is seen
//! (`since`) and the first one in which it is seen no longer (`until`); `h_counts` the same for the number of rows of a
//! group. `snapshots` has a line for each snapshot, `views` one for each view.

use std::path::Path;
use std::sync::Arc;

use domain::stream::Position;
use projections::fold::ErasedView;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::past::Base;
use crate::Failure;
use crate::file::{open_reader, ready};
use crate::tables::{Index, Table};

/// Raised when anything here changes that is not a view's own schema; a file of another layout is begun anew.
const LAYOUT: i64 = 1;
/// What `until` says of a row that the last snapshot shows.
pub(super) const OPEN: i64 = i64::MAX;
/// How many prepared statements the writer keeps.
const STATEMENTS_MAX: usize = 128;

const SHARED: &str = "
    CREATE TABLE views (name TEXT NOT NULL PRIMARY KEY, schema INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE snapshots (number INTEGER NOT NULL PRIMARY KEY, major INTEGER NOT NULL, minor INTEGER NOT NULL);
    CREATE TABLE h_counts (
        name TEXT NOT NULL, \"group\" TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
        rows INTEGER NOT NULL, PRIMARY KEY (name, \"group\", since)
    ) WITHOUT ROWID;
    CREATE TABLE h_rows (
        number INTEGER NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (number, name)
    ) WITHOUT ROWID;";

/// The kept rows of a view, and the statements on them.
pub(super) struct Kept {
    pub(super) table: Table,
    /// Gives the newest row of a key: its JSON, where it lies, and until when it is seen.
    pub(super) newest: String,
    pub(super) close: String,
    pub(super) insert: String,
    pub(super) forget: String,
}

/// The name of the table of a view's kept rows.
pub(super) fn name(view: &dyn ErasedView) -> String {
    format!("h_{}", view.name())
}

impl Kept {
    pub(super) fn new(view: Arc<dyn ErasedView>) -> Self {
        let name = name(&*view);
        let values: String = (0..view.columns().len()).map(|number| format!(", ?{}", number + 4)).collect();
        let table = Table::live(view);
        let columns = table.column_names();
        Self {
            newest: format!(
                "SELECT row, rowid, until FROM {name} WHERE key = ?1 ORDER BY since DESC LIMIT 1"
            ),
            close: format!("UPDATE {name} SET until = ?2 WHERE rowid = ?1"),
            insert: format!(
                "INSERT INTO {name} (key, row, since, until{columns}) VALUES (?1, ?2, ?3, {OPEN}{values})"
            ),
            forget: format!("DELETE FROM {name} WHERE until <= ?1 AND until < {OPEN}"),
            table,
        }
    }

    fn create(&self, connection: &Connection) -> Result<(), Failure> {
        let (view, name) = (&*self.table.view, name(&*self.table.view));
        connection.execute_batch(&format!(
            "CREATE TABLE {name} (
                key TEXT NOT NULL, row TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL{}
             );
             CREATE UNIQUE INDEX k_{view} ON {name} (key, since);
             CREATE INDEX u_{view} ON {name} (until) WHERE until < {OPEN};",
            self.table.column_definitions(),
            view = view.name(),
        ))?;
        for Index { name: index, columns, first } in self.table.indexes() {
            connection.execute_batch(&format!(
                "CREATE INDEX {index} ON {name} ({columns}, key, since, until) WHERE {first} IS NOT NULL"
            ))?;
        }
        let line = "INSERT INTO views (name, schema) VALUES (?1, ?2)";
        connection.execute(line, params![view.name(), view.schema()])?;
        Ok(())
    }
}

/// Opens the file for writing; nothing when it is not there, or is not one of these views.
pub(super) fn open(path: &Path, kept: &[Kept]) -> Result<Option<Connection>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = prepared(path)?;
    Ok(fits(&connection, kept)?.then_some(connection))
}

pub(super) fn create(path: &Path, kept: &[Kept]) -> Result<Connection, Failure> {
    let mut connection = prepared(path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SHARED)?;
    for kept in kept {
        kept.create(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()?;
    Ok(connection)
}

fn prepared(path: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open(path)?;
    ready(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Whether a file holds rows of these views, and no others.
fn fits(connection: &Connection, kept: &[Kept]) -> Result<bool, Failure> {
    let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout != LAYOUT {
        return Ok(false);
    }
    let mut statement = connection.prepare("SELECT name, schema FROM views ORDER BY name")?;
    let there = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let there: Vec<(String, u32)> = there.collect::<Result<_, _>>()?;
    let mut expected: Vec<(String, u32)> =
        kept.iter().map(|kept| (kept.table.view.name().to_owned(), kept.table.view.schema())).collect();
    expected.sort_unstable();
    Ok(there == expected)
}

/// Number and position of the last snapshot.
pub(super) fn last(connection: &Connection) -> Result<Option<(i64, Position)>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT number, major, minor FROM snapshots ORDER BY number DESC LIMIT 1")?;
    Ok(statement.query_row([], numbered).optional()?)
}

fn numbered(row: &Row<'_>) -> rusqlite::Result<(i64, Position)> {
    let (major, minor): (i64, i64) = (row.get(1)?, row.get(2)?);
    Ok((row.get(0)?, Position { major: major.cast_unsigned(), minor: minor.cast_unsigned() }))
}

/// The last snapshot at or before a position, with a connection that sees it.
pub(super) fn base(path: &Path, kept: &[Kept], at: Position) -> Result<Option<Base>, Failure> {
    let connection = open_reader(path)?;
    if !fits(&connection, kept)? {
        return Ok(None);
    }
    let (major, minor) = (at.major.cast_signed(), at.minor.cast_signed());
    let snapshot = connection
        .prepare(
            "SELECT number, major, minor FROM snapshots
             WHERE major < ?1 OR (major = ?1 AND minor <= ?2) ORDER BY number DESC LIMIT 1",
        )?
        .query_row([major, minor], numbered)
        .optional()?;
    Ok(snapshot.map(|(number, position)| Base { connection, number, position }))
}
