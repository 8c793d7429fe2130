//! Questions: one row, a page of rows, counts, status. Each sees the state between two batches.
//! Does not know how rows come to be.

use projections::read_model::{Pick, Picked, Place, ProjectionStatus, Query, RowCounts, StoredPage};
use projections::view::Value;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params, params_from_iter};

use crate::Failure;
use crate::apply::Bound;
use crate::select::{Select, end_of};
use crate::tables::{self, Table};

/// The most rows of one page; who asks for more gets so many.
pub const PAGE_ROWS_MAX: usize = 10_000;

pub(crate) fn row(connection: &Connection, table: &Table, key: &str) -> Result<Option<String>, Failure> {
    let sql = format!("SELECT row FROM {} WHERE key = ?1", table.name);
    Ok(connection.prepare_cached(&sql)?.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn list(connection: &mut Connection, table: &Table, query: &Query) -> Result<StoredPage, Failure> {
    let limit = query.limit.min(PAGE_ROWS_MAX);
    let select = Select::new(table, query, limit + 1)?;
    let transaction = connection.transaction()?;
    let position = tables::position(&transaction, table)?;
    let mut statement = transaction.prepare_cached(&select.sql)?;
    let values: Vec<Bound<'_>> = select.values.iter().map(Bound).collect();
    let mut found = statement.query(params_from_iter(values.iter().map(|value| -> &dyn ToSql { value })))?;
    let (mut rows, mut last, mut next) = (Vec::new(), None, None);
    while let Some(row) = found.next()? {
        if rows.len() == limit {
            next = last.map(|place| query.order.cursor(&place));
            break;
        }
        if rows.len() + 1 == limit {
            last = Some(place(query, row)?);
        }
        rows.push((row.get(0)?, row.get(1)?));
    }
    Ok(StoredPage { rows, next, position })
}

/// Where a row is in the order of the question.
fn place(query: &Query, row: &Row<'_>) -> Result<Place, Failure> {
    let value = query.order.by.map(|_| value(row, 2)).transpose()?;
    Ok(Place { value, key: row.get(0)? })
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

pub(crate) fn count_by(
    connection: &mut Connection,
    table: &Table,
    query: &Query,
    by: &[&str],
) -> Result<RowCounts<Vec<Value>>, Failure> {
    let select = Select::count_by(table, query, by)?;
    let transaction = connection.transaction()?;
    let position = tables::position(&transaction, table)?;
    let mut statement = transaction.prepare_cached(&select.sql)?;
    let values: Vec<Bound<'_>> = select.values.iter().map(Bound).collect();
    let mut found = statement.query(params_from_iter(values.iter().map(|value| -> &dyn ToSql { value })))?;
    let mut counts = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..by.len()).map(|index| value(row, index)).collect::<Result<Vec<_>, Failure>>()?;
        counts.push((values, row.get::<_, i64>(by.len())?.cast_unsigned()));
    }
    Ok(RowCounts { counts, position })
}

/// The value in one of a question's columns.
fn value(row: &Row<'_>, index: usize) -> Result<Value, Failure> {
    Ok(match row.get_ref(index)? {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(_) => Value::Text(row.get(index)?),
        // No column holds numbers with a point or bytes.
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Absent,
    })
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
    let counts = statement.query_map(params![table.line, prefix, end_of(prefix)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}

pub(crate) fn status(connection: &Connection, table: &Table) -> Result<ProjectionStatus, Failure> {
    let (position, rows) = tables::line(connection, &table.line)?.unwrap_or_default();
    let (name, schema) = (table.view.name().to_owned(), table.view.schema());
    Ok(ProjectionStatus { name, schema, position, rows })
}
