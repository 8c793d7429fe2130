//! `reprise export`: the log as CloudEvents, a line each, from the data folder or from a server. Does not know the form of a
//! line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use domain::ports::ArchiveFilter;
use domain::stream::Position;
use serde_json::json;
use store_sqlite::LogFile;

use super::{blocking, environment, rate};
use crate::args::{ExportOptions, Global};
use crate::client::{Client, part};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::progress::Progress;

/// What stands in the last line of a whole export.
const END_MARK: &[u8] = b"\"type\":\"reprise.export.ended\"";
/// How much of the end of what a server sent is looked at, in bytes: more than its last line has.
const TAIL_BYTES: usize = 1_024;
/// How hard zstd tries: its own default.
const ZSTD_LEVEL: i32 = 3;

/// What was exported.
struct Exported {
    events: u64,
    until: Position,
}

pub(crate) async fn export(
    global: &Global,
    config: &Config,
    options: ExportOptions,
) -> Result<Exit, CliError> {
    let started = Instant::now();
    let target = Target::new(options.output.clone(), options.zstd);
    let exported = match &global.server {
        Some(_) => from_server(global, config, &options, target).await?,
        None => {
            known_kind(options.kind.as_deref())?;
            let (folder, progress) = (config.data_dir.clone(), Progress::of_events(global));
            blocking(move || from_folder(&folder, &options, target, &progress)).await?
        }
    };
    let Exported { events, until } = exported;
    if global.json {
        output::note(&json!({ "events": events, "until": until }).to_string());
    } else {
        output::note(&format!(
            "{events} events exported, up to position {until} ({})",
            rate(events, started.elapsed())
        ));
    }
    Ok(Exit::Done)
}

/// The server says it for its own logs.
fn known_kind(kind: Option<&str>) -> Result<(), CliError> {
    let Some(kind) = kind else { return Ok(()) };
    let fits = |name: &str| name == kind || name.split_once('.').is_some_and(|(thing, _)| thing == kind);
    if event_codec::stored_types().any(|(name, _)| fits(name)) {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "--kind '{kind}' is neither an event's type, such as key_scope.finished, nor what stands before its dot"
    )))
}

// ── From the data folder ───────────────────────────────────────────────────────────────────────────────────────

fn from_folder(
    folder: &Path,
    options: &ExportOptions,
    target: Target,
    progress: &Progress,
) -> Result<Exported, CliError> {
    let log = LogFile::open(folder).map_err(|error| environment(&error))?;
    let head = log.head().map_err(|error| environment(&error))?;
    let (after, until) = (options.after.unwrap_or_default(), options.until.unwrap_or(head));
    for (option, position) in [("--after", after), ("--until", until)] {
        if position > head {
            let problem = format!("{option} is {position}, but the log ends at {head}");
            return Err(CliError::Usage(problem));
        }
    }
    let filter = filter(options);
    let mut file = target.open()?;
    progress.begin(until.major.saturating_sub(after.major));
    let (mut reached, mut events) = (after, 0);
    loop {
        let page = log.page(reached, until, &filter).map_err(|error| environment(&error))?;
        let Some(next) = page.reached else { break };
        file.write(&page.lines)?;
        progress.add(next.major - reached.major);
        (reached, events) = (next, events + page.events);
    }
    file.write(&log.end(after, until, &filter, events))?;
    file.finish()?;
    progress.end();
    Ok(Exported { events, until })
}

fn filter(options: &ExportOptions) -> ArchiveFilter {
    ArchiveFilter {
        stream_prefix: options.stream.clone().unwrap_or_default(),
        unit: options.unit.clone(),
        kinds: options.kind.iter().cloned().collect(),
        since: options.since,
        before: options.before,
        organization: options.organization.clone(),
    }
}

// ── From a server ──────────────────────────────────────────────────────────────────────────────────────────────

