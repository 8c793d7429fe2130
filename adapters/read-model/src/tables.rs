//! What lies in the file: a table per view, the position that each reflects, and how many rows each group has.
//! Does not know how events become rows.
//!
//! `v_NAME` holds the rows of a view, `b_NAME` those of one that is being built beside it. `tables` has one line for
//! each: schema, position, number of rows. `counts` has one line per table and group.

use std::sync::Arc;

use domain::stream::Position;
use projections::fold::ErasedView;
use projections::view::{Column, ColumnKind};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::Failure;

/// Raised when anything here changes that is not a view's own schema; a file of another layout is begun anew.
pub(crate) const LAYOUT: i64 = 1;

const SHARED: &str = "
    CREATE TABLE IF NOT EXISTS tables (
        name TEXT NOT NULL PRIMARY KEY, schema INTEGER NOT NULL,
        major INTEGER NOT NULL, minor INTEGER NOT NULL, rows INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS counts (
        name TEXT NOT NULL, \"group\" TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (name, \"group\")
    ) WITHOUT ROWID;";

/// The rows of a view, present or in the making, and the statements on them.
pub(crate) struct Table {
    pub(crate) view: Arc<dyn ErasedView>,
    pub(crate) name: String,
    /// Under which name its position, its number of rows and its counts are kept.
    pub(crate) line: String,
    /// Gives the row's JSON and where it lies.
    pub(crate) load: String,
    pub(crate) insert: String,
    /// Writes the row's JSON only, which touches no index.
    pub(crate) update_row: String,
    pub(crate) delete: String,
}

impl Table {
    /// The present rows of a view.
    pub(crate) fn live(view: Arc<dyn ErasedView>) -> Self {
        let name = format!("v_{}", view.name());
        Self::new(view, name.clone(), name)
    }

    /// The rows of a view that is being built.
    pub(crate) fn build(view: Arc<dyn ErasedView>) -> Self {
        let name = format!("b_{}", view.name());
        Self::new(view, name.clone(), name)
    }

    /// The rows of a view that lie over those of a snapshot; together they are what is asked under the name of the present
    /// rows.
    pub(crate) fn over(view: Arc<dyn ErasedView>) -> Self {
        let (name, line) = (format!("o_{}", view.name()), format!("v_{}", view.name()));
        Self::new(view, name, line)
    }

    fn new(view: Arc<dyn ErasedView>, name: String, line: String) -> Self {
        let columns: Vec<_> = view.columns().iter().map(|known| column(known.name)).collect();
        let names: String = columns.iter().map(|column| format!(", {column}")).collect();
        let values: String = (3..3 + columns.len()).map(|number| format!(", ?{number}")).collect();
        Self {
            load: format!("SELECT row, rowid FROM {name} WHERE key = ?1"),
            insert: format!("INSERT INTO {name} (key, row{names}) VALUES (?1, ?2{values})"),
            update_row: format!("UPDATE {name} SET row = ?2 WHERE rowid = ?1"),
            delete: format!("DELETE FROM {name} WHERE rowid = ?1"),
            view,
            name,
            line,
        }
    }

    /// Writes the row's JSON and the values of these columns, which touches the indexes of those columns only.
    pub(crate) fn update<'a>(&self, columns: impl Iterator<Item = &'a str>) -> String {
        let columns = columns.zip(3..).map(|(name, number)| format!(", {} = ?{number}", column(name)));
        format!("UPDATE {} SET row = ?2{} WHERE rowid = ?1", self.name, columns.collect::<String>())
    }

    /// The definitions of the columns by which rows are found, each after a comma.
    pub(crate) fn column_definitions(&self) -> String {
        let definition = |known: &Column| {
            let kind = match known.kind {
                ColumnKind::Text => "TEXT",
                ColumnKind::Integer => "INTEGER",
            };
            format!(", {} {kind}", column(known.name))
        };
        self.view.columns().iter().map(definition).collect()
    }

    /// The names of the same, each after a comma.
    pub(crate) fn column_names(&self) -> String {
        self.view.columns().iter().map(|known| format!(", {}", column(known.name))).collect()
    }

    /// Makes the table, without indexes, at the start of the log. Rows lie in the order of their arrival: what is
    /// worked on together lies together, whatever the order of the keys.
    pub(crate) fn create(&self, connection: &Connection) -> Result<(), Failure> {
        connection.execute_batch(&format!(
            "CREATE TABLE {} (key TEXT NOT NULL PRIMARY KEY, row TEXT NOT NULL{})",
            self.name,
            self.column_definitions()
        ))?;
        connection.execute(
            "INSERT INTO tables (name, schema, major, minor, rows) VALUES (?1, ?2, 0, 0, 0)",
            params![self.line, self.view.schema()],
        )?;
        Ok(())
    }

    /// Makes the indexes of a view's present rows that are not there. Rows without a value in an index's first column are not in it.
    /// The key comes last, so that equal rows come in the order of their keys.
    pub(crate) fn create_indexes(&self, connection: &Connection) -> Result<(), Failure> {
        for Index { name, columns, first } in self.indexes() {
            connection.execute_batch(&format!(
                "CREATE INDEX IF NOT EXISTS {name} ON {} ({columns}, key) WHERE {first} IS NOT NULL",
                self.name
            ))?;
        }
        Ok(())
    }

    /// Removes the indexes of a view's present rows: many rows are written faster without, and indexes made afterwards.
    pub(crate) fn drop_indexes(&self, connection: &Connection) -> Result<(), Failure> {
        for Index { name, .. } in self.indexes() {
            connection.execute_batch(&format!("DROP INDEX IF EXISTS {name}"))?;
        }
        Ok(())
    }

    /// The indexes of a view's rows.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = Index> {
        self.view.indexes().iter().enumerate().filter_map(|(number, index)| {
            let columns: Vec<_> = index.iter().map(|name| column(name)).collect();
            let name = format!("i_{}_{number}", self.view.name());
            Some(Index { name, columns: columns.join(", "), first: columns.into_iter().next()? })
        })
    }
}

