//! What holds for every history that commands can produce, whatever comes in whatever order.

use proptest::prelude::*;

use super::*;

/// A command that may need to know the task when it is sent: a token, what the watchdog sees.
#[derive(Debug, Clone)]
enum Step {
    Send(Command),
    Worker(Stage, Lent, fn(Token) -> work::Command),
    Watch(Option<TaskStatus>),
}

#[derive(Debug, Clone, Copy)]
enum Lent {
    Present,
    Version(u64),
}

/// One command, with the task before and after it.
struct Sent {
    before: Given,
    command: Command,
    events: Vec<Event>,
    after: Given,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    prop::collection::vec((0_u64..100, step()), 1..80)
}

fn plan() -> impl Strategy<Value = Plan> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(recognition, automatic, export)| {
        let review = if automatic { ReviewMode::Automatic } else { ReviewMode::ByUsers };
        Plan { recognition, review, export, ..Plan::default() }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let stage = prop::sample::select(Stage::ALL.to_vec());
    let lent = prop_oneof![4 => Just(Lent::Present), 1 => (0_u64..60).prop_map(Lent::Version)];
    let watched = prop::option::of(prop::sample::select(TaskStatus::ALL.to_vec()));
    prop_oneof![
        10 => (stage, lent, worker_command()).prop_map(|(stage, lent, make)| Step::Worker(stage, lent, make)),
        8 => command().prop_map(Step::Send),
        2 => watched.prop_map(Step::Watch),
    ]
}

fn worker_command() -> impl Strategy<Value = fn(Token) -> work::Command> {
    let commands: Vec<fn(Token) -> work::Command> = vec![
        |_| claim(),
        |_| claim(),
        |_| claim(),
        complete,
        complete,
        complete,
        |token| work::Command::Start { token },
        |token| fail(token, "exit_1", RetryPolicy::default()),
        |token| fail(token, DOWNLOAD_FAILED, RetryPolicy::never()),
        |token| work::Command::ReleaseLease { token },
        |token| work::Command::ExtendLease { token, lease_ms: Millis(60_000) },
        |_| work::Command::ExpireLease,
        |_| work::Command::Retry,
        |_| work::Command::Unassign { cause: work::UnassignCause::Reset },
    ];
    prop::sample::select(commands)
}

fn command() -> impl Strategy<Value = Command> {
    let booked = ExternalIntegrationStatus::new("booked").expect("a valid status");
    let by_hand = |outcome| Command::Resolve { outcome, text: "by hand".to_owned() };
    let two = Assignment { users: vec![user("ann"), user("bob")], order: ReviewOrder::InSequence };
    let campaign = Some(CampaignId(uuid::Uuid::from_u128(1)));
    prop::sample::select(vec![
        RESTART,
        RESTART,
        Command::Restart { campaign },
        edit("total", json!(1)),
        edit("total", json!({ "net": 2 })),
        edit("total", Value::Null),
        Command::Assign(two),
        Command::Assign(Assignment::default()),
        approve("ann"),
        approve("ann"),
        approve("bob"),
        Command::ReopenReview,
        Command::Hold,
        Command::Release,
        Command::Release,
        Command::RunNow,
        Command::RunNow,
        by_hand(Resolution::Finished),
        by_hand(Resolution::Failed),
        Command::SetExternalIntegrationStatus { status: booked },
        Command::Delete,
        Command::ConfirmDeleted,
    ])
}

/// Sends the commands in order; an event that does not fold is the end of the test.
fn run(plan: Plan, steps: &[(u64, Step)]) -> Vec<Sent> {
    let mut given = given(plan);
    let mut sent = Vec::new();
    // A task that is deleted early shows little.
    let mut deletes = 0;
    for (seconds, step) in steps {
        given = given.after(*seconds);
        let command = match step {
            Step::Send(Command::Delete) if deletes < 2 => {
                deletes += 1;
                continue;
            }
            Step::Send(command) => command.clone(),
            Step::Worker(stage, lent, make) => {
                // Mostly the stage that the task is in.
                let is_current = seconds % 4 > 0;
                let stage = if is_current { given.present().stage } else { *stage };
                let token = match lent {
                    Lent::Present => given.token(),
                    Lent::Version(version) => Token(Version(*version)),
                };
                work(stage, make(token))
            }
            Step::Watch(to) => {
                let (status, version) = (given.status(), given.present().status_version);
                let seen = Seen { status, version, since: given.now, threshold_ms: Millis(0) };
                match to {
                    Some(to) => Command::Revert { seen, to: *to },
                    None => Command::MoveToHistory { seen },
                }
            }
        };
        let events = given.decide(&command).unwrap_or_default();
        let before = given.clone();
        given = given.fold(&events);
        sent.push(Sent { before, command, events, after: given.clone() });
    }
    sent
}

