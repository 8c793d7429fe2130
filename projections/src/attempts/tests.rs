//! Given a key-scope's stream, then its attempts.

use domain::envelope::Command;
use domain::retry::RetryPolicy;
use domain::stream::Version;
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
