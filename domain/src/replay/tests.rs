//! Given a log, when something was otherwise on a fork, then things end so.

mod limits;
mod tasks;

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::digest::Digest;
use crate::event::{Metadata, RecordedEvent};
use crate::key_scope;
use crate::names::{Actor, CampaignId, CommandId, Key, OrganizationId, Scope, StorageUnitName, WorkerId};
use crate::retry::RetryPolicy;
use crate::stream::{KeyScopeId, Position, Subject};
use crate::time::Millis;
use crate::work::{self, Phase, Priority, Token};
use crate::{campaign, system as whole, task};
use uuid::Uuid;

// ── Given ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A log in the making: each command is decided on what those before it made.
#[derive(Default)]
struct Log {
    events: Vec<Arc<RecordedEvent>>,
    things: HashMap<StreamId, Thing>,
    now: Timestamp,
    commands: u128,
}

impl Log {
    /// Lets time pass, and sends a command; gives its id.
    fn send(&mut self, after_ms: u64, command: &Command) -> CommandId {
        self.follow(after_ms, command, None)
    }

    /// The same for a command that follows from something.
    fn follow(&mut self, after_ms: u64, command: &Command, causation_id: Option<Uuid>) -> CommandId {
        self.now = self.now.plus(Millis(after_ms));
        self.commands += 1;
        let id = CommandId(Uuid::from_u128(self.commands));
        let subject = command.subject();
        let stream = subject.stream();
        let thing = self.things.remove(&stream);
        let thing = thing.unwrap_or(Thing { aggregate: Aggregate::initial(&subject), next: Version(0) });
        let events = thing.aggregate.decide(command, self.now).unwrap_or_default();
        let metadata = |command| Metadata {
            recorded_at: self.now,
            command_id: id,
            idempotency_key: None,
            command,
            actor: Actor::system(),
            reason: None,
            causation_id,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        };
        for ((index, event), version) in (0_u16..).zip(&events).zip(thing.next.0..) {
            // As a log gives it back: only the first event has the command.
            let command = (index == 0).then(|| command.record().unwrap());
            self.events.push(Arc::new(RecordedEvent {
                position: Position::row(self.events.len() as u64 + 1),
                stream: stream.clone(),
                version: Version(version),
                id: id.event_id(index),
                event: event.clone(),
                metadata: Arc::new(metadata(command)),
            }));
        }
        let Ok(thing) = thing.evolve(&events) else { panic!("what was decided can follow") };
        self.things.insert(stream, thing);
        id
    }

    fn appends(&self) -> Vec<RecordedAppend> {
        let mut cut = Appends::default();
        let mut appends: Vec<_> = self.events.iter().filter_map(|event| cut.push(event.clone())).collect();
        appends.extend(cut.finish());
        appends
    }

    /// The fork of this log on which something is otherwise.
    fn fork(&self, changes: Changes) -> Fork {
        let mut fork = Fork::new(changes);
        self.appends().iter().for_each(|append| fork.take(append, true));
        fork.finish(self.now);
        fork
    }
}

fn unit() -> StorageUnitName {
    StorageUnitName::new("docs").unwrap()
}

fn id(key: &str) -> KeyScopeId {
    KeyScopeId { unit: unit(), scope: Scope::new("raw").unwrap(), key: Key::new(key).unwrap() }
}

fn on(key: &str, command: work::Command) -> Command {
    Command::work(id(key), command)
}

fn ask() -> work::Command {
    work::Command::Queue { campaign: None, priority: Priority::Normal }
}

fn claim(lease_ms: u64) -> work::Command {
    work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms: Millis(lease_ms) }
}

fn complete(token: u64) -> work::Command {
    work::Command::Complete { token: Token(Version(token)), outputs: Vec::new(), digest: Digest([1; 32]) }
}

fn fail(token: u64, attempts_max: u32) -> work::Command {
    let retry = RetryPolicy { attempts_max, backoff_ms: Millis(100), backoff_ms_max: Millis(100) };
    let (code, text) = ("exit_1".to_owned(), "no".to_owned());
    work::Command::Fail { token: Token(Version(token)), code, text, retry }
}

/// How the work on a key ends on a fork where it went its own way.
fn ending(fork: &Fork, key: &str) -> (&'static str, u32, u32) {
    let stream = Subject::KeyScope(id(key)).stream();
    let apart = fork.apart().into_iter().find(|(its, _)| **its == stream).map(|(_, apart)| apart);
    let mut thing = Thing { aggregate: Aggregate::initial(&Subject::KeyScope(id(key))), next: Version(0) };
    let apart = apart.unwrap_or_else(|| panic!("{key} goes as in the log"));
    assert_eq!(apart.since(), Version(0), "every test changes the first command, or looks at the whole");
    thing = thing.evolve(apart.events().iter().map(|event| &event.event)).ok().unwrap();
    let work = thing.aggregate.work().unwrap();
    (work.phase.name(), work.attempt_count, work.restart_count)
}

