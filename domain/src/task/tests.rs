//! Tasks by example: given a history, when a command arrives, then events, a refusal or nothing. The files below hold
//! one family of commands each, the reviewed transition table, and the properties.

mod journey;
mod properties;
mod restarting;
mod reviewing;
mod steering;
mod transitions;
mod watching;

use serde_json::json;

use super::*;
use crate::names::{DisplayName, WorkerId, WorkspaceId};
use crate::retry::RetryPolicy;
use crate::time::Millis;
use crate::work::Token;

// ── The spec ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A task with a history, at an instant.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) task: Task,
    pub(super) version: Version,
    pub(super) now: Timestamp,
    pub(super) history: Vec<Event>,
}

/// A task that was just created with a plan.
pub(super) fn given(plan: Plan) -> Given {
    let absent =
        Given { task: Task::Absent, version: Version(0), now: Timestamp::default(), history: Vec::new() };
    absent.when(&Command::Create(Box::new(payload(plan))))
}

impl Given {
    pub(super) fn decide(&self, command: &Command) -> Result<Vec<Event>, Refusal> {
        self.task.decide(command, self.now)
    }

    pub(super) fn fold(mut self, events: &[Event]) -> Self {
        for event in events {
            self.task = self.task.evolve(event, self.version).expect("what was decided is possible");
            self.version = self.version.next();
            self.history.push(event.clone());
        }
        self
    }

    /// After a command that must be carried out.
    pub(super) fn when(self, command: &Command) -> Self {
        let events = self.decide(command).expect("the command is carried out");
        self.fold(&events)
    }

    pub(super) fn after(self, seconds: u64) -> Self {
        Self { now: self.now.plus(Millis::from_secs(seconds)), ..self }
    }

    pub(super) fn present(&self) -> &Present {
        self.task.present().expect("it was created")
    }

    pub(super) fn status(&self) -> TaskStatus {
        self.present().status()
    }

    pub(super) fn token(&self) -> Token {
        self.task.work().and_then(Work::lease).map_or(Token(Version(999)), |lease| lease.token)
    }

    /// A worker claims the stage and begins.
    pub(super) fn leased(self) -> Self {
        let stage = self.present().stage;
        let claimed = self.when(&work(stage, claim()));
        let token = claimed.token();
        claimed.when(&work(stage, work::Command::Start { token }))
    }

    /// A worker does the stage.
    pub(super) fn done(self) -> Self {
        let leased = self.leased();
        let (stage, token) = (leased.present().stage, leased.token());
        leased.when(&work(stage, complete(token)))
    }

    /// A worker fails at the stage, with no attempt left.
    pub(super) fn failed(self, code: &str) -> Self {
        let leased = self.leased();
        let (stage, token) = (leased.present().stage, leased.token());
        leased.when(&work(stage, fail(token, code, RetryPolicy::never())))
    }

    /// The names of the events that a command records.
    pub(super) fn names(&self, command: &Command) -> Vec<&'static str> {
        self.decide(command).expect("the command is carried out").iter().map(Event::name).collect()
    }
}

// ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────

pub(super) fn payload(plan: Plan) -> Payload {
    Payload {
        workspace: WorkspaceId::new(7).expect("not 0"),
        batch: None,
        external_id: None,
        display_name: DisplayName::new("invoice 1").expect("a valid name"),
        description: None,
        priority: Priority::High,
        context: json!({ "url": "https://example.org/1.pdf" }).as_object().expect("an object").clone(),
        metadata: serde_json::Map::new(),
        custom_form_values: serde_json::Map::new(),
        assignment: Assignment::default(),
        plan,
    }
}

/// Everything, with people who review.
pub(super) fn full() -> Plan {
    Plan { recognition: true, review: ReviewMode::ByUsers, export: true, ..Plan::default() }
}

pub(super) const fn work(stage: Stage, command: work::Command) -> Command {
    Command::Work { stage, command }
}

pub(super) fn claim() -> work::Command {
    work::Command::Claim { worker: WorkerId::new("w1").expect("a valid name"), lease_ms: Millis(60_000) }
}

pub(super) const fn complete(token: Token) -> work::Command {
    work::Command::Complete { token, outputs: Vec::new(), digest: Digest([7; 32]) }
}

pub(super) fn fail(token: Token, code: &str, retry: RetryPolicy) -> work::Command {
    work::Command::Fail { token, code: code.to_owned(), text: "it broke".to_owned(), retry }
}

pub(super) fn user(name: &str) -> UserName {
    UserName::new(name).expect("a valid name")
}

pub(super) fn approve(name: &str) -> Command {
    Command::Approve { user: user(name) }
}

pub(super) fn edit(path: &str, value: Value) -> Command {
    Command::Edit { path: EditPath::new(path).expect("a valid path"), value }
}

pub(super) const RESTART: Command = Command::Restart { campaign: None };
