//! The whole lifecycle as one table: `transitions.txt` is read by people and compared with what the code does.

use super::*;
use crate::work::{LateResultRefused, LeaseExtended, Outcome, Phase};

/// The reviewed expectation.
const REVIEWED: &str = include_str!("transitions.txt");

#[test]
fn the_lifecycle_is_the_reviewed_table() {
    let actual = format!("{}\n{}", commands_table(), events_table());
    let reviewed: String = REVIEWED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(
        actual.trim() == reviewed.trim(),
        "the lifecycle is not what domain/src/work/tests/transitions.txt says; if the change is meant, put this \
         below the comment there and have it reviewed:\n\n{actual}"
    );
}

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Every state, by the shortest history that leads there. The lease runs out and the backoff ends at second 60.
fn states() -> Vec<(&'static str, Vec<Event>)> {
    let running = || vec![queued(), assigned(1), started(1)];
    let with = |mut history: Vec<Event>, event| {
        history.push(event);
        history
    };
    vec![
        ("idle", vec![]),
        ("queued", vec![queued()]),
        ("held", vec![queued(), Event::Held]),
        ("assigned", vec![queued(), assigned(1)]),
        ("running", running()),
        ("asked again", with(running(), requeue_requested(None))),
        ("finished", with(running(), finished(1, 7, Change::First))),
        ("backoff", with(running(), failed(1, 1, Some(at(60))))),
        ("failed", with(running(), failed(1, 1, None))),
    ]
}

/// Every command in every way that makes a difference: name, command, the second at which it arrives.
fn commands() -> Vec<(&'static str, Command, u64)> {
    let extend = |token| Command::ExtendLease { token, lease_ms: LEASE };
    vec![
        ("queue", queue(), 10),
        ("claim", claim(), 10),
        ("start", Command::Start { token: FIRST }, 10),
        ("start, with another token", Command::Start { token: OTHER }, 10),
        ("extend_lease, in its first half", extend(FIRST), 10),
        ("extend_lease, in its second half", extend(FIRST), 40),
        ("extend_lease, with another token", extend(OTHER), 40),
        ("complete", complete(FIRST, 7), 10),
        ("complete, with another token", complete(OTHER, 7), 10),
        ("fail, attempts left", fail(FIRST, TWO_ATTEMPTS), 10),
        ("fail, no attempt left", fail(FIRST, RetryPolicy::never()), 10),
        ("fail, with another token", fail(OTHER, TWO_ATTEMPTS), 10),
        ("release_lease", Command::ReleaseLease { token: FIRST }, 10),
        ("release_lease, with another token", Command::ReleaseLease { token: OTHER }, 10),
        ("unassign", Command::Unassign { cause: UnassignCause::Reset }, 10),
        ("expire_lease, before its end", Command::ExpireLease, 10),
        ("expire_lease, after its end", Command::ExpireLease, 60),
        ("retry, before the backoff is over", Command::Retry, 10),
        ("retry, after the backoff is over", Command::Retry, 60),
        ("hold", Command::Hold, 10),
        ("release", Command::Release, 10),
    ]
}

fn events() -> Vec<Event> {
    let late = LateResultRefused { token: OTHER, outcome: Outcome::Finished, digest: None, code: None };
    vec![
        queued(),
        assigned(1),
        started(1),
        Event::LeaseExtended(LeaseExtended { attempt: 1, until: at(90) }),
        finished(1, 7, Change::First),
        failed(1, 1, None),
        unassigned(1, UnassignCause::Reset),
        restarted(1, false),
        requeue_requested(None),
        Event::Held,
        Event::Released,
        Event::LateResultRefused(late),
    ]
}

#[test]
fn the_table_has_every_command_and_every_event() {
    let all = [
        "queue",
        "claim",
        "start",
        "extend_lease",
        "complete",
        "fail",
        "release_lease",
        "unassign",
        "expire_lease",
        "retry",
        "hold",
        "release",
    ];
    let mut named: Vec<_> = commands().iter().map(|(_, command, _)| command.name()).collect();
    named.dedup();
    assert_eq!(named, all);
    for (title, command, _) in commands() {
        assert!(title.starts_with(command.name()), "{title} shows {}", command.name());
    }
    let mut named: Vec<_> = events().iter().map(Event::name).collect();
    named.dedup();
    assert_eq!(named.len(), 12);
}

// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────

fn commands_table() -> String {
    let rows = commands().into_iter().map(|(title, command, seconds)| {
        let outcomes = states().into_iter().map(|(state, history)| {
            let given = given(history).at(seconds);
            let before = label(&given.work);
            let outcome = match given.work.decide(&command, given.now) {
                Err(refusal) => format!("refused, {}", variant(&refusal)),
                Ok(events) if events.is_empty() => "nothing".to_owned(),
                Ok(events) => {
                    let names: Vec<_> = events.iter().map(Event::name).collect();
                    format!("{}{}", names.join(" + "), arrow(&before, &given.fold(events).work))
                }
            };
            (state, outcome)
        });
        paragraph(title, outcomes)
    });
    format!("COMMANDS\n\n{}", rows.collect::<Vec<_>>().join("\n"))
}

fn events_table() -> String {
    let rows = events().into_iter().map(|event| {
        let outcomes = states().into_iter().map(|(state, history)| {
            let Given { work, version, .. } = given(history);
            let before = label(&work);
            let outcome = match work.evolve(&event, version) {
                Ok(work) => format!("possible{}", arrow(&before, &work)),
                Err(_) => "impossible".to_owned(),
            };
            (state, outcome)
        });
        paragraph(event.name(), outcomes)
    });
    format!("EVENTS\n\n{}", rows.collect::<Vec<_>>().join("\n"))
}

fn arrow(before: &str, work: &Work) -> String {
    let after = label(work);
    if before == after { String::new() } else { format!(" → {after}") }
}

/// A title and a line for each outcome, with the states that share it.
fn paragraph(title: &str, outcomes: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for (state, outcome) in outcomes {
        match lines.iter_mut().find(|(_, known)| *known == outcome) {
            Some((states, _)) => states.push(state),
            None => lines.push((vec![state], outcome)),
        }
    }
    lines.into_iter().fold(format!("{title}\n"), |text, (sharing, outcome)| {
        let sharing =
            if sharing.len() == states().len() { "every state".to_owned() } else { sharing.join(", ") };
        text + &format!("    {sharing}: {outcome}\n")
    })
}

fn label(work: &Work) -> String {
    let asked_again = |requeue: bool| if requeue { ", asked again" } else { "" };
    let phase = match &work.phase {
        Phase::Queued { requeue, .. } => format!("queued{}", asked_again(requeue.is_some())),
        Phase::Assigned(lease) => format!("assigned{}", asked_again(lease.requeue.is_some())),
        Phase::Running(lease) => format!("running{}", asked_again(lease.requeue.is_some())),
        Phase::Failed { retry_at: Some(_), .. } => "backoff".to_owned(),
        Phase::Idle | Phase::Finished | Phase::Failed { .. } => work.phase.name().to_owned(),
    };
    if work.held { format!("{phase}, held") } else { phase }
}

/// The name of a refusal, without its fields.
fn variant(refusal: &Refusal) -> String {
    format!("{refusal:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}
