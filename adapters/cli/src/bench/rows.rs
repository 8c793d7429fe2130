//! The rows: what is measured, one file each. A new row is a variant here and a file beside the others.

mod archive;
mod echo;
mod fsync;
mod long_poll;
mod reprocess_all;
mod task_lists;

use super::Bench;
use super::figure::Figure;
use crate::exit::CliError;

pub(crate) use echo::echo_server;

/// A row of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Row {
    Fsync,
    Echo,
    LongPoll,
    ReprocessAll,
    TaskLists,
    Export,
    Import,
    VerifyLog,
}

impl Row {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Echo => "echo",
            Self::LongPoll => "long-poll",
            Self::ReprocessAll => "reprocess-all",
            Self::TaskLists => "task-lists",
            Self::Export => "export",
            Self::Import => "import",
            Self::VerifyLog => "verify-log",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Fsync => "raw: write and fdatasync of as many bytes as events have, no program in between",
            Self::Echo => "raw: POSTs to an HTTP server of the same library that gives the body back",
            Self::LongPoll => {
                "an idle server: from the request that queues one item until a waiting worker has it"
            }
            Self::ReprocessAll => {
                "a campaign over every key of a unit: queued, drained in batches of 100, started again"
            }
            Self::TaskLists => {
                "pages of the open tasks among a hundred times as many finished ones, while commands arrive"
            }
            Self::Export => {
                "an event for each key of the scale, written as CloudEvents, plain and compressed"
            }
            Self::Import => "the same, made a log again",
            Self::VerifyLog => "the same, every hash made again, beside what the disk reads",
        }
    }

    pub(super) async fn measure(self, bench: &Bench) -> Result<Vec<Figure>, CliError> {
        match self {
            Self::Fsync => fsync::measure(bench).await,
            Self::Echo => echo::measure(bench).await,
            Self::LongPoll => long_poll::measure(bench).await,
            Self::ReprocessAll => reprocess_all::measure(bench).await,
            Self::TaskLists => task_lists::measure(bench).await,
            Self::Export => archive::measure_export(bench).await,
            Self::Import => archive::measure_import(bench).await,
            Self::VerifyLog => archive::measure_verify_log(bench).await,
        }
    }
}
