//! Storage units as they are set now. Does not know the work on their key-scopes: see [`super::key_scopes`].

use domain::event::{Event, RecordedEvent};
use domain::names::{OrganizationId, StorageUnitName};
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::stream_key;
use crate::view::{Column, ColumnKind, Value, View};

/// Every storage unit that exists. Key: its name. The row disappears when the name is free again.
#[derive(Debug, Clone, Copy)]
pub struct StorageUnits;

/// A storage unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StorageUnitRow {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name.
    pub name: StorageUnitName,
    /// Whether it is in use.
    pub state: UnitState,
    /// Where its content lives.
    pub content: Content,
    /// Which modules run over which scope.
    pub modules: ModuleTable,
    /// Whether its work may be claimed.
    pub queue_enabled: bool,
    /// Its limits.
    pub limits: Limits,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The position of the event that created it.
    pub created_position: Position,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

/// Whether a storage unit is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitState {
    /// It is.
    Active,
    /// It was dropped; the work on its key-scopes is being withdrawn.
    Clearing,
}

impl UnitState {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Clearing => "clearing",
        }
    }
}

impl View for StorageUnits {
    const NAME: &'static str = "storage_units";
    const SCHEMA: u32 = 2;
    const STREAMS: &'static str = "storage_unit-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "state", kind: ColumnKind::Text },
    ];
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = StorageUnitRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::StorageUnit(_) => stream_key(&event.stream),
            Event::KeyScope(_)
            | Event::Record(_)
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

    fn evolve(row: Option<StorageUnitRow>, event: &RecordedEvent) -> Option<StorageUnitRow> {
        let Event::StorageUnit(happened) = &event.event else { return row };
        match happened {
            storage_unit::Event::Created(settings) => created(settings, event),
            storage_unit::Event::Cleared => None,
            storage_unit::Event::ContentSet(_)
            | storage_unit::Event::ModulesSet(_)
            | storage_unit::Event::QueueEnabled
            | storage_unit::Event::QueueDisabled
            | storage_unit::Event::LimitsSet(_)
            | storage_unit::Event::QueueReset
            | storage_unit::Event::Dropped => Some(changed(row?, happened, event)),
        }
    }

    fn values(row: &StorageUnitRow) -> Vec<Value> {
        vec![Value::Text(row.organization.to_string()), Value::Text(row.state.name().to_owned())]
    }

    fn group(_: &StorageUnitRow) -> Option<String> {
        None
    }
}

fn created(settings: &Settings, event: &RecordedEvent) -> Option<StorageUnitRow> {
    let subject = Subject::try_from(&event.stream).ok()?;
    let Settings { content, modules, queue_enabled, limits } = settings.clone();
    Some(StorageUnitRow {
        organization: event.metadata.organization.clone(),
        name: subject.unit()?.clone(),
        state: UnitState::Active,
        content,
        modules,
        queue_enabled,
        limits,
        created_at: event.metadata.recorded_at,
        updated_at: event.metadata.recorded_at,
        created_position: event.position,
        version: event.version,
        position: event.position,
    })
}

fn changed(mut row: StorageUnitRow, happened: &storage_unit::Event, event: &RecordedEvent) -> StorageUnitRow {
    match happened {
        storage_unit::Event::ContentSet(content) => row.content = content.clone(),
        storage_unit::Event::ModulesSet(modules) => row.modules = modules.clone(),
        storage_unit::Event::QueueEnabled => row.queue_enabled = true,
        storage_unit::Event::QueueDisabled => row.queue_enabled = false,
        storage_unit::Event::LimitsSet(limits) => row.limits = *limits,
        storage_unit::Event::Dropped => row.state = UnitState::Clearing,
        storage_unit::Event::QueueReset | storage_unit::Event::Created(_) | storage_unit::Event::Cleared => {}
    }
    row.updated_at = event.metadata.recorded_at;
    row.version = event.version;
    row.position = event.position;
    row
}
