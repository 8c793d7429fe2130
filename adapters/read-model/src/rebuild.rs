//! Building a view beside its present rows, comparing the two, and putting the new one in the place of the old one.
//! Does not know where the events come from.

use std::cmp::Ordering;

use projections::read_model::{ReadModelError, RebuildReport};
use rusqlite::{Connection, Row, params};

use crate::Failure;
use crate::tables::{self, Table};

pub(crate) fn begin(writer: &mut Connection, build: &Table) -> Result<(), Failure> {
    let transaction = writer.transaction()?;
    tables::drop_table(&transaction, &build.name)?;
    build.create(&transaction)?;
    Ok(transaction.commit()?)
}

/// After a crash in the middle, the old rows are in place and the new ones are gone.
pub(crate) fn switch(writer: &mut Connection, live: &Table, build: &Table) -> Result<RebuildReport, Failure> {
    let transaction = writer.transaction()?;
    let (position, rows) = tables::line(&transaction, &build.name)?.ok_or_else(|| not_begun(build))?;
    let present = tables::position(&transaction, live)?;
    if present != position {
        // Otherwise events would be missing from the rows, or be lost with the old ones.
        return Err(Failure::Answer(ReadModelError::Unavailable(format!(
            "the new rows of '{}' reflect position {position}, the present ones {present}; \
             bring both to the same position and switch again",
            live.view.name()
        ))));
    }
    let rows_different = count_different(&transaction, live, build)?;
    tables::drop_table(&transaction, &live.name)?;
    transaction.execute_batch(&format!("ALTER TABLE {} RENAME TO {}", build.name, live.name))?;
    for table in ["tables", "counts"] {
        let rename = format!("UPDATE {table} SET name = ?2 WHERE name = ?1");
        transaction.execute(&rename, params![build.name, live.name])?;
    }
    live.create_indexes(&transaction)?;
    transaction.commit()?;
    Ok(RebuildReport { name: live.view.name().to_owned(), position, rows, rows_different })
}

pub(crate) fn not_begun(build: &Table) -> Failure {
    let view = build.view.name();
    Failure::Answer(ReadModelError::Unavailable(format!("no rebuild of '{view}' has begun; begin one first")))
}

/// How many keys have no row, another row or other columns on the other side. Both sides are read in the order of
/// their keys, one row at a time.
fn count_different(connection: &Connection, live: &Table, build: &Table) -> Result<u64, Failure> {
    let all = |table: &Table| connection.prepare(&format!("SELECT * FROM {} ORDER BY key", table.name));
    let (mut live, mut build) = (all(live)?, all(build)?);
    let (mut live, mut build) = (live.query([])?, build.query([])?);
    let (mut old, mut new) = (live.next()?, build.next()?);
    let mut different = 0;
    loop {
        let order = match (old, new) {
            (None, None) => return Ok(different),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => key(old)?.cmp(key(new)?),
        };
        match (order, old, new) {
            (Ordering::Equal, Some(old), Some(new)) => different += u64::from(!are_equal(old, new)?),
            (Ordering::Less | Ordering::Equal | Ordering::Greater, _, _) => different += 1,
        }
        if order != Ordering::Greater {
            old = live.next()?;
        }
        if order != Ordering::Less {
            new = build.next()?;
        }
    }
}

fn key<'a>(row: &'a Row<'_>) -> Result<&'a [u8], rusqlite::Error> {
    Ok(row.get_ref(0)?.as_bytes()?)
}

fn are_equal(old: &Row<'_>, new: &Row<'_>) -> Result<bool, rusqlite::Error> {
    for index in 0..old.as_ref().column_count() {
        if old.get_ref(index)? != new.get_ref(index)? {
            return Ok(false);
        }
    }
    Ok(true)
}
