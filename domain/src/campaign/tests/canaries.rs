//! Canaries: when they are judged, and what follows.

use super::*;

fn share(share: f64) -> Option<Share> {
    Some(Share::new(share).expect("a share"))
}

fn canary(size: CanarySize, then: Then) -> Canary {
    let stop_when = StopWhen { failed_share_max: share(0.1), changed_share_max: share(0.5) };
    Canary { size, stop_when, then }
}

fn started_with(canary: Canary) -> Event {
    Event::Started(Started { target: target(), pace: FAST, canary: Some(canary), pinned: None })
}

/// A campaign whose canary of so many keys is asked for.
fn asked_for(asked: u32, then: Then) -> Vec<Event> {
    let advanced = Advanced { cursor: key("f"), keys: asked + 1, asked };
    vec![started_with(canary(CanarySize::Keys(asked), then)), Event::Advanced(advanced)]
}

fn tally(finished: u64, failed: u64, same: u64, changed: u64) -> Tally {
    Tally { asked: finished + failed, finished, failed, withdrawn: 0, same, changed }
}

fn passed(tally: Tally, then: Then) -> Event {
    Event::CanaryPassed(CanaryPassed { tally, then })
}

fn stopped(tally: Tally) -> Event {
    let share_max = Share::new(0.1).expect("a share");
    let broken = Broken::FailedShare { failed: tally.failed, of: tally.finished + tally.failed, share_max };
    Event::CanaryStopped(CanaryStopped { tally, broken })
}

fn stage(history: &[Event]) -> Stage {
    given(history).progress().expect("under way").stage
}

fn with(history: &[Event], event: Event) -> Vec<Event> {
    [history, &[event]].concat()
}

#[test]
fn a_canary_has_a_size() {
    let starting = |size| {
        let start = Start { canary: Some(canary(size, Then::Wait)), ..Start::over(target(), FAST) };
        given(&[]).decide(&Command::Start(start)).map(|events| events.len())
    };
    for size in [CanarySize::Keys(0), CanarySize::Percent(0), CanarySize::Percent(101)] {
        assert_eq!(starting(size), Err(Refusal::CanarySize), "{size:?}");
    }
    for size in [CanarySize::Keys(1), CanarySize::Percent(1), CanarySize::Percent(100)] {
        assert_eq!(starting(size), Ok(1), "{size:?}");
    }
}

#[test]
fn a_canary_is_judged_once_its_keys_are_asked_for_and_settled() {
    let judge = |tally| Command::JudgeCanary(tally);
    let begun = [started_with(canary(CanarySize::Keys(10), Then::Continue))];
    check(&begun, &judge(tally(9, 0, 9, 0)), Err(Refusal::CanaryNotSettled));
    let asked = asked_for(10, Then::Continue);
    let open = Tally { asked: 10, ..tally(9, 0, 9, 0) };
    check(&asked, &judge(open), Err(Refusal::CanaryNotSettled));
    // A tally that does not show every key yet is not believed.
    check(&asked, &judge(tally(9, 0, 9, 0)), Err(Refusal::CanaryNotSettled));
    let settled = tally(10, 0, 10, 0);
    check(&asked, &judge(settled), Ok(vec![passed(settled, Then::Continue)]));
    let after = with(&asked, passed(settled, Then::Continue));
    assert_eq!(stage(&after), Stage::Whole);
    check(&after, &judge(settled), Ok(vec![]));
    check(&[started()], &judge(settled), Ok(vec![]));
}

#[test]
fn a_canary_that_breaks_a_rule_stops_the_campaign_and_says_which() {
    let asked = asked_for(10, Then::Continue);
    let judge = |tally| given(&asked).decide(&Command::JudgeCanary(tally)).expect("it can be judged");
    let enough = tally(9, 1, 5, 4);
    assert_eq!(judge(enough), [passed(enough, Then::Continue)]);
    let failures = tally(8, 2, 8, 0);
    assert_eq!(judge(failures), [stopped(failures)]);
    let changes = tally(10, 0, 4, 5);
    let Event::CanaryStopped(CanaryStopped { broken, .. }) = &judge(changes)[0] else { panic!("it changed") };
    // The first result of a key has nothing to be compared with.
    let words = "5 of 9 produced something else, and at most a share of 0.5 may";
    assert_eq!(broken.to_string(), words);
    let first = tally(10, 0, 0, 0);
    assert_eq!(judge(first), [passed(first, Then::Continue)]);
}

