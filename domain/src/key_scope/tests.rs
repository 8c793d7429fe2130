//! Key-scopes by example: the work on them, and its end with their storage unit.

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::names::WorkerId;
use crate::retry::RetryPolicy;
use crate::time::Millis;
use crate::work::{Assigned, Priority, Queued, Token};

fn given(history: &[Event]) -> KeyScope {
    (0..).zip(history).fold(KeyScope::default(), |scope, (version, event)| {
        scope.evolve(event, Version(version)).expect("the history is possible")
    })
}

fn queued(campaign: Option<CampaignId>) -> Event {
    Event::Work(work::Event::Queued(Queued {
        campaign,
        priority: Priority::Normal,
        retry: false,
        failures: 0,
    }))
}

fn assigned(attempt: u32) -> Event {
    let worker = WorkerId::new("worker-1").expect("a valid name");
    Event::Work(work::Event::Assigned(Assigned { worker, until: Timestamp::from_micros(1), attempt }))
}

fn failed_for_good() -> work::Event {
    let (code, text) = (String::new(), String::new());
    work::Event::Failed(work::Failed { attempt: 1, campaign: None, code, text, failures: 1, retry_at: None })
}

const CAMPAIGN: CampaignId = CampaignId(uuid::Uuid::from_u128(1));
const NOW: Timestamp = Timestamp::from_micros(0);

#[test]
fn a_command_of_the_lifecycle_is_decided_by_the_lifecycle() {
    let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
    assert_eq!(given(&[]).decide(&Command::Work(queue), NOW), Ok(vec![queued(None)]));
    let hold = Command::Work(work::Command::Hold);
    assert_eq!(given(&[]).decide(&hold, NOW), Err(Refusal::NeverQueued));
}

#[test]
fn nothing_is_withdrawn_where_nothing_was_asked_for() {
    assert_eq!(given(&[]).decide(&Command::Withdraw, NOW), Ok(vec![]));
}

#[test]
fn withdrawing_tells_the_campaign_that_still_waits() {
    let withdrawn = |campaign| Ok(vec![Event::Withdrawn(Withdrawn { campaign })]);
    let open = [queued(Some(CAMPAIGN)), assigned(1)];
    assert_eq!(given(&open).decide(&Command::Withdraw, NOW), withdrawn(Some(CAMPAIGN)));
    let settled = [queued(Some(CAMPAIGN)), assigned(1), Event::Work(failed_for_good())];
    assert_eq!(given(&settled).decide(&Command::Withdraw, NOW), withdrawn(None));
}

#[test]
fn withdrawn_work_is_as_if_never_asked_for_but_counts_its_attempts_on() {
    let withdrawn = given(&[queued(None), assigned(1), Event::Withdrawn(Withdrawn { campaign: None })]);
    assert_eq!(withdrawn.work, Work { attempt_count: 1, ..Work::default() });
    assert_eq!(withdrawn.decide(&Command::Withdraw, NOW), Ok(vec![]));
}

#[test]
fn a_worker_cannot_finish_withdrawn_work() {
    let withdrawn = given(&[queued(None), assigned(1), Event::Withdrawn(Withdrawn { campaign: None })]);
    let complete =
        work::Command::Complete { token: Token(Version(1)), outputs: vec![], digest: Digest([7; 32]) };
    let events = withdrawn.decide(&Command::Work(complete), NOW).expect("it is recorded");
    assert!(matches!(events.as_slice(), [Event::Work(work::Event::LateResultRefused(_))]), "{events:?}");
}

#[test]
fn an_event_that_cannot_follow_names_state_and_event() {
    let error = KeyScope::default().evolve(&assigned(1), Version(0)).expect_err("nothing is queued");
    assert_eq!(error.to_string(), "assigned cannot follow idle");
}

fn command() -> impl Strategy<Value = Command> {
    let token = Token(Version(1));
    prop::sample::select(vec![
        Command::Withdraw,
        Command::Work(work::Command::Queue { campaign: None, priority: Priority::High }),
        Command::Work(work::Command::Queue { campaign: Some(CAMPAIGN), priority: Priority::Low }),
        Command::Work(work::Command::Claim {
            worker: WorkerId::new("worker-1").expect("a valid name"),
            lease_ms: Millis(1_000),
        }),
        Command::Work(work::Command::Complete { token, outputs: vec![], digest: Digest([7; 32]) }),
        Command::Work(work::Command::Fail {
            token,
            code: String::new(),
            text: String::new(),
            retry: RetryPolicy::default(),
        }),
        Command::Work(work::Command::Unassign { cause: work::UnassignCause::Reset }),
        Command::Work(work::Command::Retry),
        Command::Work(work::Command::Hold),
        Command::Work(work::Command::Release),
    ])
}

proptest! {
    #[test]
    fn what_was_decided_folds_across_withdrawals(commands in prop::collection::vec(command(), 1..60)) {
        let mut history: Vec<Event> = Vec::new();
        let mut attempts = Vec::new();
        for (second, command) in (0_i64..).zip(commands) {
            let now = Timestamp::from_micros(second * 1_000_000);
            let events = given(&history).decide(&command, now).unwrap_or_default();
            for event in &events {
                if let Event::Work(work::Event::Assigned(assigned)) = event {
                    attempts.push(assigned.attempt);
                }
            }
            history.extend(events);
        }
        let counted: Vec<u32> = (1..).take(attempts.len()).collect();
        prop_assert_eq!(given(&history).work.attempt_count as usize, attempts.len());
        prop_assert_eq!(attempts, counted);
    }
}