/// An index of a view's rows.
pub(crate) struct Index {
    pub(crate) name: String,
    /// The names of its columns, joined by commas.
    pub(crate) columns: String,
    pub(crate) first: String,
}

/// The SQL name of a view's column; the prefix keeps it apart from `key`, `row` and SQL's own words.
pub(crate) fn column(name: &str) -> String {
    format!("c_{name}")
}

/// The table of a view among others.
pub(crate) fn find<'a>(tables: &'a [Table], view: &str) -> Option<&'a Table> {
    tables.iter().find(|table| table.view.name() == view)
}

/// Makes a file fit for these views: what is missing is made, what has another schema is made again, what belongs to
/// no view or to an unfinished build is removed.
pub(crate) fn prepare(connection: &mut Connection, live: &[Table]) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SHARED)?;
    let mut there = Vec::new();
    {
        let mut statement = transaction.prepare("SELECT name, schema FROM tables")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            there.push((row.get::<_, String>(0)?, row.get::<_, u32>(1)?));
        }
    }
    for (name, schema) in &there {
        let fits = live.iter().any(|table| table.name == *name && table.view.schema() == *schema);
        if !fits {
            tracing::info!(table = %name, schema, "rows of another schema or an unfinished build are dropped");
            drop_table(&transaction, name)?;
        }
    }
    for table in live {
        if line(&transaction, &table.name)?.is_none() {
            table.create(&transaction)?;
        }
        // Also where a crash came before they were made.
        table.create_indexes(&transaction)?;
    }
    Ok(transaction.commit()?)
}

/// Removes a table with everything that is known of it; removing nothing succeeds.
pub(crate) fn drop_table(connection: &Connection, name: &str) -> Result<(), Failure> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {name}"))?;
    connection.execute("DELETE FROM tables WHERE name = ?1", [name])?;
    connection.execute("DELETE FROM counts WHERE name = ?1", [name])?;
    Ok(())
}

/// What is known of a table: its position and its number of rows; nothing when there is no such table.
pub(crate) fn line(connection: &Connection, name: &str) -> Result<Option<(Position, u64)>, Failure> {
    let mut statement = connection.prepare_cached("SELECT major, minor, rows FROM tables WHERE name = ?1")?;
    let line = statement.query_row([name], |row| {
        let (major, minor): (i64, i64) = (row.get(0)?, row.get(1)?);
        let position = Position { major: major.cast_unsigned(), minor: minor.cast_unsigned() };
        Ok((position, row.get::<_, i64>(2)?.cast_unsigned()))
    });
    Ok(line.optional()?)
}

/// The position that a table reflects.
pub(crate) fn position(connection: &Connection, table: &Table) -> Result<Position, Failure> {
    Ok(line(connection, &table.line)?.unwrap_or_default().0)
}

/// Notes that a table reflects a position.
pub(crate) fn advance(connection: &Connection, table: &Table, position: Position) -> Result<(), Failure> {
    let mut statement =
        connection.prepare_cached("UPDATE tables SET major = ?2, minor = ?3 WHERE name = ?1")?;
    statement.execute(params![table.line, position.major.cast_signed(), position.minor.cast_signed()])?;
    Ok(())
}

/// Notes that the present rows of every view reflect a position.
pub(crate) fn advance_live(connection: &Connection, position: Position) -> Result<(), Failure> {
    let mut statement = connection
        .prepare_cached("UPDATE tables SET major = ?1, minor = ?2 WHERE name >= 'v_' AND name < 'w'")?;
    statement.execute([position.major.cast_signed(), position.minor.cast_signed()])?;
    Ok(())
}
