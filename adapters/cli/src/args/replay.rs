//! The options of `reprise replay`. Does not know what a replay does.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use domain::names::TargetName;
use domain::replay::{Changes, CommandRef, Edit, LimitsChange, RetryChange};
use domain::stream::Position;
use domain::task::Policy;
use domain::time::{Millis, Timestamp};
use runtime::replay::{
    FINDINGS_DEFAULT, FINDINGS_MAX, Mode, Pace, RATE_MAX, ReplayFilter, ReplayRequest, Span,
};
use serde::de::DeserializeOwned;

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// Decide every recorded command again, and compare with the log: exit code 0 when nothing differs, else 1
    Verify(VerifyOptions),
    /// Decide every recorded command on a fork in memory on which something is otherwise, and say which things end
    /// otherwise: exit code 0 when none does, else 1
    WhatIf(Box<WhatIfOptions>),
    /// Send recorded commands to another instance, one that was started with 'serve --standby': what it has already is
    /// not done again
    Reissue(ReissueOptions),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReissueOptions {
    #[command(flatten)]
    filter: FilterOptions,
    #[command(flatten)]
    pace: PaceOptions,
    /// The instance that they are sent to, such as http://127.0.0.1:7272
    #[arg(long, value_name = "URL", required_unless_present = "target")]
    to: Option<String>,
    /// The API key to present there; better in the environment, where no list of processes shows it
    #[arg(long, env = "REPRISE_TO_API_KEY", hide_env_values = true, value_name = "KEY")]
    to_api_key: Option<String>,
    /// In its place, a target of the configuration: of the server's when a server is asked, which then sends by itself
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    target: Option<TargetName>,
}

/// Where recorded commands are sent.
#[derive(Debug)]
pub(crate) enum Destination {
    /// To a URL, with an API key or without.
    Url { url: String, api_key: Option<String> },
    /// To a target of the configuration.
    Target(TargetName),
}

impl ReissueOptions {
    pub(crate) fn parts(self) -> (Option<PathBuf>, ReplayFilter, Pace, Destination) {
        let Self { filter, pace, to, to_api_key, target } = self;
        let destination = match target {
            Some(target) => Destination::Target(target),
            None => Destination::Url { url: to.unwrap_or_default(), api_key: to_api_key },
        };
        let (export, filter) = filter.parts();
        (export, filter, pace.pace(), destination)
    }
}

#[derive(Debug, ClapArgs)]
struct PaceOptions {
    /// As fast as they were recorded, instead of as fast as possible
    #[arg(long, conflicts_with = "rate")]
    recorded_pace: bool,
    /// So many commands per second, instead of as many as possible
    #[arg(long, value_name = "COMMANDS", value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)))]
    rate: Option<u32>,
}

impl PaceOptions {
    const fn pace(&self) -> Pace {
        match self.rate {
            Some(rate) => Pace::PerSecond(rate),
            None if self.recorded_pace => Pace::Recorded,
            None => Pace::FlatOut,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WhatIfOptions {
    /// For which commands changed policies hold, and where the fork ends
    #[command(flatten)]
    filter: FilterOptions,
    #[command(flatten)]
    changes: ChangesOptions,
    #[command(flatten)]
    findings: FindingsOptions,
}

/// What is otherwise.
#[derive(Debug, ClapArgs)]
struct ChangesOptions {
    /// Leases last so long unless extended, in milliseconds
    #[arg(long, value_name = "MS")]
    lease_ms: Option<u64>,
    /// A request gets so many attempts, the first included
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
    /// The wait after the first failure, in milliseconds; it doubles with each further one
    #[arg(long, value_name = "MS")]
    backoff_ms: Option<u64>,
    /// The longest wait after a failure, in milliseconds
    #[arg(long, value_name = "MS")]
    backoff_ms_max: Option<u64>,
    /// At most so many items of a unit, or tasks of a workspace, are leased at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight_max: Option<u32>,
    /// An attempt whose result came later than this after its beginning has failed, in milliseconds
    #[arg(long, value_name = "MS")]
    attempt_ms_max: Option<u64>,
    /// A module that produced more than this has failed, in bytes
    #[arg(long, value_name = "BYTES")]
    output_bytes_max: Option<u64>,
    /// A line of the watchdog's policy as JSON, in place of the recorded one for its status
    #[arg(long, value_name = "JSON", value_parser = json::<Policy>)]
    stuck: Vec<Policy>,
    /// Leave out a command: its id, or the position of its first event
    #[arg(long, value_name = "COMMAND")]
    skip: Vec<CommandRef>,
    /// Let a command ask for something else, as JSON: {"of": COMMAND, "command": {"name": …, "body": …}}
    #[arg(long, value_name = "JSON", value_parser = json::<Edit>)]
    edit: Vec<Edit>,
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl WhatIfOptions {
    pub(crate) fn request(self) -> (Option<PathBuf>, ReplayRequest) {
        let Self { filter, changes, findings } = self;
        let ChangesOptions { lease_ms, attempts, backoff_ms, backoff_ms_max, .. } = changes;
        let ChangesOptions { in_flight_max, attempt_ms_max, output_bytes_max, .. } = changes;
        let changes = Changes {
            lease_ms: lease_ms.map(Millis),
            retry: RetryChange {
                attempts_max: attempts,
                backoff_ms: backoff_ms.map(Millis),
                backoff_ms_max: backoff_ms_max.map(Millis),
            },
            limits: LimitsChange {
                in_flight_max,
                attempt_ms_max: attempt_ms_max.map(Millis),
                output_bytes_max,
            },
            stuck: changes.stuck,
            skip: changes.skip,
            edit: changes.edit,
        };
        let (findings_max, (export, filter)) = (findings.findings_max, filter.parts());
        (export, ReplayRequest { mode: Mode::WhatIf, filter, changes, reissue: None, findings_max })
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    filter: FilterOptions,
    #[command(flatten)]
    findings: FindingsOptions,
}

/// Which recorded commands are meant, and where they are read.
#[derive(Debug, ClapArgs)]
struct FilterOptions {
    /// Read this export in place of a data folder or server: a file that 'reprise export' wrote, plain or compressed
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    export: Option<PathBuf>,
    /// Only commands to streams whose name matches, such as 'key_scope-docs/*'
    #[arg(long, value_name = "GLOB")]
    streams: Option<String>,
    /// Only commands that recorded an event of this type, such as key_scope.finished, or of this kind of thing
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only from this position on
    #[arg(long, value_name = "POSITION")]
    from_position: Option<Position>,
    /// Only up to this position
    #[arg(long, value_name = "POSITION")]
    to_position: Option<Position>,
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
    findings_max: u32,
}

impl VerifyOptions {
    pub(crate) fn request(self) -> (Option<PathBuf>, ReplayRequest) {
        let Self { filter, findings: FindingsOptions { findings_max } } = self;
        let (changes, (export, filter)) = (Changes::default(), filter.parts());
        (export, ReplayRequest { mode: Mode::Verify, filter, changes, reissue: None, findings_max })
    }
}

impl FilterOptions {
    fn parts(self) -> (Option<PathBuf>, ReplayFilter) {
        let Self { export, streams, types, from_position, to_position, since, until } = self;
        let filter = ReplayFilter {
            streams,
            types,
            positions: Span { from: from_position, to: to_position },
            times: Span { from: since, to: until },
        };
        (export, filter)
    }
}
