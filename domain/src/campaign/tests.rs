//! Campaigns by example.

use proptest::prelude::*;

use super::*;
use crate::names::{Scope, StorageUnitName};

mod canaries;
mod pinning;
mod tasks;

const LATER: Version = Version(99);

fn given(history: &[Event]) -> Campaign {
    let fold = |campaign: Campaign, (version, event): (u64, &Event)| {
        campaign.evolve(event, Version(version)).expect("the history is possible")
    };
    (0..).zip(history).fold(Campaign::default(), fold)
}

/// Given a history, when a command arrives, then it ends so; and what it records folds.
#[expect(clippy::needless_pass_by_value, reason = "an example reads better without references")]
fn check(history: &[Event], command: &Command, expected: Result<Vec<Event>, Refusal>) {
    let campaign = given(history);
    let outcome = campaign.decide(command);
    assert_eq!(outcome, expected, "{command:?}");
    let fold =
        |campaign: Campaign, event: Event| campaign.evolve(&event, LATER).expect("what was decided folds");
    outcome.into_iter().flatten().fold(campaign, fold);
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a valid key")
}

fn target() -> Target {
    let unit = StorageUnitName::new("invoices").expect("a valid name");
    Target::all(unit, Scope::new("ocr").expect("a valid name"))
}

const FAST: Pace = Pace { keys_per_second_max: None, in_flight_max: None };
const SLOW: Pace = Pace { keys_per_second_max: Some(10), in_flight_max: Some(100) };

fn start() -> Command {
    Command::Start(Start::over(target(), FAST))
}

fn started() -> Event {
    Event::Started(Started { target: target(), pace: FAST, canary: None, pinned: None })
}

fn advance(from: Option<&str>, to: &str) -> Command {
    Command::Advance { from: from.map(key), to: key(to), keys: 3, asked: 2 }
}

fn advanced(to: &str) -> Event {
    Event::Advanced(Advanced { cursor: key(to), keys: 3, asked: 2 })
}

/// One command of each kind but `Start`.
fn commands_to_a_campaign_under_way() -> Vec<Command> {
    vec![
        advance(None, "k"),
        Command::Exhaust,
        Command::SetPace(SLOW),
        Command::Pause,
        Command::Resume,
        Command::Cancel,
        Command::Complete,
        Command::ReportListingFailure { problem: "the folder is gone".to_owned() },
        Command::CountTargets { keys: 9 },
        Command::JudgeCanary(Tally::default()),
    ]
}

#[test]
fn a_campaign_starts_once() {
    check(&[], &start(), Ok(vec![started()]));
    for history in [vec![started()], vec![started(), Event::Cancelled], vec![started(), Event::Completed]] {
        check(&history, &start(), Err(Refusal::AlreadyExists));
    }
}

#[test]
fn nothing_can_be_asked_of_a_campaign_that_was_never_started() {
    for command in commands_to_a_campaign_under_way() {
        check(&[], &command, Err(Refusal::DoesNotExist));
    }
}

#[test]
fn a_chunk_counts_only_from_where_the_cursor_stands() {
    check(&[started()], &advance(None, "f"), Ok(vec![advanced("f")]));
    check(&[started(), advanced("f")], &advance(Some("f"), "m"), Ok(vec![advanced("m")]));
    check(&[started(), advanced("f")], &advance(None, "f"), Err(Refusal::CursorMoved));
    check(&[started(), advanced("m")], &advance(Some("f"), "m"), Err(Refusal::CursorMoved));
}

#[test]
fn a_campaign_is_complete_only_after_its_last_key() {
    check(&[started()], &Command::Complete, Err(Refusal::NotExhausted));
    check(&[started()], &Command::Exhaust, Ok(vec![Event::Exhausted]));
    check(&[started(), Event::Exhausted], &Command::Exhaust, Ok(vec![]));
    check(&[started(), Event::Exhausted], &Command::Complete, Ok(vec![Event::Completed]));
}

