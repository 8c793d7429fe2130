//! The log archive port: a log as a whole, in a form that other programs and later times can read. Does not know that
//! form: it hands out finished lines.

use async_trait::async_trait;

use crate::names::{OrganizationId, StorageUnitName};
use crate::ports::ReadError;
use crate::stream::{Position, StreamId, Subject};
use crate::time::Timestamp;

/// Which events of the log are wanted; everything that is said must hold, and nothing means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveFilter {
    /// Only streams whose name begins so; empty means all.
    pub stream_prefix: String,
    /// Only of this unit: its own stream and those of its key-scopes and records.
    pub unit: Option<StorageUnitName>,
    /// Only of these stored types, or of the things that stand before their dot; none means all.
    pub kinds: Vec<String>,
    /// Only what was recorded at this instant or later.
    pub since: Option<Timestamp>,
    /// Only what was recorded before this instant.
    pub before: Option<Timestamp>,
    /// Only what belongs to this organization.
    pub organization: Option<OrganizationId>,
}

impl ArchiveFilter {
    /// Whether every event is wanted.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an event of this stream and type is wanted, as far as these two say.
    #[must_use]
    pub fn wants(&self, stream: &StreamId, type_name: &str) -> bool {
        let of_unit = |unit| Subject::try_from(stream).is_ok_and(|it| it.unit() == Some(unit));
        stream.as_str().starts_with(&self.stream_prefix)
            && self.unit.as_ref().is_none_or(of_unit)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| is_of_kind(type_name, kind)))
    }

    /// Whether an event is wanted that was recorded then and belongs to them, as far as these two say.
    #[must_use]
    pub fn wants_of(&self, recorded_at: Timestamp, organization: &str) -> bool {
        self.since.is_none_or(|since| recorded_at >= since)
            && self.before.is_none_or(|before| recorded_at < before)
            && self.organization.as_ref().is_none_or(|wanted| wanted.as_str() == organization)
    }
}

/// A kind is a stored type name, or what stands before its dot.
fn is_of_kind(type_name: &str, kind: &str) -> bool {
    type_name == kind || type_name.split_once('.').is_some_and(|(thing, _)| thing == kind)
}

/// A part of an export.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchivePage {
    /// Whole lines, each with its end.
    pub lines: Vec<u8>,
    /// How many events they are.
    pub events: u64,
    /// The last position that was looked at; nothing when there was none left.
    pub reached: Option<Position>,
}

/// One hash over a log up to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// The log, as a URI.
    pub log: String,
    /// The position of the last event that it covers.
    pub position: Position,
    /// The hash.
    pub hash: String,
    /// When that event was recorded; nothing when there is none.
    pub recorded_at: Option<Timestamp>,
    /// The public key of whoever stands for it, and the signature.
    pub signature: Option<(String, String)>,
}

/// A log, for those who take it elsewhere.
#[async_trait]
pub trait LogArchive: Send + Sync {
    /// The wanted events after `after` up to `until`, a line each, as many as are worth a page. Nothing is left once
    /// [`ArchivePage::reached`] is nothing.
    async fn page(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
    ) -> Result<ArchivePage, ReadError>;

    /// What the log amounts to: of everything up to `wanted` at least, if that can be had soon.
    async fn log_head(&self, wanted: Position) -> Result<LogHead, ReadError>;

    /// The whole history of a stream up to `wanted` at least, in a form that shows without the log that it is the whole.
    async fn proof(&self, stream: &StreamId, wanted: Position) -> Result<Vec<u8>, ReadError>;

    /// The line with which an export ends: how many events it has, of which part of the log, and whether that is every
    /// one. Without it an export is not whole.
    async fn end(
        &self,
        after: Position,
        until: Position,
        filter: &ArchiveFilter,
        events: u64,
    ) -> Result<Vec<u8>, ReadError>;
}
