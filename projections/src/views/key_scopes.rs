//! Key-scopes and where the work on them stands. Does not know their attempts one by one: see [`crate::attempts`].

use domain::digest::Digest;
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::names::{CampaignId, Key, OrganizationId, Scope, StorageUnitName, WorkerId};
use domain::stream::{KeyScopeId, Position, Subject, Version, encoded_part};
use domain::time::Timestamp;
pub use domain::work::Status;
use domain::work::{self, Change, Failed, Priority, Queued, Token};
use serde::{Deserialize, Serialize};

use super::{ERROR_CODE_BYTES_MAX, ERROR_TEXT_BYTES_MAX, bounded, stream_key};
use crate::view::{Column, ColumnKind, Value, View};

/// Every key-scope that was ever asked for and whose unit was not dropped since. Key: `unit/scope/key`, each part
/// percent-encoded as in its stream's name. Counted per `unit/scope/status`, encoded likewise.
#[derive(Debug, Clone, Copy)]
pub struct KeyScopes;

/// A key-scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyScopeRow {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// The key.
    pub key: Key,
    /// Where the work on it stands.
    pub status: Status,
    /// Whether nobody may claim it, whatever its status.
    pub held: bool,
    /// Who goes first in the queue.
    pub priority: Priority,
    /// How many times it was begun again after its first run.
    pub restart_count: u32,
    /// How many attempts were started, over all runs since the row came into being.
    pub attempt_count: u32,
    /// How many attempts of the last run have failed.
    pub failures: u32,
    /// The campaign that asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Whether it was asked for while leased, so that it runs once more afterwards.
    pub requeue_requested: bool,
    /// Who has it, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// When the lease runs out, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The fencing token of the lease, while it is leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// When it is queued again, while it is retrying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What went wrong last, until an attempt succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// One digest over all outputs of the last finished run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How the last finished run's outputs compare with those of the finished run before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// When it finished last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The position of the event by which it entered the queue last: asked for, restarted, retried or taken back.
    pub queued_position: Position,
    /// When it entered the queue last.
    pub queued_at: Timestamp,
    /// When it was asked for first.
    pub first_queued_at: Timestamp,
    /// How many results came after their lease was gone; they were not used.
    pub late_results: u32,
    /// When something happened to it last.
    pub updated_at: Timestamp,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

/// What of a row says how its key-scope waits, is leased or is retried: a restart reads it of everything that is open.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OpenRow {
    /// Its storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// The key.
    pub key: Key,
    /// Where the work on it stands.
    pub status: Status,
    /// Whether nobody may claim it.
    pub held: bool,
    /// Who goes first in the queue.
    pub priority: Priority,
    /// Who has it, while it is leased.
    pub worker: Option<WorkerId>,
    /// When the lease runs out, while it is leased.
    pub lease_until: Option<Timestamp>,
    /// When it is queued again, while it is retrying.
    pub retry_at: Option<Timestamp>,
    /// The position of the event by which it entered the queue last.
    pub queued_position: Position,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// As a code, at most [`ERROR_CODE_BYTES_MAX`].
    pub code: String,
    /// As a text, at most [`ERROR_TEXT_BYTES_MAX`].
    pub text: String,
    /// When.
    pub at: Timestamp,
}

impl KeyScopes {
    /// The key of a key-scope's row.
    #[must_use]
    pub fn row_key(id: &KeyScopeId) -> String {
        stream_key(&Subject::KeyScope(id.clone()).stream()).unwrap_or_default()
    }

    /// What the keys and groups of a unit's key-scopes begin with.
    #[must_use]
    pub fn unit_prefix(unit: &StorageUnitName) -> String {
        format!("{unit}/")
    }

    /// What the keys and groups of a unit's key-scopes of one scope begin with.
    #[must_use]
    pub fn scope_prefix(id: &KeyScopeId) -> String {
        format!("{}/{}/", encoded_part(id.unit.as_str()), encoded_part(id.scope.as_str()))
    }
}

