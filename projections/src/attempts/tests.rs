//! Given a key-scope's stream, then its attempts.

use std::collections::BTreeMap;

use domain::envelope::Command;
use domain::names::{ModuleName, TaskId};
use domain::record::{self, Stored, WritePolicy};
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{RecordId, Subject, Version};
use domain::time::Millis;
use domain::work::{Outcome, Priority};

use super::*;
use crate::histories::{History, scope_of};

fn send(history: &mut History, command: work::Command) {
    history.send(Command::work(scope_of("docs", "ocr", "a"), command));
}

fn claim(history: &mut History) -> Token {
    let worker = WorkerId::new("w").unwrap();
    send(history, work::Command::Claim { worker, lease_ms: Millis(1_000) });
    Token(history.events.last().unwrap().version)
}

#[test]
fn attempts_are_kept_with_what_came_of_each() {
    let mut history = History::default();
    send(&mut history, work::Command::Queue { campaign: None, priority: Priority::Normal });
    let first = claim(&mut history);
    send(&mut history, work::Command::Unassign { cause: UnassignCause::Reset });
    let second = claim(&mut history);
    let (code, text) = ("BROKEN".to_owned(), "it broke".to_owned());
    send(&mut history, work::Command::Fail { token: second, code, text, retry: RetryPolicy::never() });
    send(&mut history, work::Command::Queue { campaign: None, priority: Priority::Normal });
    let third = claim(&mut history);
    history.pass(Millis(500));
    let digest = Digest([1; 32]);
    send(&mut history, work::Command::Complete { token: first, outputs: Vec::new(), digest });
    send(&mut history, work::Command::Complete { token: third, outputs: Vec::new(), digest });
    let attempts = attempts(&history.events);
    let numbers: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.token)).collect();
    assert_eq!(numbers, [(1, first), (2, second), (3, third)]);
    assert_eq!(attempts[0].outcome, AttemptOutcome::Unassigned { cause: UnassignCause::Reset });
    assert_eq!(attempts[0].late_results[0].reported.outcome, Outcome::Finished);
    assert!(matches!(&attempts[1].outcome, AttemptOutcome::Failed { code, .. } if code == "BROKEN"));
    assert!(matches!(attempts[2].outcome, AttemptOutcome::Finished { change: Change::First, .. }));
    assert!(attempts[2].ended_at > Some(attempts[2].assigned_at));
    assert_eq!(attempts[2].ended_at, attempts[2].started_at);
}

#[test]
fn an_attempt_shows_its_outcome_beside_its_other_fields() {
    let mut history = History::default();
    send(&mut history, work::Command::Queue { campaign: None, priority: Priority::Normal });
    let token = claim(&mut history);
    let shown = |history: &History| serde_json::to_value(&attempts(&history.events)[0]).unwrap();
    assert_eq!(shown(&history)["outcome"], "assigned");
    send(&mut history, work::Command::Start { token });
    assert_eq!(shown(&history)["outcome"], "running");
    send(&mut history, work::Command::ReleaseLease { token });
    assert_eq!(shown(&history)["outcome"], "unassigned");
    assert_eq!(shown(&history)["cause"], "released");
    let attempt: Attempt = serde_json::from_value(shown(&history)).unwrap();
    assert_eq!(attempt.token, Token(Version(1)));
}

#[test]
fn an_open_attempt_of_a_withdrawn_key_scope_is_withdrawn() {
    let mut history = History::default();
    send(&mut history, work::Command::Queue { campaign: None, priority: Priority::Normal });
    claim(&mut history);
    history.send(Command::KeyScope(scope_of("docs", "ocr", "a"), key_scope::Command::Withdraw));
    assert_eq!(attempts(&history.events)[0].outcome, AttemptOutcome::Withdrawn);
}

/// The events of one thing.
fn stream_of(history: &History, subject: &Subject) -> Vec<Arc<RecordedEvent>> {
    let stream = subject.stream();
    history.events.iter().filter(|event| event.stream == stream).cloned().collect()
}

