//! The options of the commands that take a log elsewhere and bring it back. Does not know what they do.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use domain::names::{OrganizationId, StorageUnitName};
use domain::stream::Position;
use domain::time::Timestamp;
use event_codec::integrity::PublicKey;
use store_sqlite::KnownHead;

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

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyLogOptions {
    /// A head that the log had once, as 'reprise integrity head' says it; repeat for several
    #[arg(long, value_name = "HASH@POSITION", value_parser = known_head)]
    pub(crate) head: Vec<KnownHead>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProofOptions {
    /// UNIT, UNIT/SCOPE/KEY, a campaign's id, or the name of a stream
    pub(crate) subject: String,
    /// The file to write [default: stdout]
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyProofOptions {
    /// A file that 'reprise proof' wrote
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The head that is trusted
    #[arg(long, value_name = "HASH@POSITION", value_parser = known_head)]
    pub(crate) head: Option<KnownHead>,
    /// Whose signature is trusted
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Option<PublicKey>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrityCommand {
    /// One hash over the whole log: keep it, and verify-log says later whether the log is still what it was
    Head,
    /// Make a key by which heads are signed, and show its public part
    Key(IntegrityKeyOptions),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct IntegrityKeyOptions {
    /// The file to make
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

fn known_head(text: &str) -> Result<KnownHead, String> {
    let wrong = || format!("'{text}' is not HASH@POSITION, as 'reprise integrity head' says it");
    let (hash, position) = text.split_once('@').ok_or_else(wrong)?;
    Ok(KnownHead {
        hash: hash.parse().map_err(|_| wrong())?,
        position: position.parse().map_err(|_| wrong())?,
    })
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BackupOptions {
    /// The folder to make the backup in; empty, or not there yet
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RestoreOptions {
    /// The folder of a backup
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}