#[test]
fn after_a_canary_that_waits_somebody_resumes() {
    let settled = tally(2, 0, 2, 0);
    let waiting = with(&asked_for(2, Then::Wait), passed(settled, Then::Wait));
    assert_eq!(stage(&waiting), Stage::Waiting);
    check(&waiting, &Command::Complete, Err(Refusal::NotExhausted));
    check(&waiting, &Command::Resume, Ok(vec![Event::Resumed]));
    assert_eq!(stage(&with(&waiting, Event::Resumed)), Stage::Whole);
    // A pause meanwhile is over with the same resume.
    let paused = with(&waiting, Event::Paused);
    check(&paused, &Command::Resume, Ok(vec![Event::Resumed]));
    assert!(!given(&with(&paused, Event::Resumed)).progress().expect("under way").paused);
}

#[test]
fn whoever_resumes_a_stopped_campaign_overrules_its_canary() {
    let failures = tally(0, 2, 0, 0);
    let halted = with(&asked_for(2, Then::Continue), stopped(failures));
    assert_eq!(stage(&halted), Stage::Stopped);
    check(&halted, &Command::Resume, Ok(vec![Event::CanaryOverruled]));
    assert_eq!(stage(&with(&halted, Event::CanaryOverruled)), Stage::Whole);
    let paused = with(&halted, Event::Paused);
    check(&paused, &Command::Resume, Ok(vec![Event::CanaryOverruled, Event::Resumed]));
    check(&halted, &Command::Cancel, Ok(vec![Event::Cancelled]));
}

#[test]
fn a_canary_that_is_everything_there_is_waits_for_nobody_but_can_stop() {
    let all = with(&asked_for(2, Then::Wait), Event::Exhausted);
    check(&all, &Command::Complete, Err(Refusal::CanaryUndecided));
    let settled = tally(2, 0, 2, 0);
    check(&all, &Command::JudgeCanary(settled), Ok(vec![passed(settled, Then::Continue)]));
    check(&with(&all, passed(settled, Then::Continue)), &Command::Complete, Ok(vec![Event::Completed]));
    let failures = tally(0, 2, 0, 0);
    check(&all, &Command::JudgeCanary(failures), Ok(vec![stopped(failures)]));
    check(&with(&all, stopped(failures)), &Command::Complete, Err(Refusal::CanaryUndecided));
}

#[test]
fn a_percentage_needs_to_know_of_how_many() {
    let begun = [started_with(canary(CanarySize::Percent(10), Then::Continue))];
    assert_eq!(given(&begun).progress().expect("under way").asked_max(), Err(NotCounted));
    let count = Command::CountTargets { keys: 21 };
    check(&begun, &count, Ok(vec![Event::TargetsCounted(TargetsCounted { keys: 21 })]));
    let counted = with(&begun, Event::TargetsCounted(TargetsCounted { keys: 21 }));
    check(&counted, &count, Ok(vec![]));
    assert_eq!(given(&counted).progress().expect("under way").asked_max(), Ok(Some(3)));
}

#[test]
fn a_share_is_a_number_from_0_to_1() {
    for wrong in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
        assert!(Share::new(wrong).is_err(), "{wrong}");
    }
    for right in [0.0, 0.05, 0.333_333, 1.0] {
        let share = Share::new(right).expect("a share");
        let json = serde_json::to_string(&share).expect("a number is JSON");
        assert_eq!(serde_json::from_str::<Share>(&json).expect("it reads back"), share, "{json}");
    }
}

proptest! {
    /// Whatever becomes of a canary, the campaign asks for no more than the canary until it has passed or somebody said so.
    #[test]
    fn nothing_beyond_the_canary_is_asked_for_before_it_has_passed(
        size in 1..20_u32, failed in 0..20_u64, changed in 0..20_u64
    ) {
        let asked = asked_for(size, Then::Continue);
        let campaign = given(&asked);
        prop_assert_eq!(campaign.progress().expect("under way").asked_max(), Ok(Some(u64::from(size))));
        let failed = failed.min(size.into());
        let finished = u64::from(size) - failed;
        let changed = changed.min(finished);
        let tally = tally(finished, failed, finished - changed, changed);
        let events = campaign.decide(&Command::JudgeCanary(tally)).expect("it has settled");
        let too_many = failed * 10 > u64::from(size) || changed * 2 > finished;
        let judged = given(&[asked, events].concat());
        let progress = judged.progress().expect("under way");
        prop_assert_eq!(progress.stage == Stage::Stopped, too_many);
        prop_assert_eq!(progress.asked_max() == Ok(None), !too_many);
    }
}
