//! How many transactions each storage unit has seen: accepted writes and deletions of records
//! (`reference/stager.md` §3, statistics). Does not know the records.

use domain::event::{Event, RecordedEvent};
use domain::names::StorageUnitName;
use domain::storage_unit;
use domain::stream::{Position, Subject};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::stream_key;
use crate::view::{Column, Value, View};

/// The transactions of each storage unit that had any. Key: the unit's name. The row disappears with the unit.
#[derive(Debug, Clone, Copy)]
pub struct Transactions;

/// The transactions of a storage unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransactionsRow {
    /// The unit.
    pub unit: StorageUnitName,
    /// How many.
    pub transactions: u64,
    /// When the latest one was accepted.
    pub latest_at: Timestamp,
    /// The position of the latest one.
    pub latest_position: Position,
}

impl View for Transactions {
    const NAME: &'static str = "transactions";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "";
    const COLUMNS: &'static [Column] = &[];
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = TransactionsRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::StorageUnit(storage_unit::Event::Cleared) => stream_key(&event.stream),
            Event::Record(_) => {
                let key = stream_key(&event.stream)?;
                key.split_once('/').map(|(unit, _key)| unit.to_owned())
            }
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

    fn evolve(row: Option<TransactionsRow>, event: &RecordedEvent) -> Option<TransactionsRow> {
        match &event.event {
            Event::StorageUnit(storage_unit::Event::Cleared) => None,
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
            | Event::Access(_) => row,
            Event::Record(_) => {
                let (unit, transactions) = match row {
                    Some(row) => (row.unit, row.transactions + 1),
                    None => (Subject::try_from(&event.stream).ok()?.unit()?.clone(), 1),
                };
                let (latest_at, latest_position) = (event.metadata.recorded_at, event.position);
                Some(TransactionsRow { unit, transactions, latest_at, latest_position })
            }
        }
    }

    fn values(_: &TransactionsRow) -> Vec<Value> {
        Vec::new()
    }

    fn group(_: &TransactionsRow) -> Option<String> {
        None
    }
}
