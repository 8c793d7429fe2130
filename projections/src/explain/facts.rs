//! What an explanation is made of: the thing as its history leaves it, and what lies around it. Does not know how any of it
//! is found out.

use std::sync::Arc;

use domain::aggregate::{Aggregate, CorruptHistory};
use domain::event::{Event, RecordedEvent};
use domain::names::{CampaignId, Scope, StorageUnitName, UserName, WorkerId};
use domain::stream::{Subject, Version};
use domain::system;
use domain::task::StageQueue;
use domain::time::Timestamp;
use domain::work::{self, Phase};
use domain::work_id::{Happened, WorkId, happened};

use super::state::state;
use crate::views::CampaignRow;
use crate::work_queue::{Gate, Rank, Standing};

/// A thing as its history leaves it.
#[derive(Debug, Clone)]
pub struct Thing {
    /// Which.
    pub subject: Subject,
    /// Its events, from the first on.
    pub history: Vec<Arc<RecordedEvent>>,
    /// Its state.
    pub aggregate: Aggregate,
    /// The event by which it came into that state; nothing when nothing ever happened to it.
    pub since: Option<Arc<RecordedEvent>>,
}

impl Thing {
    /// Folds a whole history.
    ///
    /// # Errors
    /// [`CorruptHistory`] when no decisions can have led to it.
    pub fn new(subject: Subject, history: Vec<Arc<RecordedEvent>>) -> Result<Self, CorruptHistory> {
        let mut aggregate = Aggregate::initial(&subject);
        let mut since: Option<Arc<RecordedEvent>> = None;
        let mut before = None;
        for event in &history {
            aggregate = aggregate.evolve(&event.event, event.version)?;
            let now = state(&aggregate);
            if before != Some(now) || is_entered_again(&aggregate, event.version) {
                since = Some(Arc::clone(event));
            }
            before = Some(now);
        }
        Ok(Self { subject, history, aggregate, since })
    }

    /// The last event of which something holds.
    pub(super) fn last(&self, holds: impl Fn(&RecordedEvent) -> bool) -> Option<&RecordedEvent> {
        self.history.iter().rev().map(|event| &**event).find(|event| holds(event))
    }

    /// The last event of its work of which something holds.
    pub(super) fn last_work(&self, holds: impl Fn(&work::Event) -> bool) -> Option<&RecordedEvent> {
        self.last(|event| event.event.work().is_some_and(&holds))
    }

    /// Where its work lies: that of a key-scope, or of the stage that a task is in.
    #[must_use]
    pub fn place(&self) -> Option<WorkId> {
        if let Subject::KeyScope(id) = &self.subject {
            return Some(id.clone());
        }
        let (Subject::Task(id), Aggregate::Task(task)) = (&self.subject, &self.aggregate) else {
            return None;
        };
        let task = task.present().filter(|task| task.work().is_some())?;
        Some(StageQueue { workspace: task.payload.workspace, stage: task.stage }.place(*id))
    }

    /// Where its work stands in the queue, while it waits: by priority, then by the event by which it entered.
    #[must_use]
    pub fn rank(&self) -> Option<Rank> {
        let priority = match &self.aggregate.work()?.phase {
            Phase::Queued { priority, .. } => *priority,
            Phase::Idle | Phase::Assigned(_) | Phase::Running(_) | Phase::Finished | Phase::Failed { .. } => {
                return None;
            }
        };
        let entered = self.last(|event| match happened(event) {
            Some((_, Happened::Work(event))) => enters(event),
            Some((_, Happened::Withdrawn)) | None => false,
        })?;
        Some((priority, entered.position))
    }
}

/// A task that is restarted comes into the status that it had.
fn is_entered_again(aggregate: &Aggregate, version: Version) -> bool {
    let Aggregate::Task(task) = aggregate else { return false };
    task.present().is_some_and(|task| task.status_version == version)
}

/// Whether work enters the queue by an event.
const fn enters(event: &work::Event) -> bool {
    match event {
        work::Event::Queued(_) | work::Event::Restarted(_) | work::Event::Unassigned(_) => true,
        work::Event::Assigned(_)
        | work::Event::ProcessStarted(_)
        | work::Event::LeaseExtended(_)
        | work::Event::Finished(_)
        | work::Event::Failed(_)
        | work::Event::RequeueRequested(_)
        | work::Event::Held
        | work::Event::Released
        | work::Event::LateResultRefused(_) => false,
    }
}

/// What lies around a thing.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// When it is.
    pub now: Timestamp,
    /// The last event of the system; nothing when it was never paused.
    pub system: Option<Arc<RecordedEvent>>,
    /// The storage unit, or the workspace, in whose queues its work lies; of a unit itself, nothing.
    pub owner: Option<Thing>,
    /// What that unit lets through.
    pub gate: Option<Gate>,
    /// Where its work stands in the queue, while it waits.
    pub standing: Option<Standing>,
    /// Who serves its queue, as far as somebody was heard of lately.
    pub workers: Vec<Serving>,
    /// When whoever has it was heard of last, as far as that is known here.
    pub heard: Option<Timestamp>,
    /// The campaigns under way that will come to it and have not yet.
    pub campaigns: Vec<CampaignFacts>,
    /// Of a campaign: its counts.
    pub row: Option<CampaignRow>,
    /// Of a unit: its queues that hold something.
    pub queues: Vec<QueueFacts>,
}

impl Surroundings {
    /// Nothing around, at an instant.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            system: None,
            owner: None,
            gate: None,
            standing: None,
            workers: Vec::new(),
            heard: None,
            campaigns: Vec::new(),
            row: None,
            queues: Vec::new(),
        }
    }

    /// Why the system is paused, when it is, and the event that says so.
    pub(super) fn pause(&self) -> Option<(String, &RecordedEvent)> {
        let event = self.system.as_deref()?;
        let Event::System(system::Event::Paused(paused)) = &event.event else { return None };
        Some((paused.reason.clone(), event))
    }
}

/// A worker that serves a queue.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Serving {
    /// Its name.
    pub name: WorkerId,
    /// When it was heard of last.
    pub last_seen: Timestamp,
}

/// A campaign under way.
#[derive(Debug, Clone)]
pub struct CampaignFacts {
    /// Which.
    pub id: CampaignId,
    /// It, as its history leaves it.
    pub thing: Thing,
    /// Its counts.
    pub row: CampaignRow,
}

/// A queue of a unit that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFacts {
    /// The scope.
    pub scope: Scope,
    /// How many entries wait.
    pub waiting: usize,
    /// How many are leased.
    pub leased: usize,
    /// How many workers serve it.
    pub workers: usize,
}

/// The subject of the unit, or of the workspace, in whose queues work lies.
#[must_use]
pub fn owner(unit: &StorageUnitName) -> Subject {
    unit.workspace().map_or_else(|| Subject::StorageUnit(unit.clone()), Subject::Workspace)
}

/// The name of whoever asks, as far as it can be a user's.
#[must_use]
pub fn user(name: &str) -> Option<UserName> {
    UserName::new(name).ok()
}
