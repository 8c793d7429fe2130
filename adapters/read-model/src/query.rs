//! Questions: one row, a page of rows, counts, status. Each sees the state between two batches.
//! Does not know how rows come to be.

use projections::read_model::{Pick, Picked, ProjectionStatus, Query, ReadModelError, StoredPage};
use projections::view::Value;
use rusqlite::{Connection, OptionalExtension as _, ToSql, params, params_from_iter};

use crate::Failure;
use crate::apply::Bound;
use crate::tables::{self, Table, column};

/// The most rows of one page; who asks for more gets so many.
pub const PAGE_ROWS_MAX: usize = 10_000;

pub(crate) fn row(connection: &Connection, table: &Table, key: &str) -> Result<Option<String>, Failure> {
    Ok(connection.prepare_cached(&table.load)?.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn list(connection: &mut Connection, table: &Table, query: &Query) -> Result<StoredPage, Failure> {
    let limit = query.limit.min(PAGE_ROWS_MAX);
    let select = Select::new(table, query, limit + 1)?;
    let transaction = connection.transaction()?;
    let position = tables::position(&transaction, table)?;
    let mut statement = transaction.prepare_cached(&select.sql)?;
    let values = select.values.iter().map(Bound);
    let values: Vec<Bound<'_>> = values.collect();
    let parameters = params_from_iter(values.iter().map(|value| -> &dyn ToSql { value }));
    let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut rows = rows.collect::<Result<Vec<(String, String)>, _>>()?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(StoredPage { rows, has_more, position })
}

/// Row by row, so that a read of a whole view needs no more memory than what is picked.
pub(crate) fn pick(
    connection: &mut Connection,
    table: &Table,
    query: &Query,
    pick: &Pick,
) -> Result<Picked, Failure> {
    let select = Select::new(table, query, usize::MAX)?;
    let transaction = connection.transaction()?;
    let position = tables::position(&transaction, table)?;
    let mut statement = transaction.prepare_cached(&select.sql)?;
    let values: Vec<Bound<'_>> = select.values.iter().map(Bound).collect();
    let parameters = params_from_iter(values.iter().map(|value| -> &dyn ToSql { value }));
    let mut rows = statement.query(parameters)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, json): (String, String) = (row.get(0)?, row.get(1)?);
        let Some(item) = pick(&key, &json)? else { continue };
        if items.len() == query.limit {
            return Ok(Picked { items, has_more: true, position });
        }
        items.push(item);
    }
    Ok(Picked { items, has_more: false, position })
}

/// A page's SQL. It never sorts: rows come in the order of an index or of the table itself.
pub(crate) struct Select {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Select {
    pub(crate) fn new(table: &Table, query: &Query, limit: usize) -> Result<Self, ReadModelError> {
        let mut select =
            Self { sql: format!("SELECT key, row FROM {} WHERE TRUE", table.name), values: Vec::new() };
        let index = usable_index(table, query);
        for (name, value) in &query.filters {
            if !table.view.columns().iter().any(|known| known.name == *name) {
                return Err(ReadModelError::UnknownView(format!("{}.{name}", query.view)));
            }
            let column = column(name);
            // A `+` keeps SQLite from another index, after which it would have to sort.
            match value {
                Value::Absent => select.sql += &format!(" AND {column} IS NULL"),
                Value::Text(_) | Value::Integer(_) if index.contains(name) => {
                    select.bind(&format!(" AND {column} ="), value.clone());
                }
                Value::Text(_) | Value::Integer(_) => {
                    select.bind(&format!(" AND +{column} ="), value.clone());
                }
            }
        }
        select.bind_range(query)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        select.bind(" ORDER BY key LIMIT", Value::Integer(limit));
        Ok(select)
    }

    fn bind_range(&mut self, query: &Query) -> Result<(), ReadModelError> {
        match &query.after {
            Some(after) if !after.starts_with(&query.key_prefix) => return Err(ReadModelError::BadCursor),
            Some(after) => self.bind(" AND key >", Value::Text(after.clone())),
            None => self.bind(" AND key >=", Value::Text(query.key_prefix.clone())),
        }
        if !query.key_prefix.is_empty() {
            self.bind(" AND key <", Value::Text(end_of(&query.key_prefix)));
        }
        Ok(())
    }

    fn bind(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql += &format!("{condition} ?{}", self.values.len());
    }
}

/// The columns of the longest index that the filters name whole, so that its rows come in the order of their keys.
fn usable_index(table: &Table, query: &Query) -> &'static [&'static str] {
    let has =
        |name: &str| query.filters.iter().any(|(filter, value)| *filter == name && *value != Value::Absent);
    let usable = table.view.indexes().iter().filter(|index| index.iter().all(|name| has(name)));
    usable.max_by_key(|index| index.len()).copied().unwrap_or_default()
}

/// After everything that begins with the prefix.
fn end_of(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

pub(crate) fn counts(
    connection: &Connection,
    table: &Table,
    prefix: &str,
) -> Result<Vec<(String, u64)>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT \"group\", rows FROM counts
         WHERE name = ?1 AND \"group\" >= ?2 AND \"group\" < ?3 ORDER BY \"group\"",
    )?;
    let counts = statement.query_map(params![table.name, prefix, end_of(prefix)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}

pub(crate) fn status(connection: &Connection, table: &Table) -> Result<ProjectionStatus, Failure> {
    let (position, rows) = tables::line(connection, &table.name)?.unwrap_or_default();
    let (name, schema) = (table.view.name().to_owned(), table.view.schema());
    Ok(ProjectionStatus { name, schema, position, rows })
}
