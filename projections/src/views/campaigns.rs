//! Campaigns with what became of their members. Does not know the members one by one: see [`super::key_scopes`].
//!
//! The counts are folds of the members' own events, so they never disagree with the members.

mod canary;
mod members;
mod report;
mod state;

use std::collections::BTreeMap;

use domain::campaign::{self, KeyTarget, Pace, Pinned, Tally, Target, Then};
use domain::event::{Event, RecordedEvent};
use domain::filter::{Filter, TaskFilter};
use domain::names::{Actor, CampaignId, Key, OrganizationId, Scope, StorageUnitName};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ERROR_TEXT_BYTES_MAX, bounded, stream_key};
use crate::view::{Column, ColumnKind, Value, View};

pub use canary::{CanaryRow, CanaryState};
pub use report::{CampaignReport, ErrorGroup};
pub use state::CampaignState;

use members::{effect, restarted_by};

/// The most error codes that a campaign counts one by one; further codes are counted together.
pub const ERROR_CODES_MAX: usize = 32;
/// The most failures that a campaign remembers in full.
pub const FIRST_FAILURES_MAX: usize = 10;

/// Every campaign. Key: its id.
#[derive(Debug, Clone, Copy)]
pub struct Campaigns;

/// A campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignRow {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its id.
    pub id: CampaignId,
    /// The storage unit whose keys it queues; nothing where it restarts tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<StorageUnitName>,
    /// The scope that it queues of each key; nothing where it restarts tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Which key-scopes it queues of those that were ever asked for; nothing means every key of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Which tasks it restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskFilter>,
    /// The keys that it visits, when they were pinned before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// How many keys there are to visit, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How fast.
    pub pace: Pace,
    /// The keys that go first, and what became of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRow>,
    /// Where it stands.
    pub state: CampaignState,
    /// Whether every key was dealt with.
    pub exhausted: bool,
    /// The last key that was dealt with; keys are visited in the order of the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Key>,
    /// Why its keys cannot be listed now, when they cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How many keys were dealt with.
    pub keys: u64,
    /// How many of them nothing was recorded for, since they were waiting already.
    pub already_waiting: u64,
    /// How many key-scopes it asked for: queued, restarted, or to run once more afterwards.
    pub asked: u64,
    /// How many of those finished.
    pub finished: u64,
    /// How many of those failed with no attempt left.
    pub failed: u64,
    /// How many of those were withdrawn, since the unit was dropped.
    pub withdrawn: u64,
    /// How many of the finished had never finished before.
    pub first: u64,
    /// How many of the finished produced what their last finished run produced.
    pub same: u64,
    /// How many of the finished produced something else than their last finished run.
    pub changed: u64,
    /// How many failed with each code, for the first [`ERROR_CODES_MAX`] codes.
    pub errors: BTreeMap<String, u64>,
    /// How many failed with a code beyond those.
    pub errors_other: u64,
    /// The first key that failed with each of those codes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_examples: BTreeMap<String, Key>,
    /// The first [`FIRST_FAILURES_MAX`] failures with no attempt left.
    pub first_failures: Vec<FirstFailure>,
    /// Why it was paused or cancelled, when whoever did it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who started it.
    pub actor: Actor,
    /// When it was started.
    pub started_at: Timestamp,
    /// When something happened to it or a member last.
    pub updated_at: Timestamp,
    /// When it was completed or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The version of its own stream.
    pub version: Version,
    /// The position of the last event that concerns it or a member.
    pub position: Position,
}

/// A member that failed with no attempt left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFailure {
    /// Its key.
    pub key: Key,
    /// What went wrong, as a code, at most [`super::ERROR_CODE_BYTES_MAX`].
    pub code: String,
    /// What went wrong, as a text, at most [`ERROR_TEXT_BYTES_MAX`].
    pub text: String,
}

