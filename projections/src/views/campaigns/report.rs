//! What a campaign has come to, for people: how much, how fast, what failed and why, what changed. Derived from its row.
//! Does not know how it is shown.

use domain::filter::TaskFilter;
use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::Position;
use domain::time::{Millis, Timestamp};
use serde::Serialize;

use super::{CampaignRow, CampaignState, CanaryRow};

/// What a campaign has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignReport {
    /// Its id.
    pub id: CampaignId,
    /// The storage unit; nothing where it restarts tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<StorageUnitName>,
    /// The scope; nothing where it restarts tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Which tasks it restarts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskFilter>,
    /// Where it stands.
    pub state: CampaignState,
    /// Why it queues nothing now although it is not over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_still: Option<String>,
    /// How many keys there are to visit, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many keys were dealt with.
    pub keys: u64,
    /// How many of them were waiting already.
    pub already_waiting: u64,
    /// How many key-scopes it asked for.
    pub asked: u64,
    /// How many of those have come to an end.
    pub settled: u64,
    /// How many of those finished.
    pub finished: u64,
    /// How many of those failed with no attempt left.
    pub failed: u64,
    /// How many of those were withdrawn with their unit.
    pub withdrawn: u64,
    /// How many of the finished had never finished before.
    pub first: u64,
    /// How many of the finished produced what they had produced before.
    pub same: u64,
    /// How many of the finished produced something else.
    pub changed: u64,
    /// The failed by their code, most first; at most [`super::ERROR_CODES_MAX`] groups.
    pub errors: Vec<ErrorGroup>,
    /// How many failed with a code that has no group.
    pub errors_other: u64,
    /// The keys that went first, and what became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRow>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was completed or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// From its start until something happened to it or a member last; while it goes on, until now.
    pub duration_ms: Millis,
    /// How many came to an end per second of that.
    pub settled_per_second: f64,
    /// The position of the last event that concerns it or a member.
    pub position: Position,
}

/// Members that failed with one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorGroup {
    /// The code.
    pub code: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Key>,
}

impl CampaignReport {
    /// What a campaign has come to, now.
    #[must_use]
    pub fn of(row: CampaignRow, now: Timestamp) -> Self {
        let until = if row.state.is_over() { row.updated_at } else { now.max(row.updated_at) };
        let duration_ms = until.since(row.started_at);
        let (settled, stands_still) = (row.settled(), row.stands_still());
        let mut examples = row.error_examples;
        let group = |(code, count)| ErrorGroup { example: examples.remove(&code), code, count };
        let mut errors: Vec<ErrorGroup> = row.errors.into_iter().map(group).collect();
        errors.sort_by_key(|group| std::cmp::Reverse(group.count));
        Self {
            id: row.id,
            unit: row.unit,
            scope: row.scope,
            tasks: row.tasks,
            state: row.state,
            stands_still,
            total: row.total,
            keys: row.keys,
            already_waiting: row.already_waiting,
            asked: row.asked,
            settled,
            finished: row.finished,
            failed: row.failed,
            withdrawn: row.withdrawn,
            first: row.first,
            same: row.same,
            changed: row.changed,
            errors,
            errors_other: row.errors_other,
            canary: row.canary,
            started_at: row.started_at,
            ended_at: row.ended_at,
            duration_ms,
            settled_per_second: per_second(settled, duration_ms),
            position: row.position,
        }
    }
}

/// To a thousandth, and over at least a millisecond.
fn per_second(count: u64, span: Millis) -> f64 {
    let per_thousand_seconds = count.saturating_mul(1_000_000) / span.0.max(1);
    f64::from(u32::try_from(per_thousand_seconds).unwrap_or(u32::MAX)) / 1_000.0
}
