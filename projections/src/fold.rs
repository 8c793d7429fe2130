//! Folding views: into memory up to any point, and erased, so that a store of rows can fold all of them alike.
//! Does not know where rows or events are kept.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::stream::Position;

use crate::view::{Column, Value, View};
use crate::views::{
    ApiKeys, Batches, Campaigns, Commands, KeyScopes, Records, StorageUnits, System, Tasks, Transactions,
    Workspaces,
};

/// The events that a fold which reflects `seen` has not seen, in order. An event that comes again, in this batch or
/// in an earlier one, is left out: so applying it twice changes nothing. Whoever folds takes its events from here.
pub fn unseen(events: &[Arc<RecordedEvent>], seen: Position) -> impl Iterator<Item = &RecordedEvent> {
    let mut last = seen;
    events.iter().map(AsRef::as_ref).filter(move |event| {
        let is_new = event.position > last;
        last = last.max(event.position);
        is_new
    })
}

// ── In memory ──────────────────────────────────────────────────────────────────────────────────────────────────

/// A view folded into memory as far as its events were given.
#[derive(Debug, Clone)]
pub struct Fold<V: View> {
    /// The rows by their keys.
    pub rows: BTreeMap<String, V::Row>,
    /// The position that they reflect.
    pub position: Position,
}

impl<V: View> Default for Fold<V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), position: Position::START }
    }
}

impl<V: View> Fold<V> {
    /// Folds events that follow the position, in the order of the log.
    pub fn apply(&mut self, events: &[Arc<RecordedEvent>]) {
        for event in unseen(events, self.position) {
            self.position = event.position;
            let Some(key) = V::key(event) else { continue };
            if let Some(row) = V::evolve(self.rows.remove(&key), event) {
                self.rows.insert(key, row);
            }
        }
    }
}

/// The rows that events make, from the first event of the log on: the board as of the last of them.
#[must_use]
pub fn fold<V: View>(events: &[Arc<RecordedEvent>]) -> BTreeMap<String, V::Row> {
    let mut fold = Fold::<V>::default();
    fold.apply(events);
    fold.rows
}

// ── Erased ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A view whose row type is not known to whoever folds it: rows are JSON.
pub trait ErasedView: Send + Sync {
    /// [`View::NAME`].
    fn name(&self) -> &'static str;
    /// [`View::SCHEMA`].
    fn schema(&self) -> u32;
    /// [`View::STREAMS`].
    fn streams(&self) -> &'static str;
    /// [`View::COLUMNS`].
    fn columns(&self) -> &'static [Column];
    /// [`View::INDEXES`].
    fn indexes(&self) -> &'static [&'static [&'static str]];
    /// [`View::key`], asked of events in the view's streams only.
    fn key(&self, event: &RecordedEvent) -> Option<String>;
    /// No row yet.
    fn none(&self) -> Held;
    /// A stored row.
    ///
    /// # Errors
    /// [`DamagedRow`] when it is not one of this view.
    fn read(&self, json: &str) -> Result<Held, DamagedRow>;
    /// [`View::evolve`], in place.
    fn evolve(&self, row: &mut Held, event: &RecordedEvent);
    /// The row's JSON; nothing when there is no row.
    ///
    /// # Errors
    /// [`DamagedRow`] when it has none.
    fn json(&self, row: &Held) -> Result<Option<String>, DamagedRow>;
    /// How the row is found and counted; nothing when there is no row.
    fn facets(&self, row: &Held) -> Option<Facets>;

    /// Folds events that concern one row into it, oldest first. The row is read and written once.
    ///
    /// # Errors
    /// [`DamagedRow`] when the stored row is not one of this view.
    fn fold(&self, row: Option<&str>, events: &[&RecordedEvent]) -> Result<Folded, DamagedRow> {
        let mut row = row.map_or_else(|| Ok(self.none()), |json| self.read(json))?;
        let before = self.facets(&row);
        for event in events {
            self.evolve(&mut row, event);
        }
        let after = self.json(&row)?.zip(self.facets(&row));
        Ok(Folded { before, after })
    }
}

/// A row, or that there is none, in the form in which its view folds it: whoever keeps one between two batches need not read
/// it again. Only the view that made it knows what is in it.
pub struct Held(Box<dyn Any + Send>);

/// One row before and after the events of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// How the row was found and counted; nothing when there was none.
    pub before: Option<Facets>,
    /// The row's JSON, and how it is found and counted; nothing when there is none any longer.
    pub after: Option<(String, Facets)>,
}

