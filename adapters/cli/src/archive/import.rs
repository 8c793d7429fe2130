//! `reprise import`: a whole log from an export into an empty data folder. Nothing of it is there before all of it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Instant;

use domain::stream::Position;
use event_codec::EVENT_BYTES_MAX;
use event_codec::cloud_events::{BadLine, LineReader};
use serde_json::json;
use store_sqlite::{ImportError, NewLog, OpenError};

use super::{blocking, environment, rate, set_views_aside};
use crate::args::{Global, ImportOptions};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::progress::Progress;

/// The longest line, in bytes: what an event may have, each byte of its metadata written as six.
const LINE_BYTES_MAX: u64 = 7 * EVENT_BYTES_MAX as u64;
/// What a zstd file begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How much is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 18;

pub(crate) async fn import(
    global: &Global,
    config: &Config,
    options: ImportOptions,
) -> Result<Exit, CliError> {
    if global.server.is_some() {
        let problem =
            "an export is imported into a data folder, before its server starts; leave --server out";
        return Err(CliError::Usage(problem.to_owned()));
    }
    let started = Instant::now();
    let (folder, progress) = (config.data_dir.clone(), Progress::of_bytes(global));
    let events = blocking(move || import_file(&options.file, &folder, &progress)).await?;
    let took = started.elapsed();
    if global.json {
        output::json(&json!({ "events": events, "took_s": took.as_secs_f64() }));
    } else {
        output::line(&format!("{events} events imported ({})", rate(events, took)));
    }
    Ok(Exit::Done)
}

fn import_file(path: &Path, folder: &Path, progress: &Progress) -> Result<u64, CliError> {
    NewLog::check(folder).map_err(refused)?;
    let mut lines = Lines::open(path, progress)?;
    let mut reader = LineReader::default();
    let mut log = None;
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        let read = reader.line(&line);
        let id = reader.log();
        if let Some(event) = read.map_err(|problem| bad_line(path, lines.number, &problem))? {
            let log = match &mut log {
                Some(log) => log,
                none => none.insert(NewLog::begin(folder, id.unwrap_or(NO_LOG)).map_err(refused)?),
            };
            log.add(&event.stored()).map_err(refused)?;
        }
    }
    let Some(end) = reader.end() else { return Err(no_end(path, lines.number)) };
    let log = match log {
        Some(log) => log,
        None => NewLog::begin(folder, end.log).map_err(refused)?,
    };
    let head = log.finish().map_err(refused)?;
    debug_assert_eq!(head, Position::row(end.events));
    set_views_aside(folder)?;
    progress.end();
    Ok(end.events)
}

/// Every line that has an event says its log.
const NO_LOG: event_codec::cloud_events::LogId = event_codec::cloud_events::LogId(uuid::Uuid::nil());

/// The lines of a file, with their numbers.
struct Lines {
    name: String,
    input: Box<dyn BufRead>,
    number: u64,
}

impl Lines {
    fn open(path: &Path, progress: &Progress) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let unreadable = |error: io::Error| unreadable(&name, &error);
        let input: Box<dyn Read> = if path == Path::new("-") {
            progress.count();
            Box::new(io::stdin())
        } else {
            let file = File::open(path).map_err(unreadable)?;
            progress.begin(file.metadata().map_err(unreadable)?.len());
            Box::new(file)
        };
        let mut input = BufReader::with_capacity(BUFFER_BYTES, progress.reading(input));
        let is_zstd = input.fill_buf().map_err(unreadable)?.starts_with(&ZSTD_MAGIC);
        let input: Box<dyn BufRead> = if is_zstd {
            let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(unreadable)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else {
            Box::new(input)
        };
        Ok(Self { name, input, number: 0 })
    }

    /// Reads the next line, without its end. Nothing is left when it says no.
    fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, CliError> {
        line.clear();
        self.number += 1;
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line);
        let read =
            read.map_err(|error| unreadable(&format!("{}, line {}", self.name, self.number), &error))?;
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(true);
        }
        if read == 0 {
            self.number -= 1;
            return Ok(false);
        }
        Err(CliError::Refused(format!(
            "{}, line {}: it has no end; the file was cut off, so export again or fetch it again. Nothing was imported",
            self.name, self.number
        )))
    }
}

fn unreadable(what: &str, error: &io::Error) -> CliError {
    CliError::Environment(format!("{what} cannot be read: {error}"))
}

fn bad_line(path: &Path, number: u64, problem: &BadLine) -> CliError {
    CliError::Refused(format!(
        "{}, line {number}: {problem}. Nothing was imported; export again and import that file as it is",
        path.display()
    ))
}

fn no_end(path: &Path, lines: u64) -> CliError {
    CliError::Refused(format!(
        "{} ends after line {lines} without the line that ends an export; it was cut off, so export again or fetch it \
         again. Nothing was imported",
        path.display()
    ))
}

fn refused(error: ImportError) -> CliError {
    match error {
        ImportError::NotEmpty { .. } | ImportError::Open(OpenError::InUse { .. }) => {
            CliError::Refused(error.to_string())
        }
        ImportError::Open(_) | ImportError::Write { .. } => environment(&error),
    }
}
