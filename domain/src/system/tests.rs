//! The system by example.

use proptest::prelude::*;

use super::*;

const WHY: &str = "the disk is being replaced";

fn given(history: &[Event]) -> System {
    history
        .iter()
        .fold(System::default(), |system, event| system.evolve(event).expect("the history is possible"))
}

/// Given a history, when a command arrives, then it ends so; and what it records folds.
#[expect(clippy::needless_pass_by_value, reason = "an example reads better without references")]
fn check(history: &[Event], command: Command, expected: Result<Vec<Event>, Refusal>) {
    let system = given(history);
    let outcome = system.decide(&command);
    assert_eq!(outcome, expected, "{command:?}");
    for event in outcome.into_iter().flatten() {
        system.clone().evolve(&event).expect("what was decided folds");
    }
}

fn pause(reason: &str) -> Command {
    Command::Pause { reason: reason.to_owned() }
}

fn paused(reason: &str) -> Event {
    Event::Paused(Paused { reason: reason.to_owned() })
}

#[test]
fn a_pause_says_why() {
    check(&[], pause(WHY), Ok(vec![paused(WHY)]));
    for blank in ["", "  ", "\n\t"] {
        check(&[], pause(blank), Err(Refusal::ReasonMissing));
    }
    let longest = "x".repeat(REASON_BYTES_MAX);
    check(&[], pause(&longest), Ok(vec![paused(&longest)]));
    let bytes = REASON_BYTES_MAX + 1;
    check(&[], pause(&"x".repeat(bytes)), Err(Refusal::ReasonTooLong { bytes }));
}

#[test]
fn a_pause_that_comes_again_changes_nothing() {
    check(&[paused(WHY)], pause(WHY), Ok(vec![]));
}

#[test]
fn the_reason_of_a_pause_is_not_replaced_silently() {
    let refusal = Refusal::AlreadyPaused { reason: WHY.to_owned() };
    check(&[paused(WHY)], pause("lunch"), Err(refusal));
}

#[test]
fn a_resume_ends_a_pause_and_otherwise_does_nothing() {
    check(&[paused(WHY)], Command::Resume, Ok(vec![Event::Resumed]));
    check(&[], Command::Resume, Ok(vec![]));
    check(&[paused(WHY), Event::Resumed], Command::Resume, Ok(vec![]));
    check(&[paused(WHY), Event::Resumed], pause("lunch"), Ok(vec![paused("lunch")]));
}

#[test]
fn no_lease_is_permitted_while_it_is_paused() {
    assert_eq!(given(&[]).permit_dispatch(), Ok(()));
    let refusal = Refusal::DispatchingPaused { reason: WHY.to_owned() };
    assert_eq!(given(&[paused(WHY)]).permit_dispatch(), Err(refusal));
    assert_eq!(given(&[paused(WHY), Event::Resumed]).permit_dispatch(), Ok(()));
    assert_eq!(given(&[paused(WHY)]).pause_reason(), Some(WHY));
    assert_eq!(given(&[]).pause_reason(), None);
}

/// The whole of it as one reviewed table: what each command records in each state, and where each event leads.
const REVIEWED: &str = "\
dispatching | pause                    | paused
dispatching | pause, no reason         | refused: ReasonMissing
dispatching | resume                   | nothing
dispatching + paused                   | paused
dispatching + resumed                  | impossible
paused      | pause                    | nothing
paused      | pause, another reason    | refused: AlreadyPaused
paused      | pause, no reason         | refused: AlreadyPaused
paused      | resume                   | resumed
paused      + paused                   | impossible
paused      + resumed                  | dispatching
";

#[test]
fn the_system_is_the_reviewed_table() {
    let states = [("dispatching", vec![]), ("paused", vec![paused(WHY)])];
    let mut table = String::new();
    let mut row = |state: &str, mark: char, name: &str, ends: String| {
        let left = format!("{state:<11} {mark} {name}");
        table.push_str(&format!("{left:<38} | {ends}\n"));
    };
    for (state, history) in states {
        let system = given(&history);
        let mut commands =
            vec![("pause", pause(WHY)), ("pause, no reason", pause(" ")), ("resume", Command::Resume)];
        if state == "paused" {
            commands.insert(1, ("pause, another reason", pause("lunch")));
        }
        for (name, command) in commands {
            row(
                state,
                '|',
                name,
                match system.decide(&command) {
                    Ok(events) if events.is_empty() => "nothing".to_owned(),
                    Ok(events) => events.iter().map(Event::name).collect(),
                    Err(refusal) => {
                        let debug = format!("{refusal:?}");
                        let variant = debug.split([' ', '{']).next().expect("a name");
                        format!("refused: {variant}")
                    }
                },
            );
        }
        for event in [paused(WHY), Event::Resumed] {
            let after = system.clone().evolve(&event);
            row(state, '+', event.name(), after.map_or("impossible", |after| after.name()).to_owned());
        }
    }
    assert_eq!(
        table, REVIEWED,
        "if the change is meant, put it into REVIEWED and have it reviewed:\n{table}"
    );
}

proptest! {
    #[test]
    fn whatever_is_decided_folds(choices in prop::collection::vec((any::<bool>(), ".{0,3}"), 0..30)) {
        let mut system = System::default();
        for (pauses, reason) in choices {
            let command = if pauses { Command::Pause { reason } } else { Command::Resume };
            for event in system.decide(&command).unwrap_or_default() {
                system = system.evolve(&event).expect("what was decided folds");
            }
            if !pauses {
                prop_assert_eq!(system.pause_reason(), None);
            }
        }
    }
}
