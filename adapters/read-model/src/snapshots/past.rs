//! The rows as of one moment: those of a snapshot, and over them the rows that later events touched. Does not know which
//! moment is meant: whoever asks applies the events up to it.
//!
//! The snapshot's file is only read. What lies over it is in SQLite's temporary database, which is this connection's own
//! and goes to a temporary file when it is large. For each view:
//!
//! ```text
//! v_NAME  what is asked: rows of h_NAME whose keys are not in t_NAME, and those of o_NAME
//! o_NAME  rows that events touched
//! t_NAME  keys of rows that events touched, also of those that are gone since
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::ErasedView;
use projections::read_model::{
    Pick, Picked, ProjectionStatus, Query, ReadModel, ReadModelError, RebuildReport, RowCounts, StoredPage,
};
use projections::view::Value;
use rusqlite::{Connection, params};

use super::layout::name;
use super::news::{News, apply_news};
use crate::Failure;
use crate::file;
use crate::query;
use crate::tables::{self, Index, Table, find};

/// How much of what lies over the snapshot is kept in memory, in KiB; negative as SQLite wants it.
const CACHE_KIB: i64 = -16_384;

const SHARED: &str = "
    CREATE TEMP TABLE tables (
        name TEXT NOT NULL PRIMARY KEY, schema INTEGER NOT NULL,
        major INTEGER NOT NULL, minor INTEGER NOT NULL, rows INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TEMP TABLE counts (
        name TEXT NOT NULL, \"group\" TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (name, \"group\")
    ) WITHOUT ROWID;";

/// A snapshot, with a connection that sees it.
pub(super) struct Base {
    pub(super) connection: Connection,
    pub(super) number: i64,
    pub(super) position: Position,
}

/// The rows as of one moment.
pub(super) struct PastRows(Arc<Rows>);

struct Rows {
    connection: Mutex<Connection>,
    layers: Vec<Layer>,
    /// What is asked, in the order of the layers.
    asked: Vec<Table>,
    /// The number of the snapshot.
    base: Option<i64>,
    /// Whether somebody found the snapshot's file damaged.
    is_damaged: Arc<AtomicBool>,
}

/// What lies over a view's rows in the snapshot.
struct Layer {
    table: Table,
    touch: String,
    /// Brings a row of the snapshot up, where there is a snapshot.
    lift: Option<String>,
}

impl PastRows {
    pub(super) fn new(
        views: &[Arc<dyn ErasedView>],
        base: Option<Base>,
        is_damaged: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let (mut connection, snapshot) = match base {
            Some(Base { connection, number, position }) => (connection, Some((number, position))),
            None => (Connection::open_in_memory()?, None),
        };
        file::ready(&connection)?;
        connection.set_prepared_statement_cache_capacity(views.len() * STATEMENTS_PER_VIEW);
        connection.execute_batch(&format!("PRAGMA temp.cache_size = {CACHE_KIB}"))?;
        let base = snapshot.map(|(number, _)| number);
        let layers: Vec<Layer> = views.iter().map(|view| Layer::new(Arc::clone(view), base)).collect();
        let transaction = connection.transaction()?;
        transaction.execute_batch(SHARED)?;
        for layer in &layers {
            layer.create(&transaction, snapshot)?;
        }
        transaction.commit()?;
        let asked = views.iter().map(|view| Table::live(Arc::clone(view))).collect();
        let connection = Mutex::new(connection);
        Ok(Self(Arc::new(Rows { connection, layers, asked, base, is_damaged })))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Rows, &mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, ReadModelError> {
        let rows = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            // A panic in an earlier question has rolled its transaction back, so the connection is usable.
            let mut connection = rows.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = work(&rows, &mut connection);
            // Only now: as long as the snapshot is there after a question, it was there during it.
            let answer = answer.and_then(|answer| rows.check_base(&connection).map(|()| answer));
            answer.map_err(|failure| rows.answer(failure))
        });
        task.await.unwrap_or_else(|error| Err(ReadModelError::Unavailable(error.to_string())))
    }
}