/// By what a row is found, and where it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facets {
    /// The values of the view's columns, in order.
    pub values: Vec<Value>,
    /// The group in which the row is counted.
    pub group: Option<String>,
}

/// A stored row that is not one of its view.
#[derive(Debug, thiserror::Error)]
#[error("a row of {view} cannot be read")]
pub struct DamagedRow {
    /// The view.
    pub view: &'static str,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

/// Every view there is.
#[must_use]
pub fn all() -> Vec<Box<dyn ErasedView>> {
    vec![
        erase::<StorageUnits>(),
        erase::<KeyScopes>(),
        erase::<Campaigns>(),
        erase::<Records>(),
        erase::<Transactions>(),
        erase::<Commands>(),
        erase::<Tasks>(),
        erase::<Workspaces>(),
        erase::<Batches>(),
        erase::<System>(),
        erase::<ApiKeys>(),
    ]
}

/// What the names of all streams begin with whose events concern a view's rows; every name does so for a view that is not known.
#[must_use]
pub fn streams(view: &str) -> &'static str {
    all().iter().find(|known| known.name() == view).map_or("", |known| known.streams())
}

/// A view as one whose row type is not known.
#[must_use]
pub fn erase<V: View>() -> Box<dyn ErasedView> {
    Box::new(Erased::<V>(PhantomData))
}

struct Erased<V: View>(PhantomData<fn() -> V>);

impl<V: View> ErasedView for Erased<V> {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn schema(&self) -> u32 {
        V::SCHEMA
    }

    fn streams(&self) -> &'static str {
        V::STREAMS
    }

    fn columns(&self) -> &'static [Column] {
        V::COLUMNS
    }

    fn indexes(&self) -> &'static [&'static [&'static str]] {
        V::INDEXES
    }

    fn key(&self, event: &RecordedEvent) -> Option<String> {
        // Most events are in no stream of a view: then nobody takes the stream's name apart.
        if event.stream.as_str().starts_with(V::STREAMS) { V::key(event) } else { None }
    }

    fn none(&self) -> Held {
        Held(Box::new(None::<V::Row>))
    }

    fn read(&self, json: &str) -> Result<Held, DamagedRow> {
        let row: V::Row = serde_json::from_str(json).map_err(damaged::<V>)?;
        Ok(Held(Box::new(Some(row))))
    }

    fn evolve(&self, row: &mut Held, event: &RecordedEvent) {
        let row = row.0.downcast_mut::<Option<V::Row>>().expect(OF_ITS_VIEW);
        *row = V::evolve(row.take(), event);
    }

    fn json(&self, row: &Held) -> Result<Option<String>, DamagedRow> {
        let Some(row) = held::<V>(row) else { return Ok(None) };
        let mut json = Vec::with_capacity(ROW_BYTES);
        serde_json::to_writer(&mut json, row).map_err(damaged::<V>)?;
        Ok(Some(String::from_utf8(json).expect("JSON is text")))
    }

    fn facets(&self, row: &Held) -> Option<Facets> {
        held::<V>(row).map(|row| Facets { values: V::values(row), group: V::group(row) })
    }
}

/// Most rows have less JSON, in bytes.
const ROW_BYTES: usize = 1_024;

const OF_ITS_VIEW: &str = "a row is given back to the view that made it";

fn held<V: View>(row: &Held) -> Option<&V::Row> {
    row.0.downcast_ref::<Option<V::Row>>().expect(OF_ITS_VIEW).as_ref()
}

fn damaged<V: View>(source: serde_json::Error) -> DamagedRow {
    DamagedRow { view: V::NAME, source }
}
