//! What keeps a thing where it is: the rules by name, each with what it knows, and a sentence about it. Does not know which of
//! them hold.

use domain::names::{CampaignId, Scope, StorageUnitName, UserName, WorkerId};
use domain::task::{Resolution, ReviewOrder, TaskStatus};
use domain::time::{Millis, Timestamp};
use serde::Serialize;

/// A rule that keeps a thing where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are named after what they hold, and rule() says it in a sentence"
)]
pub enum Cause {
    // Work that nobody has.
    /// Nobody asked for it.
    NeverAskedFor,
    /// Its unit was dropped.
    UnitGone { unit: StorageUnitName },
    /// It is held.
    Held,
    /// No lease is given at all.
    SystemPaused { reason: String },
    /// No lease is given from its unit.
    QueueDisabled { unit: StorageUnitName },
    /// Its unit has as much in flight as it may have.
    InFlightLimit { unit: StorageUnitName, in_flight: usize, in_flight_max: u32 },
    /// Nobody serves its queue.
    NoWorker { unit: StorageUnitName, scope: Scope },
    /// Others go first.
    WaitsInLine { unit: StorageUnitName, scope: Scope, ahead: usize },
    /// Somebody is about to have it.
    BeingClaimed,
    /// An attempt failed, and the next one is not yet due.
    Backoff { until: Timestamp, code: String, text: String, failures: u32 },
    /// An attempt failed, and none is left.
    FailedForGood { code: String, text: String, failures: u32 },
    // Work that somebody has.
    /// Somebody has it and has not begun.
    Leased {
        worker: WorkerId,
        until: Timestamp,
        attempt: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_heartbeat: Option<Timestamp>,
    },
    /// Somebody works on it.
    Running {
        worker: WorkerId,
        until: Timestamp,
        attempt: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_heartbeat: Option<Timestamp>,
    },
    // What is over.
    /// It is done.
    Finished,
    /// It is over and in history.
    InHistory,
    /// It is being deleted.
    Deleting,
    /// It is deleted.
    Deleted,
    // Tasks that wait for people.
    /// Users have to approve it.
    WaitsForReview { users: Vec<UserName>, order: ReviewOrder },
    /// A person settled it, and nothing is queued until somebody asks.
    SettledByHand { outcome: Resolution, text: String },
    /// The watchdog put it somewhere.
    Stuck {
        from: TaskStatus,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<TaskStatus>,
        stuck_since: Timestamp,
        threshold_ms: Millis,
    },
    // Campaigns.
    /// Its keys are being recorded.
    CampaignPinning { campaign: CampaignId },
    /// It was paused.
    CampaignPaused { campaign: CampaignId },
    /// Its canary has passed, and somebody is to look at it.
    CanaryWaits { campaign: CampaignId },
    /// Its canary broke a rule.
    CanaryStopped { campaign: CampaignId, text: String },
    /// The keys of its canary have not all settled.
    CanaryUnsettled { campaign: CampaignId, open: u64 },
    /// Its keys cannot be listed.
    ListingFails { campaign: CampaignId, text: String },
    /// It goes no faster.
    CampaignPace {
        campaign: CampaignId,
        #[serde(skip_serializing_if = "Option::is_none")]
        keys_per_second_max: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_flight_max: Option<u32>,
        open: u64,
    },
    /// It is asking, one chunk after the other.
    CampaignAsks { campaign: CampaignId },
    /// What it asked for is not all settled.
    MembersOpen { campaign: CampaignId, open: u64 },
    /// It was cancelled.
    CampaignCancelled { campaign: CampaignId },
    /// Everything is queued and settled.
    CampaignCompleted { campaign: CampaignId },
    /// It did not begin.
    CampaignNeverBegan { campaign: CampaignId },
    // Units, and what does nothing by itself.
    /// Its work is being withdrawn.
    UnitClearing { unit: StorageUnitName },
    /// Its work may be claimed.
    QueuesOpen { unit: StorageUnitName, waiting: usize, in_flight: usize },
    /// Nothing keeps it: it only changes when somebody asks.
    AtRest,
}

