//! Why a thing does not move: where it stands and since when, the rules that keep it there, the event behind each rule, what
//! can be asked of it now and what that would record, and what to do so that it goes on.
//!
//! A pure function of the thing's history and of what lies around it ([`Surroundings`]). Does not know how those are read,
//! nor how a remedy is asked for.

mod campaign;
mod cause;
mod facts;
mod legal;
mod remedy;
mod state;
mod task;
#[cfg(test)]
mod tests;
mod unit;
mod work;

use domain::aggregate::Aggregate;
use domain::event::RecordedEvent;
use domain::names::{Actor, Scope, StorageUnitName, UserName};
use domain::stream::{KeyScopeId, Position, Subject};
use domain::time::Timestamp;
use serde::Serialize;

use crate::timeline::{event_name, summary};
use crate::work_queue::{Gate, Standing};

pub use cause::Cause;
pub use facts::{CampaignFacts, QueueFacts, Serving, Surroundings, Thing, owner, user};
pub use legal::{Legal, SentBy, WouldRecord, legal, would_do};
pub use remedy::Remedy;
pub use state::state;

/// Why a thing does not move, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The word for where it stands.
    pub state: &'static str,
    /// Since when; nothing when nothing ever happened to it.
    pub since: Option<Timestamp>,
    /// What keeps it there, what has to go first in front. Never empty.
    pub causes: Vec<Why>,
    /// Its place in the queue, while it waits.
    pub queue: Option<Line>,
    /// What can be asked of it now.
    pub legal: Vec<Legal>,
    /// What to do: first what frees it from its first cause, then from the next, then whatever else helps.
    pub remedies: Vec<Remedy>,
}

/// A rule that keeps a thing where it is, and the event behind the rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The rule.
    #[serde(flatten)]
    pub cause: Cause,
    /// The same as a sentence.
    pub rule: String,
    /// The event by which the rule came to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Behind>,
}

/// The event behind a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// Its stream.
    pub stream: String,
    /// Its place in the whole log.
    pub position: Position,
    /// Its place in the stream.
    pub version: domain::stream::Version,
    /// What happened, such as `key_scope.held`.
    pub event: String,
    /// The same as a sentence.
    pub summary: String,
    /// When.
    pub at: Timestamp,
    /// By whose command.
    pub actor: Actor,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The place of a piece of work in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whose queue.
    pub unit: StorageUnitName,
    /// Which of its queues.
    pub scope: Scope,
    /// How many go before it; nothing while it is not in line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<usize>,
    /// The first of those.
    pub first: Vec<KeyScopeId>,
    /// How many items of the unit are leased.
    pub in_flight: usize,
    /// How many may be at once.
    pub in_flight_max: u32,
    /// Who serves the queue.
    pub workers: Vec<Serving>,
}

