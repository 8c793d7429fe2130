//! What the disk can do: bytes appended to a file and flushed, as many at once as a group of events has.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::figure::Figure;
use crate::bench::{Bench, failed};
use crate::exit::CliError;

/// What an event of a campaign's key takes in the log with its metadata, in bytes.
const EVENT_BYTES: usize = 512;
/// No more is written for one figure, in bytes.
const FILE_BYTES_MAX: usize = 1 << 30;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let (path, probe) = (bench.place.path().join("flushed"), bench.scale.probe());
    let measured = tokio::task::spawn_blocking(move || -> std::io::Result<Vec<Figure>> {
        let names =
            [(1, "events_per_second_1"), (64, "events_per_second_64"), (4_096, "events_per_second_4096")];
        let mut figures = Vec::new();
        for (events, name) in names {
            figures.push(Figure::new(name, rate(&path, events, probe)?, "events/s"));
        }
        Ok(figures)
    });
    let measured = measured.await.map_err(|error| failed("measure the disk", &error))?;
    measured.map_err(|error| failed("measure the disk", &error))
}

/// How many events per second become durable with so many in each flush.
fn rate(path: &Path, events: usize, probe: Duration) -> std::io::Result<f64> {
    // Different bytes, in case the file system compresses.
    let bytes: Vec<u8> = (0..events * EVENT_BYTES).map(|index| (index * index / 7) as u8).collect();
    let mut file = File::create(path)?;
    let started = Instant::now();
    let (mut flushes, mut written) = (0_u32, 0);
    while started.elapsed() < probe && written + bytes.len() <= FILE_BYTES_MAX {
        file.write_all(&bytes)?;
        file.sync_data()?;
        written += bytes.len();
        flushes += 1;
    }
    Ok(f64::from(flushes) * events as f64 / started.elapsed().as_secs_f64())
}
