//! What can be chosen when a store is opened, and why opening one fails.

use std::path::PathBuf;

use domain::stream::Position;

/// The limits of an open store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The largest size of the log file, in bytes; nothing means as large as the disk. Appends that do not fit are
    /// refused until the store is opened with a higher limit.
    pub log_bytes_max: Option<u64>,
    /// How many of the latest events are kept in memory for subscribers.
    pub recent_events_max: usize,
    /// How many events the stream index may be behind; beyond that, appends wait for it.
    pub tail_events_max: usize,
    /// How many reads run at once.
    pub readers_max: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { log_bytes_max: None, recent_events_max: 8_192, tail_events_max: 131_072, readers_max: 4 }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it open.
    #[error(
        "the data folder {} is in use by another reprise; stop that one or choose another folder", folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A later program wrote it.
    #[error("{} has format {found}, and {known} is the newest known here; use a newer reprise", path.display())]
    NewerFormat {
        /// The log file.
        path: PathBuf,
        /// The format that it has.
        found: i64,
        /// The newest format that can be read.
        known: i64,
    },
    /// It is some other program's file.
    #[error("{} is not an event log of reprise; move it away or choose another folder", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// An event that the stream index needs is damaged.
    #[error("{} is damaged at position {position}: {problem}; restore it from a backup", path.display())]
    Damaged {
        /// The log file.
        path: PathBuf,
        /// Where.
        position: Position,
        /// What is wrong there.
        problem: String,
    },
    /// A file cannot be opened, read or written.
    #[error("{} cannot be used: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
}