/// The work on a key where it went its own way from some event on.
fn work_of(log: &Log, fork: &Fork, key: &str) -> work::Work {
    let stream = Subject::KeyScope(id(key)).stream();
    let apart = fork.apart().into_iter().find(|(its, _)| **its == stream).map(|(_, apart)| apart);
    let apart = apart.unwrap_or_else(|| panic!("{key} goes as in the log"));
    let before = log.events.iter().filter(|event| event.stream == stream && event.version < apart.since());
    let all = before.chain(apart.events()).map(|event| &event.event);
    let thing = Thing { aggregate: Aggregate::initial(&Subject::KeyScope(id(key))), next: Version(0) };
    thing.evolve(all).ok().unwrap().aggregate.work().unwrap().clone()
}

// ── Then ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % count
    }
}

#[test]
fn with_nothing_changed_a_hundred_thousand_commands_end_as_they_did() {
    const COMMANDS: usize = 100_000;
    let mut log = Log::default();
    let mut dice = Dice(7);
    let mut recorded = 0;
    while recorded < COMMANDS {
        let before = log.events.len();
        let key = format!("{}", dice.below(500));
        let next = log.things.get(&Subject::KeyScope(id(&key)).stream()).map_or(0, |thing| thing.next.0);
        let token = next.saturating_sub(1 + dice.below(3));
        let command = match dice.below(12) {
            0..=3 => on(&key, ask()),
            4..=6 => on(&key, claim(1 + dice.below(3_000))),
            7 => on(&key, work::Command::Start { token: Token(Version(token)) }),
            8 => on(&key, complete(token)),
            9 => on(&key, fail(token, 3)),
            10 => on(&key, work::Command::ExpireLease),
            _ => match dice.below(40) {
                0 => Command::System(whole::Command::Pause { reason: "a test".to_owned() }),
                1 => Command::System(whole::Command::Resume),
                _ => on(&key, work::Command::Retry),
            },
        };
        let paused = log.things.get(&system()).is_some_and(|thing| {
            matches!(&thing.aggregate, Aggregate::System(system) if system.permit_dispatch().is_err())
        });
        if !(paused && command.dispatches()) {
            log.send(dice.below(20), &command);
        }
        recorded += usize::from(log.events.len() > before);
    }
    let fork = log.fork(Changes::default());
    assert_eq!(fork.apart().len(), 0);
    let expected = ForkCounts { decided: COMMANDS as u64, ..ForkCounts::default() };
    assert_eq!(fork.counts(), expected, "and nothing was left out or fired by itself");
    let mut verification = Verification::default();
    assert_eq!(log.appends().iter().find_map(|append| verification.check(append)), None);
}

#[test]
fn with_fewer_attempts_the_failure_is_the_end_and_what_was_asked_afterwards_is_a_restart() {
    let mut log = Log::default();
    for command in [ask(), claim(60_000), fail(1, 3), ask(), claim(60_000), complete(4)] {
        log.send(10, &on("a", command));
    }
    let retry = RetryChange { attempts_max: Some(1), ..RetryChange::default() };
    let fork = log.fork(Changes { retry, ..Changes::default() });
    let work = work_of(&log, &fork, "a");
    assert_eq!((work.phase, work.restart_count), (Phase::Finished, 1));
}

#[test]
fn with_more_attempts_the_backoff_ends_at_its_time_on_the_fork() {
    let mut log = Log::default();
    for command in [ask(), claim(60_000), fail(1, 1)] {
        log.send(10, &on("a", command));
    }
    let retry = RetryChange { attempts_max: Some(2), ..RetryChange::default() };
    let changes = Changes { retry, ..Changes::default() };
    let early = log.fork(changes.clone());
    assert!(matches!(work_of(&log, &early, "a").phase, Phase::Failed { retry_at: Some(_), .. }));
    log.send(500, &on("b", ask()));
    let late = log.fork(changes);
    assert!(matches!(work_of(&log, &late, "a").phase, Phase::Queued { failures: 1, .. }));
    assert_eq!(late.counts().timers, 1);
}

