//! API keys as they are now. Does not know secrets: a row has their digests, which no surface shows.

use domain::api_key::{self, Previous, Role};
use domain::event::{Event, RecordedEvent};
use domain::names::{Actor, ApiKeyId, KeyName, OrganizationId};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::stream_key;
use crate::view::{Column, ColumnKind, Value, View};

/// Every API key that was ever issued. Key: its id.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys;

/// An API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name.
    pub name: KeyName,
    /// What it may do.
    pub role: Role,
    /// Whether it was revoked.
    pub state: KeyState,
    /// The digest of its secret.
    pub secret: domain::digest::Digest,
    /// The secret before the last rotation, and until when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who issued it.
    pub created_by: Actor,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it got another secret last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The version of its stream.
    pub version: Version,
    /// The position of the last event that concerns it.
    pub position: Position,
}

/// Whether a key was revoked. That one has expired follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It was not.
    Active,
    /// It was.
    Revoked,
}

impl KeyState {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

impl View for ApiKeys {
    const NAME: &'static str = "api_keys";
    const SCHEMA: u32 = 1;
    const STREAMS: &'static str = "api_key-";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "state", kind: ColumnKind::Text },
    ];
    const INDEXES: &'static [&'static [&'static str]] = &[];
    type Row = ApiKeyRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::ApiKey(_) => stream_key(&event.stream),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::Access(_) => None,
        }
    }

    fn evolve(row: Option<ApiKeyRow>, event: &RecordedEvent) -> Option<ApiKeyRow> {
        let Event::ApiKey(happened) = &event.event else { return row };
        let at = event.metadata.recorded_at;
        let mut row = match happened {
            api_key::Event::Issued(issued) => self::issued(issued, event)?,
            api_key::Event::Rotated(rotated) => {
                ApiKeyRow { secret: rotated.secret, previous: rotated.previous, rotated_at: Some(at), ..row? }
            }
            api_key::Event::Revoked => ApiKeyRow { state: KeyState::Revoked, revoked_at: Some(at), ..row? },
        };
        row.version = event.version;
        row.position = event.position;
        Some(row)
    }

    fn values(row: &ApiKeyRow) -> Vec<Value> {
        vec![Value::Text(row.organization.to_string()), Value::Text(row.state.name().to_owned())]
    }

    fn group(_: &ApiKeyRow) -> Option<String> {
        None
    }
}

fn issued(issued: &api_key::Issued, event: &RecordedEvent) -> Option<ApiKeyRow> {
    let Subject::ApiKey(id) = Subject::try_from(&event.stream).ok()? else { return None };
    let api_key::Issued { name, role, secret, expires_at } = issued.clone();
    Some(ApiKeyRow {
        id,
        organization: event.metadata.organization.clone(),
        name,
        role,
        state: KeyState::Active,
        secret,
        previous: None,
        expires_at,
        created_by: event.metadata.actor.clone(),
        created_at: event.metadata.recorded_at,
        rotated_at: None,
        revoked_at: None,
        version: event.version,
        position: event.position,
    })
}