impl View for Campaigns {
    const NAME: &'static str = "campaigns";
    const SCHEMA: u32 = 5;
    const STREAMS: &'static str = "";
    const COLUMNS: &'static [Column] = &[
        Column { name: "organization", kind: ColumnKind::Text },
        Column { name: "unit", kind: ColumnKind::Text },
        Column { name: "state", kind: ColumnKind::Text },
    ];
    const INDEXES: &'static [&'static [&'static str]] = &[&["unit"], &["state"]];
    type Row = CampaignRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::Campaign(_) => stream_key(&event.stream),
            Event::KeyScope(happened) => effect(happened).map(|(id, _)| id.to_string()),
            Event::Task(happened) => restarted_by(happened).map(|id| id.to_string()),
            Event::StorageUnit(_)
            | Event::Record(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => None,
        }
    }

    fn evolve(row: Option<CampaignRow>, event: &RecordedEvent) -> Option<CampaignRow> {
        let mut row = match (&event.event, row) {
            (Event::Campaign(campaign::Event::TargetsPinned(pinned)), None) => {
                CampaignRow::new(&pinned.target, event)?
            }
            // What was pinned before is in the event.
            (Event::Campaign(campaign::Event::Started(started)), _) => {
                CampaignRow::new(&started.target, event)?.begun(started)
            }
            (Event::Campaign(campaign::Event::TargetsAbandoned), _) => return None,
            (Event::Campaign(happened), row) => row?.after(happened, event),
            (Event::KeyScope(happened), row) => row?.after_member(happened, event),
            (Event::Task(happened), row) => row?.after_task(happened),
            (
                Event::StorageUnit(_)
                | Event::Record(_)
                | Event::Workspace(_)
                | Event::Batch(_)
                | Event::ExternalId(_)
                | Event::Ids(_)
                | Event::System(_)
                | Event::ApiKey(_)
                | Event::Access(_),
                row,
            ) => return row,
        };
        row.updated_at = event.metadata.recorded_at;
        row.position = event.position;
        Some(row)
    }

    fn values(row: &CampaignRow) -> Vec<Value> {
        vec![
            Value::Text(row.organization.to_string()),
            row.unit.as_ref().map_or(Value::Absent, |unit| Value::Text(unit.to_string())),
            Value::Text(row.state.name().to_owned()),
        ]
    }

    fn group(_: &CampaignRow) -> Option<String> {
        None
    }
}

impl CampaignRow {
    fn new(target: &Target, event: &RecordedEvent) -> Option<Self> {
        let Subject::Campaign(id) = Subject::try_from(&event.stream).ok()? else { return None };
        let at = event.metadata.recorded_at;
        let (unit, scope, filter, tasks) = match target.clone() {
            Target::Keys(KeyTarget { unit, scope, filter }) => (Some(unit), Some(scope), filter, None),
            Target::Tasks(tasks) => (None, None, None, Some(tasks)),
        };
        Some(Self {
            organization: event.metadata.organization.clone(),
            id,
            unit,
            scope,
            filter,
            tasks,
            pinned: None,
            total: None,
            pace: Pace::default(),
            canary: None,
            state: CampaignState::Pinning,
            exhausted: false,
            problem: None,
            cursor: None,
            keys: 0,
            already_waiting: 0,
            asked: 0,
            finished: 0,
            failed: 0,
            withdrawn: 0,
            first: 0,
            same: 0,
            changed: 0,
            errors: BTreeMap::new(),
            errors_other: 0,
            error_examples: BTreeMap::new(),
            first_failures: Vec::new(),
            reason: None,
            actor: event.metadata.actor.clone(),
            started_at: at,
            updated_at: at,
            ended_at: None,
            version: event.version,
            position: event.position,
        })
    }

    fn begun(self, started: &campaign::Started) -> Self {
        let total = started.pinned.map(|pinned| pinned.keys);
        let canary = started.canary.map(|canary| CanaryRow::new(canary, total));
        let (pace, pinned) = (started.pace, started.pinned);
        Self { pace, pinned, total, canary, state: CampaignState::Active, ..self }
    }
}

