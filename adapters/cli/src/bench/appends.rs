//! Appends that nobody decided: for measuring a log by itself. Each is one event with its command, as commands record them.

use std::sync::Arc;

use domain::digest::Digest;
use domain::event::{Event, Metadata, RecordedCommand};
use domain::names::{Actor, CommandId, InvalidName, Key, OrganizationId, Scope, StorageUnitName};
use domain::ports::{Append, NewEvent};
use domain::record::{self, ScopeWritten, Stored};
use domain::stream::{ExpectedVersion, RecordId, Subject, Version};
use domain::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::failed;
use crate::exit::CliError;

/// How many events each stream has.
pub(super) const EVENTS_PER_STREAM: u64 = 4;
/// When the first event was recorded, in microseconds.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// The append of one event to one of many streams.
pub(super) fn append(number: u64, version: u64) -> Result<Append, CliError> {
    let name = |error: InvalidName| failed("name a thing", &error);
    let unit = StorageUnitName::new("bench").map_err(name)?;
    let key = Key::new(format!("folder/{number:08}.txt")).map_err(name)?;
    let id = CommandId(Uuid::from_u128(u128::from(number * EVENTS_PER_STREAM + version)));
    let stored = Stored { digest: Digest([number as u8; 32]), size_bytes: 1_000 + number };
    let scope = Scope::new("content").map_err(name)?;
    let command = json!({ "name": "write", "body": { "scope": scope, "stored": stored, "policy": "merge" } });
    let written = ScopeWritten { scope, stored, version: version + 1, overwrote: false };
    let event = NewEvent { id: id.event_id(0), event: Event::Record(record::Event::ScopeWritten(written)) };
    Ok(Append {
        stream: Subject::Record(RecordId { unit, key }).stream(),
        expected: version
            .checked_sub(1)
            .map_or(ExpectedVersion::NoStream, |last| ExpectedVersion::Exact(Version(last))),
        events: vec![event],
        metadata: Arc::new(Metadata {
            recorded_at: Timestamp::from_micros(BEGINNING),
            command_id: id,
            idempotency_key: None,
            command: Some(RecordedCommand::from(command)),
            actor: Actor::system(),
            reason: None,
            causation_id: None,
            correlation_id: Some(id.0),
            organization: OrganizationId::default_organization(),
        }),
    })
}
