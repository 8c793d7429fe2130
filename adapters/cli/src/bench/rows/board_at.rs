//! The board at random positions of a log: how long the first page of what was queued then takes, with everything counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::envelope::{Command, Envelope};
use domain::moment::Moment;
use domain::names::{Actor, CommandId, Key, Scope, StorageUnitName, WorkerId};
use domain::ports::{EventFilter, EventStore as _};
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{KeyScopeId, Position};
use domain::time::Millis;
use domain::work::{self, Priority, Token};
use futures::{StreamExt as _, TryStreamExt as _};
use projections::matching;
use projections::snapshots::Snapshots as _;
use projections::view::View as _;
use projections::views::KeyScopes;
use read_model::SqliteSnapshots;
use runtime::{Accepted, Engine, digest_of};
use store_sqlite::SqliteStore;

use crate::assemble;
use crate::bench::figure::Figure;
use crate::bench::place::bytes_in;
use crate::bench::quantiles::Quantiles;
use crate::bench::{Bench, failed};
use crate::config::Config;
use crate::exit::CliError;

/// How many events a key has in the log: queued, leased, begun, finished.
const EVENTS_PER_KEY: u64 = 4;
/// How many keys are worked on at once while the log is made.
const KEYS_AT_ONCE: usize = 2_048;
/// Of so many rounds of the scale, one position is asked for.
const ROUNDS_PER_POSITION: u32 = 10;
/// A log with fewer events than the usual ones gets at least so many snapshots,
const SNAPSHOTS_MIN: usize = 20;
/// unless there would be fewer events than this between them.
const SNAPSHOT_EVENTS_MIN: usize = 100;
/// How many rows the page has.
const PAGE_ROWS: usize = 100;
/// The project's limit for the median, in milliseconds.
const MEDIAN_MS_MAX: f64 = 200.0;
const UNIT: &str = "bench";

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let data_dir = bench.place.folder("board-at")?;
    let mut config = Config { data_dir: data_dir.clone(), ..Config::default() };
    let every = config.snapshots.every_events.min(bench.scale.keys as usize / SNAPSHOTS_MIN);
    // They are taken below, without the rests that a server makes.
    config.snapshots.every_events = 0;
    let store = assemble::open_store(&config)?.ok_or_else(|| failed("open its log", &"somebody has it"))?;
    let engine = assemble::start(&config, store.clone(), BTreeMap::new()).await?;
    make_log(&engine, bench.scale.keys / EVENTS_PER_KEY).await?;
    engine.shutdown().await;
    bench.say("the log is made; taking snapshots");
    let taking = Instant::now();
    let snapshot_events = take_snapshots(&store, &data_dir, every.max(SNAPSHOT_EVENTS_MIN)).await?;
    let snapshot_rate = snapshot_events as f64 / taking.elapsed().as_secs_f64();
    let engine = assemble::start(&config, store, BTreeMap::new()).await?;
    let head = engine.acknowledged();
    let mut took = Vec::new();
    for number in 0..bench.scale.rounds.div_ceil(ROUNDS_PER_POSITION) {
        took.push(ask(&engine, random(number.into(), head.major)).await?);
    }
    engine.shutdown().await;
    let took = Quantiles::new(took);
    let bytes = bytes_in(&data_dir.join("snapshots"))? as f64 / (1 << 20) as f64;
    Ok(vec![
        Figure::new("board_median", took.millis(50), "ms").at_most(MEDIAN_MS_MAX),
        Figure::new("board_p99", took.millis(99), "ms"),
        Figure::new("events", head.major as f64, "events"),
        Figure::new("snapshots", bytes, "MiB"),
        Figure::new("snapshot_rate", snapshot_rate, "events/s"),
    ])
}

async fn make_log(engine: &Engine, keys: u64) -> Result<(), CliError> {
    let unit = StorageUnitName::new(UNIT).map_err(|error| failed("name its unit", &error))?;
    let (modules, limits) = (ModuleTable::default(), Limits::default());
    let settings = Settings { content: Content::Managed, modules, queue_enabled: true, limits };
    let create = storage_unit::Command::Create(settings);
    send(engine, Command::StorageUnit(unit.clone(), create)).await?;
    let cycles = futures::stream::iter(0..keys).map(|number| cycle(engine, &unit, number));
    cycles.buffer_unordered(KEYS_AT_ONCE).try_collect::<()>().await
}

/// Everything that happens to one key.
async fn cycle(engine: &Engine, unit: &StorageUnitName, number: u64) -> Result<(), CliError> {
    let wrong = |error: &dyn std::fmt::Display| failed("name a key", error);
    let id = KeyScopeId {
        unit: unit.clone(),
        scope: Scope::new("content").map_err(|error| wrong(&error))?,
        key: Key::new(format!("{number:08}")).map_err(|error| wrong(&error))?,
    };
    let ask = |command| send(engine, Command::work(id.clone(), command));
    ask(work::Command::Queue { campaign: None, priority: Priority::Normal }).await?;
    let worker = WorkerId::new(UNIT).map_err(|error| wrong(&error))?;
    let claimed = ask(work::Command::Claim { worker, lease_ms: Millis(3_600_000) }).await?;
    let token = claimed.version.map(Token).ok_or_else(|| failed("go on", &"nothing was leased"))?;
    ask(work::Command::Start { token }).await?;
    let digest = digest_of(id.key.as_str().as_bytes());
    ask(work::Command::Complete { token, outputs: Vec::new(), digest }).await?;
    Ok(())
}

async fn send(engine: &Engine, command: Command) -> Result<Accepted, CliError> {
    let envelope = Envelope::new(CommandId(engine.fresh_id()), Actor::system(), command);
    engine.submit(envelope).await.map_err(|error| failed("make its log", &error))
}

/// Takes a snapshot after every so many events, and says how many events they cover.
async fn take_snapshots(store: &SqliteStore, folder: &Path, every: usize) -> Result<u64, CliError> {
    let snapshots = SqliteSnapshots::new(folder);
    let (mut after, mut covered) = (Position::START, 0);
    loop {
        let events = store.read_all(after, every, &EventFilter::default()).await;
        let events = events.map_err(|error| failed("read its log", &error))?;
        let Some(last) = events.last().filter(|_| events.len() == every) else { return Ok(covered) };
        (after, covered) = (last.position, covered + events.len() as u64);
        let taken = snapshots.take(events, usize::MAX).await;
        taken.map_err(|error| failed("take a snapshot", &error))?;
    }
}

/// Asks for a page and the counts as of a position that nobody has asked for.
async fn ask(engine: &Engine, position: Position) -> Result<Duration, CliError> {
    let wrong = |error: &dyn std::fmt::Display| failed("ask for the past", error);
    let begun = Instant::now();
    let then = engine.when(Moment::Position(position), None).await.map_err(|error| wrong(&error))?;
    let past = engine.at(then);
    let filter = domain::filter::Filter { status: Some(work::Status::Queued), ..Default::default() };
    let page = matching::list(past.read_model(), (None, None), &filter, (None, PAGE_ROWS)).await;
    page.map_err(|error| wrong(&error))?;
    past.read_model().counts(KeyScopes::NAME, "").await.map_err(|error| wrong(&error))?;
    Ok(begun.elapsed())
}

/// A position somewhere in the log: the same ones in every run.
fn random(number: u64, head: u64) -> Position {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    Position::row(1 + (mixed ^ (mixed >> 27)) % head.max(1))
}
