//! Logs that are read without being anybody's data folder: an export, and the log of a folder that another process has. They
//! are only read, and no lock is taken; what is needed of them is kept in memory. Does not know what for.

use std::path::PathBuf;
use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::ports::{Append, EventStore as _, NewEvent};
use domain::replay::{Appends, RecordedAppend};
use domain::stream::{ExpectedVersion, Position, StreamId, Version};
use event_codec::StoredEvent;
use store_memory::MemoryStore;
use store_sqlite::LogFile;

use crate::archive::{blocking, read_export};
use crate::args::Global;
use crate::exit::CliError;
use crate::progress::Progress;

/// Where a log is read.
#[derive(Debug, Clone)]
pub(crate) enum Copied {
    /// An export of a whole log, plain or compressed; `-` is stdin.
    Export(PathBuf),
    /// A data folder that another process has. It may go on writing: the log is read as far as it goes now.
    Folder(PathBuf),
}

impl Copied {
    /// An export that was asked for on the command line, which is read in place of everything else.
    pub(crate) fn export(global: &Global, file: PathBuf) -> Result<Self, CliError> {
        if global.server.is_none() {
            return Ok(Self::Export(file));
        }
        Err(CliError::Usage(
            "an export is read here, and no server is asked; leave --server or --export out".to_owned(),
        ))
    }

    /// The whole log.
    pub(crate) async fn whole(self, global: &Global) -> Result<Arc<MemoryStore>, CliError> {
        let progress = self.progress(global);
        let appends = blocking(move || {
            let mut cut = Appends::default();
            let mut appends = Vec::new();
            self.read(&progress, |event| {
                appends.extend(cut.push(Arc::new(decoded(event)?)).map(|append| again(&append)));
                Ok(())
            })?;
            appends.extend(cut.finish().map(|append| again(&append)));
            Ok(appends)
        });
        let appends = appends.await?;
        let store = MemoryStore::new();
        let appended = store.append_many(appends.into()).await;
        match appended.into_iter().find_map(Result::err) {
            None => Ok(Arc::new(store)),
            Some(error) => Err(CliError::Environment(format!("the log cannot be kept in memory: {error}"))),
        }
    }

    /// The events of one stream.
    pub(crate) async fn stream(
        self,
        global: &Global,
        stream: StreamId,
    ) -> Result<Vec<Arc<RecordedEvent>>, CliError> {
        let progress = self.progress(global);
        blocking(move || {
            let mut events = Vec::new();
            self.read(&progress, |event| {
                if event.stream == stream.as_str() {
                    events.push(Arc::new(decoded(event)?));
                }
                Ok(())
            })?;
            Ok(events)
        })
        .await
    }

    fn progress(&self, global: &Global) -> Progress {
        match self {
            Self::Export(_) => Progress::of_bytes(global),
            Self::Folder(_) => Progress::of_events(global),
        }
    }

    /// Visits every event.
    fn read(
        &self,
        progress: &Progress,
        mut each: impl FnMut(&StoredEvent<'_>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        match self {
            Self::Export(path) => {
                read_export(path, progress, |_, event| each(event))?;
            }
            Self::Folder(folder) => {
                let log = LogFile::open(folder).map_err(|error| environment(&error))?;
                let head = log.head().map_err(|error| environment(&error))?;
                progress.begin(head.major);
                let mut outcome = Ok(());
                let read = log.rows(Position::START, head, |event| {
                    progress.add(1);
                    if outcome.is_ok() {
                        outcome = each(event);
                    }
                });
                read.map_err(|error| environment(&error))?;
                outcome?;
            }
        }
        progress.end();
        Ok(())
    }
}

fn decoded(event: &StoredEvent<'_>) -> Result<RecordedEvent, CliError> {
    event.decode().map_err(|error| CliError::Environment(format!("position {}: {error}", event.position)))
}

/// What was appended once, to be appended to an empty log again: positions follow from the order.
fn again(append: &RecordedAppend) -> Append {
    let first = append.first();
    let Version(version) = first.version;
    Append {
        stream: first.stream.clone(),
        expected: ExpectedVersion::after(version.checked_sub(1).map(Version)),
        events: append.events().map(|event| NewEvent { id: event.id, event: event.event.clone() }).collect(),
        metadata: Arc::clone(&first.metadata),
    }
}

fn environment(error: &dyn std::fmt::Display) -> CliError {
    CliError::Environment(error.to_string())
}