/// Explains a thing to somebody.
#[must_use]
pub fn explain(thing: &Thing, around: &Surroundings, asker: Option<&UserName>) -> Explanation {
    let mut causes = match &thing.aggregate {
        Aggregate::KeyScope(scope) => work::of_key_scope(thing, &scope.work, around),
        Aggregate::Task(task) => match task.present() {
            Some(task) => task::causes(thing, task, around),
            None => Vec::new(),
        },
        Aggregate::Campaign(campaign) => campaign::causes(thing, campaign, around),
        Aggregate::StorageUnit(unit) => unit::causes(thing, unit, around),
        Aggregate::Workspace(_) => unit::of_workspace(thing, around),
        Aggregate::System(_) => work::pause(around).into_iter().collect(),
        Aggregate::Record(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => Vec::new(),
    };
    if causes.is_empty() {
        causes.push(Why::new(Cause::AtRest, thing.since.as_deref()));
    }
    let remedies = remedies(thing, around, asker, &causes);
    Explanation {
        state: state(&thing.aggregate),
        since: thing.since.as_ref().map(|event| event.metadata.recorded_at),
        queue: line(thing, around),
        legal: legal(thing, around),
        causes,
        remedies,
    }
}

impl Why {
    fn new(cause: Cause, event: Option<&RecordedEvent>) -> Self {
        Self { rule: cause.rule(), cause, event: event.map(Behind::new) }
    }
}

impl Behind {
    fn new(event: &RecordedEvent) -> Self {
        let metadata = &event.metadata;
        Self {
            stream: event.stream.to_string(),
            position: event.position,
            version: event.version,
            event: event_name(&event.event),
            summary: summary(&event.event),
            at: metadata.recorded_at,
            actor: metadata.actor.clone(),
            reason: metadata.reason.clone(),
        }
    }
}

fn line(thing: &Thing, around: &Surroundings) -> Option<Line> {
    let (place, standing) = (thing.place()?, around.standing.as_ref()?);
    let Gate { in_flight, in_flight_max, enabled: _ } = around.gate?;
    let (ahead, first) = match standing {
        Standing::InLine { ahead, first } => (Some(*ahead), first.clone()),
        Standing::Offered | Standing::Aside | Standing::Elsewhere => (None, Vec::new()),
    };
    let workers = around.workers.clone();
    let KeyScopeId { unit, scope, key: _ } = place;
    Some(Line { unit, scope, ahead, first, in_flight, in_flight_max, workers })
}

/// The first remedy of each cause, in the order of the causes, then the others. A remedy that the thing itself would
/// refuse, or that would record nothing, is none.
fn remedies(thing: &Thing, around: &Surroundings, asker: Option<&UserName>, causes: &[Why]) -> Vec<Remedy> {
    let helps = |remedy: &Remedy| match remedy.command() {
        Some(command) if command.subject() == thing.subject => {
            would_do(thing, &command, around.now).is_some()
        }
        Some(_) | None => true,
    };
    let of_each: Vec<Vec<Remedy>> = causes
        .iter()
        .map(|why| of_cause(thing, around, asker, &why.cause).into_iter().filter(|it| helps(it)).collect())
        .collect();
    // Whoever gives something up is not freed by that, so it comes last.
    let firsts = of_each.iter().filter_map(|remedies| remedies.iter().find(|it| !it.gives_up()));
    let mut remedies: Vec<Remedy> = Vec::new();
    for remedy in firsts.chain(of_each.iter().flatten()) {
        if !remedies.contains(remedy) {
            remedies.push(remedy.clone());
        }
    }
    remedies
}

/// What to do about a cause, the best first.
fn of_cause(thing: &Thing, around: &Surroundings, asker: Option<&UserName>, cause: &Cause) -> Vec<Remedy> {
    match cause {
        Cause::Held => vec![Remedy::Release(thing.subject.clone())],
        Cause::SystemPaused { .. } => vec![Remedy::ResumeSystem],
        Cause::QueueDisabled { unit } => vec![Remedy::EnableQueue(unit.clone())],
        Cause::InFlightLimit { .. } => work::raised_limit(around).into_iter().collect(),
        Cause::NoWorker { unit, scope } | Cause::WaitsInLine { unit, scope, .. } => {
            vec![work::worker(unit, scope, around)]
        }
        Cause::Leased { .. } | Cause::Running { .. } => {
            thing.place().map(Remedy::TakeBack).into_iter().chain(again(thing)).collect()
        }
        Cause::NeverAskedFor
        | Cause::Backoff { .. }
        | Cause::FailedForGood { .. }
        | Cause::Finished
        | Cause::InHistory
        | Cause::SettledByHand { .. }
        | Cause::Stuck { .. } => again(thing),
        Cause::UnitGone { unit } => {
            let owner = around.owner.as_ref().unwrap_or(thing);
            unit::as_it_was(unit, owner).into_iter().collect()
        }
        Cause::WaitsForReview { .. } => {
            task::approvals(thing, asker).into_iter().chain(again(thing)).collect()
        }
        Cause::CampaignPaused { campaign }
        | Cause::CanaryWaits { campaign }
        | Cause::CanaryStopped { campaign, .. } => {
            or_by_itself(thing, vec![Remedy::ResumeCampaign(*campaign), Remedy::CancelCampaign(*campaign)])
        }
        Cause::CampaignPace { campaign, .. } => {
            or_by_itself(thing, vec![Remedy::LiftPace(*campaign), Remedy::CancelCampaign(*campaign)])
        }
        Cause::CanaryUnsettled { campaign, .. }
        | Cause::ListingFails { campaign, .. }
        | Cause::CampaignAsks { campaign }
        | Cause::MembersOpen { campaign, .. } => or_by_itself(thing, vec![Remedy::CancelCampaign(*campaign)]),
        Cause::CampaignCancelled { .. }
        | Cause::CampaignCompleted { .. }
        | Cause::CampaignNeverBegan { .. } => campaign::again(thing).into_iter().collect(),
        // It goes on by itself, or never.
        Cause::BeingClaimed
        | Cause::Deleting
        | Cause::Deleted
        | Cause::CampaignPinning { .. }
        | Cause::UnitClearing { .. }
        | Cause::QueuesOpen { .. }
        | Cause::AtRest => Vec::new(),
    }
}

/// What helps a campaign; a key-scope that waits for one is freed sooner when it is asked for by itself.
fn or_by_itself(thing: &Thing, of_campaign: Vec<Remedy>) -> Vec<Remedy> {
    again(thing).into_iter().chain(of_campaign).collect()
}

/// What makes a thing run once more, whatever it came to.
fn again(thing: &Thing) -> Vec<Remedy> {
    match &thing.subject {
        Subject::KeyScope(id) => vec![Remedy::Ask(id.clone())],
        Subject::Task(id) => vec![Remedy::RunNow(*id), Remedy::Restart(*id)],
        Subject::StorageUnit(_)
        | Subject::Record(_)
        | Subject::Campaign(_)
        | Subject::Workspace(_)
        | Subject::Batch(_)
        | Subject::ExternalId(..)
        | Subject::Ids(_)
        | Subject::System
        | Subject::ApiKey(_)
        | Subject::Access(_) => Vec::new(),
    }
}
