//! Campaigns whose keys are pinned before they begin.

use uuid::Uuid;

use super::*;
use crate::filter::Filter;
use crate::work::Status;

const DIGEST: Digest = Digest([7; 32]);
const START: CommandId = CommandId(Uuid::from_u128(1));
const OTHER: CommandId = CommandId(Uuid::from_u128(2));

fn chosen() -> Target {
    let Target::Keys(KeyTarget { unit, scope, .. }) = target() else {
        panic!("the usual target is a unit's keys")
    };
    Target::matching(unit, scope, Filter { status: Some(Status::Failed), ..Filter::default() })
}

fn keys(names: &[&str]) -> Vec<Key> {
    names.iter().map(|name| key(name)).collect()
}

fn pin(from: u64, names: &[&str], digest: Option<Digest>) -> Command {
    Command::PinTargets(PinTargets { start: START, target: chosen(), from, keys: keys(names), digest })
}

fn pinned(names: &[&str], digest: Option<Digest>) -> Event {
    Event::TargetsPinned(TargetsPinned { start: START, target: chosen(), keys: keys(names), digest })
}

fn start_chosen(expect: Option<Digest>) -> Command {
    Command::Start(Start { expect, ..Start::over(chosen(), FAST) })
}

fn started_over(keys: u64) -> Event {
    let pinned = Some(Pinned { keys, digest: DIGEST });
    Event::Started(Started { target: chosen(), pace: FAST, canary: None, pinned })
}

#[test]
fn a_campaign_with_a_filter_begins_once_all_its_keys_are_pinned() {
    check(&[], &start_chosen(None), Err(Refusal::NotPinned));
    check(&[], &pin(0, &["a", "b"], None), Ok(vec![pinned(&["a", "b"], None)]));
    let part = [pinned(&["a", "b"], None)];
    check(&part, &start_chosen(None), Err(Refusal::StillPinning));
    check(&part, &pin(2, &["c"], Some(DIGEST)), Ok(vec![pinned(&["c"], Some(DIGEST))]));
    let all = [pinned(&["a", "b"], None), pinned(&["c"], Some(DIGEST))];
    check(&all, &start_chosen(None), Ok(vec![started_over(3)]));
    let begun = given(&[&all[..], &[started_over(3)]].concat());
    let progress = begun.progress().expect("under way");
    assert_eq!((progress.pinned_at, progress.total), (Some(Version(0)), Some(3)));
}

#[test]
fn a_filter_that_nothing_matches_is_pinned_too() {
    let none = [pinned(&[], Some(DIGEST))];
    check(&[], &pin(0, &[], Some(DIGEST)), Ok(none.to_vec()));
    check(&none, &start_chosen(None), Ok(vec![started_over(0)]));
}

#[test]
fn keys_of_two_starts_are_never_mixed() {
    let part = [pinned(&["a"], None)];
    for from in [0, 2] {
        check(&part, &pin(from, &["b"], None), Err(Refusal::PinsMoved));
    }
    let other = PinTargets { start: OTHER, target: chosen(), from: 1, keys: keys(&["b"]), digest: None };
    check(&part, &Command::PinTargets(other), Err(Refusal::StillPinning));
    let all = [pinned(&["a"], Some(DIGEST))];
    check(&all, &pin(1, &["b"], None), Err(Refusal::StillPinning));
    // Somebody else's campaign does not begin with these keys.
    check(&all, &start(), Err(Refusal::StillPinning));
    let elsewhere = Start { expect: Some(DIGEST), ..Start::over(target(), FAST) };
    check(&all, &Command::Start(elsewhere), Err(Refusal::StillPinning));
}

#[test]
fn a_campaign_over_other_keys_than_expected_does_not_begin() {
    let all = [pinned(&["a"], Some(DIGEST))];
    check(&all, &start_chosen(Some(DIGEST)), Ok(vec![started_over(1)]));
    let expected = Digest([8; 32]);
    let changed = Refusal::TargetsChanged { expected, found: DIGEST, keys: 1 };
    check(&all, &start_chosen(Some(expected)), Err(changed));
    let every = Start { expect: Some(DIGEST), ..Start::over(target(), FAST) };
    check(&[], &Command::Start(every), Err(Refusal::NotPinned));
}

#[test]
fn what_was_pinned_for_nothing_can_be_pinned_again() {
    let part = [pinned(&["a"], None)];
    check(&part, &Command::AbandonTargets, Ok(vec![Event::TargetsAbandoned]));
    check(&[], &Command::AbandonTargets, Ok(vec![]));
    let abandoned = [pinned(&["a"], None), Event::TargetsAbandoned];
    check(&abandoned, &Command::AbandonTargets, Ok(vec![]));
    check(&abandoned, &Command::Pause, Err(Refusal::DoesNotExist));
    check(&abandoned, &start(), Ok(vec![started()]));
    check(&abandoned, &pin(0, &["b"], Some(DIGEST)), Ok(vec![pinned(&["b"], Some(DIGEST))]));
    let again = [&abandoned[..], &[pinned(&["b"], Some(DIGEST)), started_over(1)]].concat();
    assert_eq!(given(&again).progress().expect("under way").pinned_at, Some(Version(2)));
    // One that has begun keeps its keys.
    check(&[pinned(&["a"], Some(DIGEST)), started_over(1)], &Command::AbandonTargets, Ok(vec![]));
}

#[test]
fn nothing_can_be_asked_of_a_campaign_that_has_not_begun() {
    for command in commands_to_a_campaign_under_way() {
        check(&[pinned(&["a"], None)], &command, Err(Refusal::StillPinning));
    }
    let impossible = Impossible { state: "absent", event: "started" };
    assert_eq!(Campaign::Absent.evolve(&started_over(1), LATER), Err(impossible));
}
