//! The options of `reprise replay`. Does not know what a replay does.

use clap::{Args as ClapArgs, Subcommand};
use domain::stream::Position;
use domain::time::Timestamp;
use runtime::replay::{FINDINGS_DEFAULT, FINDINGS_MAX, ReplayFilter, Span};

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// Decide every recorded command again, and compare with the log: exit code 0 when nothing differs, else 1
    Verify(VerifyOptions),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) filter: FilterOptions,
    #[command(flatten)]
    pub(crate) findings: FindingsOptions,
}

/// Which recorded commands are meant.
#[derive(Debug, ClapArgs)]
pub(crate) struct FilterOptions {
    /// Only commands to streams whose name matches, such as 'key_scope-docs/*'
    #[arg(long, value_name = "GLOB")]
    streams: Option<String>,
    /// Only commands that recorded an event of this type, such as key_scope.finished, or of this kind of thing
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only from this position on
    #[arg(long, value_name = "POSITION")]
    from: Option<Position>,
    /// Only up to this position
    #[arg(long, value_name = "POSITION")]
    to: Option<Position>,
    /// Only what was decided at this instant or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
    /// Only what was decided at this instant or earlier
    #[arg(long, value_name = "INSTANT")]
    until: Option<Timestamp>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct FindingsOptions {
    /// List at most so many findings; all are counted
    #[arg(long = "findings", value_name = "COUNT", default_value_t = FINDINGS_DEFAULT)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(FINDINGS_MAX)))]
    pub(crate) findings_max: u32,
}

impl FilterOptions {
    pub(crate) fn filter(self) -> ReplayFilter {
        let Self { streams, types, from, to, since, until } = self;
        ReplayFilter { streams, types, positions: Span { from, to }, times: Span { from: since, to: until } }
    }
}
