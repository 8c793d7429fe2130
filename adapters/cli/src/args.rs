//! The command line. Does not know what the commands do.

mod archive;
mod campaign;
mod itself;
mod past;
mod replay;
mod task;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use domain::api_key::Role;
use domain::names::{ApiKeyId, Key, KeyName, OrganizationId, Scope, StorageUnitName, WorkerId};
use domain::time::Timestamp;

use crate::bench::{Row, Size};
use crate::telemetry::LogFormat;
use crate::thing::Thing;

pub(crate) use archive::{
    BackupOptions, ExportOptions, ImportOptions, IntegrityCommand, IntegrityKeyOptions, ProofOptions,
    RestoreOptions, VerifyLogOptions, VerifyProofOptions,
};
pub(crate) use campaign::{CampaignCommand, CanaryOptions, FilterOptions, StartOptions};
pub(crate) use itself::{CompletionsOptions, ManOptions};
pub(crate) use past::{AtOption, DiffOptions};
pub(crate) use replay::{Destination, ReissueOptions, ReplayCommand};
pub(crate) use task::{
    BatchCommand, CountTasksOptions, CreateTaskOptions, DeleteTasksOptions, ListTasksOptions,
    RestartTasksOptions, TaskCommand, TaskFilterOptions, WorkspaceCommand, WorkspaceOptions,
};

/// Work that may have to be done again: process documents, keep every step, reprocess at any time.
#[derive(Debug, Parser)]
#[command(name = "reprise", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done · 1 some documents failed, or a replay found something · 2 wrong usage · 3 data folder or configuration \
    not usable · 4 refused (no such thing, or not allowed now) · 5 server not reachable or busy · 130 interrupted"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, ClapArgs)]
