//! How a row that was folded gets into its table, and what that changes in the counts. Does not know transactions: the caller
//! begins and commits one.

use std::collections::BTreeMap;

use projections::fold::Facets;
use projections::view::Value;
use rusqlite::types::{Null, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params, params_from_iter};

use crate::Failure;
use crate::tables::Table;

/// Where a row lies in its table: by this it is found again without a look into the index of keys.
pub(crate) type Place = i64;

/// Writes a row as it is after a batch, in place of what it was; gives where it lies then.
pub(crate) fn write(
    connection: &Connection,
    table: &Table,
    key: &str,
    before: Option<(Place, &Facets)>,
    after: Option<(&str, &Facets)>,
) -> Result<Option<Place>, Failure> {
    match (before, after) {
        (None, None) => return Ok(None),
        (Some((place, _)), None) => {
            connection.prepare_cached(&table.delete)?.execute([place])?;
            return Ok(None);
        }
        (Some((place, before)), Some((json, after))) if before.values == after.values => {
            connection.prepare_cached(&table.update_row)?.execute(params![place, json])?;
        }
        (Some((place, before)), Some((json, after))) => {
            let changed = before.values.iter().zip(&after.values).map(|(before, after)| before != after);
            let changed: Vec<bool> = changed.collect();
            let columns = table.view.columns().iter().zip(&changed).filter(|(_, changed)| **changed);
            let sql = table.update(columns.map(|(column, _)| column.name));
            let values = after.values.iter().zip(&changed).filter(|(_, changed)| **changed);
            write_values(connection, &sql, (&place, json), values.map(|(value, _)| value))?;
        }
        (None, Some((json, after))) => {
            write_values(connection, &table.insert, (&key, json), after.values.iter())?;
            return Ok(Some(connection.last_insert_rowid()));
        }
    }
    Ok(before.map(|(place, _)| place))
}

fn write_values<'a>(
    connection: &Connection,
    sql: &str,
    (first, json): (&dyn ToSql, &str),
    values: impl Iterator<Item = &'a Value>,
) -> Result<(), Failure> {
    let head: [&dyn ToSql; 2] = [first, &json];
    let values: Vec<Bound<'_>> = values.map(Bound).collect();
    let values = values.iter().map(|value| -> &dyn ToSql { value });
    connection.prepare_cached(sql)?.execute(params_from_iter(head.into_iter().chain(values)))?;
    Ok(())
}

/// A column's value as a parameter.
pub(crate) struct Bound<'a>(pub(crate) &'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Absent => Ok(ToSqlOutput::from(Null)),
            Value::Text(text) => text.to_sql(),
            Value::Integer(number) => number.to_sql(),
        }
    }
}

/// By how much the number of rows changes, in all and per group.
#[derive(Default)]
pub(crate) struct Differences {
    pub(crate) rows: i64,
    pub(crate) groups: BTreeMap<String, i64>,
}

impl Differences {
    pub(crate) fn note(&mut self, before: Option<&Facets>, after: Option<&Facets>) {
        if let Some(before) = before {
            self.add(before, -1);
        }
        if let Some(after) = after {
            self.add(after, 1);
        }
    }

    fn add(&mut self, facets: &Facets, difference: i64) {
        self.rows += difference;
        let Some(group) = &facets.group else { return };
        match self.groups.get_mut(group) {
            Some(sum) => *sum += difference,
            None => drop(self.groups.insert(group.clone(), difference)),
        }
    }

    pub(crate) fn write(&self, connection: &Connection, table: &Table) -> Result<(), Failure> {
        if self.rows != 0 {
            let mut rows = connection.prepare_cached("UPDATE tables SET rows = rows + ?2 WHERE name = ?1")?;
            rows.execute(params![table.line, self.rows])?;
        }
        let mut add = connection.prepare_cached(
            "INSERT INTO counts (name, \"group\", rows) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET rows = rows + excluded.rows RETURNING rows",
        )?;
        let mut forget =
            connection.prepare_cached("DELETE FROM counts WHERE name = ?1 AND \"group\" = ?2")?;
        for (group, difference) in self.groups.iter().filter(|(_, difference)| **difference != 0) {
            let rows: Option<i64> =
                add.query_row(params![table.line, group, difference], |row| row.get(0)).optional()?;
            if rows == Some(0) {
                forget.execute(params![table.line, group])?;
            }
        }
        Ok(())
    }
}
