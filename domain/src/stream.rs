//! Streams: one per thing, named after it; versions inside a stream, positions in the whole log.
//! Does not know what a stream contains.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::ids::IdKind;
use crate::names::{
    ApiKeyId, BatchId, CampaignId, ExternalId, Key, OrganizationId, Scope, StorageUnitName, TaskId,
    WorkspaceId,
};
use crate::text::parsed;
use crate::time::Day;

/// The place of an event in its stream, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What an append expects of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// The stream has no event yet.
    NoStream,
    /// The last event of the stream has this version.
    Exact(Version),
}

impl ExpectedVersion {
    /// The version that the first appended event will get.
    #[must_use]
    pub const fn next(self) -> Version {
        match self {
            Self::NoStream => Version(0),
            Self::Exact(version) => version.next(),
        }
    }

    /// The expectation that fits a stream whose last version is `last`.
    #[must_use]
    pub const fn after(last: Option<Version>) -> Self {
        match last {
            None => Self::NoStream,
            Some(version) => Self::Exact(version),
        }
    }
}

/// The place of an event in the whole log: opaque, ordered, growing, not necessarily dense.
///
/// The embedded stores use (row number, 0). Written as one token: `4711`, or `4711.3` when the second part is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The first part (row number, commit position or transaction id).
    pub major: u64,
    /// The second part (0, prepare position or sequence).
    pub minor: u64,
}

impl Position {
    /// Before every event.
    pub const START: Self = Self { major: 0, minor: 0 };

    /// The position of an embedded store's row.
    #[must_use]
    pub const fn row(number: u64) -> Self {
        Self { major: number, minor: 0 }
    }

    /// How many events lie after this position up to `head`, where positions are numbers of rows.
    #[must_use]
    pub const fn events_until(self, head: Self) -> Option<u64> {
        match (self, head) {
            (Self { major: seen, minor: 0 }, Self { major: end, minor: 0 }) => Some(end.saturating_sub(seen)),
            (Self { .. }, Self { .. }) => None,
        }
    }

    /// A position before this one, and so near that no event of an embedded store lies in between.
    #[must_use]
    pub const fn just_before(self) -> Self {
        match self {
            Self { major, minor: 0 } => Self { major: major.saturating_sub(1), minor: 0 },
            Self { major, minor } => Self { major, minor: minor - 1 },
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

/// The text is not a position token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a position; take one from a reply, such as 4711")]
pub struct NotAPosition(String);

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Ok(Self { major, minor }),
            (Err(_), Ok(_) | Err(_)) | (Ok(_), Err(_)) => Err(NotAPosition(text.to_owned())),
        }
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// The name of a stream, such as `key_scope-invoices/ocr/a%2Fb`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// Takes a stream name as a store returned it.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key-scope is: one scope of one key of one storage unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyScopeId {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The scope.
    pub scope: Scope,
    /// The key.
    pub key: Key,
}

/// What a record is: one key of one storage unit, with all its scopes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId {
    /// The storage unit.
    pub unit: StorageUnitName,
    /// The key.
    pub key: Key,
}

/// The refused accesses of one organization and day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessDay {
    /// The organization.
    pub organization: OrganizationId,
    /// The day.
    pub day: Day,
}

/// The thing that a stream tells about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A storage unit.
    StorageUnit(StorageUnitName),
    /// A key-scope.
    KeyScope(KeyScopeId),
    /// A record of a managed storage unit.
    Record(RecordId),
    /// A campaign.
    Campaign(CampaignId),
    /// A task.
    Task(TaskId),
    /// A workspace.
    Workspace(WorkspaceId),
    /// A batch of tasks.
    Batch(BatchId),
    /// What clients of an organization call a task.
    ExternalId(OrganizationId, ExternalId),
    /// The ids of one kind that are given out.
    Ids(IdKind),
    /// The system: there is one.
    System,
    /// An API key.
    ApiKey(ApiKeyId),
    /// The refused accesses of an organization on a day.
    Access(AccessDay),
}