fn table(module: &str) -> ModuleTable {
    let table = serde_json::json!({ "modules": { "ocr": [{ "module": module }] } });
    serde_json::from_value(table).unwrap()
}

#[test]
fn an_attempt_on_a_document_was_given_the_modules_and_the_document_of_its_time() {
    let (mut history, id) = (History::default(), scope_of("docs", "ocr", "a"));
    let settings = Settings {
        content: Content::Managed,
        modules: table("read"),
        queue_enabled: true,
        limits: Limits::default(),
    };
    let record = RecordId { unit: id.unit.clone(), key: id.key.clone() };
    let write = |history: &mut History, byte| {
        let stored = Stored { digest: Digest([byte; 32]), size_bytes: 1 };
        let (scope, policy) = (id.scope.clone(), WritePolicy::Overwrite);
        let command = record::Command::Write { scope, stored, version: None, policy };
        history.send(Command::Record(record.clone(), command));
    };
    let attempt = |history: &mut History| {
        send(history, work::Command::Queue { campaign: None, priority: Priority::Normal });
        let token = claim(history);
        send(history, work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) });
    };
    history.send(Command::StorageUnit(id.unit.clone(), storage_unit::Command::Create(settings)));
    attempt(&mut history);
    write(&mut history, 5);
    history.send(Command::StorageUnit(id.unit.clone(), storage_unit::Command::DisableQueue));
    history.send(Command::StorageUnit(id.unit.clone(), storage_unit::Command::SetModules(table("see"))));
    attempt(&mut history);
    write(&mut history, 6);
    let around = Around {
        owner: stream_of(&history, &Subject::StorageUnit(id.unit.clone())),
        record: stream_of(&history, &Subject::Record(record.clone())),
    };
    let given = attempts_given(&stream_of(&history, &Subject::KeyScope(id.clone())), &around).unwrap();
    let given: Vec<_> = given.into_iter().map(|attempt| attempt.given).collect();
    let expected = |module: &str, version, document| Given {
        modules: vec![ModuleName::new(module).unwrap()],
        modules_version: Some(Version(version)),
        document,
        outputs: BTreeMap::new(),
    };
    assert_eq!(given, [expected("read", 0, None), expected("see", 2, Some(Digest([5; 32])))]);
}

#[test]
fn an_attempt_on_a_stage_was_given_what_the_stages_before_had_made_since_the_restart() {
    let (mut history, id) = (History::default(), TaskId::new(1).unwrap());
    let payload = serde_json::json!({
        "workspace": 7, "display_name": "invoice", "context": {}, "plan": { "recognition": true },
    });
    let mut ask = |command| history.send(Command::Task(id, command));
    ask(task::Command::Create(serde_json::from_value(payload).unwrap()));
    let worker = WorkerId::new("w").unwrap();
    let claim = |stage| task::Command::Work {
        stage,
        command: work::Command::Claim { worker: worker.clone(), lease_ms: Millis(1_000) },
    };
    ask(claim(Stage::PreProcessing));
    let made = Output {
        module: ModuleName::new("fetch").unwrap(),
        digest: Digest([3; 32]),
        size_bytes: 1,
        scope: None,
    };
    let complete =
        work::Command::Complete { token: Token(Version(2)), outputs: vec![made], digest: Digest([4; 32]) };
    assert!(ask(task::Command::Work { stage: Stage::PreProcessing, command: complete }) > 0);
    ask(claim(Stage::Recognition));
    ask(task::Command::Restart { campaign: None });
    ask(claim(Stage::PreProcessing));
    let given = attempts_given(&stream_of(&history, &Subject::Task(id)), &Around::default()).unwrap();
    let given: Vec<_> = given.into_iter().map(|attempt| (attempt.stage, attempt.given.outputs)).collect();
    let expected = [
        (Some(Stage::PreProcessing), BTreeMap::new()),
        (Some(Stage::Recognition), [(Stage::PreProcessing, Digest([3; 32]))].into()),
        (Some(Stage::PreProcessing), BTreeMap::new()),
    ];
    assert_eq!(given, expected);
}
