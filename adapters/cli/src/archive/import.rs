//! `reprise import`: a whole log from an export into an empty data folder. Nothing of it is there before all of it is.

use std::path::Path;
use std::time::Instant;

use domain::stream::Position;
use serde_json::json;
use store_sqlite::{ImportError, NewLog, OpenError};

use super::lines::read_export;
use super::{blocking, environment, rate, set_views_aside};
use crate::args::{Global, ImportOptions};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::progress::Progress;

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
    let mut log = None;
    let read = read_export(path, progress, |id, event| {
        let log = match &mut log {
            Some(log) => log,
            none => none.insert(NewLog::begin(folder, id).map_err(refused)?),
        };
        log.add(event).map_err(refused)
    });
    let end = read.map_err(nothing_imported)?;
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

/// A file that is not whole leaves the folder as it was.
fn nothing_imported(error: CliError) -> CliError {
    match error {
        CliError::Refused(problem) => CliError::Refused(format!("{problem}. Nothing was imported")),
        CliError::Usage(_) | CliError::Environment(_) | CliError::Unavailable(_) => error,
    }
}

fn refused(error: ImportError) -> CliError {
    match error {
        ImportError::NotEmpty { .. } | ImportError::Open(OpenError::InUse { .. }) => {
            CliError::Refused(error.to_string())
        }
        ImportError::Open(_) | ImportError::Write { .. } => environment(&error),
    }
}
