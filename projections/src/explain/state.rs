//! The one word for where a thing stands. Does not know why it stands there.

use domain::aggregate::Aggregate;
use domain::campaign::{Campaign, Progress, Stage};
use domain::storage_unit::StorageUnit;
use domain::system::System;
use domain::work::{Phase, Work};

use crate::views::CampaignState;

/// The word for where a thing stands, as its resource shows it.
#[must_use]
pub fn state(aggregate: &Aggregate) -> &'static str {
    match aggregate {
        Aggregate::StorageUnit(unit) => match &**unit {
            StorageUnit::Absent => "absent",
            StorageUnit::Active(_) => "active",
            StorageUnit::Clearing => "clearing",
        },
        Aggregate::KeyScope(scope) => of_work(&scope.work),
        Aggregate::Campaign(campaign) => of_campaign(campaign),
        Aggregate::Task(task) => task.present().map_or("absent", |task| task.status().name()),
        Aggregate::System(system) => match &**system {
            System::Dispatching => "dispatching",
            System::Paused { .. } => "paused",
        },
        Aggregate::Record(_)
        | Aggregate::Workspace(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => "present",
    }
}

/// As the status of a row, and `idle` for what nobody asked for.
const fn of_work(work: &Work) -> &'static str {
    match &work.phase {
        Phase::Failed { retry_at: Some(_), .. } => "retrying",
        Phase::Idle
        | Phase::Queued { .. }
        | Phase::Assigned(_)
        | Phase::Running(_)
        | Phase::Finished
        | Phase::Failed { retry_at: None, .. } => work.phase.name(),
    }
}

const fn of_campaign(campaign: &Campaign) -> &'static str {
    match campaign {
        Campaign::Absent => "absent",
        Campaign::Pinning(_) => CampaignState::Pinning.name(),
        Campaign::Active(progress) => of_progress(progress).name(),
        Campaign::Cancelled => CampaignState::Cancelled.name(),
        Campaign::Completed => CampaignState::Completed.name(),
    }
}

const fn of_progress(progress: &Progress) -> CampaignState {
    if progress.paused {
        return CampaignState::Paused;
    }
    match progress.stage {
        Stage::Whole | Stage::Canary(_) => CampaignState::Active,
        Stage::Waiting => CampaignState::Waiting,
        Stage::Stopped => CampaignState::Stopped,
    }
}
