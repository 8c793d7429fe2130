//! The work lifecycle by example: given a history, when a command arrives, then events, a refusal or nothing.
//! The files below hold one family of commands each, the reviewed transition table, and the properties.

mod asking;
mod leasing;
mod properties;
mod results;
mod transitions;

use super::{
    Assigned, Change, Command, Event, Failed, Finished, Priority, ProcessStarted, Queued, Refusal,
    RequeueRequested, Restarted, Token, UnassignCause, Unassigned, Work,
};
use crate::digest::Digest;
use crate::names::{CampaignId, WorkerId};
use crate::retry::RetryPolicy;
use crate::stream::Version;
use crate::time::{Millis, Timestamp};

/// Every lease of these examples, in milliseconds.
const LEASE: Millis = Millis(60_000);
/// The backoff of these examples, in milliseconds.
const BACKOFF: Millis = Millis(60_000);
/// Attempts and backoff of these examples.
const TWO_ATTEMPTS: RetryPolicy =
    RetryPolicy { attempts_max: 2, backoff_ms: BACKOFF, backoff_ms_max: BACKOFF };
/// The token of the first claim: `Assigned` is the second event of the stream.
const FIRST: Token = Token(Version(1));
/// A token that no lease of these examples has.
const OTHER: Token = Token(Version(99));

// ── The spec ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Work with a history, at an instant.
struct Given {
    work: Work,
    version: Version,
    now: Timestamp,
}

/// What became of a command.
struct When {
    given: Given,
    outcome: Result<Vec<Event>, Refusal>,
}

fn given(history: impl IntoIterator<Item = Event>) -> Given {
    Given { work: Work::default(), version: Version(0), now: at(10) }.fold(history)
}

impl Given {
    fn fold(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        for event in events {
            self.work = self.work.evolve(&event, self.version).expect("the history is possible");
            self.version = self.version.next();
        }
        self
    }

    fn at(self, seconds: u64) -> Self {
        Self { now: at(seconds), ..self }
    }

    fn when(self, command: &Command) -> When {
        When { outcome: self.work.decide(command, self.now), given: self }
    }
}

impl When {
    /// Exactly these events, which fold; gives what there is afterwards.
    fn then(self, expected: impl IntoIterator<Item = Event>) -> Given {
        let events = self.outcome.expect("the command is carried out");
        assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
        self.given.fold(events)
    }

    fn nothing_happens(self) {
        assert_eq!(self.outcome, Ok(Vec::new()));
    }

    fn then_refused(self, expected: &Refusal) {
        assert_eq!(self.outcome.as_ref(), Err(expected));
    }
}

// ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────

fn at(seconds: u64) -> Timestamp {
    Timestamp::default().plus(Millis::from_secs(seconds))
}

const fn campaign(number: u128) -> CampaignId {
    CampaignId(uuid::Uuid::from_u128(number))
}

const fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn worker() -> WorkerId {
    WorkerId::new("worker-1").expect("a valid name")
}

const fn queued() -> Event {
    queued_by(None)
}

const fn queued_by(campaign: Option<CampaignId>) -> Event {
    Event::Queued(Queued { campaign, priority: Priority::Normal, retry: false, failures: 0 })
}

const fn queued_again(failures: u32) -> Event {
    Event::Queued(Queued { campaign: None, priority: Priority::Normal, retry: true, failures })
}

/// Claimed at second 0.
fn assigned(attempt: u32) -> Event {
    assigned_until(attempt, at(60))
}

fn assigned_until(attempt: u32, until: Timestamp) -> Event {
    Event::Assigned(Assigned { worker: worker(), until, attempt })
}

const fn started(attempt: u32) -> Event {
    Event::ProcessStarted(ProcessStarted { attempt })
}

const fn finished(attempt: u32, result: u8, change: Change) -> Event {
    finished_by(attempt, result, change, None)
}

const fn finished_by(attempt: u32, result: u8, change: Change, campaign: Option<CampaignId>) -> Event {
    Event::Finished(Finished { attempt, campaign, digest: digest(result), change, outputs: Vec::new() })
}

fn failed(attempt: u32, failures: u32, retry_at: Option<Timestamp>) -> Event {
    let (code, text) = ("exit_1".to_owned(), "it broke".to_owned());
    Event::Failed(Failed { attempt, campaign: None, code, text, failures, retry_at })
}

const fn unassigned(attempt: u32, cause: UnassignCause) -> Event {
    Event::Unassigned(Unassigned { attempt, cause })
}

const fn restarted(restart_count: u32, requeued: bool) -> Event {
    restarted_by(restart_count, requeued, None)
}

const fn restarted_by(restart_count: u32, requeued: bool, campaign: Option<CampaignId>) -> Event {
    Event::Restarted(Restarted { campaign, priority: Priority::Normal, restart_count, requeued })
}

const fn requeue_requested(campaign: Option<CampaignId>) -> Event {
    Event::RequeueRequested(RequeueRequested { campaign, priority: Priority::Normal })
}

const fn queue() -> Command {
    queue_for(None)
}

const fn queue_for(campaign: Option<CampaignId>) -> Command {
    Command::Queue { campaign, priority: Priority::Normal }
}

fn claim() -> Command {
    Command::Claim { worker: worker(), lease_ms: LEASE }
}

const fn complete(token: Token, result: u8) -> Command {
    Command::Complete { token, outputs: Vec::new(), digest: digest(result) }
}

fn fail(token: Token, retry: RetryPolicy) -> Command {
    Command::Fail { token, code: "exit_1".to_owned(), text: "it broke".to_owned(), retry }
}
