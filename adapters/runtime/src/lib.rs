//! The runtime: the command pipeline, subscriptions, process managers, timers and the built-in worker.
//!
//! [`Engine`] is what a surface talks to. It knows ports and views; it does not know which store, read model, content or
//! modules are behind them, nor any protocol.

mod attempts;
mod board;
mod campaigns;
mod clearing;
mod documents;
mod engine;
mod explaining;
mod keys;
mod metrics;
mod outside;
mod own;
mod owners;
mod past;
mod pipeline;
mod presence;
mod projector;
mod refusals;
mod reissue;
mod repeats;
pub mod replay;
mod settings;
mod stop;
mod streams;
mod tasks;
mod timers;
mod trace;
mod waiters;
mod worker;

pub use board::{ClaimCounts, Claimed};
pub use campaigns::Targets;
pub use documents::DocumentError;
pub use engine::{Engine, Parts, StartError};
pub use explaining::ExplainError;
pub use keys::{Denied, KeyHolder};
pub use metrics::FollowerCount;
pub use outside::{
    CLAIM_ITEMS_MAX, CLAIM_QUEUES_MAX, CLAIM_WAIT_MAX, Claim, ClaimError, Made, Report, digest_of,
    is_reserved_worker,
};
pub use past::{BoardDiff, DIFF_EVENTS_MAX, DiffError, DiffPage, PastError, RowDiff, Then, Totals};
pub use pipeline::{Accepted, SubmitError};
pub use presence::{Present, QueueFilter};
pub use projector::{RebuildError, RebuildProgress};
pub use refusals::Knock;
pub use reissue::{Reissue, ReissueError, Reissued};
pub use settings::{RuntimeSettings, TaskGauge};
pub use stop::ShutdownReport;
pub use tasks::{
    Asked, CreateTaskError, CreatedTask, NewTask, OutputContent, QueueSettings, StageOutput, TaskDocument,
    TaskOutput, TaskOutputError,
};
pub use trace::{CommandName, Effects, Recorded, TraceError};
pub use worker::batch::{Ending, Held, attempt, batch_items_max};
