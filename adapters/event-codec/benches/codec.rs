//! What it takes to turn an event with its metadata into a row of the log, and a row into an event.
//! `cargo bench -p event-codec`.

use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::{Event, Metadata};
use domain::key_scope;
use domain::names::{Actor, CommandId, Key, ModuleName, OrganizationId, Scope, StorageUnitName, WorkerId};
use domain::ports::{Append, NewEvent};
use domain::stream::{ExpectedVersion, KeyScopeId, Position, Version};
use domain::time::{Millis, Timestamp};
use domain::work::{self, Output, Priority, Token};
use event_codec::{EncodedEvent, StoredEvent, encode_append};
use uuid::Uuid;

/// When everything happens, in microseconds.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// The commands whose events are encoded.
const STEPS: [&str; 4] = ["queue", "claim", "start", "complete"];

fn main() {
    divan::main();
}

/// The append of one step of a piece of work, with its command in the metadata.
fn append(name: &str) -> Append {
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
    let (mut state, mut found) = (key_scope::KeyScope::default(), None);
    for ((version, step), command) in (0..).zip(STEPS).zip(commands) {
        let asked = key_scope::Command::Work(command.clone());
        let mut events = state.decide(&asked, NOW).expect("each step is allowed after the one before");
        let event = events.pop().expect("each step records one event");
        state = state.evolve(&event, Version(version)).expect("what was decided folds");
        if step == name {
            found = Some((command, event));
        }
    }
    let (command, event) = found.expect("each argument is a step");
    let command_id = CommandId(Uuid::from_u128(0x0199_7a3e_52bb_7cc3_8d0f_7f2b_1c6f_0a11));
    let command = Command::work(id.clone(), command);
    Append {
        stream: id.subject().stream(),
        expected: ExpectedVersion::NoStream,
        events: vec![NewEvent { id: command_id.event_id(0), event: Event::KeyScope(event) }],
        metadata: Arc::new(Metadata {
            recorded_at: NOW,
            command_id,
            idempotency_key: None,
            command: Some(command.record().expect("such a command can be recorded")),
            actor: Actor::new("bench/1").expect("a short name"),
            reason: None,
            causation_id: None,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        }),
    }
}

fn encoded(append: &Append) -> EncodedEvent {
    let mut rows = encode_append(append).expect("a small event is taken");
    rows.pop().expect("one event is one row")
}

/// An event with its metadata, as bytes.
#[divan::bench(args = STEPS)]
fn encode(bencher: Bencher<'_, '_>, name: &str) {
    let append = append(name);
    let EncodedEvent { encoded, metadata, .. } = encoded(&append);
    let bytes = encoded.payload.len() + metadata.len();
    bencher
        .counter(ItemsCount::new(1_usize))
        .counter(BytesCount::new(bytes))
        .bench_local(|| encode_append(black_box(&append)));
}

/// The same bytes, as an event.
#[divan::bench(args = STEPS)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let append = append(name);
    let EncodedEvent { id, encoded, metadata } = encoded(&append);
    let stored = StoredEvent {
        position: Position::row(1),
        stream: append.stream.as_str(),
        version: Version(0),
        id,
        type_name: encoded.type_name,
        schema: encoded.schema,
        payload: &encoded.payload,
        metadata: &metadata,
    };
    bencher
        .counter(ItemsCount::new(1_usize))
        .counter(BytesCount::new(encoded.payload.len() + metadata.len()))
        .bench_local(|| black_box(&stored).decode());
}