#[test]
fn a_listing_that_fails_is_reported_once_until_it_goes_on() {
    let report = Command::ReportListingFailure { problem: "the folder is gone".to_owned() };
    let failed = Event::ListingFailed(ListingFailed { problem: "the folder is gone".to_owned() });
    check(&[started()], &report, Ok(vec![failed.clone()]));
    check(&[started(), failed.clone()], &report, Ok(vec![]));
    check(&[started(), failed.clone(), advanced("f")], &report, Ok(vec![failed.clone()]));
    let problem = |history: &[Event]| given(history).progress().expect("under way").problem.clone();
    assert_eq!(problem(&[started(), failed.clone()]).as_deref(), Some("the folder is gone"));
    assert_eq!(problem(&[started(), failed, Event::Exhausted]), None);
}

#[test]
fn a_pause_lasts_until_the_resume() {
    check(&[started()], &Command::Pause, Ok(vec![Event::Paused]));
    check(&[started(), Event::Paused], &Command::Pause, Ok(vec![]));
    check(&[started(), Event::Paused], &Command::Resume, Ok(vec![Event::Resumed]));
    check(&[started()], &Command::Resume, Ok(vec![]));
    let progress = |history: &[Event]| given(history).progress().expect("under way").paused;
    assert!(progress(&[started(), Event::Paused]));
    assert!(!progress(&[started(), Event::Paused, Event::Resumed]));
}

#[test]
fn a_chunk_under_way_when_the_pause_came_still_counts() {
    check(&[started(), Event::Paused], &advance(None, "f"), Ok(vec![advanced("f")]));
}

#[test]
fn a_pace_of_zero_is_no_pace() {
    check(&[started()], &Command::SetPace(SLOW), Ok(vec![Event::PaceSet(SLOW)]));
    check(&[started()], &Command::SetPace(FAST), Ok(vec![]));
    let zeros = [
        (Pace { keys_per_second_max: Some(0), ..FAST }, "keys_per_second_max"),
        (Pace { in_flight_max: Some(0), ..FAST }, "in_flight_max"),
    ];
    for (pace, name) in zeros {
        check(&[started()], &Command::SetPace(pace), Err(Refusal::PaceZero { name }));
        check(&[], &Command::Start(Start::over(target(), pace)), Err(Refusal::PaceZero { name }));
    }
}

#[test]
fn a_campaign_that_is_over_accepts_nothing() {
    let ends = [
        (Event::Cancelled, "cancelled", Command::Cancel),
        (Event::Completed, "completed", Command::Complete),
    ];
    for (end, state, same_again) in ends {
        for command in commands_to_a_campaign_under_way() {
            let expected = if command == same_again { Ok(vec![]) } else { Err(Refusal::Over { state }) };
            check(&[started(), end.clone()], &command, expected);
        }
    }
}

#[test]
fn nothing_folds_onto_a_campaign_that_is_over() {
    let over = given(&[started(), Event::Cancelled]);
    assert_eq!(over.evolve(&Event::Paused, LATER), Err(Impossible { state: "cancelled", event: "paused" }));
}

fn command() -> impl Strategy<Value = Command> {
    let place = || prop::option::of("[a-d]");
    prop_oneof![
        1 => Just(start()),
        6 => (place(), "[a-d]").prop_map(|(from, to)| advance(from.as_deref(), &to)),
        1 => Just(Command::Exhaust),
        1 => Just(Command::SetPace(SLOW)),
        1 => Just(Command::Pause),
        1 => Just(Command::Resume),
        1 => Just(Command::Complete),
        1 => Just(Command::CountTargets { keys: 7 }),
        1 => Just(Command::JudgeCanary(Tally::default())),
    ]
}

proptest! {
    #[test]
    fn the_cursor_moves_only_as_given_and_only_from_where_it_stands(
        commands in prop::collection::vec(command(), 1..80)
    ) {
        let mut campaign = given(&[started()]);
        for command in commands {
            let before = campaign.progress().cloned();
            let events = campaign.decide(&command).unwrap_or_default();
            let accepted = !events.is_empty();
            for event in &events {
                campaign = campaign.evolve(event, LATER).expect("what was decided folds");
            }
            let (Some(before), Some(after)) = (before, campaign.progress()) else { continue };
            if let (Command::Advance { from, to, .. }, true) = (command, accepted) {
                prop_assert_eq!((from, Some(to)), (before.cursor, after.cursor.clone()));
            } else {
                prop_assert_eq!(&before.cursor, &after.cursor);
            }
            prop_assert!(!before.exhausted || after.exhausted);
        }
    }
}
