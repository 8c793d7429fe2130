//! Taking the next snapshot: the rows that changed since the last one are written anew. Does not know when.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::{Folded, unseen};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params, params_from_iter};

use super::layout::{self, Kept, OPEN};
use super::news::News;
use crate::Failure;
use crate::apply::{Bound, Differences};

/// All or nothing. Events that the last snapshot has seen are left out; without any other there is nothing to take.
pub(super) fn take(
    writer: &mut Connection,
    kept: &[Kept],
    events: &[Arc<RecordedEvent>],
    keep: usize,
) -> Result<(), Failure> {
    let transaction = writer.transaction()?;
    let (last, seen) = layout::last(&transaction)?.unwrap_or((0, Position::START));
    let Some(end) = unseen(events, seen).last().map(|event| event.position) else { return Ok(()) };
    let number = last + 1;
    for kept in kept {
        take_view(&transaction, kept, number, News::of(&*kept.table.view, events, seen))?;
    }
    transaction.execute(
        "INSERT INTO snapshots (number, major, minor) VALUES (?1, ?2, ?3)",
        params![number, end.major.cast_signed(), end.minor.cast_signed()],
    )?;
    forget(&transaction, kept, number.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX)) + 1)?;
    Ok(transaction.commit()?)
}

fn take_view(
    connection: &Connection,
    kept: &Kept,
    number: i64,
    news: Option<News<'_>>,
) -> Result<(), Failure> {
    let mut differences = Differences::default();
    for (key, events) in news.map(|news| news.touched).unwrap_or_default() {
        let folded = replace(connection, kept, number, &key, &events)?;
        differences.note(folded.before.as_ref(), folded.after.as_ref().map(|(_, facets)| facets));
    }
    let name = kept.table.view.name();
    let rows = connection
        .prepare_cached("SELECT rows FROM h_rows WHERE number = ?1 AND name = ?2")?
        .query_row(params![number - 1, name], |row| row.get::<_, i64>(0))
        .optional()?;
    connection
        .prepare_cached("INSERT INTO h_rows (number, name, rows) VALUES (?1, ?2, ?3)")?
        .execute(params![number, name, rows.unwrap_or_default() + differences.rows])?;
    count(connection, name, number, &differences.groups)
}

/// The row of a key as the new snapshot shows it, in place of the one that the last snapshot showed.
fn replace(
    connection: &Connection,
    kept: &Kept,
    number: i64,
    key: &str,
    events: &[&RecordedEvent],
) -> Result<Folded, Failure> {
    let mut newest = connection.prepare_cached(&kept.newest)?;
    let mut rows = newest.query([key])?;
    let shown = match rows.next()? {
        Some(row) if row.get::<_, i64>(2)? == OPEN => Some(row),
        Some(_) | None => None,
    };
    let place: Option<i64> = shown.map(|row| row.get(1)).transpose()?;
    let json = shown.map(|row| row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)).transpose()?;
    let folded = kept.table.view.fold(json, events)?;
    if let Some(place) = place {
        connection.prepare_cached(&kept.close)?.execute(params![place, number])?;
    }
    if let Some((json, facets)) = &folded.after {
        let head: [&dyn ToSql; 3] = [&key, json, &number];
        let values: Vec<Bound<'_>> = facets.values.iter().map(Bound).collect();
        let values = values.iter().map(|value| -> &dyn ToSql { value });
        connection.prepare_cached(&kept.insert)?.execute(params_from_iter(head.into_iter().chain(values)))?;
    }
    Ok(folded)
}

fn count(
    connection: &Connection,
    name: &str,
    number: i64,
    groups: &BTreeMap<String, i64>,
) -> Result<(), Failure> {
    let mut newest = connection.prepare_cached(
        "SELECT rows FROM h_counts WHERE name = ?1 AND \"group\" = ?2 AND until = ?3 ORDER BY since DESC LIMIT 1",
    )?;
    let mut close = connection
        .prepare_cached("UPDATE h_counts SET until = ?4 WHERE name = ?1 AND \"group\" = ?2 AND until = ?3")?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO h_counts (name, \"group\", since, until, rows) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (group, difference) in groups.iter().filter(|(_, difference)| **difference != 0) {
        let shown: Option<i64> = newest.query_row(params![name, group, OPEN], |row| row.get(0)).optional()?;
        close.execute(params![name, group, OPEN, number])?;
        let rows = shown.unwrap_or_default() + difference;
        if rows > 0 {
            insert.execute(params![name, group, number, OPEN, rows])?;
        }
    }
    Ok(())
}

/// Removes the snapshots before `oldest`, and what no other one shows.
fn forget(connection: &Connection, kept: &[Kept], oldest: i64) -> Result<(), Failure> {
    if connection.execute("DELETE FROM snapshots WHERE number < ?1", [oldest])? == 0 {
        return Ok(());
    }
    for kept in kept {
        connection.execute(&kept.forget, [oldest])?;
    }
    connection.execute("DELETE FROM h_counts WHERE until <= ?1", [oldest])?;
    connection.execute("DELETE FROM h_rows WHERE number < ?1", [oldest])?;
    Ok(())
}
