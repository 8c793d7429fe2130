//! Given one stream, then its timeline.

use domain::envelope::Command;
use domain::event::Metadata;
use domain::names::WorkerId;
use domain::record::{self, Stored, WritePolicy};
use domain::retry::RetryPolicy;
use domain::stream::{RecordId, Subject};
use domain::time::Millis;
use domain::work::{self, Priority, Token};
use domain::{digest::Digest, names::Key, names::Scope};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::histories::{History, scope_of, unit};

fn story() -> History {
    let mut history = History::default();
    let id = || scope_of("docs", "ocr", "a");
    let queue = || work::Command::Queue { campaign: None, priority: Priority::Normal };
    let claim = work::Command::Claim { worker: WorkerId::new("w1").unwrap(), lease_ms: Millis(1_000) };
    let token = Token(Version(1));
    let fail = work::Command::Fail {
        token,
        code: "BROKEN".to_owned(),
        text: "it broke".to_owned(),
        retry: RetryPolicy::never(),
    };
    for command in [queue(), claim, work::Command::Start { token }, fail, queue()] {
        history.send(Command::work(id(), command));
    }
    history
}

#[test]
fn a_timeline_says_in_words_what_happened() {
    let timeline = timeline(&story().events);
    let told: Vec<_> = timeline.iter().map(|entry| (entry.event.as_str(), entry.summary.as_str())).collect();
    let expected = [
        ("key_scope.queued", "queued"),
        ("key_scope.assigned", "leased to w1 until 1970-01-01T00:00:01.000000Z, attempt 1"),
        ("key_scope.process_started", "attempt 1 began"),
        ("key_scope.failed", "attempt 1 failed with BROKEN: it broke; no attempt is left"),
        ("key_scope.restarted", "queued from the beginning, restart 1"),
    ];
    assert_eq!(told, expected);
    let commands: Vec<_> = timeline.iter().map(|entry| entry.command.as_deref()).collect();
    assert_eq!(commands, [Some("queue"), Some("claim"), Some("start"), Some("fail"), Some("queue")]);
    assert_eq!(timeline[1].reason.as_deref(), Some("command 2"));
}

#[test]
fn a_timeline_says_what_each_event_changed() {
    let timeline = timeline(&story().events);
    let paths = |index: usize| -> Vec<_> {
        timeline[index].changes.iter().map(|change| change.path.as_str()).collect()
    };
    assert_eq!(paths(1), ["/attempt_count", "/status", "/lease_until", "/token", "/worker"]);
    assert_eq!(paths(2), ["/status"]);
    assert_eq!(timeline[2].changes[0].before, json!("assigned"));
    assert_eq!(timeline[2].changes[0].after, json!("running"));
}

#[test]
fn events_of_one_command_share_its_name_though_only_the_first_carries_it() {
    let mut history = story();
    let id = || scope_of("docs", "ocr", "a");
    let claim = work::Command::Claim { worker: WorkerId::new("w1").unwrap(), lease_ms: Millis(1_000) };
    history.send(Command::work(id(), claim));
    let token = Token(history.events.last().unwrap().version);
    let done = work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) };
    assert_eq!(history.send(Command::work(id(), done)), 2);
    let mut last = RecordedEvent::clone(history.events.last().unwrap());
    last.metadata = Arc::new(Metadata { command: None, ..Metadata::clone(&last.metadata) });
    *history.events.last_mut().unwrap() = Arc::new(last);
    assert_eq!(timeline(&history.events).last().unwrap().command.as_deref(), Some("complete"));
}

#[test]
fn every_kind_of_thing_has_a_timeline() {
    let mut history = History::default();
    let stored = Stored { digest: Digest([1; 32]), size_bytes: 3 };
    let (scope, policy) = (Scope::new("raw").unwrap(), WritePolicy::New);
    let write = record::Command::Write { scope, stored, version: None, policy };
    history.send(Command::Record(RecordId { unit: unit("docs"), key: Key::new("a").unwrap() }, write));
    let entry = timeline(&history.events).remove(0);
    assert_eq!(entry.event, "record.scope_written");
    assert_eq!(entry.summary, "scope raw written with 3 bytes, version 1");
    assert!(entry.changes.iter().any(|change| change.path == "/scopes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_changes_of_a_timeline_lead_from_nothing_to_the_row(
        choices in prop::collection::vec(any::<u32>(), 0..150),
    ) {
        let history = History::of(&choices);
        for subject in history.aggregates.keys() {
            if matches!(subject, Subject::Campaign(_)) {
                continue;
            }
            let stream = subject.stream();
            let own: Vec<_> =
                history.events.iter().filter(|event| event.stream == stream).cloned().collect();
            let entries = timeline(&own);
            prop_assert_eq!(entries.len(), own.len());
            let mut changes = entries.iter().flat_map(|entry| &entry.changes);
            let told = changes.rfind(|change| change.path == "/status");
            let key_scope = crate::fold::fold::<KeyScopes>(&own).into_values().next();
            let task = crate::fold::fold::<Tasks>(&own).into_values().next();
            let status = key_scope
                .map(|row| json!(row.status.name()))
                .or_else(|| task.map(|row| json!(row.status.name())));
            prop_assert_eq!(told.map(|change| change.after.clone()).unwrap_or_default(), status.unwrap_or_default());
        }
    }
}