/// How many prepared statements are kept for each view.
const STATEMENTS_PER_VIEW: usize = 8;

impl Layer {
    fn new(view: Arc<dyn ErasedView>, base: Option<i64>) -> Self {
        let (below, touched) = (name(&*view), format!("t_{}", view.name()));
        let table = Table::over(view);
        let columns = table.column_names();
        let lift = base.map(|number| {
            format!(
                "INSERT INTO {} (key, row{columns}) SELECT key, row{columns} FROM
                 (SELECT * FROM {below} WHERE key = ?1 AND since <= {number} ORDER BY since DESC LIMIT 1)
                 WHERE until > {number}",
                table.name
            )
        });
        Self { touch: format!("INSERT OR IGNORE INTO {touched} (key) VALUES (?1)"), lift, table }
    }

    fn create(&self, connection: &Connection, base: Option<(i64, Position)>) -> Result<(), Failure> {
        let (view, over) = (&*self.table.view, &self.table.name);
        let (columns, definitions) = (self.table.column_names(), self.table.column_definitions());
        let (below, touched) = (name(view), format!("t_{}", view.name()));
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE {over} (key TEXT NOT NULL PRIMARY KEY, row TEXT NOT NULL{definitions});
             CREATE TEMP TABLE {touched} (key TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;"
        ))?;
        for Index { name, columns, first } in self.table.indexes() {
            connection.execute_batch(&format!(
                "CREATE INDEX temp.{name} ON {over} ({columns}, key) WHERE {first} IS NOT NULL"
            ))?;
        }
        let below = base.map_or_else(String::new, |(number, _)| {
            format!(
                "SELECT key, row{columns} FROM {below} WHERE since <= {number} AND until > {number}
                 AND key NOT IN (SELECT key FROM {touched}) UNION ALL "
            )
        });
        connection.execute_batch(&format!(
            "CREATE TEMP VIEW {} AS {below} SELECT key, row{columns} FROM {over}",
            self.table.line
        ))?;
        self.begin(connection, base)
    }

    /// Notes position, number of rows and counts of the snapshot.
    fn begin(&self, connection: &Connection, base: Option<(i64, Position)>) -> Result<(), Failure> {
        let (view, line) = (&*self.table.view, &self.table.line);
        let (number, Position { major, minor }) = base.unwrap_or_default();
        connection.execute(
            "INSERT INTO tables (name, schema, major, minor, rows) VALUES (?1, ?2, ?3, ?4, 0)",
            params![line, view.schema(), major.cast_signed(), minor.cast_signed()],
        )?;
        if base.is_none() {
            return Ok(());
        }
        connection.execute(
            "UPDATE tables SET rows = (SELECT rows FROM h_rows WHERE number = ?2 AND name = ?3) WHERE name = ?1",
            params![line, number, view.name()],
        )?;
        connection.execute(
            "INSERT INTO counts (name, \"group\", rows) SELECT ?1, \"group\", rows FROM h_counts
             WHERE name = ?2 AND since <= ?3 AND until > ?3",
            params![line, view.name(), number],
        )?;
        Ok(())
    }

    fn apply(&self, connection: &Connection, events: &[Arc<RecordedEvent>]) -> Result<(), Failure> {
        let seen = tables::position(connection, &self.table)?;
        let Some(news) = News::of(&*self.table.view, events, seen) else { return Ok(()) };
        let mut touch = connection.prepare_cached(&self.touch)?;
        for key in news.touched.keys() {
            let is_new = touch.execute([key])? == 1;
            if let Some(lift) = self.lift.as_ref().filter(|_| is_new) {
                connection.prepare_cached(lift)?.execute([key])?;
            }
        }
        apply_news(connection, &self.table, &news)
    }
}

impl Rows {
    fn asked(&self, view: &str) -> Result<&Table, ReadModelError> {
        find(&self.asked, view).ok_or_else(|| ReadModelError::UnknownView(view.to_owned()))
    }

