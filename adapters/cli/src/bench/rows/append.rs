//! The store by itself beside the disk by itself: the same bytes appended and flushed, one event at once, 64, and 4,096,
//! in turns.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ports::{Append, EventStore as _};
use store_sqlite::{SqliteOptions, SqliteStore};

use crate::bench::appends::{EVENTS_PER_STREAM, append};
use crate::bench::figure::Figure;
use crate::bench::quantiles::median;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How often store and disk take turns.
const TURNS: u32 = 3;
/// No more is appended in one turn, so that the disk does not fill, in events.
const TURN_EVENTS_MAX: u64 = 400_000;
/// How many events a turn appends at once, what its two figures are called, and which part of the raw one the project
/// promises.
const BATCHES: [(u64, [&str; 2], &str, f64); 3] = [
    (1, ["raw_1", "store_1"], "append.raw_1", 0.8),
    (64, ["raw_64", "store_64"], "append.raw_64", 0.4),
    (4_096, ["raw_4096", "store_4096"], "append.raw_4096", 0.12),
];

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let folder = bench.place.folder("data")?;
    let store = SqliteStore::open(&folder, SqliteOptions::default());
    let store = store.map_err(|error| failed("open a log", &error))?;
    let raw = bench.place.path().join("flushed");
    let raw = File::create(raw).map_err(|error| failed("measure the disk", &error))?;
    let (mut figures, mut next) = (Vec::new(), 0);
    for (events, [raw_name, store_name], against, least) in BATCHES {
        let (mut flushed, mut appended) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let turn = bench.scale.probe() / TURNS;
            flushed.push(disk(&raw, events, turn).await?);
            appended.push(log(&store, &mut next, events, turn).await?);
        }
        figures.push(Figure::new(raw_name, median(flushed), "events/s"));
        let store = Figure::new(store_name, median(appended), "events/s");
        figures.push(store.at_least_part(least, against));
    }
    Ok(figures)
}

/// The events of one append each, to streams that have four at the end.
fn batch(next: &mut u64, events: u64) -> Result<Arc<[Append]>, CliError> {
    let numbers = *next..*next + events;
    *next = numbers.end;
    // As many streams as a batch has events, so that a batch has one event of each.
    let place = |number: u64| {
        let (round, stream) = (number / events, number % events);
        (round / EVENTS_PER_STREAM * events + stream, round % EVENTS_PER_STREAM)
    };
    numbers.map(|number| append(place(number).0, place(number).1)).collect()
}

/// How many events per second the store makes durable; making them up does not count.
async fn log(store: &SqliteStore, next: &mut u64, events: u64, turn: Duration) -> Result<f64, CliError> {
    // Streams that no other size of batch has touched.
    *next = next.next_multiple_of(4_096 * EVENTS_PER_STREAM);
    let (mut took, mut count) = (Duration::ZERO, 0);
    while took < turn && count < TURN_EVENTS_MAX {
        let batch = batch(next, events)?;
        let begun = Instant::now();
        let appended = store.append_many(batch).await;
        took += begun.elapsed();
        for appended in appended {
            appended.map_err(|error| failed("write a log", &error))?;
        }
        count += events;
    }
    Ok(count as f64 / took.as_secs_f64())
}

/// How many events per second become durable when their bytes are written to a file and flushed.
async fn disk(file: &File, events: u64, turn: Duration) -> Result<f64, CliError> {
    let mut bytes = Vec::new();
    for append in batch(&mut 0, events)?.iter() {
        let rows = event_codec::encode_append(append).map_err(|error| failed("encode an event", &error))?;
        for row in rows {
            bytes.extend_from_slice(row.id.0.as_bytes());
            bytes.extend_from_slice(append.stream.as_str().as_bytes());
            bytes.extend_from_slice(row.encoded.type_name.as_bytes());
            bytes.extend_from_slice(&row.encoded.payload);
            bytes.extend_from_slice(&row.metadata);
        }
    }
    let mut file = file.try_clone().map_err(|error| failed("measure the disk", &error))?;
    let measured = tokio::task::spawn_blocking(move || -> std::io::Result<f64> {
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < turn && count < TURN_EVENTS_MAX {
            file.write_all(&bytes)?;
            file.sync_data()?;
            count += events;
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    });
    let measured = measured.await.map_err(|error| failed("measure the disk", &error))?;
    measured.map_err(|error| failed("measure the disk", &error))
}
