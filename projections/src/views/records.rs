//! Records of managed content: which scopes each key holds. Does not know the bytes.

use std::collections::BTreeMap;

use domain::event::{Event, RecordedEvent};
use domain::names::{Key, Scope, StorageUnitName};
use domain::record::{self, ScopeWritten, Stored};
use domain::stream::{Position, RecordId, Subject};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::stream_key;
use crate::view::{Column, ColumnKind, Value, View};

/// Every record that exists. Key: `unit/key`, each part percent-encoded as in its stream's name. Counted per `unit`.
#[derive(Debug, Clone, Copy)]
pub struct Records;

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Its storage unit.
    pub unit: StorageUnitName,
    /// Its key.
    pub key: Key,
    /// The version that its last writer gave it. Not the version of its stream.
    pub version: u64,
    /// What each scope holds.
    pub scopes: BTreeMap<Scope, Stored>,
    /// The position of the event that brought it into being.
    pub first_position: Position,
    /// The position of the last event that concerns it.
    pub position: Position,
    /// When it was written last, or a scope of it deleted.
    pub updated_at: Timestamp,
}

impl Records {
    /// The key of a record's row.
    #[must_use]
    pub fn row_key(id: &RecordId) -> String {
        stream_key(&Subject::Record(id.clone()).stream()).unwrap_or_default()
    }

    /// What the keys of a unit's records begin with.
    #[must_use]
    pub fn unit_prefix(unit: &StorageUnitName) -> String {
        format!("{unit}/")
    }
}

impl View for Records {
    const NAME: &'static str = "records";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "record-";
    const COLUMNS: &'static [Column] = &[Column { name: "unit", kind: ColumnKind::Text }];
    // The key begins with the unit, so a unit's rows are found by the key.
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = RecordRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::Record(_) => stream_key(&event.stream),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => None,
        }
    }

    fn evolve(row: Option<RecordRow>, event: &RecordedEvent) -> Option<RecordRow> {
        let Event::Record(happened) = &event.event else { return row };
        let mut row = match happened {
            record::Event::Deleted => return None,
            record::Event::ScopeWritten(written) => write(row, written, event)?,
            record::Event::ScopeDeleted(deleted) => {
                let mut row = row?;
                row.scopes.remove(&deleted.scope);
                row
            }
        };
        row.position = event.position;
        row.updated_at = event.metadata.recorded_at;
        Some(row)
    }

    fn values(row: &RecordRow) -> Vec<Value> {
        vec![Value::Text(row.unit.to_string())]
    }

    fn group(row: &RecordRow) -> Option<String> {
        Some(row.unit.to_string())
    }
}

fn write(row: Option<RecordRow>, written: &ScopeWritten, event: &RecordedEvent) -> Option<RecordRow> {
    let mut row = match row {
        Some(row) => row,
        None => absent(event)?,
    };
    if written.overwrote {
        row.scopes.clear();
    }
    row.scopes.insert(written.scope.clone(), written.stored);
    row.version = written.version;
    Some(row)
}

fn absent(event: &RecordedEvent) -> Option<RecordRow> {
    let Subject::Record(RecordId { unit, key }) = Subject::try_from(&event.stream).ok()? else { return None };
    Some(RecordRow {
        unit,
        key,
        version: 0,
        scopes: BTreeMap::new(),
        first_position: event.position,
        position: event.position,
        updated_at: event.metadata.recorded_at,
    })
}
