//! Why a campaign does not move: it is stopped, it waits for its canary, its pace, or its keys. Does not know how keys are
//! listed.

use domain::aggregate::Aggregate;
use domain::campaign::{self, Campaign, KeyTarget, Progress, Stage, Started, Target};
use domain::event::{Event, RecordedEvent};
use domain::names::CampaignId;
use domain::stream::Subject;

use super::facts::{CampaignFacts, Surroundings, Thing};
use super::{Cause, Remedy, Why, work};
use crate::views::CampaignRow;

/// Why it is where it is.
pub(super) fn causes(thing: &Thing, campaign: &Campaign, around: &Surroundings) -> Vec<Why> {
    let Subject::Campaign(id) = thing.subject else { return Vec::new() };
    let why = |cause| vec![Why::new(cause, thing.since.as_deref())];
    match campaign {
        Campaign::Absent => why(Cause::CampaignNeverBegan { campaign: id }),
        Campaign::Pinning(_) => why(Cause::CampaignPinning { campaign: id }),
        Campaign::Cancelled => why(Cause::CampaignCancelled { campaign: id }),
        Campaign::Completed => why(Cause::CampaignCompleted { campaign: id }),
        Campaign::Active(progress) => {
            let open = around.row.as_ref().map_or(0, open);
            let mut causes = under_way(id, thing, progress, open);
            let needs_workers = progress.exhausted || matches!(progress.stage, Stage::Canary(_));
            if open > 0 && (needs_workers || is_at_pace(progress, open)) {
                causes.extend(members(progress, around));
            }
            causes
        }
    }
}

/// The first thing that keeps a campaign from coming to a key-scope.
pub(super) fn first_cause(facts: &CampaignFacts) -> Option<Why> {
    let Aggregate::Campaign(campaign) = &facts.thing.aggregate else { return None };
    let progress = campaign.progress()?;
    under_way(facts.id, &facts.thing, progress, open(&facts.row)).into_iter().next()
}

pub(super) const fn open(row: &CampaignRow) -> u64 {
    row.asked.saturating_sub(row.settled())
}

fn is_at_pace(progress: &Progress, open: u64) -> bool {
    progress.pace.in_flight_max.is_some_and(|max| open >= u64::from(max))
}

fn under_way(id: CampaignId, thing: &Thing, progress: &Progress, open: u64) -> Vec<Why> {
    let campaign = id;
    let event = |is_one: fn(&campaign::Event) -> bool| {
        thing.last(|event| match &event.event {
            Event::Campaign(happened) => is_one(happened),
            Event::StorageUnit(_)
            | Event::KeyScope(_)
            | Event::Record(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_) => false,
        })
    };
    let mut causes = Vec::new();
    if progress.paused {
        let paused = event(|event| matches!(event, campaign::Event::Paused));
        causes.push(Why::new(Cause::CampaignPaused { campaign }, paused));
    }
    if let Some(text) = &progress.problem {
        let failed = event(|event| matches!(event, campaign::Event::ListingFailed(_)));
        causes.push(Why::new(Cause::ListingFails { campaign, text: text.clone() }, failed));
    }
    let of_stage = match progress.stage {
        Stage::Waiting => {
            let passed = event(|event| matches!(event, campaign::Event::CanaryPassed(_)));
            Some(Why::new(Cause::CanaryWaits { campaign }, passed))
        }
        Stage::Stopped => {
            let stopped = event(|event| matches!(event, campaign::Event::CanaryStopped(_)));
            Some(Why::new(Cause::CanaryStopped { campaign, text: broken(stopped) }, stopped))
        }
        Stage::Canary(_) if progress.canary_is_asked_for() && open > 0 => {
            let started = event(|event| matches!(event, campaign::Event::Started(_)));
            Some(Why::new(Cause::CanaryUnsettled { campaign, open }, started))
        }
        Stage::Canary(_) | Stage::Whole if progress.exhausted => {
            let exhausted = event(|event| matches!(event, campaign::Event::Exhausted));
            Some(Why::new(Cause::MembersOpen { campaign, open }, exhausted))
        }
        Stage::Canary(_) | Stage::Whole => None,
    };
    causes.extend(of_stage);
    if causes.is_empty() {
        let set = event(|event| matches!(event, campaign::Event::PaceSet(_) | campaign::Event::Started(_)));
        causes.push(Why::new(going(campaign, progress, open), set));
    }
    causes
}

fn going(campaign: CampaignId, progress: &Progress, open: u64) -> Cause {
    let campaign::Pace { keys_per_second_max, in_flight_max } = progress.pace;
    if keys_per_second_max.is_some() || in_flight_max.is_some() {
        return Cause::CampaignPace { campaign, keys_per_second_max, in_flight_max, open };
    }
    Cause::CampaignAsks { campaign }
}

fn broken(stopped: Option<&RecordedEvent>) -> String {
    let Some(Event::Campaign(campaign::Event::CanaryStopped(stopped))) = stopped.map(|event| &event.event)
    else {
        return String::new();
    };
    stopped.broken.to_string()
}

/// What keeps the keys that it asked for: their queue is closed, or nobody serves it. Tasks were only restarted: each
/// stands in a queue of its own workspace.
fn members(progress: &Progress, around: &Surroundings) -> Vec<Why> {
    match &progress.target {
        Target::Keys(KeyTarget { unit, scope, filter: _ }) => {
            let mut causes = work::gates(unit, around);
            if around.workers.is_empty() {
                let (unit, scope) = (unit.clone(), scope.clone());
                causes.push(Why::new(Cause::NoWorker { unit, scope }, None));
            }
            causes
        }
        Target::Tasks(_) => Vec::new(),
    }
}

/// Another campaign like one that is over.
pub(super) fn again(thing: &Thing) -> Option<Remedy> {
    let started = thing.last(|event| matches!(event.event, Event::Campaign(campaign::Event::Started(_))))?;
    let Event::Campaign(campaign::Event::Started(Started { target, pace, .. })) = &started.event else {
        return None;
    };
    Some(Remedy::StartAgain(target.clone(), *pace))
}
