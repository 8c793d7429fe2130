//! What an append to the log takes, flushed, with one event at once, 64, and 4,096. `cargo bench -p store-sqlite`.
//!
//! Beside what the disk can do by itself it is measured by `reprise bench append`.

use std::cell::Cell;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use domain::digest::Digest;
use domain::event::{Event, Metadata};
use domain::names::{Actor, CommandId, Key, OrganizationId, Scope, StorageUnitName};
use domain::ports::{Append, EventStore as _, NewEvent};
use domain::record::{self, ScopeWritten, Stored};
use domain::stream::{ExpectedVersion, RecordId, Subject};
use domain::time::Timestamp;
use store_sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

/// How often an append is measured: each is flushed, and a disk is slow.
const SAMPLES: u32 = 30;

fn main() {
    divan::main();
}

/// The first event of a stream of its own.
fn append(number: u64) -> Append {
    let unit = StorageUnitName::new("bench").expect("a short name");
    let key = Key::new(format!("folder/{number:08}.txt")).expect("a short name");
    let id = CommandId(Uuid::from_u128(u128::from(number)));
    let scope = Scope::new("content").expect("a short name");
    let stored = Stored { digest: Digest([5; 32]), size_bytes: 1_000 };
    let written = ScopeWritten { scope, stored, version: 1, overwrote: false };
    Append {
        stream: Subject::Record(RecordId { unit, key }).stream(),
        expected: ExpectedVersion::NoStream,
        events: vec![NewEvent {
            id: id.event_id(0),
            event: Event::Record(record::Event::ScopeWritten(written)),
        }],
        metadata: Arc::new(Metadata {
            recorded_at: Timestamp::from_micros(1_767_225_600_000_000),
            command_id: id,
            idempotency_key: None,
            command: None,
            actor: Actor::system(),
            reason: None,
            causation_id: None,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        }),
    }
}

/// So many events to as many streams, with one flush.
#[divan::bench(args = [1, 64, 4_096], sample_count = SAMPLES, sample_size = 1)]
fn append_many(bencher: Bencher<'_, '_>, events: u64) {
    let folder = tempfile::tempdir().expect("a folder for files that go away");
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("an empty folder");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("this thread can wait");
    let next = Cell::new(0);
    bencher
        .counter(ItemsCount::new(events))
        .with_inputs(|| -> Arc<[Append]> {
            let first = next.replace(next.get() + events);
            (first..first + events).map(append).collect()
        })
        .bench_local_values(|batch| {
            let results = runtime.block_on(store.append_many(batch));
            assert!(results.iter().all(Result::is_ok), "the store takes every append");
        });
}