/// Everything but letters, digits, `.`, `_` and `-` is percent-encoded in a stream name's parts.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// As [`PART`], without `-`, where that separates the parts.
const PART_BEFORE_DASH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_');

const STORAGE_UNIT: &str = "storage_unit-";
const KEY_SCOPE: &str = "key_scope-";
const RECORD: &str = "record-";
const CAMPAIGN: &str = "campaign-";
const TASK: &str = "task-";
const WORKSPACE: &str = "workspace-";
const BATCH: &str = "batch-";
const EXTERNAL_ID: &str = "external_id-";
const IDS: &str = "ids-";
const SYSTEM: &str = "system";
const API_KEY: &str = "api_key-";
const ACCESS: &str = "access-";

/// A text as a part of a stream's name: percent-encoded character by character, so that what a text begins with is what
/// its encoding begins with.
#[must_use]
pub fn encoded_part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

impl Subject {
    /// The stream of this thing.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        let part = |text| utf8_percent_encode(text, PART);
        let name = match self {
            Self::StorageUnit(unit) => format!("{STORAGE_UNIT}{}", part(unit.as_str())),
            Self::KeyScope(KeyScopeId { unit, scope, key }) => {
                format!("{KEY_SCOPE}{}/{}/{}", part(unit.as_str()), part(scope.as_str()), part(key.as_str()))
            }
            Self::Record(RecordId { unit, key }) => {
                format!("{RECORD}{}/{}", part(unit.as_str()), part(key.as_str()))
            }
            Self::Campaign(id) => format!("{CAMPAIGN}{id}"),
            Self::Task(id) => format!("{TASK}{id}"),
            Self::Workspace(id) => format!("{WORKSPACE}{id}"),
            Self::Batch(id) => format!("{BATCH}{id}"),
            Self::ExternalId(organization, id) => {
                let organization = utf8_percent_encode(organization.as_str(), PART_BEFORE_DASH);
                format!("{EXTERNAL_ID}{organization}-{}", part(id.as_str()))
            }
            Self::Ids(kind) => format!("{IDS}{}", kind.name()),
            Self::System => SYSTEM.to_owned(),
            Self::ApiKey(id) => format!("{API_KEY}{id}"),
            Self::Access(AccessDay { organization, day }) => {
                format!("{ACCESS}{}/{day}", part(organization.as_str()))
            }
        };
        StreamId(Arc::from(name))
    }

    /// The storage unit that this thing belongs to, when it belongs to one.
    #[must_use]
    pub const fn unit(&self) -> Option<&StorageUnitName> {
        match self {
            Self::StorageUnit(unit)
            | Self::KeyScope(KeyScopeId { unit, scope: _, key: _ })
            | Self::Record(RecordId { unit, key: _ }) => Some(unit),
            Self::Campaign(_)
            | Self::Task(_)
            | Self::Workspace(_)
            | Self::Batch(_)
            | Self::ExternalId(..)
            | Self::Ids(_)
            | Self::System
            | Self::ApiKey(_)
            | Self::Access(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream().fmt(f)
    }
}

/// A stream name that does not follow the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not the name of a stream, such as storage_unit-NAME, key_scope-UNIT/SCOPE/KEY, campaign-ID, task-ID or system"
)]
pub struct NotAStream(String);

impl FromStr for Subject {
    type Err = NotAStream;

    fn from_str(name: &str) -> Result<Self, NotAStream> {
        parse(name).ok_or_else(|| NotAStream(name.to_owned()))
    }
}

impl TryFrom<&StreamId> for Subject {
    type Error = NotAStream;

    fn try_from(stream: &StreamId) -> Result<Self, NotAStream> {
        stream.as_str().parse()
    }
}

