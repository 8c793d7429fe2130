//! A log taken elsewhere, brought back, and verified: events per second, and bytes per second beside what the disk itself can read.
//!
//! The log is made by the store itself, in groups: streams of four events each, each with its command, as a cycle of work
//! has them. This program's own commands are run over it, as a person would run them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use domain::ports::{Append, EventStore as _, LogArchive as _};
use domain::stream::Position;
use rustix::fs::{Advice, fadvise};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokio::process::Command;

use crate::bench::appends::{EVENTS_PER_STREAM, append};
use crate::bench::figure::Figure;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// How many appends are made at once.
const APPENDS: u64 = 1_024;
/// How much is read at once where the disk is measured, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

pub(super) async fn measure_export(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (data, events) = log(bench).await?;
    let mut figures = Vec::new();
    for (name, file) in [("events_per_second", "log.ndjson"), ("events_per_second_zstd", "log.zst")] {
        let took = run(&data, &["export", "--output", text(&bench.place.path().join(file))?]).await?;
        figures.push(Figure::new(name, events as f64 / took, "events/s"));
    }
    for (name, file) in [("bytes_per_event", "log.ndjson"), ("bytes_per_event_zstd", "log.zst")] {
        let length = std::fs::metadata(bench.place.path().join(file));
        let length = length.map_err(|error| failed("look at an export", &error))?.len();
        figures.push(Figure::new(name, length as f64 / events as f64, "bytes"));
    }
    Ok(figures)
}

pub(super) async fn measure_import(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (data, events) = log(bench).await?;
    let file = bench.place.path().join("log.ndjson");
    run(&data, &["export", "--output", text(&file)?]).await?;
    let took = run(&bench.place.path().join("imported"), &["import", text(&file)?]).await?;
    Ok(vec![Figure::new("events_per_second", events as f64 / took, "events/s")])
}

pub(super) async fn measure_verify_log(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (data, events) = log(bench).await?;
    let file = data.join("events.db");
    forget(&file)?;
    let (bytes, disk) = read(&file)?;
    forget(&file)?;
    let took = run(&data, &["verify-log"]).await?;
    let rate = |took: f64| bytes as f64 / took / 1e6;
    Ok(vec![
        Figure::new("disk", rate(disk), "MB/s"),
        Figure::new("verified", rate(took), "MB/s").against("verify-log.disk"),
        Figure::new("events_per_second", events as f64 / took, "events/s"),
    ])
}

/// Runs a command of this program over a data folder; gives how long it took, in seconds.
pub(super) async fn run(data: &Path, arguments: &[&str]) -> Result<f64, CliError> {
    let program = std::env::current_exe().map_err(|error| failed("find its own program", &error))?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REPRISE_")) {
        command.env_remove(name);
    }
    command.current_dir(std::env::temp_dir()).arg("--data-dir").arg(data).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let started = Instant::now();
    let ran = command.output().await.map_err(|error| failed("run itself", &error))?;
    let took = started.elapsed().as_secs_f64();
    if ran.status.success() {
        return Ok(took);
    }
    Err(failed(&format!("run {arguments:?}"), &String::from_utf8_lossy(&ran.stderr)))
}

fn text(path: &Path) -> Result<&str, CliError> {
    path.to_str().ok_or_else(|| failed("use a folder", &"its name is not UTF-8"))
}

/// Makes the system forget a file's pages, so that they come from the disk again.
fn forget(path: &Path) -> Result<(), CliError> {
    let forgotten = std::fs::File::open(path).and_then(|file| {
        file.sync_all()?;
        Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
    });
    forgotten.map_err(|error| failed("forget a file", &error))
}

/// Reads a file from end to end; gives its bytes and how long that took, in seconds.
fn read(path: &Path) -> Result<(u64, f64), CliError> {
    let started = Instant::now();
    let read = std::fs::File::open(path).and_then(|mut file| {
        let (mut buffer, mut bytes) = (vec![0; BUFFER_BYTES], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(bytes),
                more => bytes += more as u64,
            }
        }
    });
    let bytes = read.map_err(|error: std::io::Error| failed("read a file", &error))?;
    Ok((bytes, started.elapsed().as_secs_f64()))
}

/// Makes a log with an event for each key of the scale, whose hashes are kept beside it.
async fn log(bench: &Bench) -> Result<(PathBuf, u64), CliError> {
    let events = bench.scale.keys;
    let folder = bench.place.folder("data")?;
    bench.say(&format!("  making {events} events"));
    let store = SqliteStore::open(&folder, SqliteOptions::default());
    let store = store.map_err(|error| failed("open a log", &error))?;
    let streams = events / EVENTS_PER_STREAM;
    for first in (0..streams).step_by(APPENDS as usize) {
        let numbers = first..streams.min(first + APPENDS);
        for version in 0..EVENTS_PER_STREAM {
            let batch: Vec<Append> =
                numbers.clone().map(|number| append(number, version)).collect::<Result<_, _>>()?;
            for appended in store.append_many(batch.into()).await {
                appended.map_err(|error| failed("write a log", &error))?;
            }
        }
    }
    let head = store.head().await.map_err(|error| failed("read a log", &error))?;
    while reached(&store, head).await? < head {}
    Ok((folder, head.major))
}

/// Up to where the hashes over a log are made, after a while.
async fn reached(store: &SqliteStore, wanted: Position) -> Result<Position, CliError> {
    let head = store.log_head(wanted).await.map_err(|error| failed("wait for the hashes", &error))?;
    Ok(head.position)
}
