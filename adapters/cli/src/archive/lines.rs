//! An export read again, event by event, plain or compressed. Whatever is not exactly as it was written is refused, and so is
//! what was cut off. Does not know what becomes of the events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use event_codec::cloud_events::{BadLine, End, LineReader, LogId};
use event_codec::{EVENT_BYTES_MAX, StoredEvent};

use crate::exit::CliError;
use crate::progress::Progress;

/// The longest line, in bytes: what an event may have, each byte of its metadata written as six.
const LINE_BYTES_MAX: u64 = 7 * EVENT_BYTES_MAX as u64;
/// What a zstd file begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How much is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 18;

/// Reads a whole export, and hands over each of its events with the log that it comes from.
///
/// # Errors
/// When the file cannot be read or is not a whole export, and whatever `each` has to say.
pub(crate) fn read_export(
    path: &Path,
    progress: &Progress,
    mut each: impl FnMut(LogId, &StoredEvent<'_>) -> Result<(), CliError>,
) -> Result<End, CliError> {
    let mut lines = Lines::open(path, progress)?;
    let mut reader = LineReader::default();
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        let read = reader.line(&line);
        let id = reader.log().unwrap_or(NO_LOG);
        if let Some(event) = read.map_err(|problem| bad_line(path, lines.number, &problem))? {
            each(id, &event.stored())?;
        }
    }
    reader.end().ok_or_else(|| no_end(path, lines.number))
}

/// Every line that has an event says its log.
const NO_LOG: LogId = LogId(uuid::Uuid::nil());

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
            "{}, line {}: it has no end; the file was cut off, so export again or fetch it again",
            self.name, self.number
        )))
    }
}

fn unreadable(what: &str, error: &io::Error) -> CliError {
    CliError::Environment(format!("{what} cannot be read: {error}"))
}

fn bad_line(path: &Path, number: u64, problem: &BadLine) -> CliError {
    CliError::Refused(format!(
        "{}, line {number}: {problem}; export again and take that file as it is",
        path.display()
    ))
}

fn no_end(path: &Path, lines: u64) -> CliError {
    CliError::Refused(format!(
        "{} ends after line {lines} without the line that ends an export; it was cut off, so export again or fetch it \
         again",
        path.display()
    ))
}