async fn from_server(
    global: &Global,
    config: &Config,
    options: &ExportOptions,
    target: Target,
) -> Result<Exported, CliError> {
    let client = Client::of_server(global, config)?;
    let progress = Progress::of_events(global);
    progress.count();
    let (mut file, mut tail, mut lines) = (None, Vec::new(), 0);
    let until = client
        .bytes(&path(options), |bytes| {
            // Only now is it sure that there is something to write.
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(target.open()?),
            };
            let more = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            lines += more;
            progress.add(more);
            tail.extend_from_slice(bytes);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            file.write(bytes)
        })
        .await?;
    let last = tail.strip_suffix(b"\n").map(|tail| tail.rsplit(|byte| *byte == b'\n').next());
    let is_whole = last.flatten().is_some_and(|last| last.windows(END_MARK.len()).any(|it| it == END_MARK));
    let Some(file) = file.filter(|_| is_whole) else {
        return Err(CliError::Unavailable("the export broke off at the server; begin again".to_owned()));
    };
    file.finish()?;
    progress.end();
    let until = until.unwrap_or_default().parse().map_err(|error| environment(&error))?;
    // The last line is no event.
    Ok(Exported { events: lines - 1, until })
}

fn path(options: &ExportOptions) -> String {
    let ExportOptions { output: _, zstd: _, stream, unit, kind, after, until, since, before, organization } =
        options;
    let text = |value: Option<&dyn std::fmt::Display>| value.map(ToString::to_string);
    let query = [
        ("stream_prefix", stream.clone()),
        ("unit", text(unit.as_ref().map(|it| it as _))),
        ("kind", kind.clone()),
        ("after", text(after.as_ref().map(|it| it as _))),
        ("until", text(until.as_ref().map(|it| it as _))),
        ("since", text(since.as_ref().map(|it| it as _))),
        ("before", text(before.as_ref().map(|it| it as _))),
        ("organization", text(organization.as_ref().map(|it| it as _))),
    ];
    let query =
        query.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", part(&value))));
    format!("/v1/export?{}", query.collect::<Vec<_>>().join("&"))
}

// ── Where it goes ──────────────────────────────────────────────────────────────────────────────────────────────

/// Where an export goes.
struct Target {
    path: Option<PathBuf>,
    zstd: bool,
}

impl Target {
    fn new(path: Option<PathBuf>, zstd: bool) -> Self {
        let path = path.filter(|path| *path != Path::new("-"));
        let by_name = path.as_ref().and_then(|path| path.extension()).is_some_and(|it| it == "zst");
        Self { path, zstd: zstd || by_name }
    }

    fn open(&self) -> Result<Out, CliError> {
        let (writer, place): (Box<dyn Write + Send>, _) = match &self.path {
            None => (Box::new(io::stdout()), None),
            Some(path) => {
                let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let file =
                    tempfile::NamedTempFile::new_in(folder).map_err(|error| unwritable(path, &error))?;
                let (file, written) = file.into_parts();
                (Box::new(file), Some((written, path.clone())))
            }
        };
        let writer = BufWriter::new(writer);
        let sink = if self.zstd {
            let encoder = zstd::stream::write::Encoder::new(writer, ZSTD_LEVEL);
            Sink::Zstd(encoder.map_err(|error| environment(&error))?)
        } else {
            Sink::Plain(writer)
        };
        Ok(Out { sink, place })
    }
}

enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Zstd(zstd::stream::write::Encoder<'static, BufWriter<Box<dyn Write + Send>>>),
}

/// An export that is being written. A file gets its name at the end, so that there is never half of one under it.
struct Out {
    sink: Sink,
    place: Option<(tempfile::TempPath, PathBuf)>,
}

impl Out {
    fn name(&self) -> &Path {
        self.place.as_ref().map_or(Path::new("stdout"), |(_, path)| path)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = match &mut self.sink {
            Sink::Plain(plain) => plain.write_all(bytes),
            Sink::Zstd(zstd) => zstd.write_all(bytes),
        };
        written.map_err(|error| unwritable(self.name(), &error))
    }

    fn finish(self) -> Result<(), CliError> {
        let name = self.name().to_owned();
        let flushed = match self.sink {
            Sink::Plain(mut plain) => plain.flush(),
            Sink::Zstd(zstd) => zstd.finish().and_then(|mut plain| plain.flush()),
        };
        flushed.map_err(|error| unwritable(&name, &error))?;
        let Some((written, path)) = self.place else { return Ok(()) };
        File::open(&written).and_then(|file| file.sync_all()).map_err(|error| unwritable(&path, &error))?;
        written.persist(&path).map_err(|error| unwritable(&path, &error.error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Environment(format!("{} cannot be written: {error}", path.display()))
}
