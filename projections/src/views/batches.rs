//! Batches. Does not know how many tasks they have: that is counted with the tasks, see
//! [`super::Tasks::batch_counts`].

use domain::batch::{self, Described};
use domain::event::{Event, RecordedEvent};
use domain::names::{BatchId, OrganizationId};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::view::{Column, ColumnKind, Value, View};

/// Every batch. Key: the id with leading zeros, so that rows come in the order of the ids.
#[derive(Debug, Clone, Copy)]
pub struct Batches;

/// A batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRow {
    /// Its id.
    pub id: BatchId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is.
    #[serde(flatten)]
    pub described: Described,
    /// When it was created.
    pub created_at: Timestamp,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

impl Batches {
    /// The key of a batch's row.
    #[must_use]
    pub fn row_key(id: BatchId) -> String {
        format!("{:020}", id.get())
    }
}

impl View for Batches {
    const NAME: &'static str = "batches";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "batch-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "workspace", kind: ColumnKind::Integer },
    ];
    const INDEXES: &'static [&'static [&'static str]] = &[&["organization", "workspace"], &["organization"]];
    type Row = BatchRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match (&event.event, Subject::try_from(&event.stream)) {
            (Event::Batch(_), Ok(Subject::Batch(id))) => Some(Self::row_key(id)),
            (_, Ok(_) | Err(_)) => None,
        }
    }

    fn evolve(row: Option<BatchRow>, event: &RecordedEvent) -> Option<BatchRow> {
        let Event::Batch(batch::Event::Created(described)) = &event.event else { return row };
        let Subject::Batch(id) = Subject::try_from(&event.stream).ok()? else { return row };
        Some(BatchRow {
            id,
            organization: event.metadata.organization.clone(),
            described: described.clone(),
            created_at: event.metadata.recorded_at,
            version: event.version,
            position: event.position,
        })
    }

    fn values(row: &BatchRow) -> Vec<Value> {
        let organization = Value::Text(row.organization.to_string());
        vec![organization, Value::Integer(row.described.workspace.get().into())]
    }

    fn group(_: &BatchRow) -> Option<String> {
        None
    }
}