fn queues(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event, Event::Work(_, work::Event::Queued(_) | work::Event::Restarted(_))))
}

proptest! {
    #[test]
    fn what_was_decided_folds_and_a_fold_may_start_at_any_snapshot(
        plan in plan(),
        steps in steps(),
        cut in 0_usize..300,
    ) {
        let sent = run(plan, &steps);
        let Some(last) = sent.last() else { return Ok(()) };
        let (early, late) = last.after.history.split_at(cut.min(last.after.history.len()));
        let start = Given { task: Task::Absent, version: Version(0), history: Vec::new(), now: last.after.now };
        let snapshot = start.fold(early);
        prop_assert_eq!(&snapshot.fold(late).task, &last.after.task);
    }

    #[test]
    fn the_restart_count_is_the_number_of_accepted_restarts(plan in plan(), steps in steps()) {
        let sent = run(plan, &steps);
        let accepted = sent
            .iter()
            .filter(|sent| matches!(sent.command, Command::Restart { .. }) && !sent.events.is_empty())
            .count();
        let count = sent.last().map_or(0, |sent| sent.after.present().restart_count);
        prop_assert_eq!(count as usize, accepted);
    }

    #[test]
    fn edits_never_survive_a_restart(plan in plan(), steps in steps()) {
        for sent in run(plan, &steps) {
            if sent.events.iter().any(|event| matches!(event, Event::Restarted(_))) {
                let task = sent.after.present();
                prop_assert!(task.edits.is_empty());
                prop_assert_eq!(task.integration, IntegrationStatus::NotQueued);
                prop_assert_eq!(task.external_integration.as_str(), "never");
                prop_assert_eq!(task.status(), TaskStatus::QueuedForPreProcessing);
                prop_assert_eq!(&task.payload, &sent.before.present().payload);
            }
        }
    }

    #[test]
    fn a_late_worker_never_changes_a_task(plan in plan(), steps in steps()) {
        let mut given_before_restart: Vec<Token> = Vec::new();
        for sent in run(plan, &steps) {
            if sent.events.iter().any(|event| matches!(event, Event::Restarted(_))) {
                given_before_restart.extend(sent.before.task.work().and_then(Work::lease).map(|lease| lease.token));
            }
            for stage in Stage::ALL {
                for token in &given_before_restart {
                    let late = work(stage, complete(*token));
                    let events = sent.after.decide(&late).unwrap_or_default();
                    prop_assert_eq!(&sent.after.clone().fold(&events).task, &sent.after.task);
                }
            }
            if sent.events.iter().any(|event| event.name() == "late_result_refused") {
                prop_assert_eq!(sent.before.task, sent.after.task);
            }
        }
    }

    #[test]
    fn the_watchdog_never_restarts_and_never_queues(plan in plan(), steps in steps()) {
        for sent in run(plan, &steps) {
            if matches!(sent.command, Command::Revert { .. } | Command::MoveToHistory { .. }) {
                let (before, after) = (sent.before.present(), sent.after.present());
                prop_assert_eq!(before.restart_count, after.restart_count);
                prop_assert!(!queues(&sent.events));
                prop_assert!(sent.events.is_empty() || after.work().is_none());
            }
        }
    }

    #[test]
    fn a_deleted_task_accepts_nothing(plan in plan(), steps in steps()) {
        for sent in run(plan, &steps) {
            if matches!(sent.before.present().phase, Phase::Deleted) {
                prop_assert_eq!(&sent.events, &[]);
            }
        }
    }

    #[test]
    fn a_held_task_is_never_leased_and_tokens_only_grow(plan in plan(), steps in steps()) {
        let mut last = None;
        for sent in run(plan, &steps) {
            let leases = sent.events.iter().any(|event| matches!(event, Event::Work(_, work::Event::Assigned(_))));
            if leases {
                prop_assert!(!sent.before.present().held);
                let token = Some(sent.after.token());
                prop_assert!(token > last);
                last = token;
            }
        }
    }

    #[test]
    fn whoever_loses_a_lease_without_its_own_word_is_named_by_the_event(plan in plan(), steps in steps()) {
        for sent in run(plan, &steps) {
            let was_open = sent.before.present().open_queue();
            let is_work = sent.events.iter().any(|event| matches!(event, Event::Work(queue, _) if Some(*queue) == was_open));
            let withdrawn = sent.events.iter().find_map(Event::withdrawn);
            let moved = sent.after.present().open_queue() != was_open;
            if let (Some(queue), true, false) = (was_open, moved, is_work) {
                prop_assert_eq!(withdrawn, Some(queue), "{:?}", sent.command);
            }
        }
    }
}
