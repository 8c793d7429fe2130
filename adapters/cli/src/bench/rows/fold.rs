//! Every aggregate folded from the log: decoded on every core, folded in the order of the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use domain::aggregate::Aggregate;
use domain::event::RecordedEvent;
use domain::key_scope::KeyScope;
use domain::ports::{EventFilter, EventStore as _};
use domain::stream::{Position, StreamId, Subject};
use foldhash::fast::RandomState;
use futures::StreamExt as _;
use store_sqlite::{SqliteOptions, SqliteStore};

use crate::bench::figure::Figure;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many positions are read at once.
const PAGE: u64 = 8_192;
/// The project's limit.
const EVENTS_PER_SECOND_MIN: f64 = 1_200_000.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let store = SqliteStore::open(&history.folder, SqliteOptions::default());
    let store = Arc::new(store.map_err(|error| failed("open a log", &error))?);
    let head = store.head().await.map_err(|error| failed("read a log", &error))?;
    // So many that there are always some to decode while one is folded.
    let reads = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let page = |after: u64| {
        let (store, end) = (Arc::clone(&store), Position::row(after + PAGE));
        async move {
            let read = store.read_all(Position::row(after), PAGE as usize, &EventFilter::default()).await;
            let mut read = read.map_err(|error| failed("read a log", &error))?;
            // Where positions have gaps, a page reaches into the next one.
            read.retain(|event| event.position <= end);
            Ok::<_, CliError>(read)
        }
    };
    let begun = Instant::now();
    let mut pages = futures::stream::iter((0..head.major).step_by(PAGE as usize).map(page)).buffered(reads);
    let (mut aggregates, mut events) = (HashMap::default(), 0);
    while let Some(page) = pages.next().await {
        for recorded in page? {
            fold(&mut aggregates, &recorded)?;
            events += 1;
        }
    }
    let rate = f64::from(events) / begun.elapsed().as_secs_f64();
    Ok(vec![
        Figure::new("events_per_second", rate, "events/s").at_least(EVENTS_PER_SECOND_MIN),
        Figure::new("aggregates", aggregates.len() as f64, "streams"),
        Figure::new("key_scope", size_of::<KeyScope>() as f64, "bytes"),
    ])
}

fn fold(
    aggregates: &mut HashMap<StreamId, Option<Aggregate>, RandomState>,
    recorded: &RecordedEvent,
) -> Result<(), CliError> {
    let wrong = |error: &dyn std::fmt::Display| failed(&format!("fold {}", recorded.stream), error);
    // Looked for by reference, so that a name is copied once for each stream.
    if let Some(slot) = aggregates.get_mut(&recorded.stream) {
        if let Some(aggregate) = slot.take() {
            let evolved = aggregate.evolve(&recorded.event, recorded.version);
            *slot = Some(evolved.map_err(|error| wrong(&error))?);
        }
        return Ok(());
    }
    let subject = Subject::try_from(&recorded.stream).map_err(|error| wrong(&error))?;
    let evolved = Aggregate::initial(&subject).evolve(&recorded.event, recorded.version);
    aggregates.insert(recorded.stream.clone(), Some(evolved.map_err(|error| wrong(&error))?));
    Ok(())
}
