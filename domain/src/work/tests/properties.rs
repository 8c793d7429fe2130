//! What holds for every history that commands can produce, whatever comes in whatever order.

use proptest::prelude::*;

use super::*;
use crate::work::Phase;

// ── Arbitrary commands ─────────────────────────────────────────────────────────────────────────────────────────

/// A command whose token is chosen when it is sent: the present lease's, or one that may be stale or made up.
#[derive(Debug, Clone)]
enum Step {
    Send(Command),
    WithToken(Lent, fn(Token) -> Command),
}

#[derive(Debug, Clone, Copy)]
enum Lent {
    Present,
    Version(u64),
}

/// The most commands of one history.
const STEPS_MAX: usize = 60;

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    prop::collection::vec((0_u64..50, step()), 1..STEPS_MAX)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => asking().prop_map(Step::Send),
        4 => Just(Step::Send(claim())),
        6 => (lent(), worker_command()).prop_map(|(lent, command)| Step::WithToken(lent, command)),
        3 => taking_back().prop_map(Step::Send),
    ]
}

fn asking() -> impl Strategy<Value = Command> {
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Normal), Just(Priority::Low)];
    let who = prop::option::of((0_u128..3).prop_map(campaign));
    (who, priority).prop_map(|(campaign, priority)| Command::Queue { campaign, priority })
}

fn lent() -> impl Strategy<Value = Lent> {
    prop_oneof![3 => Just(Lent::Present), 1 => (0_u64..40).prop_map(Lent::Version)]
}

fn worker_command() -> impl Strategy<Value = fn(Token) -> Command> {
    let commands: Vec<fn(Token) -> Command> = vec![
        |token| Command::Start { token },
        |token| Command::ExtendLease { token, lease_ms: LEASE },
        |token| Command::ReleaseLease { token },
        |token| complete(token, 1),
        |token| complete(token, 2),
        |token| fail(token, TWO_ATTEMPTS),
        |token| fail(token, RetryPolicy::never()),
    ];
    prop::sample::select(commands)
}

fn taking_back() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Unassign { cause: UnassignCause::Reset }),
        Just(Command::ExpireLease),
        Just(Command::Retry),
        Just(Command::Hold),
        Just(Command::Release),
        Just(Command::Release),
    ]
}

// ── A run of them ──────────────────────────────────────────────────────────────────────────────────────────────

/// One command, with the work before and after it.
struct Sent {
    before: Work,
    command: Command,
    now: Timestamp,
    events: Vec<Event>,
    after: Work,
}

/// Sends the commands in order; an event that does not fold is the end of the test.
fn run(steps: &[(u64, Step)]) -> Vec<Sent> {
    let mut given = given([]).at(0);
    let mut changes = Vec::new();
    for (seconds, step) in steps {
        let now = given.now.plus(Millis::from_secs(*seconds));
        let command = match step {
            Step::Send(command) => command.clone(),
            Step::WithToken(Lent::Present, command) => {
                command(given.work.lease().map_or(OTHER, |lease| lease.token))
            }
            Step::WithToken(Lent::Version(version), command) => command(Token(Version(*version))),
        };
        let events = given.work.decide(&command, now).unwrap_or_default();
        let before = given.work.clone();
        given = Given { now, ..given }.fold(events.clone());
        changes.push(Sent { before, command, now, events, after: given.work.clone() });
    }
    changes
}

fn history(changes: &[Sent]) -> Vec<Event> {
    changes.iter().flat_map(|change| change.events.clone()).collect()
}

// ── What holds ─────────────────────────────────────────────────────────────────────────────────────────────────

