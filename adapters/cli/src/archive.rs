//! The commands that take a log elsewhere and bring it back. They read the data folder itself, beside whoever writes it, and
//! write only into one that nobody has.

mod backup;
mod export;
mod import;
mod lines;
mod verify;

pub(crate) use backup::{backup, restore};
pub(crate) use export::export;
pub(crate) use import::import;
pub(crate) use lines::read_export;
pub(crate) use verify::{integrity, proof, verify_log, verify_proof};

use std::path::Path;

use read_model::SqliteReadModel;

use crate::exit::CliError;

/// Runs what reads and writes files for long, on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| {
        Err(CliError::Environment(format!("the work ended before its time: {error}")))
    })
}

fn environment(error: &dyn std::fmt::Display) -> CliError {
    CliError::Environment(error.to_string())
}

/// Views of a log that lay here once are not views of the one that lies here now.
fn set_views_aside(folder: &Path) -> Result<(), CliError> {
    if !folder.join("views.db").exists() {
        return Ok(());
    }
    SqliteReadModel::set_aside(folder, "another log lies here now").map_err(|error| environment(&error))
}

/// How many things happened in a second, for people.
fn rate(count: u64, took: std::time::Duration) -> String {
    format!("{:.1} s, {:.0} per second", took.as_secs_f64(), count as f64 / took.as_secs_f64().max(1e-9))
}
