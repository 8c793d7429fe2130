//! What is new for rows of the past: a page of events is folded in memory, then each touched row is written once. Does not know
//! transactions: the caller begins and commits one.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::{ErasedView, Folded, unseen};
use rusqlite::Connection;

use crate::Failure;
use crate::apply::{Differences, Place, write};
use crate::tables::{self, Table};

/// What is new for some rows: which of them it concerns, and the position of the last of it.
pub(super) struct News<'a> {
    /// In the order of the keys, so that neighbours in the file are written together.
    pub(super) touched: BTreeMap<String, Vec<&'a RecordedEvent>>,
    pub(super) position: Position,
}

impl<'a> News<'a> {
    /// What is new for rows that reflect `seen`; nothing when no event is.
    pub(super) fn of(
        view: &dyn ErasedView,
        events: &'a [Arc<RecordedEvent>],
        seen: Position,
    ) -> Option<Self> {
        let mut news = Self { touched: BTreeMap::new(), position: seen };
        for event in unseen(events, seen) {
            news.position = event.position;
            if let Some(key) = view.key(event) {
                news.touched.entry(key).or_default().push(event);
            }
        }
        (news.position != seen).then_some(news)
    }
}

/// Folds what is new for a table into its rows, counts and position.
pub(super) fn apply_news(connection: &Connection, table: &Table, news: &News<'_>) -> Result<(), Failure> {
    let mut differences = Differences::default();
    for (key, events) in &news.touched {
        let (place, Folded { before, after }) = fold(connection, table, key, events)?;
        let after = after.as_ref().map(|(json, facets)| (json.as_str(), facets));
        differences.note(before.as_ref(), after.map(|(_, facets)| facets));
        write(connection, table, key, before.as_ref().map(|before| (place, before)), after)?;
    }
    tables::advance(connection, table, news.position)?;
    differences.write(connection, table)
}

/// The row with these events, and where it lay before them.
fn fold(
    connection: &Connection,
    table: &Table,
    key: &str,
    events: &[&RecordedEvent],
) -> Result<(Place, Folded), Failure> {
    let mut load = connection.prepare_cached(&table.load)?;
    let mut rows = load.query([key])?;
    let (row, place) = match rows.next()? {
        Some(row) => (Some(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?), row.get(1)?),
        None => (None, 0),
    };
    Ok((place, table.view.fold(row, events)?))
}