    fn answer(&self, failure: Failure) -> ReadModelError {
        let is_damage = match &failure {
            Failure::Sqlite(error) => file::is_damage(error),
            Failure::Row(_) => true,
            Failure::Answer(_) | Failure::Layout(_) => false,
        };
        self.is_damaged.fetch_or(is_damage, Ordering::Relaxed);
        match failure {
            Failure::Answer(answer) => answer,
            Failure::Sqlite(_) | Failure::Row(_) | Failure::Layout(_) => {
                ReadModelError::Unavailable(format!("the rows of the past, ask again: {failure}"))
            }
        }
    }

    /// Whether the snapshot that everything stands on is still kept.
    fn check_base(&self, connection: &Connection) -> Result<(), Failure> {
        let Some(number) = self.base else { return Ok(()) };
        let mut kept = connection.prepare_cached("SELECT 1 FROM snapshots WHERE number = ?1")?;
        if kept.exists([number])? {
            return Ok(());
        }
        let problem = "the snapshot below these rows was given up meanwhile; ask again";
        Err(Failure::Answer(ReadModelError::Unavailable(problem.to_owned())))
    }
}

#[async_trait]
impl ReadModel for PastRows {
    async fn checkpoint(&self) -> Result<Position, ReadModelError> {
        self.run(|rows, connection| {
            let positions = rows.asked.iter().map(|table| tables::position(connection, table));
            let positions = positions.collect::<Result<Vec<_>, _>>()?;
            Ok(positions.into_iter().min().unwrap_or_default())
        })
        .await
    }

    async fn apply(&self, events: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        self.run(move |rows, connection| {
            let transaction = connection.transaction()?;
            for layer in &rows.layers {
                layer.apply(&transaction, &events)?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn row(&self, view: &'static str, key: &str) -> Result<Option<String>, ReadModelError> {
        let key = key.to_owned();
        self.run(move |rows, connection| query::row(connection, rows.asked(view)?, &key)).await
    }

    async fn list(&self, query: Query) -> Result<StoredPage, ReadModelError> {
        self.run(move |rows, connection| query::list(connection, rows.asked(query.view)?, &query)).await
    }

    async fn pick(&self, query: Query, pick: Pick) -> Result<Picked, ReadModelError> {
        self.run(move |rows, connection| query::pick(connection, rows.asked(query.view)?, &query, &pick))
            .await
    }

    async fn count_by(
        &self,
        query: Query,
        by: &'static [&'static str],
    ) -> Result<RowCounts<Vec<Value>>, ReadModelError> {
        self.run(move |rows, connection| query::count_by(connection, rows.asked(query.view)?, &query, by))
            .await
    }

    async fn counts(&self, view: &'static str, prefix: &str) -> Result<Vec<(String, u64)>, ReadModelError> {
        let prefix = prefix.to_owned();
        self.run(move |rows, connection| query::counts(connection, rows.asked(view)?, &prefix)).await
    }

    async fn projections(&self) -> Result<Vec<ProjectionStatus>, ReadModelError> {
        self.run(|rows, connection| rows.asked.iter().map(|table| query::status(connection, table)).collect())
            .await
    }

    async fn rebuild_begin(&self, _: &str) -> Result<(), ReadModelError> {
        Err(past())
    }

    async fn rebuild_apply(&self, _: &str, _: Vec<Arc<RecordedEvent>>) -> Result<(), ReadModelError> {
        Err(past())
    }

    async fn rebuild_switch(&self, _: &str) -> Result<RebuildReport, ReadModelError> {
        Err(past())
    }
}

fn past() -> ReadModelError {
    ReadModelError::Unavailable("rows of the past are not rebuilt; rebuild the present ones".to_owned())
}

#[cfg(test)]
impl PastRows {
    /// How SQLite finds what a question asks for.
    pub(super) fn plan(&self, sql: &str) -> Vec<String> {
        let connection = self.0.connection.lock().unwrap();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.query_map([], |row| row.get(3)).unwrap();
        steps.collect::<Result<_, _>>().unwrap()
    }
}