pub(crate) struct Global {
    /// The folder that holds the event log and everything derived from it [default: reprise-data]
    #[arg(long, global = true, env = "REPRISE_DATA_DIR", value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file [default: reprise.toml, if there is one]
    #[arg(long, global = true, env = "REPRISE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Talk to this server instead of opening the data folder, such as http://127.0.0.1:7171
    #[arg(long, global = true, env = "REPRISE_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The API key to present to the server, rp_…; better in the environment, where no list of processes shows it
    #[arg(long, global = true, env = "REPRISE_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Trust a server with https:// only if an authority in this PEM file vouches for it [default: those that this
    /// machine trusts]
    #[arg(long, global = true, env = "REPRISE_CA_CERT", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) ca_cert: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log more; twice for everything. REPRISE_LOG sets the level in detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How log lines are written [default: text]
    #[arg(long, global = true, env = "REPRISE_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Process every matching document of a folder with a program; run again to reprocess, or to go on where it was
    Run(RunOptions),
    /// Answer over HTTP, and process what is queued if workers are asked for
    Serve(ServeOptions),
    /// Process what is queued at a server, with the modules that are defined here
    Work(WorkOptions),
    /// Storage units: where documents live and what processes them
    #[command(subcommand)]
    Unit(UnitCommand),
    /// Ask for documents to be processed again
    #[command(subcommand)]
    Reprocess(ReprocessCommand),
    /// Campaigns: bulk requests
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// Tasks: documents on their way through a workspace
    #[command(subcommand)]
    Task(TaskCommand),
    /// Workspaces: which stages tasks pass, and who reviews them
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Batches: tasks that belong together
    #[command(subcommand)]
    Batch(BatchCommand),
    /// Whether leases are given at all: stop all dispatching, and go on
    #[command(subcommand)]
    System(SystemCommand),
    /// API keys: who may ask a server, and for what
    #[command(subcommand)]
    Keys(KeysCommand),
    /// What stands where
    Status(StatusOptions),
    /// Everything that ever happened to a unit, a document, a task or a campaign, and what led from one to another
    History(HistoryOptions),
    /// What changed on the board between two moments
    Diff(DiffOptions),
    /// Why something does not move, and what would free it
    Explain(ExplainOptions),
    /// Step through the history of something in the terminal, and try other commands on a copy of it
    Debug(DebugOptions),
    /// Every event of the log, a line each
    Events(EventsOptions),
    /// Every recorded command, a line each; with --json as it can be posted to /v1/commands
    Commands(CommandsOptions),
    /// Write the log as CloudEvents, a line each: from the data folder, also beside a running server, or from --server
    Export(ExportOptions),
    /// Make the log of an empty data folder from an export
    Import(ImportOptions),
    /// Copy the log and the content of a data folder, also beside a running server, and read the copy again
    Backup(BackupOptions),
    /// Fill an empty data folder from a backup, and read it again
    Restore(RestoreOptions),
    /// Read the whole log and say whether it is what it was, and if not, which event is the first that differs
    VerifyLog(VerifyLogOptions),
    /// Whether the log is what it was: its head, and the key that signs it
    #[command(subcommand)]
    Integrity(IntegrityCommand),
    /// Write the whole history of one thing in a form that checks without the log
    Proof(ProofOptions),
    /// Check a proof: whether anything in it was changed, dropped, moved or cut off
    VerifyProof(VerifyProofOptions),
    /// Recorded commands decided again: whether the rules still say what the log says, and what would be otherwise
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// The views that are derived from the log
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Send a request to the native HTTP API, as 'explain' suggests some
    Api(ApiOptions),
    /// Print the description of the HTTP API: an OpenAPI document, from which clients can be generated
    Openapi,
    /// Whether a server is ready for work: exit code 0 when it is, 5 when it is not or does not answer
    Health(HealthOptions),
    /// What a shell needs to complete commands and options, on stdout
    Completions(CompletionsOptions),
    /// The manual, in the form that 'man' reads: one page of everything, on stdout
    Man(ManOptions),
    /// Measure this program on this machine, beside what disk and HTTP can do by themselves
    Bench(BenchOptions),
    /// A server that gives every body back, for the benchmark
    #[command(hide = true)]
    BenchEcho,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchOptions {
    /// Only these rows; a comparison with a raw figure needs its row too [default: every row]
    #[arg(value_name = "ROW")]
    pub(crate) rows: Vec<Row>,
    /// How much is measured
    #[arg(long, default_value = "quick")]
    pub(crate) scale: Size,
    /// How many keys are reprocessed, and how many tasks there are, in place of the scale's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) keys: Option<u64>,
    /// How many events the history has that is folded, rebuilt, verified and started over, in place of the scale's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) events: Option<u64>,
    /// For how long a server is given twice of what it can do, in place of the scale's, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) overload: Option<u32>,
    /// How often every row is measured, in turns; the medians are printed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=25))]
    pub(crate) repeat: u32,
    /// Where the files of the run lie until its end [default: the system's folder for temporary files]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// Say which rows there are, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunOptions {
    /// The folder of documents, or a URL such as s3://bucket/prefix
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub(crate) location: String,
    /// Only documents whose path below the folder matches, such as '**/README.md'
    #[arg(long, value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// The storage unit's name [default: the folder's name]
    #[arg(long)]
    pub(crate) unit: Option<StorageUnitName>,
    /// The scope under which the documents are known
    #[arg(long, default_value = "content")]
    pub(crate) scope: Scope,
    /// How many documents are processed at once [default: the number of processors]
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// How many times a failing document is tried in this run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,
    /// How long the program may take for one document, in seconds
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time_limit: u64,
    /// Keep what the program writes under this scope of the same key; without it only digest and size are kept
    #[arg(long)]
    pub(crate) output_scope: Option<Scope>,
    /// An environment variable for the program, besides PATH and REPRISE_*; NAME alone takes it from here
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Give the program the whole environment
    #[arg(long)]
    pub(crate) inherit_env: bool,
    /// Take the program as a line for the shell
    #[arg(long)]
    pub(crate) shell: bool,
    /// The program and its arguments: it reads a document on stdin, writes its result to stdout and exits with 0
    #[arg(last = true, required = true, num_args = 1.., value_name = "PROGRAM")]
    pub(crate) program: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeOptions {
    /// Where to listen; elsewhere than on loopback only with keys, and with TLS or --insecure-http [default: 127.0.0.1:7171]
    #[arg(long, env = "REPRISE_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Speak TLS with this certificate: a PEM file, the server's own first, then those between it and its authority
    #[arg(long, env = "REPRISE_TLS_CERT", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key: a PEM file without a password
    #[arg(long, env = "REPRISE_TLS_KEY", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen elsewhere than on loopback without TLS, although requests and keys go over the network as they are: only
    /// behind a proxy that adds TLS, or in a network that nobody else can read
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// How many documents are processed at once by this server; 0 leaves them to others [default: 0]
    #[arg(long, env = "REPRISE_WORKERS", value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub(crate) workers: Option<u16>,
    /// Do nothing by oneself, and take nothing but what is reissued from another instance with 'replay reissue'
    #[arg(long, conflicts_with = "workers")]
    pub(crate) standby: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WorkOptions {
    /// Only from this queue; repeat for several [default: every queue whose modules are defined here]
    #[arg(long, value_name = "UNIT[/SCOPE]")]
    pub(crate) queue: Vec<String>,
    /// How many documents are processed at once [default: the number of processors]
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// The name under which it is known at the server [default: machine and process]
    #[arg(long)]
    pub(crate) name: Option<WorkerId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UnitCommand {
    /// Every storage unit
    List(AtOption),
    /// One storage unit
    Show {
        unit: StorageUnitName,
        #[command(flatten)]
        at: AtOption,
    },
    /// Create a storage unit
    Create(CreateOptions),
    /// Attach modules to scopes, in place of those attached before
    Modules {
        unit: StorageUnitName,
        /// SCOPE=MODULE; repeat in the order in which they run
        #[arg(required = true, value_name = "SCOPE=MODULE")]
        entries: Vec<String>,
    },
    /// Let its work be claimed
    Enable { unit: StorageUnitName },
    /// Let none of its work be claimed
    Disable { unit: StorageUnitName },
    /// Remove it; documents of a registered folder stay where they are
    Drop {
        unit: StorageUnitName,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CreateOptions {
    /// Its name
    pub(crate) unit: StorageUnitName,
    /// The folder or URL where its documents are; without it the engine keeps them itself
    #[arg(long, value_name = "FOLDER|URL")]
    pub(crate) content: Option<String>,
    /// How a path below it says key and scope
    #[arg(long, default_value = "{key}")]
    pub(crate) layout: String,
    /// The scope of every document, when the layout does not say one
    #[arg(long, default_value = "content")]
    pub(crate) scope: Scope,
    /// Only documents whose path matches
    #[arg(long, value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Begin with the queue disabled
    #[arg(long)]
    pub(crate) disabled: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReprocessCommand {
    /// One key
    Key { unit: StorageUnitName, key: Key, scope: Scope },
    /// Several keys
    Keys {
        unit: StorageUnitName,
        scope: Scope,
        #[arg(required = true)]
        keys: Vec<Key>,
    },
    /// Every key of a unit, or those that match, as a campaign
    All(Box<StartOptions>),
    /// Take every item of a unit back from whoever has it
    Reset { unit: StorageUnitName },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SystemCommand {
    /// Whether leases are given, since when, by whom and why
    Show(AtOption),
    /// Why no lease is given, if none is, which event is behind that, and what goes on with it
    Explain,
    /// Give no lease to anybody until resumed; what is leased goes on and may finish
    Pause {
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Give leases again
    Resume {
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and show it, this one time
    Create {
        /// Its name, under which its commands are recorded
        name: KeyName,
        /// viewer reads, operator asks for work, admin does everything, worker processes
        #[arg(long)]
        role: Role,
        /// Whose it is [default: that of the key in use, else 'default']
        #[arg(long)]
        organization: Option<OrganizationId>,
        /// When it ends by itself, such as 2027-01-31T12:00:00Z
        #[arg(long, value_name = "INSTANT")]
        expires_at: Option<Timestamp>,
    },
    /// Every key, without secrets
    List {
        /// Those of another organization
        #[arg(long)]
        organization: Option<OrganizationId>,
    },
    /// Give a key another secret and show it, this one time
    Rotate {
        id: ApiKeyId,
        /// For how long the old secret stays valid, in seconds
        #[arg(long, default_value_t = 0, value_name = "SECONDS")]
        grace: u64,
    },
    /// Make a key invalid for ever, at once
    Revoke { id: ApiKeyId },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusOptions {
    /// Only key-scopes of this unit, one by one
    pub(crate) unit: Option<StorageUnitName>,
    /// Only those with this status: queued, assigned, running, retrying, finished or failed
    #[arg(long, requires = "unit")]
    pub(crate) status: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, requires = "unit")]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) at: AtOption,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EventsOptions {
    /// Only what comes after this position
    #[arg(long, value_name = "POSITION", default_value = "0")]
    pub(crate) after: String,
    /// Go on with what comes
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only of this unit, its documents and its records
    #[arg(long)]
    pub(crate) unit: Option<StorageUnitName>,
    /// Only of this type, such as key_scope.finished, or of all types of one thing, such as campaign
    #[arg(long)]
    pub(crate) kind: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CommandsOptions {
    /// Only what comes after this position
    #[arg(long, value_name = "POSITION", default_value = "0")]
    pub(crate) after: String,
    /// Only of this unit, its documents and its records
    #[arg(long)]
    pub(crate) unit: Option<StorageUnitName>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryOptions {
    /// UNIT, UNIT/SCOPE/KEY, task/ID, workspace/ID, batch/ID, a campaign's id; or command/NAME, where NAME is a command's id,
    /// what its sender called it, or the position of an event such as p4711: what caused it and what it caused
    pub(crate) subject: String,
    /// Show the attempts of a key-scope or task instead of its events
    #[arg(long)]
    pub(crate) attempts: bool,
    /// Leave out what each event changed
    #[arg(long)]
    pub(crate) brief: bool,
    #[command(flatten)]
    pub(crate) at: AtOption,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainOptions {
    /// UNIT, UNIT/SCOPE/KEY, task/ID, workspace/ID, or a campaign's id
    pub(crate) subject: Thing,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DebugOptions {
    /// UNIT, UNIT/SCOPE/KEY, task/ID, workspace/ID, or a campaign's id
    pub(crate) subject: Thing,
    /// Read this export in place of a data folder or server: a file that 'reprise export' wrote, plain or compressed
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) export: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ApiOptions {
    /// GET, POST, PUT or DELETE
    pub(crate) method: String,
    /// The path, such as /v1/tasks/7/release
    pub(crate) path: String,
    /// The JSON body, when there is one
    pub(crate) body: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectionsCommand {
    /// Every projection and how far it has come
    List,
    /// Build one anew from the log beside the present one, compare, and switch; all of them without a name
    Rebuild { name: Option<String> },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HealthOptions {
    /// How long the answer may take, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) time_limit: u64,
}