impl CampaignRow {
    /// How many of the key-scopes that it asked for have come to an end.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.tally().settled()
    }

    /// What became of the key-scopes that it asked for.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        let Self { asked, finished, failed, withdrawn, same, changed, .. } = *self;
        Tally { asked, finished, failed, withdrawn, same, changed }
    }

    /// Why it queues nothing now although it is not over, and what would let it go on.
    #[must_use]
    pub fn stands_still(&self) -> Option<String> {
        let rule = self.canary.as_ref().and_then(|canary| canary.broken);
        match self.state {
            CampaignState::Pinning => Some("its keys are being recorded".to_owned()),
            CampaignState::Paused => {
                let why = self.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                Some(format!("it was paused{why}; resume it to go on"))
            }
            CampaignState::Waiting => {
                Some("its canary has passed; look at what became of it, then resume or cancel".to_owned())
            }
            CampaignState::Stopped => {
                let rule = rule.map_or_else(|| "it broke a rule".to_owned(), |broken| broken.to_string());
                Some(format!("its canary stopped it: {rule}; cancel it, or resume it to go on all the same"))
            }
            CampaignState::Active => self.problem.clone(),
            CampaignState::Cancelled | CampaignState::Completed => None,
        }
    }

    fn after(mut self, happened: &campaign::Event, event: &RecordedEvent) -> Self {
        match happened {
            campaign::Event::Started(_)
            | campaign::Event::TargetsPinned(_)
            | campaign::Event::TargetsAbandoned => {}
            campaign::Event::TargetsCounted(counted) => {
                self.total = Some(counted.keys);
                self.canary = self.canary.map(|canary| CanaryRow::new(canary.canary, self.total));
            }
            campaign::Event::CanaryPassed(passed) => {
                self.canary = self.canary.map(|canary| canary.passed(passed.tally));
                if passed.then == Then::Wait {
                    self.stand_still(CampaignState::Waiting);
                }
            }
            campaign::Event::CanaryStopped(stopped) => {
                self.canary = self.canary.map(|canary| canary.stopped(stopped));
                self.stand_still(CampaignState::Stopped);
            }
            campaign::Event::CanaryOverruled => {
                self.canary = self.canary.map(CanaryRow::overruled);
                self.state = CampaignState::Active;
                self.reason.clone_from(&event.metadata.reason);
            }
            campaign::Event::Advanced(advanced) => {
                self.problem = None;
                self.cursor = Some(advanced.cursor.clone());
                self.keys += u64::from(advanced.keys);
                self.already_waiting += u64::from(advanced.keys.saturating_sub(advanced.asked));
            }
            campaign::Event::Exhausted => {
                self.problem = None;
                self.exhausted = true;
            }
            campaign::Event::ListingFailed(failed) => {
                self.problem = Some(bounded(&failed.problem, ERROR_TEXT_BYTES_MAX));
            }
            campaign::Event::PaceSet(pace) => self.pace = *pace,
            campaign::Event::Paused => {
                self.state = CampaignState::Paused;
                self.reason.clone_from(&event.metadata.reason);
            }
            campaign::Event::Resumed => {
                self.state = CampaignState::Active;
                self.reason = None;
            }
            campaign::Event::Cancelled => {
                self.state = CampaignState::Cancelled;
                self.reason.clone_from(&event.metadata.reason);
                self.ended_at = Some(event.metadata.recorded_at);
            }
            campaign::Event::Completed => {
                self.state = CampaignState::Completed;
                self.ended_at = Some(event.metadata.recorded_at);
            }
        }
        self.version = event.version;
        self
    }

    /// Whoever paused it meanwhile was told that it is paused.
    fn stand_still(&mut self, state: CampaignState) {
        if self.state == CampaignState::Active {
            self.state = state;
        }
    }
}
