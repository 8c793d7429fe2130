//! The one who writes: the connection, and for each table the rows that were folded lately. Does not know where events come
//! from.
//!
//! Events that are applied show when that returns. Events that are gathered may wait in memory until many rows are touched; as
//! long as a table has no rows, these are then written without the view's indexes, which the next apply makes.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::stream::Position;
use projections::read_model::{ReadModelError, RebuildReport};
use rusqlite::Connection;

use crate::Failure;
use crate::rebuild;
use crate::recent::Recent;
use crate::tables::{self, Table};

/// How many rows wait in memory, of all views together, before they are written. Few in tests, so that they write as well.
const GATHERED_ROWS_MAX: usize = if cfg!(test) { 16 } else { 16_384 };

pub(crate) struct Writer {
    connection: Connection,
    live: Live,
    /// Of the views that are being built, by their names.
    builds: BTreeMap<&'static str, Recent>,
}

/// The rows of all views that were folded lately.
#[derive(Default)]
struct Live {
    /// In the order of the tables.
    recent: Vec<Recent>,
    /// What changes when somebody else writes to the file.
    data_version: Option<i64>,
    /// Whether every index is known to be there.
    is_indexed: bool,
}

impl Writer {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, live: Live::default(), builds: BTreeMap::new() }
    }

    /// Folds events into every view and writes what they and those that were gathered before have changed.
    pub(crate) fn apply(&mut self, live: &[Table], events: &[Arc<RecordedEvent>]) -> Result<(), Failure> {
        self.take_in(live, events, |_| true, Live::finish)
    }

    /// Folds events into every view.
    pub(crate) fn gather(&mut self, live: &[Table], events: &[Arc<RecordedEvent>]) -> Result<(), Failure> {
        self.take_in(live, events, |rows| rows.touched() >= GATHERED_ROWS_MAX, Live::unindex)
    }

    fn take_in(
        &mut self,
        live: &[Table],
        events: &[Arc<RecordedEvent>],
        is_to_be_written: fn(&Live) -> bool,
        prepare: fn(&mut Live, &Connection, &[Table]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        // Whatever fails, the rows in memory would not be those of the file: then they are gone.
        let mut rows = mem::take(&mut self.live);
        rows.recent.resize_with(live.len(), Recent::default);
        let transaction = self.connection.transaction()?;
        rows.check(&transaction)?;
        for (table, recent) in live.iter().zip(&mut rows.recent) {
            recent.fold(&transaction, table, events)?;
        }
        if is_to_be_written(&rows) {
            prepare(&mut rows, &transaction, live)?;
            rows.write(&transaction, live)?;
        }
        transaction.commit()?;
        self.live = rows;
        Ok(())
    }

    pub(crate) fn rebuild_begin(&mut self, build: &Table) -> Result<(), Failure> {
        self.builds.remove(build.view.name());
        rebuild::begin(&mut self.connection, build)?;
        self.builds.insert(build.view.name(), Recent::default());
        Ok(())
    }

    pub(crate) fn rebuild_apply(
        &mut self,
        build: &Table,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), Failure> {
        self.build(build, |recent, connection| {
            recent.fold(connection, build, events)?;
            if recent.touched() < GATHERED_ROWS_MAX { Ok(()) } else { write_build(recent, connection, build) }
        })
    }

    pub(crate) fn rebuild_reached(&mut self, build: &Table, position: Position) -> Result<(), Failure> {
        self.build(build, |recent, connection| recent.reach(connection, build, position))
    }

    pub(crate) fn rebuild_switch(&mut self, live: &Table, build: &Table) -> Result<RebuildReport, Failure> {
        if self.live.touched() > 0 {
            // They would be written to rows that are gone.
            let problem = "the views are catching up with the log; rebuild when they have";
            return Err(Failure::Answer(ReadModelError::Unavailable(problem.to_owned())));
        }
        self.build(build, |recent, connection| write_build(recent, connection, build))?;
        let report = rebuild::switch(&mut self.connection, live, build)?;
        self.builds.remove(build.view.name());
        self.live = Live::default();
        Ok(report)
    }

    /// After a failure, the build has to be begun again.
    fn build(
        &mut self,
        build: &Table,
        work: impl FnOnce(&mut Recent, &Connection) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let view = build.view.name();
        let mut recent = self.builds.remove(view).ok_or_else(|| rebuild::not_begun(build))?;
        let transaction = self.connection.transaction()?;
        work(&mut recent, &transaction)?;
        transaction.commit()?;
        self.builds.insert(view, recent);
        Ok(())
    }
}

fn write_build(recent: &mut Recent, connection: &Connection, build: &Table) -> Result<(), Failure> {
    recent.write(connection, build)?;
    tables::advance(connection, build, recent.position())
}

impl Live {
    /// Forgets everything when somebody else has written to the file.
    fn check(&mut self, connection: &Connection) -> Result<(), Failure> {
        let version = connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.data_version == Some(version) {
            return Ok(());
        }
        if self.touched() > 0 {
            return Err(Failure::Answer(ReadModelError::Unavailable(
                "somebody else wrote to the file of the views; events are taken in again from its checkpoint on"
                    .to_owned(),
            )));
        }
        self.recent.iter_mut().for_each(|recent| *recent = Recent::default());
        (self.data_version, self.is_indexed) = (Some(version), false);
        Ok(())
    }

    fn touched(&self) -> usize {
        self.recent.iter().map(Recent::touched).sum()
    }

    /// Makes the indexes that are not there: whoever asks now follows them.
    fn finish(&mut self, connection: &Connection, live: &[Table]) -> Result<(), Failure> {
        if mem::replace(&mut self.is_indexed, true) {
            return Ok(());
        }
        self.write(connection, live)?;
        live.iter().try_for_each(|table| table.create_indexes(connection))
    }

    fn unindex(&mut self, connection: &Connection, live: &[Table]) -> Result<(), Failure> {
        for (table, _) in live.iter().zip(&self.recent).filter(|(_, recent)| recent.is_new()) {
            self.is_indexed = false;
            table.drop_indexes(connection)?;
        }
        Ok(())
    }

    fn write(&mut self, connection: &Connection, live: &[Table]) -> Result<(), Failure> {
        if !self.recent.iter().any(Recent::is_ahead) {
            return Ok(());
        }
        for (table, recent) in live.iter().zip(&mut self.recent) {
            recent.write(connection, table)?;
        }
        let mut positions = self.recent.iter().map(Recent::position);
        let first = positions.next().unwrap_or_default();
        if positions.all(|position| position == first) {
            return tables::advance_live(connection, first);
        }
        live.iter()
            .zip(&self.recent)
            .try_for_each(|(table, recent)| tables::advance(connection, table, recent.position()))
    }
}
