//! Campaigns with what became of their members. Does not know the members one by one: see [`super::key_scopes`].
//!
//! The counts are folds of the members' own events, so they never disagree with the members.

use std::collections::BTreeMap;

use domain::campaign::{self, Pace};
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::names::{Actor, CampaignId, Key, Scope, StorageUnitName};
use domain::stream::{Position, Subject, Version};
use domain::time::Timestamp;
use domain::work::{self, Change, Failed};
use serde::{Deserialize, Serialize};

use super::{ERROR_CODE_BYTES_MAX, ERROR_TEXT_BYTES_MAX, bounded, stream_key};
use crate::view::{Column, ColumnKind, Value, View};

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
    /// Its id.
    pub id: CampaignId,
    /// The storage unit whose keys it queues.
    pub unit: StorageUnitName,
    /// The scope that it queues of each key.
    pub scope: Scope,
    /// How fast.
    pub pace: Pace,
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

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// It queues, or waits for what it queued.
    Active,
    /// It queues nothing until resumed.
    Paused,
    /// It queues nothing more.
    Cancelled,
    /// Everything is queued and settled.
    Completed,
}

impl CampaignState {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Whether nothing more is queued, ever.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Active | Self::Paused => false,
            Self::Cancelled | Self::Completed => true,
        }
    }
}

/// A member that failed with no attempt left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstFailure {
    /// Its key.
    pub key: Key,
    /// What went wrong, as a code, at most [`ERROR_CODE_BYTES_MAX`].
    pub code: String,
    /// What went wrong, as a text, at most [`ERROR_TEXT_BYTES_MAX`].
    pub text: String,
}

/// What a member's event means to its campaign.
enum Effect<'a> {
    Asked,
    Finished(Change),
    Failed(&'a Failed),
    Withdrawn,
}

impl View for Campaigns {
    const NAME: &'static str = "campaigns";
    const SCHEMA: u32 = 2;
    const COLUMNS: &'static [Column] =
        &[Column { name: "unit", kind: ColumnKind::Text }, Column { name: "state", kind: ColumnKind::Text }];
    const INDEXES: &'static [&'static [&'static str]] = &[&["unit"], &["state"]];
    type Row = CampaignRow;

    fn key(event: &RecordedEvent) -> Option<String> {
        match &event.event {
            Event::Campaign(_) => stream_key(&event.stream),
            Event::KeyScope(happened) => effect(happened).map(|(id, _)| id.to_string()),
            Event::StorageUnit(_) | Event::Record(_) | Event::System(_) => None,
        }
    }

    fn evolve(row: Option<CampaignRow>, event: &RecordedEvent) -> Option<CampaignRow> {
        let mut row = match (&event.event, row) {
            (Event::Campaign(campaign::Event::Started(started)), None) => begun(started, event)?,
            (Event::Campaign(happened), row) => row?.after(happened, event),
            (Event::KeyScope(happened), row) => row?.after_member(happened, event),
            (Event::StorageUnit(_) | Event::Record(_) | Event::System(_), row) => return row,
        };
        row.updated_at = event.metadata.recorded_at;
        row.position = event.position;
        Some(row)
    }

    fn values(row: &CampaignRow) -> Vec<Value> {
        vec![Value::Text(row.unit.to_string()), Value::Text(row.state.name().to_owned())]
    }

    fn group(_: &CampaignRow) -> Option<String> {
        None
    }
}

/// The campaign that a member's event counts for. A run that follows a recorded request for one more was counted
/// with the request; a retry was counted when its run began.
fn effect(happened: &key_scope::Event) -> Option<(CampaignId, Effect<'_>)> {
    let (campaign, effect) = match happened {
        key_scope::Event::Withdrawn(withdrawn) => (withdrawn.campaign, Effect::Withdrawn),
        key_scope::Event::Work(work::Event::Queued(queued)) if !queued.retry => {
            (queued.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::Restarted(restarted)) if !restarted.requeued => {
            (restarted.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::RequeueRequested(requested)) => {
            (requested.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::Finished(finished)) => {
            (finished.campaign, Effect::Finished(finished.change))
        }
        key_scope::Event::Work(work::Event::Failed(failed)) if failed.retry_at.is_none() => {
            (failed.campaign, Effect::Failed(failed))
        }
        key_scope::Event::Work(
            work::Event::Queued(_)
            | work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Failed(_)
            | work::Event::Unassigned(_)
            | work::Event::Restarted(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_),
        ) => return None,
    };
    campaign.map(|campaign| (campaign, effect))
}

fn begun(started: &campaign::Started, event: &RecordedEvent) -> Option<CampaignRow> {
    let Subject::Campaign(id) = Subject::try_from(&event.stream).ok()? else { return None };
    let at = event.metadata.recorded_at;
    Some(CampaignRow {
        id,
        unit: started.target.unit.clone(),
        scope: started.target.scope.clone(),
        pace: started.pace,
        state: CampaignState::Active,
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

impl CampaignRow {
    /// How many of the key-scopes that it asked for have come to an end.
    #[must_use]
    pub const fn settled(&self) -> u64 {
        self.finished + self.failed + self.withdrawn
    }

    fn after(mut self, happened: &campaign::Event, event: &RecordedEvent) -> Self {
        match happened {
            campaign::Event::Started(_) => {}
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

    fn after_member(mut self, happened: &key_scope::Event, event: &RecordedEvent) -> Self {
        match effect(happened).map(|(_, effect)| effect) {
            None => {}
            Some(Effect::Asked) => self.asked += 1,
            Some(Effect::Withdrawn) => self.withdrawn += 1,
            Some(Effect::Failed(failed)) => self.count_failure(failed, event),
            Some(Effect::Finished(change)) => {
                self.finished += 1;
                match change {
                    Change::First => self.first += 1,
                    Change::Same => self.same += 1,
                    Change::Changed => self.changed += 1,
                }
            }
        }
        self
    }

    fn count_failure(&mut self, failed: &Failed, event: &RecordedEvent) {
        self.failed += 1;
        let code = bounded(&failed.code, ERROR_CODE_BYTES_MAX);
        if self.first_failures.len() < FIRST_FAILURES_MAX
            && let Ok(Subject::KeyScope(id)) = Subject::try_from(&event.stream)
        {
            let text = bounded(&failed.text, ERROR_TEXT_BYTES_MAX);
            self.first_failures.push(FirstFailure { key: id.key, code: code.clone(), text });
        }
        if let Some(count) = self.errors.get_mut(&code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code, 1);
        } else {
            self.errors_other += 1;
        }
    }
}
