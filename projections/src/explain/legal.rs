//! What can be asked of a thing now, and what each would record: decided on a copy, so nothing is. Does not know who asks.

use std::collections::BTreeSet;

use domain::aggregate::Aggregate;
use domain::digest::Digest;
use domain::envelope::{Command, Sender};
use domain::names::{CampaignId, StorageUnitName, TaskId, UserName, WorkerId};
use domain::retry::RetryPolicy;
use domain::stream::Subject;
use domain::time::Timestamp;
use domain::work::{self, Priority, UnassignCause, Work};
use domain::work_id::WorkId;
use domain::{api_key, campaign, storage_unit, system, task};
use serde::Serialize;
use serde_json::Value;

use super::facts::{Surroundings, Thing};
use crate::timeline::{event_name, summary};

/// How many users are tried as somebody who approves.
const USERS_TRIED_MAX: usize = 10;

/// A command that is allowed now and would record something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Legal {
    /// The command, as it is posted and recorded.
    pub command: Value,
    /// Who sends such commands.
    pub sender: SentBy,
    /// What it would record, in order.
    pub records: Vec<WouldRecord>,
}

/// Who sends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SentBy {
    /// Whoever wants something to be done.
    Anyone,
    /// Workers, when they claim and settle work.
    Workers,
    /// The engine.
    Engine,
}

/// An event that would be recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WouldRecord {
    /// What would happen, such as `key_scope.held`.
    pub event: String,
    /// The same as a sentence.
    pub summary: String,
}

/// Every command that is allowed now and would record something, of those that need no knowledge which is not here.
#[must_use]
pub fn legal(thing: &Thing, around: &Surroundings) -> Vec<Legal> {
    let is_paused = around.pause().is_some();
    let commands = candidates(thing).into_iter().filter(|command| !(is_paused && command.dispatches()));
    commands.filter_map(|command| would_do(thing, &command, around.now)).collect()
}

/// What a command would record; nothing when it is refused, or would record nothing.
#[must_use]
pub fn would_do(thing: &Thing, command: &Command, now: Timestamp) -> Option<Legal> {
    let events = thing.aggregate.decide(command, now).ok().filter(|events| !events.is_empty())?;
    let records =
        events.iter().map(|event| WouldRecord { event: event_name(event), summary: summary(event) });
    let sender = match command.sender() {
        Sender::Anyone => SentBy::Anyone,
        Sender::Workers => SentBy::Workers,
        Sender::Engine => SentBy::Engine,
    };
    Some(Legal { command: command.record().ok()?.json(), sender, records: records.collect() })
}

fn candidates(thing: &Thing) -> Vec<Command> {
    match &thing.subject {
        Subject::KeyScope(id) => {
            let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
            let of_work = thing.aggregate.work().map(|work| of_work(id, work));
            std::iter::once(Command::work(id.clone(), queue)).chain(of_work.into_iter().flatten()).collect()
        }
        Subject::Task(id) => {
            let place = thing.place();
            let of_work =
                place.as_ref().zip(thing.aggregate.work()).map(|(place, work)| of_work(place, work));
            let Aggregate::Task(task) = &thing.aggregate else { return Vec::new() };
            let of_task = task.present().map(|task| of_task(*id, task));
            of_task.into_iter().flatten().chain(of_work.into_iter().flatten()).collect()
        }
        Subject::Campaign(id) => of_campaign(*id),
        Subject::StorageUnit(unit) => of_unit(unit),
        Subject::System => {
            let pause = system::Command::Pause { reason: "the reason".to_owned() };
            [pause, system::Command::Resume].map(Command::System).into()
        }
        Subject::ApiKey(id) => vec![Command::ApiKey(*id, api_key::Command::Revoke)],
        Subject::Record(_)
        | Subject::Workspace(_)
        | Subject::Batch(_)
        | Subject::ExternalId(..)
        | Subject::Ids(_)
        | Subject::Access(_) => Vec::new(),
    }
}

/// Of work, whosever it is; what a worker says needs the token that the lease has now.
fn of_work(place: &WorkId, work: &Work) -> Vec<Command> {
    let mut commands = vec![
        work::Command::Hold,
        work::Command::Release,
        work::Command::Unassign { cause: UnassignCause::Reset },
        work::Command::ExpireLease,
        work::Command::Retry,
    ];
    let lease_ms = storage_unit::Limits::default().lease_ms;
    match work.lease() {
        None => {
            let worker = WorkerId::new("a-worker").expect("letters and a dash are a valid name");
            commands.push(work::Command::Claim { worker, lease_ms });
        }
        Some(lease) => {
            let token = lease.token;
            let (code, text) = ("a_code".to_owned(), "what went wrong".to_owned());
            let (outputs, digest) = (Vec::new(), Digest([0; 32]));
            commands.extend([
                work::Command::Start { token },
                work::Command::ExtendLease { token, lease_ms },
                work::Command::Complete { token, outputs, digest },
                work::Command::Fail { token, code, text, retry: RetryPolicy::default() },
                work::Command::ReleaseLease { token },
            ]);
        }
    }
    commands.into_iter().map(|command| Command::work(place.clone(), command)).collect()
}

fn of_task(id: TaskId, task: &task::Present) -> Vec<Command> {
    let text = || "why".to_owned();
    let mut commands = vec![
        task::Command::Restart { campaign: None },
        task::Command::RunNow,
        task::Command::ReopenReview,
        task::Command::Resolve { outcome: task::Resolution::Finished, text: text() },
        task::Command::Resolve { outcome: task::Resolution::Failed, text: text() },
        task::Command::Delete,
        task::Command::ConfirmDeleted,
    ];
    // A hold on a stage is the task's own, which is asked for under its own name.
    if task.work().is_none() {
        commands.extend([task::Command::Hold, task::Command::Release]);
    }
    let somebody = UserName::new("somebody").expect("letters are a valid name");
    let assigned = task.assignment.users.iter().take(USERS_TRIED_MAX).cloned();
    let users: BTreeSet<UserName> = assigned.collect();
    let users = if users.is_empty() { BTreeSet::from([somebody]) } else { users };
    commands.extend(users.into_iter().map(|user| task::Command::Approve { user }));
    commands.into_iter().map(|command| Command::Task(id, command)).collect()
}

fn of_campaign(id: CampaignId) -> Vec<Command> {
    let commands = [
        campaign::Command::Pause,
        campaign::Command::Resume,
        campaign::Command::SetPace(campaign::Pace::default()),
        campaign::Command::Cancel,
        campaign::Command::AbandonTargets,
        campaign::Command::Exhaust,
        campaign::Command::Complete,
    ];
    commands.map(|command| Command::Campaign(id, command)).into()
}

fn of_unit(unit: &StorageUnitName) -> Vec<Command> {
    let commands = [
        storage_unit::Command::EnableQueue,
        storage_unit::Command::DisableQueue,
        storage_unit::Command::ResetQueue,
        storage_unit::Command::Drop,
        storage_unit::Command::ConfirmCleared,
    ];
    commands.map(|command| Command::StorageUnit(unit.clone(), command)).into()
}