proptest! {
    #[test]
    fn what_was_decided_folds_and_a_fold_may_start_at_any_snapshot(steps in steps(), cut in 0_usize..200) {
        let changes = run(&steps);
        let events = history(&changes);
        let (early, late) = events.split_at(cut.min(events.len()));
        let snapshot = given(early.to_vec());
        let end = snapshot.fold(late.to_vec());
        prop_assert_eq!(Some(&end.work), changes.last().map(|change| &change.after));
    }

    #[test]
    fn counts_are_counts_of_events(steps in steps()) {
        let changes = run(&steps);
        let events = history(&changes);
        let count = |name| events.iter().filter(|event| event.name() == name).count();
        let work = &changes.last().expect("at least one step").after;
        prop_assert_eq!(work.restart_count as usize, count("restarted"));
        prop_assert_eq!(work.attempt_count as usize, count("assigned"));
    }

    #[test]
    fn tokens_only_grow(steps in steps()) {
        let changes = run(&steps);
        let mut tokens: Vec<_> =
            changes.iter().filter_map(|change| change.after.lease()).map(|lease| lease.token).collect();
        prop_assert!(tokens.is_sorted());
        tokens.dedup();
        prop_assert_eq!(tokens.len(), history(&changes).iter().filter(|event| event.name() == "assigned").count());
    }

    #[test]
    fn held_work_is_never_assigned(steps in steps()) {
        for change in run(&steps) {
            let assigned = change.events.iter().any(|event| event.name() == "assigned");
            prop_assert!(!(change.before.held && assigned));
        }
    }

    #[test]
    fn a_late_result_changes_nothing(steps in steps()) {
        for change in run(&steps) {
            if change.events.iter().any(|event| event.name() == "late_result_refused") {
                prop_assert_eq!(change.events.len(), 1);
                prop_assert_eq!(change.before, change.after);
            }
        }
    }

    #[test]
    fn a_result_counts_only_with_the_token_of_the_present_lease(steps in steps()) {
        for change in run(&steps) {
            let settles = change.events.iter().any(|event| matches!(event, Event::Finished(_) | Event::Failed(_)));
            if let (true, Command::Complete { token, .. } | Command::Fail { token, .. }) = (settles, &change.command) {
                prop_assert_eq!(change.before.lease().map(|lease| lease.token), Some(*token));
                prop_assert_eq!(change.after.settled.map(|settled| settled.token), Some(*token));
            }
        }
    }

    #[test]
    fn repeating_a_result_that_was_accepted_is_free(steps in steps()) {
        for change in run(&steps) {
            let is_result = matches!(change.command, Command::Complete { .. } | Command::Fail { .. });
            let settles = change.before.settled != change.after.settled;
            if is_result && settles {
                prop_assert_eq!(change.after.decide(&change.command, change.now), Ok(vec![]));
            }
        }
    }

    #[test]
    fn asking_twice_is_asking_once(steps in steps()) {
        for change in run(&steps) {
            if let Command::Queue { .. } = change.command {
                prop_assert_eq!(change.after.decide(&change.command, change.now), Ok(vec![]));
            }
        }
    }

    #[test]
    fn a_lease_is_never_shortened(steps in steps()) {
        for change in run(&steps) {
            if let (Some(before), Some(after)) = (change.before.lease(), change.after.lease()) {
                prop_assert!(before.token != after.token || before.until <= after.until);
            }
        }
    }

    #[test]
    fn every_request_of_a_campaign_comes_to_exactly_one_end(steps in steps()) {
        let sent = run(&steps);
        let mut events = history(&sent);
        let mut given = given(events.clone()).at(1_000_000);
        for command in [Command::Release, Command::Retry] {
            events.extend(given.work.decide(&command, given.now).expect("both are always allowed"));
            given = send(given, &command);
        }
        while given.work.is_open() {
            let command = given.work.lease().map_or_else(claim, |lease| complete(lease.token, 1));
            events.extend(given.work.decide(&command, given.now).expect("queued or leased"));
            given = send(given, &command);
        }
        for id in (0..3).map(|number| Some(campaign(number))) {
            let asked = events.iter().filter(|event| asks(event) == id).count();
            let ended = events.iter().filter(|event| ends(event) == id).count();
            prop_assert_eq!(asked, ended, "{:?}", id);
        }
    }

    #[test]
    fn asked_while_leased_it_runs_exactly_once_more(steps in steps(), asked in 1_usize..5) {
        let Some(leased) = run(&steps).into_iter().rfind(|change| change.after.lease().is_some()) else {
            return Ok(());
        };
        // The version is not known here, but it is beyond every token given out so far.
        let mut given = Given { work: leased.after, version: Version(1_000), now: leased.now };
        for _ in 0..asked {
            given = send(given, &queue());
        }
        given = send(given, &Command::Release);
        let attempts_before = given.work.attempt_count;
        let mut runs = 0;
        while given.work.is_open() {
            if let Some(token) = given.work.lease().map(|lease| lease.token) {
                given = send(given, &complete(token, 1));
                runs += 1;
            } else {
                given = send(given, &claim());
            }
        }
        prop_assert_eq!((runs, given.work.attempt_count), (2, attempts_before + 1));
        prop_assert_eq!(given.work.phase, Phase::Finished);
    }
}

fn send(given: Given, command: &Command) -> Given {
    let events = given.work.decide(command, given.now).expect("the command is carried out");
    given.fold(events)
}

/// The campaign for which this event begins, or promises, a run.
const fn asks(event: &Event) -> Option<CampaignId> {
    if let Event::Queued(Queued { campaign, retry: false, .. })
    | Event::Restarted(Restarted { campaign, requeued: false, .. })
    | Event::RequeueRequested(RequeueRequested { campaign, .. }) = event
    {
        *campaign
    } else {
        None
    }
}

/// The campaign whose run this event ends.
const fn ends(event: &Event) -> Option<CampaignId> {
    if let Event::Finished(Finished { campaign, .. })
    | Event::Failed(Failed { campaign, retry_at: None, .. }) = event
    {
        *campaign
    } else {
        None
    }
}
