//! The rows: what is measured, one file each. A new row is a variant here and a file beside the others.

mod append;
mod archive;
mod board_at;
mod cycle;
mod disk;
mod echo;
mod fold;
mod fsync;
mod http_command;
mod long_poll;
mod memory;
mod overload;
mod pipeline;
mod rebuild;
mod reprocess_all;
mod start;
mod task_lists;
mod verify;
mod visible;

use super::Bench;
use super::figure::Figure;
use crate::exit::CliError;

pub(crate) use echo::echo_server;

/// A row of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Row {
    Fsync,
    Echo,
    Append,
    Pipeline,
    HttpCommand,
    Cycle,
    #[value(name = "cycle-100")]
    CycleHundred,
    LongPoll,
    Visible,
    ReprocessAll,
    TaskLists,
    Export,
    Import,
    VerifyLog,
    BoardAt,
    Disk,
    Fold,
    Rebuild,
    Verify,
    Start,
    Memory,
    Overload,
}

impl Row {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Echo => "echo",
            Self::Append => "append",
            Self::Pipeline => "pipeline",
            Self::HttpCommand => "http-command",
            Self::Cycle => "cycle",
            Self::CycleHundred => "cycle-100",
            Self::LongPoll => "long-poll",
            Self::Visible => "visible",
            Self::ReprocessAll => "reprocess-all",
            Self::TaskLists => "task-lists",
            Self::Export => "export",
            Self::Import => "import",
            Self::VerifyLog => "verify-log",
            Self::BoardAt => "board-at",
            Self::Disk => "disk",
            Self::Fold => "fold",
            Self::Rebuild => "rebuild",
            Self::Verify => "verify",
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Overload => "overload",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Fsync => "raw: write and fdatasync of as many bytes as events have, no program in between",
            Self::Echo => "raw: POSTs to an HTTP server of the same library that gives the body back",
            Self::Append => {
                "the log by itself: one event at once, 64, and 4,096, beside a write and fdatasync of the same bytes"
            }
            Self::Pipeline => {
                "commands in process from decision to acknowledgement, 256 producers with one each"
            }
            Self::HttpCommand => {
                "one durable command in each request over 64 connections, beside an echo of the same body"
            }
            Self::Cycle => {
                "work queued, claimed, started and finished over HTTP, one item in each request, 64 connections"
            }
            Self::CycleHundred => "the same, 100 items in each request",
            Self::LongPoll => {
                "an idle server: from the request that queues one item until a waiting worker has it"
            }
            Self::Visible => {
                "from a command's acceptance until its row shows it, at 5,000 commands per second"
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
            Self::BoardAt => {
                "the board at random positions of a log with as many events as the scale has keys: a page and all counts"
            }
            Self::Disk => "what a finished cycle of work takes on disk, all indexes and views included",
            Self::Fold => "every aggregate folded from the log",
            Self::Rebuild => "every projection built again from the log",
            Self::Verify => "every recorded command decided again and compared",
            Self::Start => "a server over a history, from its start until it is ready, after SIGKILL",
            Self::Memory => "a server over a history, while things are done all over it",
            Self::Overload => {
                "twice of what a server can do: what it refuses, what it keeps, and how much memory it takes"
            }
        }
    }

    pub(super) async fn measure(self, bench: &Bench) -> Result<Vec<Figure>, CliError> {
        match self {
            Self::Fsync => fsync::measure(bench).await,
            Self::Echo => echo::measure(bench).await,
            Self::Append => append::measure(bench).await,
            Self::Pipeline => pipeline::measure(bench).await,
            Self::HttpCommand => http_command::measure(bench).await,
            Self::Cycle => cycle::measure_one(bench).await,
            Self::CycleHundred => cycle::measure_hundred(bench).await,
            Self::LongPoll => long_poll::measure(bench).await,
            Self::Visible => visible::measure(bench).await,
            Self::ReprocessAll => reprocess_all::measure(bench).await,
            Self::TaskLists => task_lists::measure(bench).await,
            Self::Export => archive::measure_export(bench).await,
            Self::Import => archive::measure_import(bench).await,
            Self::VerifyLog => archive::measure_verify_log(bench).await,
            Self::BoardAt => board_at::measure(bench).await,
            Self::Disk => disk::measure(bench).await,
            Self::Fold => fold::measure(bench).await,
            Self::Rebuild => rebuild::measure(bench).await,
            Self::Verify => verify::measure(bench).await,
            Self::Start => start::measure(bench).await,
            Self::Memory => memory::measure(bench).await,
            Self::Overload => overload::measure(bench).await,
        }
    }

    /// Whether it makes something for each key of the scale.
    pub(super) const fn needs_keys(self) -> bool {
        match self {
            Self::Cycle
            | Self::CycleHundred
            | Self::ReprocessAll
            | Self::TaskLists
            | Self::Export
            | Self::Import
            | Self::VerifyLog
            | Self::BoardAt => true,
            Self::Fsync
            | Self::Echo
            | Self::Append
            | Self::Pipeline
            | Self::HttpCommand
            | Self::LongPoll
            | Self::Visible
            | Self::Disk
            | Self::Fold
            | Self::Rebuild
            | Self::Verify
            | Self::Start
            | Self::Memory
            | Self::Overload => false,
        }
    }

    /// Whether it uses the history that is made once.
    pub(super) const fn needs_history(self) -> bool {
        match self {
            Self::Disk | Self::Fold | Self::Rebuild | Self::Verify | Self::Start | Self::Memory => true,
            Self::Fsync
            | Self::Echo
            | Self::Append
            | Self::Pipeline
            | Self::HttpCommand
            | Self::Cycle
            | Self::CycleHundred
            | Self::LongPoll
            | Self::Visible
            | Self::ReprocessAll
            | Self::TaskLists
            | Self::Export
            | Self::Import
            | Self::VerifyLog
            | Self::BoardAt
            | Self::Overload => false,
        }
    }
}
