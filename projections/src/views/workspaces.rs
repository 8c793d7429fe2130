//! Workspaces with their settings. Does not know their tasks: see [`super::tasks`].

use domain::event::{Event, RecordedEvent};
use domain::names::{OrganizationId, WorkspaceId};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use domain::workspace::{self, Settings};
use serde::{Deserialize, Serialize};

use crate::view::{Column, ColumnKind, Value, View};

/// Every workspace. Key: the id with leading zeros, so that rows come in the order of the ids.
#[derive(Debug, Clone, Copy)]
pub struct Workspaces;

/// A workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceRow {
    /// Its id.
    pub id: WorkspaceId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What is set for it.
    #[serde(flatten)]
    pub settings: Settings,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was configured last.
    pub updated_at: Timestamp,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

impl Workspaces {
    /// The key of a workspace's row.
    #[must_use]
    pub fn row_key(id: WorkspaceId) -> String {
        format!("{:010}", id.get())
    }
}

impl View for Workspaces {
    const NAME: &'static str = "workspaces";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "workspace-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "is_default", kind: ColumnKind::Integer },
    ];
    const INDEXES: &'static [&'static [&'static str]] = &[&["organization", "is_default"], &["organization"]];
    type Row = WorkspaceRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match (&event.event, Subject::try_from(&event.stream)) {
            (Event::Workspace(_), Ok(Subject::Workspace(id))) => Some(Self::row_key(id)),
            (_, Ok(_) | Err(_)) => None,
        }
    }

    fn evolve(row: Option<WorkspaceRow>, event: &RecordedEvent) -> Option<WorkspaceRow> {
        let Event::Workspace(workspace::Event::Created(settings) | workspace::Event::Configured(settings)) =
            &event.event
        else {
            return row;
        };
        let Subject::Workspace(id) = Subject::try_from(&event.stream).ok()? else { return row };
        let at = event.metadata.recorded_at;
        Some(WorkspaceRow {
            id,
            organization: event.metadata.organization.clone(),
            settings: settings.clone(),
            created_at: row.map_or(at, |row| row.created_at),
            updated_at: at,
            version: event.version,
            position: event.position,
        })
    }

    fn values(row: &WorkspaceRow) -> Vec<Value> {
        let organization = Value::Text(row.organization.to_string());
        vec![organization, if row.settings.is_default { Value::Integer(1) } else { Value::Absent }]
    }

    fn group(_: &WorkspaceRow) -> Option<String> {
        None
    }
}
