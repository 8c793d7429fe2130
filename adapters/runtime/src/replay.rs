//! Replays: a log read from its beginning, its commands decided again, and what came out. Recorded nowhere: a replay
//! reads a log and changes nothing. The rules are [`domain::replay`]'s; here is what is wanted ([`ReplayRequest`]), how
//! the log is read while it is decided ([`Replay`]), and which replays an engine keeps. It does not know any protocol.

mod kept;
mod pages;
mod posted;
mod reissue;
mod request;
mod run;
mod selection;
mod sending;
mod work;

pub(crate) use kept::Replays;
pub use kept::{
    KeptReplay, REPLAYS_AT_ONCE_MAX, REPLAYS_KEPT_MAX, ReplayState, RunningReplay, StartReplayError,
};
pub use posted::PostedCommand;
pub use reissue::{Reissuing, ReplayError};
pub use request::{FINDINGS_DEFAULT, FINDINGS_MAX, Mode, ReissueRequest, ReplayFilter, ReplayRequest, Span};
pub use run::{BeginError, Replay};
pub use selection::{InvalidRequest, Selection};
pub use sending::{Outgoing, Pace, RATE_MAX, RefusedRow, Sending, SentCounts, Step};
pub use work::{EndingCount, Finding, ForkReport, Line, Progress, ReplayReport};
