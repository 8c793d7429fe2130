//! The options of the commands that take a log elsewhere and bring it back. Does not know what they do.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use domain::names::{OrganizationId, StorageUnitName};
use domain::stream::Position;
use domain::time::Timestamp;

#[derive(Debug, ClapArgs)]
pub(crate) struct ExportOptions {
    /// The file to write; one that ends with .zst is compressed [default: stdout]
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Compress with zstd
    #[arg(long)]
    pub(crate) zstd: bool,
    /// Only streams whose names begin so, such as key_scope-docs/
    #[arg(long, value_name = "PREFIX")]
    pub(crate) stream: Option<String>,
    /// Only of this unit, its documents and its records
    #[arg(long)]
    pub(crate) unit: Option<StorageUnitName>,
    /// Only of this type, such as key_scope.finished, or of all types of one thing, such as campaign
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only what comes after this position
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<Position>,
    /// Only what comes up to this position [default: the end of the log]
    #[arg(long, value_name = "POSITION")]
    pub(crate) until: Option<Position>,
    /// Only what was recorded at this instant or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) since: Option<Timestamp>,
    /// Only what was recorded before this instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) before: Option<Timestamp>,
    /// Only what belongs to this organization
    #[arg(long)]
    pub(crate) organization: Option<OrganizationId>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ImportOptions {
    /// A file that 'reprise export' wrote, plain or compressed; - for stdin
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}