impl View for KeyScopes {
    const NAME: &'static str = "key_scopes";
    const SCHEMA: u32 = 3;
    const STREAMS: &'static str = "key_scope-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "unit", kind: ColumnKind::Text },
        Column { name: "scope", kind: ColumnKind::Text },
        Column { name: "status", kind: ColumnKind::Text },
        Column { name: "held", kind: ColumnKind::Integer },
        Column { name: "campaign", kind: ColumnKind::Text },
        Column { name: "open", kind: ColumnKind::Integer },
        Column { name: "error_code", kind: ColumnKind::Text },
    ];
    const INDEXES: &'static [&'static [&'static str]] =
        &[&["unit", "status"], &["campaign", "status"], &["open"]];
    type Row = KeyScopeRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::KeyScope(_) => stream_key(&event.stream),
            Event::StorageUnit(_)
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

    fn evolve(row: Option<KeyScopeRow>, event: &RecordedEvent) -> Option<KeyScopeRow> {
        let Event::KeyScope(happened) = &event.event else { return row };
        match (happened, row) {
            (key_scope::Event::Withdrawn(_), _) => None,
            (key_scope::Event::Work(happened), Some(row)) => Some(row.after(happened, event)),
            (key_scope::Event::Work(work::Event::Queued(queued)), None) => first_queued(queued, event),
            // A late result of a withdrawn key-scope; nothing else can come before `Queued`.
            (key_scope::Event::Work(_), None) => None,
        }
    }

    fn values(row: &KeyScopeRow) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            text(row.organization.as_str()),
            text(row.unit.as_str()),
            text(row.scope.as_str()),
            text(row.status.name()),
            Value::Integer(row.held.into()),
            row.campaign.map_or(Value::Absent, |id| Value::Text(id.to_string())),
            if row.status.is_open() { Value::Integer(1) } else { Value::Absent },
            row.last_error.as_ref().map_or(Value::Absent, |error| text(&error.code)),
        ]
    }

    fn group(row: &KeyScopeRow) -> Option<String> {
        let id = KeyScopeId { unit: row.unit.clone(), scope: row.scope.clone(), key: row.key.clone() };
        Some(Self::scope_prefix(&id) + row.status.name())
    }
}

fn first_queued(queued: &Queued, event: &RecordedEvent) -> Option<KeyScopeRow> {
    let at = event.metadata.recorded_at;
    let Subject::KeyScope(KeyScopeId { unit, scope, key }) = Subject::try_from(&event.stream).ok()? else {
        return None;
    };
    Some(KeyScopeRow {
        organization: event.metadata.organization.clone(),
        unit,
        scope,
        key,
        status: Status::Queued,
        held: false,
        priority: queued.priority,
        restart_count: 0,
        attempt_count: 0,
        failures: queued.failures,
        campaign: queued.campaign,
        requeue_requested: false,
        worker: None,
        lease_until: None,
        token: None,
        retry_at: None,
        last_error: None,
        digest: None,
        change: None,
        finished_at: None,
        queued_position: event.position,
        queued_at: at,
        first_queued_at: at,
        late_results: 0,
        updated_at: at,
        version: event.version,
        position: event.position,
    })
}

impl KeyScopeRow {
    /// Which key-scope it is.
    #[must_use]
    pub fn id(&self) -> KeyScopeId {
        KeyScopeId { unit: self.unit.clone(), scope: self.scope.clone(), key: self.key.clone() }
    }

    fn after(mut self, happened: &work::Event, event: &RecordedEvent) -> Self {
        match happened {
            work::Event::Queued(queued) => {
                self.campaign = queued.campaign;
                self.failures = queued.failures;
                self.priority = queued.priority;
                self.requeue_requested = false;
                self.enqueue(event);
            }
            work::Event::Assigned(assigned) => {
                self.status = Status::Assigned;
                self.attempt_count = assigned.attempt;
                self.worker = Some(assigned.worker.clone());
                self.lease_until = Some(assigned.until);
                self.token = Some(Token(event.version));
            }
            work::Event::ProcessStarted(_) => self.status = Status::Running,
            work::Event::LeaseExtended(extended) => self.lease_until = Some(extended.until),
            work::Event::Finished(finished) => {
                self.end_lease();
                self.status = Status::Finished;
                self.digest = Some(finished.digest);
                self.change = Some(finished.change);
                self.finished_at = Some(event.metadata.recorded_at);
                self.requeue_requested = false;
                self.last_error = None;
            }
            work::Event::Failed(failed) => self.fail(failed, event),
            work::Event::Unassigned(_) => {
                self.end_lease();
                self.enqueue(event);
            }
            work::Event::Restarted(restarted) => {
                self.campaign = restarted.campaign;
                self.failures = 0;
                self.priority = restarted.priority;
                self.restart_count = restarted.restart_count;
                self.enqueue(event);
            }
            work::Event::RequeueRequested(_) => self.requeue_requested = true,
            work::Event::Held => self.held = true,
            work::Event::Released => self.held = false,
            work::Event::LateResultRefused(_) => self.late_results = self.late_results.saturating_add(1),
        }
        self.updated_at = event.metadata.recorded_at;
        self.version = event.version;
        self.position = event.position;
        self
    }

    fn fail(&mut self, failed: &Failed, event: &RecordedEvent) {
        self.end_lease();
        self.status = if failed.retry_at.is_some() { Status::Retrying } else { Status::Failed };
        self.retry_at = failed.retry_at;
        self.failures = failed.failures;
        self.requeue_requested = false;
        self.last_error = Some(LastError {
            code: bounded(&failed.code, ERROR_CODE_BYTES_MAX),
            text: bounded(&failed.text, ERROR_TEXT_BYTES_MAX),
            at: event.metadata.recorded_at,
        });
    }

    fn enqueue(&mut self, event: &RecordedEvent) {
        self.status = Status::Queued;
        self.retry_at = None;
        self.queued_position = event.position;
        self.queued_at = event.metadata.recorded_at;
    }

    fn end_lease(&mut self) {
        self.worker = None;
        self.lease_until = None;
        self.token = None;
    }
}
