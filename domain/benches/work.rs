//! What deciding a command takes, and folding an event: the four steps of a piece of work, by the aggregate that every
//! surface goes through. `cargo bench -p domain`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use domain::aggregate::Aggregate;
use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::Event;
use domain::names::{Key, ModuleName, Scope, StorageUnitName, WorkerId};
use domain::stream::{KeyScopeId, Version};
use domain::time::{Millis, Timestamp};
use domain::work::{self, Output, Priority, Token};

/// When everything happens, in microseconds.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// The steps by name.
const STEPS: [&str; 4] = ["queue", "claim", "start", "complete"];

fn main() {
    divan::main();
}

/// A command, the state that it finds, and what it records.
struct Step {
    before: Aggregate,
    command: Command,
    event: Event,
}

/// The life of one piece of work.
fn steps() -> Vec<Step> {
    let id = KeyScopeId {
        unit: StorageUnitName::new("bench").expect("a short name"),
        scope: Scope::new("content").expect("a short name"),
        key: Key::new("0000/0000000.txt").expect("a short name"),
    };
    let token = Token(Version(1));
    let output = Output {
        module: ModuleName::new("bench").expect("a short name"),
        digest: Digest([5; 32]),
        size_bytes: 1,
        scope: None,
    };
    let worker = WorkerId::new("bench/1").expect("a short name");
    let commands = [
        work::Command::Queue { campaign: None, priority: Priority::default() },
        work::Command::Claim { worker, lease_ms: Millis::from_secs(60) },
        work::Command::Start { token },
        work::Command::Complete { token, outputs: vec![output], digest: Digest([7; 32]) },
    ];
    let mut state = Aggregate::initial(&id.subject());
    let step = |(version, command)| {
        let command = Command::work(id.clone(), command);
        let mut events = state.decide(&command, NOW).expect("each step is allowed after the one before");
        let event = events.pop().expect("each step records one event");
        let before = state.clone();
        state = before.clone().evolve(&event, Version(version)).expect("what was decided folds");
        Step { before, command, event }
    };
    (0..).zip(commands).map(step).collect()
}

/// Deciding one command.
#[divan::bench(args = STEPS)]
fn decide(bencher: Bencher<'_, '_>, name: &str) {
    let steps = steps();
    let step = STEPS.iter().zip(&steps).find_map(|(known, step)| (*known == name).then_some(step));
    let Step { before, command, .. } = step.expect("each argument is a step");
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| black_box(before).decide(black_box(command), NOW).map(|events| events.len()));
}

/// Folding the four events of one stream.
#[divan::bench]
fn fold(bencher: Bencher<'_, '_>) {
    let steps = steps();
    let initial = steps.first().map(|step| step.before.clone()).expect("there are steps");
    bencher.counter(ItemsCount::new(steps.len())).with_inputs(|| initial.clone()).bench_local_values(
        |mut state| {
            for (version, step) in (0..).zip(&steps) {
                state =
                    state.evolve(black_box(&step.event), Version(version)).expect("what was decided folds");
            }
            state
        },
    );
}
