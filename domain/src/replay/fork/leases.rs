//! Who has work on a fork, as far as a changed limit needs to know: how many items of a queue are leased, and for how long
//! each has been. Does not know what the limits are.

use std::collections::HashMap;

use super::super::Thing;
use crate::aggregate::Aggregate;
use crate::names::StorageUnitName;
use crate::stream::{StreamId, Subject};
use crate::task::StageQueue;
use crate::time::{Millis, Timestamp};
use crate::work::{Phase, Token, Work};

/// The leases of a fork.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: HashMap<StreamId, Held>,
    counts: HashMap<StorageUnitName, u32>,
}

/// A lease.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    unit: StorageUnitName,
    token: Token,
    /// Whether its worker has said that it began.
    is_running: bool,
    /// When the lease was given, or when its worker began.
    since: Timestamp,
}

impl Leases {
    /// Takes note of a thing after something happened to it.
    pub(super) fn note(&mut self, stream: &StreamId, thing: Option<&Thing>, now: Timestamp) {
        let before = self.held.remove(stream);
        let held = thing.and_then(|thing| Held::of(stream, thing, now));
        if let Some(before) = &before
            && let Some(count) = self.counts.get_mut(&before.unit)
        {
            *count = count.saturating_sub(1);
        }
        let Some(mut held) = held else { return };
        *self.counts.entry(held.unit.clone()).or_default() += 1;
        if let Some(before) = before.filter(|before| before.is_like(&held)) {
            held.since = before.since;
        }
        self.held.insert(stream.clone(), held);
    }

    /// How many items are leased from the queue of a unit, or of a workspace.
    pub(super) fn count(&self, unit: &StorageUnitName) -> u32 {
        self.counts.get(unit).copied().unwrap_or_default()
    }

    /// For how long the present worker has been at it; nothing when nobody is.
    pub(super) fn held_for(&self, stream: &StreamId, now: Timestamp) -> Option<Millis> {
        self.held.get(stream).map(|held| now.since(held.since))
    }
}

impl Held {
    fn of(stream: &StreamId, thing: &Thing, now: Timestamp) -> Option<Self> {
        let lease = thing.aggregate.work().and_then(Work::lease)?;
        let unit = queue_unit(&Subject::try_from(stream).ok()?, &thing.aggregate)?;
        let is_running = matches!(thing.aggregate.work()?.phase, Phase::Running(_));
        Some(Self { unit, token: lease.token, is_running, since: now })
    }

    /// Whether nothing that counts has happened in between.
    fn is_like(&self, other: &Self) -> bool {
        self.token == other.token && self.is_running == other.is_running
    }
}

/// The unit in whose queue the work of a thing lies; of a task, that of its workspace.
pub(super) fn queue_unit(subject: &Subject, thing: &Aggregate) -> Option<StorageUnitName> {
    match subject {
        Subject::KeyScope(id) => Some(id.unit.clone()),
        Subject::Task(id) => {
            let task = thing.task()?;
            let queue = StageQueue { workspace: task.payload.workspace, stage: task.stage };
            Some(queue.place(*id).unit)
        }
        Subject::StorageUnit(_)
        | Subject::Record(_)
        | Subject::Campaign(_)
        | Subject::Workspace(_)
        | Subject::Batch(_)
        | Subject::ExternalId(..)
        | Subject::Ids(_)
        | Subject::System
        | Subject::ApiKey(_)
        | Subject::Access(_) => None,
    }
}
