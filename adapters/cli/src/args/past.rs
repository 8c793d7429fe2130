//! What commands take that look at the past. Does not know what was then.

use clap::Args as ClapArgs;
use domain::moment::Moment;

use crate::client::part;

/// When.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(crate) struct AtOption {
    /// As it was then: at a position such as p4711, an instant such as 2026-01-31T12:00:00Z, or, of one thing, a version
    /// such as v12
    #[arg(long, value_name = "MOMENT")]
    pub(crate) at: Option<Moment>,
}

impl AtOption {
    /// The path of a question as of then.
    pub(crate) fn of(self, path: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        match self.at {
            None => path.to_owned(),
            Some(moment) => format!("{path}{mark}at={}", part(&moment.to_string())),
        }
    }
}

/// Two moments.
#[derive(Debug, ClapArgs)]
pub(crate) struct DiffOptions {
    /// A position such as p4711, or an instant such as 2026-01-31T12:00:00Z
    pub(crate) from: Moment,
    /// The same [default: the present]
    pub(crate) to: Option<Moment>,
    /// Only rows of this view, such as key_scopes or tasks
    #[arg(long)]
    pub(crate) view: Option<String>,
    /// At most so many rows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
}
