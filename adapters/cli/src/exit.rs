//! How the program ends: exit codes and the errors behind them. Documented in `docs/cli.md`.

use std::process::ExitCode;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// It ran, and some documents failed, or a replay found something.
    SomeFailed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The data folder or the configuration cannot be used.
    Environment = 3,
    /// There is no such thing, or it is not allowed now.
    Refused = 4,
    /// The server cannot be reached, or is too busy.
    Unavailable = 5,
    /// Interrupted before the end.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command came to nothing. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The data folder or the configuration cannot be used.
    #[error("{0}")]
    Environment(String),
    /// There is no such thing, or it is not allowed now.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached, or is too busy.
    #[error("{0}")]
    Unavailable(String),
}

impl CliError {
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Environment(_) => Exit::Environment,
            Self::Refused(_) => Exit::Refused,
            Self::Unavailable(_) => Exit::Unavailable,
        }
    }
}