fn parse(name: &str) -> Option<Subject> {
    let part = |text| percent_decode_str(text).decode_utf8().ok();
    if name == SYSTEM {
        return Some(Subject::System);
    }
    if let Some(unit) = name.strip_prefix(STORAGE_UNIT) {
        return Some(Subject::StorageUnit(StorageUnitName::new(part(unit)?).ok()?));
    }
    if let Some(rest) = name.strip_prefix(KEY_SCOPE) {
        let (unit, rest) = rest.split_once('/')?;
        let (scope, key) = rest.split_once('/')?;
        return Some(Subject::KeyScope(KeyScopeId {
            unit: StorageUnitName::new(part(unit)?).ok()?,
            scope: Scope::new(part(scope)?).ok()?,
            key: Key::new(part(key)?).ok()?,
        }));
    }
    if let Some(rest) = name.strip_prefix(RECORD) {
        let (unit, key) = rest.split_once('/')?;
        let unit = StorageUnitName::new(part(unit)?).ok()?;
        return Some(Subject::Record(RecordId { unit, key: Key::new(part(key)?).ok()? }));
    }
    if let Some(rest) = name.strip_prefix(EXTERNAL_ID) {
        let (organization, id) = rest.split_once('-')?;
        let organization = OrganizationId::new(part(organization)?).ok()?;
        return Some(Subject::ExternalId(organization, ExternalId::new(part(id)?).ok()?));
    }
    if let Some(id) = name.strip_prefix(API_KEY) {
        return id.parse().ok().map(Subject::ApiKey);
    }
    if let Some(rest) = name.strip_prefix(ACCESS) {
        let (organization, day) = rest.split_once('/')?;
        let organization = OrganizationId::new(part(organization)?).ok()?;
        return Some(Subject::Access(AccessDay { organization, day: day.parse().ok()? }));
    }
    parse_number(name).or_else(|| name.strip_prefix(CAMPAIGN)?.parse().ok().map(Subject::Campaign))
}

/// Subjects whose ids are numbers, and the ids themselves.
fn parse_number(name: &str) -> Option<Subject> {
    if let Some(id) = name.strip_prefix(TASK) {
        return id.parse().ok().map(Subject::Task);
    }
    if let Some(id) = name.strip_prefix(WORKSPACE) {
        return id.parse().ok().map(Subject::Workspace);
    }
    if let Some(id) = name.strip_prefix(BATCH) {
        return id.parse().ok().map(Subject::Batch);
    }
    name.strip_prefix(IDS).and_then(IdKind::from_name).map(Subject::Ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_survives_its_stream_name() {
        let unit = StorageUnitName::new("docs").unwrap();
        let key = Key::new("päth/to a%2F:file").unwrap();
        let subjects = [
            Subject::StorageUnit(unit.clone()),
            Subject::KeyScope(KeyScopeId {
                unit: unit.clone(),
                scope: Scope::new("a b").unwrap(),
                key: key.clone(),
            }),
            Subject::Record(RecordId { unit, key }),
            Subject::Campaign(CampaignId(uuid::Uuid::from_u128(9))),
            Subject::Task(TaskId::new(104).unwrap()),
            Subject::Workspace(WorkspaceId::new(7).unwrap()),
            Subject::Batch(BatchId::new(9).unwrap()),
            Subject::ExternalId(OrganizationId::new("a-b").unwrap(), ExternalId::new("IN-2026/ä 1").unwrap()),
            Subject::Ids(IdKind::Task),
            Subject::System,
            Subject::ApiKey(ApiKeyId(uuid::Uuid::from_u128(9))),
            Subject::Access(AccessDay {
                organization: OrganizationId::new("acme-1").unwrap(),
                day: "2026-01-31".parse().unwrap(),
            }),
        ];
        for subject in subjects {
            assert_eq!(Subject::try_from(&subject.stream()), Ok(subject));
        }
        for name in ["task-0", "task-01", "task-", "ids-campaign", "external_id-a", "folder-1"] {
            assert!(name.parse::<Subject>().is_err(), "{name}");
        }
        assert!("system-1".parse::<Subject>().is_err());
    }

    #[test]
    fn a_position_survives_its_token() {
        for position in [Position::row(4711), Position { major: 3, minor: 9 }, Position::START] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert!("p4711".parse::<Position>().is_err());
    }
}
