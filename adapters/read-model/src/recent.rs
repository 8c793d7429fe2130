//! The rows of a table that were folded lately, as their view folds them: what one batch wrote the next one need not read, and
//! what many batches change is written once. Does not know transactions: whatever fails, the caller forgets all of it.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::fold::{Facets, Held, unseen};
use rusqlite::Connection;

use crate::Failure;
use crate::apply::{self, Differences, Place};
use crate::tables::{self, Table};

/// After how many rows those are forgotten that were not touched meanwhile. Few in tests, so that they forget as well.
const ROWS_MAX: usize = if cfg!(test) { 8 } else { 4_096 };
/// After how much JSON, read or written, they are forgotten as well, in bytes.
const JSON_BYTES_MAX: usize = 8 << 20;

/// Rows that were folded lately.
#[derive(Default)]
pub(crate) struct Recent {
    /// What the file reflects; nothing until it was asked.
    written: Option<Position>,
    /// What the rows here reflect.
    position: Position,
    young: HashMap<String, Row>,
    /// What was not asked for since so many others were.
    old: HashMap<String, Row>,
    /// The keys of what is to be written, each once; their rows are young.
    touched: Vec<String>,
    json_bytes: usize,
}

struct Row {
    held: Held,
    /// Where it lies in the file, and how it is found and counted there; nothing when it is not there.
    stored: Option<(Place, Facets)>,
    is_touched: bool,
}

impl Recent {
    /// Folds the events that the table has not seen.
    pub(crate) fn fold(
        &mut self,
        connection: &Connection,
        table: &Table,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), Failure> {
        if self.written.is_none() {
            self.position = tables::position(connection, table)?;
            self.written = Some(self.position);
        }
        for event in unseen(events, self.position) {
            self.position = event.position;
            if let Some(key) = table.view.key(event) {
                self.fold_one(connection, table, key, event)?;
            }
        }
        Ok(())
    }

    /// Takes note that every event up to a position was given that concerns a row.
    pub(crate) fn reach(
        &mut self,
        connection: &Connection,
        table: &Table,
        position: Position,
    ) -> Result<(), Failure> {
        self.fold(connection, table, &[])?;
        self.position = self.position.max(position);
        Ok(())
    }

    fn fold_one(
        &mut self,
        connection: &Connection,
        table: &Table,
        key: String,
        event: &RecordedEvent,
    ) -> Result<(), Failure> {
        if let Some(row) = self.young.get_mut(&key) {
            table.view.evolve(&mut row.held, event);
            if !mem::replace(&mut row.is_touched, true) {
                self.touched.push(key);
            }
            return Ok(());
        }
        let mut row = match self.old.remove(&key) {
            Some(row) => row,
            // Nothing lies in a table that has seen nothing.
            None if self.written == Some(Position::START) => Row::none(table),
            None => self.load(connection, table, &key)?,
        };
        table.view.evolve(&mut row.held, event);
        row.is_touched = true;
        self.touched.push(key.clone());
        self.young.insert(key, row);
        Ok(())
    }

    fn load(&mut self, connection: &Connection, table: &Table, key: &str) -> Result<Row, Failure> {
        let mut load = connection.prepare_cached(&table.load)?;
        let mut rows = load.query([key])?;
        let Some(row) = rows.next()? else { return Ok(Row::none(table)) };
        let json = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        self.json_bytes += json.len();
        let held = table.view.read(json)?;
        let facets = table.view.facets(&held);
        Ok(Row { held, stored: Some(row.get(1)?).zip(facets), is_touched: false })
    }

    /// How many rows are to be written.
    pub(crate) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// What the rows here reflect.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// Whether the file has seen nothing.
    pub(crate) fn is_new(&self) -> bool {
        self.written == Some(Position::START)
    }

    /// Whether the file reflects less than the rows here.
    pub(crate) fn is_ahead(&self) -> bool {
        self.written != Some(self.position)
    }

    /// Writes each touched row and the counts. The caller notes the position.
    pub(crate) fn write(&mut self, connection: &Connection, table: &Table) -> Result<(), Failure> {
        let mut differences = Differences::default();
        // Neighbours in the index of the keys are written together.
        self.touched.sort_unstable();
        for key in self.touched.drain(..) {
            let Some(row) = self.young.get_mut(&key) else { continue };
            row.is_touched = false;
            let (json, facets) = (table.view.json(&row.held)?, table.view.facets(&row.held));
            let before = row.stored.as_ref().map(|(place, facets)| (*place, facets));
            differences.note(before.map(|(_, facets)| facets), facets.as_ref());
            let place = apply::write(connection, table, &key, before, json.as_deref().zip(facets.as_ref()))?;
            self.json_bytes += json.map_or(0, |json| json.len());
            row.stored = place.zip(facets);
        }
        differences.write(connection, table)?;
        self.written = Some(self.position);
        self.age();
        Ok(())
    }

    /// Forgets what was not asked for lately. Only after everything was written.
    fn age(&mut self) {
        if self.young.len() >= ROWS_MAX || self.json_bytes >= JSON_BYTES_MAX {
            self.old = mem::take(&mut self.young);
            self.json_bytes = 0;
        }
    }
}

impl Row {
    fn none(table: &Table) -> Self {
        Self { held: table.view.none(), stored: None, is_touched: false }
    }
}