#[test]
fn with_a_shorter_lease_a_result_comes_too_late() {
    let mut log = Log::default();
    for command in [ask(), claim(60_000), complete(1)] {
        log.send(10, &on("a", command));
    }
    let fork = log.fork(Changes { lease_ms: Some(Millis(5)), ..Changes::default() });
    let work = work_of(&log, &fork, "a");
    assert!(matches!(work.phase, Phase::Queued { .. }), "{work:?}");
    let late = |event: &Arc<RecordedEvent>| {
        matches!(event.event, Event::KeyScope(key_scope::Event::Work(work::Event::LateResultRefused(_))))
    };
    let (_, apart) = fork.apart().remove(0);
    assert!(apart.events().last().is_some_and(late), "its worker reported all the same");
}

#[test]
fn with_a_longer_lease_the_first_worker_finishes_and_the_second_one_never_had_it() {
    let mut log = Log::default();
    log.send(10, &on("a", ask()));
    log.send(10, &on("a", claim(5)));
    log.send(10, &on("a", work::Command::ExpireLease));
    log.send(10, &on("a", claim(60_000)));
    log.send(10, &on("a", complete(1)));
    log.send(10, &on("a", complete(3)));
    let fork = log.fork(Changes { lease_ms: Some(Millis(60_000)), ..Changes::default() });
    let work = work_of(&log, &fork, "a");
    assert_eq!((work.phase, work.attempt_count), (Phase::Finished, 1));
    let counts = fork.counts();
    assert_eq!((counts.without_effect, counts.without_lease), (2, 1), "{counts:?}");
}

#[test]
fn a_token_is_that_of_the_lease_that_the_same_claim_got_on_the_fork() {
    let mut log = Log::default();
    let asked = log.send(10, &on("a", ask()));
    log.send(10, &on("a", work::Command::Hold));
    log.send(10, &on("a", work::Command::Release));
    let skipped = log.events.iter().map(|event| event.metadata.command_id).nth(1).unwrap();
    let released = log.events.iter().map(|event| event.metadata.command_id).nth(2).unwrap();
    log.send(10, &on("a", claim(60_000)));
    log.send(10, &on("a", complete(3)));
    let skip = vec![CommandRef::Id(skipped), CommandRef::Id(released)];
    let fork = log.fork(Changes { skip, ..Changes::default() });
    let work = work_of(&log, &fork, "a");
    assert_eq!((work.phase, work.settled.unwrap().token), (Phase::Finished, Token(Version(1))));
    let fork = log.fork(Changes { skip: vec![CommandRef::Id(asked)], ..Changes::default() });
    assert_eq!(ending(&fork, "a"), ("idle", 0, 0));
    let counts = fork.counts();
    assert_eq!((counts.skipped, counts.without_lease), (1, 1), "{counts:?}");
}

#[test]
fn what_follows_from_a_command_that_is_left_out_is_left_out_too() {
    let mut log = Log::default();
    let campaign = CampaignId(Uuid::from_u128(99));
    let target = campaign::Target::all(unit(), Scope::new("raw").unwrap());
    let start = campaign::Start::over(target, campaign::Pace::default());
    let started = log.send(10, &Command::Campaign(campaign, campaign::Command::Start(start)));
    let on_behalf = work::Command::Queue { campaign: Some(campaign), priority: Priority::Low };
    log.follow(10, &on("a", on_behalf), Some(campaign.0));
    log.send(10, &on("b", ask()));
    let reset = log.events.last().unwrap().id.0;
    log.follow(10, &on("b", work::Command::Hold), Some(reset));
    let fork = log.fork(Changes { skip: vec![CommandRef::Id(started)], ..Changes::default() });
    assert_eq!(ending(&fork, "a"), ("idle", 0, 0));
    assert_eq!((fork.apart().len(), fork.counts().without_cause), (2, 1), "b has nothing to do with it");
    let at = log.events.iter().find(|event| event.stream == Subject::KeyScope(id("b")).stream()).unwrap();
    let fork = log.fork(Changes { skip: vec![CommandRef::At(at.position)], ..Changes::default() });
    assert_eq!((fork.apart().len(), fork.counts().without_cause), (1, 1));
}

#[test]
fn an_edited_command_asks_for_something_else_and_one_that_is_not_there_is_said() {
    let mut log = Log::default();
    log.send(10, &on("a", ask()));
    log.send(10, &on("a", claim(60_000)));
    let failed = log.send(10, &on("a", fail(1, 1)));
    let edit = Edit { of: CommandRef::Id(failed), command: on("a", complete(1)).record().unwrap() };
    let nowhere = CommandRef::At(Position::row(4711));
    let fork = log.fork(Changes { edit: vec![edit], skip: vec![nowhere], ..Changes::default() });
    assert_eq!(work_of(&log, &fork, "a").phase, Phase::Finished);
    assert_eq!((fork.counts().edited, fork.unmet()), (1, vec![nowhere]));
}