impl Cause {
    /// The rule, as a sentence without full stop.
    #[must_use]
    pub fn rule(&self) -> String {
        match self {
            Self::NeverAskedFor => "nobody has asked for it".to_owned(),
            Self::UnitGone { unit } => {
                format!("its storage unit {unit} was dropped, and its work with it")
            }
            Self::Held => "it is held: nobody may claim it until it is released".to_owned(),
            Self::SystemPaused { reason } => {
                format!("the system is paused, so no lease is given to anybody: {reason}")
            }
            Self::QueueDisabled { unit } => {
                format!("the queue of {unit} is disabled, so nothing of it may be claimed")
            }
            Self::InFlightLimit { unit, in_flight, in_flight_max } => {
                format!("{in_flight} items of {unit} are leased, and at most {in_flight_max} may be at once")
            }
            Self::NoWorker { unit, scope } => {
                format!("no worker that serves the queue {unit}/{scope} was heard of lately")
            }
            Self::WaitsInLine { ahead: 0, .. } => {
                "it is the next in line, and goes to the next worker that asks".to_owned()
            }
            Self::WaitsInLine { ahead, .. } => format!("{ahead} others of its queue go first"),
            Self::BeingClaimed => "it was offered to a worker, who is about to have it".to_owned(),
            Self::Backoff { until, code, failures, .. } => {
                format!(
                    "attempt failed with {code} ({failures} of this run), and the next one is due at {until}"
                )
            }
            Self::FailedForGood { code, failures, .. } => {
                format!("attempt failed with {code} ({failures} of this run), and no attempt is left")
            }
            Self::Leased { worker, until, .. } => {
                format!("{worker} has it until {until} and has not begun")
            }
            Self::Running { worker, until, .. } => {
                format!("{worker} works on it, and has it until {until} unless it is heard of before")
            }
            Self::Finished => "it is done; it only runs again when somebody asks".to_owned(),
            Self::InHistory => "it is over, and only begins again when somebody restarts it".to_owned(),
            Self::Deleting => "it is being deleted, and nothing else can be asked of it".to_owned(),
            Self::Deleted => "it is deleted for good; create another task".to_owned(),
            Self::WaitsForReview { users, order } => waits_for(users, *order),
            Self::SettledByHand { outcome, text } => {
                let outcome = match outcome {
                    Resolution::Finished => "finished",
                    Resolution::Failed => "failed",
                };
                format!("a person settled it as {outcome}, so nothing is queued until somebody asks: {text}")
            }
            Self::Stuck { .. } => self.stuck(),
            Self::CampaignPinning { .. }
            | Self::CampaignPaused { .. }
            | Self::CanaryWaits { .. }
            | Self::CanaryStopped { .. }
            | Self::CanaryUnsettled { .. }
            | Self::ListingFails { .. }
            | Self::CampaignPace { .. }
            | Self::CampaignAsks { .. }
            | Self::MembersOpen { .. }
            | Self::CampaignCancelled { .. }
            | Self::CampaignCompleted { .. }
            | Self::CampaignNeverBegan { .. } => self.campaign(),
            Self::UnitClearing { unit } => {
                format!("{unit} was dropped, and its work is being withdrawn; that ends by itself")
            }
            Self::QueuesOpen { unit, waiting, in_flight } => format!(
                "nothing keeps the work of {unit}: {waiting} items wait for their turn, {in_flight} are leased"
            ),
            Self::AtRest => "nothing keeps it; it changes when somebody asks for something".to_owned(),
        }
    }

    fn stuck(&self) -> String {
        let Self::Stuck { from, to, stuck_since, threshold_ms } = self else { return String::new() };
        let hence = to.map_or_else(
            || "the watchdog moved it to history".to_owned(),
            |to| {
                format!(
                    "the watchdog put it back to {}, and nothing is queued until somebody asks",
                    to.text()
                )
            },
        );
        let text = from.text();
        format!("it was stuck in {text} since {stuck_since}, longer than {} ms, so {hence}", threshold_ms.0)
    }

    /// The rules of campaigns.
    fn campaign(&self) -> String {
        match self {
            Self::CampaignPinning { campaign } => {
                format!("the keys of campaign {campaign} are being recorded, and then it begins by itself")
            }
            Self::CampaignPaused { campaign } => {
                format!("campaign {campaign} is paused, and asks for nothing until it is resumed")
            }
            Self::CanaryWaits { campaign } => format!(
                "the canary of campaign {campaign} has passed, and it goes on once somebody has looked and resumes it"
            ),
            Self::CanaryStopped { campaign, text } => {
                format!("the canary of campaign {campaign} broke a rule: {text}")
            }
            Self::CanaryUnsettled { campaign, open } => {
                format!("campaign {campaign} goes on once its canary has settled; {open} keys of it have not")
            }
            Self::ListingFails { campaign, text } => {
                format!("campaign {campaign} cannot list its keys, and tries again and again: {text}")
            }
            Self::CampaignPace { campaign, open, .. } => {
                format!(
                    "campaign {campaign} goes no faster than its pace allows; {open} of its keys are open"
                )
            }
            Self::CampaignAsks { campaign } => {
                format!("campaign {campaign} is asking for its keys, one chunk after the other")
            }
            Self::MembersOpen { campaign, open } => {
                format!(
                    "campaign {campaign} has asked for every key, and ends when the last {open} have settled"
                )
            }
            Self::CampaignCancelled { campaign } => {
                format!("campaign {campaign} was cancelled, and asks for nothing more")
            }
            Self::CampaignCompleted { campaign } => {
                format!("campaign {campaign} has asked for everything, and everything has settled")
            }
            Self::CampaignNeverBegan { campaign } => format!("campaign {campaign} did not begin"),
            Self::NeverAskedFor
            | Self::UnitGone { .. }
            | Self::Held
            | Self::SystemPaused { .. }
            | Self::QueueDisabled { .. }
            | Self::InFlightLimit { .. }
            | Self::NoWorker { .. }
            | Self::WaitsInLine { .. }
            | Self::BeingClaimed
            | Self::Backoff { .. }
            | Self::FailedForGood { .. }
            | Self::Leased { .. }
            | Self::Running { .. }
            | Self::Finished
            | Self::InHistory
            | Self::Deleting
            | Self::Deleted
            | Self::WaitsForReview { .. }
            | Self::SettledByHand { .. }
            | Self::Stuck { .. }
            | Self::UnitClearing { .. }
            | Self::QueuesOpen { .. }
            | Self::AtRest => String::new(),
        }
    }
}

fn waits_for(users: &[UserName], order: ReviewOrder) -> String {
    if users.is_empty() {
        return "it waits for a review, by whoever likes".to_owned();
    }
    let names: Vec<&str> = users.iter().map(UserName::as_str).collect();
    let names = names.join(", ");
    match order {
        ReviewOrder::Any => format!("it waits for the approval of one of: {names}"),
        ReviewOrder::All => format!("it waits for the approval of each of: {names}"),
        ReviewOrder::InSequence => format!("it waits for the approvals of, one after the other: {names}"),
    }
}
