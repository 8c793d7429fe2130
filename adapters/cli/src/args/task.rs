//! What `task`, `workspace` and `batch` take. Does not know what they do.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use domain::digest::Digest;
use domain::filter::SearchText;
use domain::names::{
    BatchId, CampaignId, DisplayName, EditPath, ExternalId, TaskId, UserName, WorkerId, WorkspaceId,
};
use domain::time::Timestamp;
use serde_json::Value;

use super::AtOption;

#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Create a task, or those of a file
    Create(Box<CreateTaskOptions>),
    /// The tasks that match, oldest first
    List(Box<ListTasksOptions>),
    /// One task
    Show {
        id: TaskId,
        #[command(flatten)]
        at: AtOption,
    },
    /// How many tasks that match have each status
    Count(Box<CountTasksOptions>),
    /// Begin tasks again: those that are named, or those that match, as a campaign
    Restart(Box<RestartTasksOptions>),
    /// Let nobody claim them
    Hold(TasksOptions),
    /// Let them be claimed again
    Release(TasksOptions),
    /// End a backoff, or queue a stage that failed or was put back
    RunNow(TasksOptions),
    /// Approve the review of a task
    Approve {
        id: TaskId,
        /// Who approves
        #[arg(long)]
        user: UserName,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Settle a task by hand
    Resolve {
        id: TaskId,
        /// finished or failed
        #[arg(long, value_parser = ["finished", "failed"])]
        outcome: String,
        /// What is to be known about it
        #[arg(long)]
        text: String,
    },
    /// Change a part of the result of a task
    Edit {
        id: TaskId,
        /// Which part
        path: EditPath,
        /// What it is from now on, as JSON; null takes an earlier edit back
        #[arg(value_parser = json)]
        value: Value,
    },
    /// Say who reviews a task; the review begins again
    Assign {
        id: TaskId,
        /// The users; none means that whoever likes may review
        users: Vec<UserName>,
        /// Which of them have to review
        #[arg(long, default_value = "any", value_parser = ["any", "all", "in_sequence"])]
        order: String,
    },
    /// Delete tasks; their histories stay
    Delete(DeleteTasksOptions),
    /// Everything that ever happened to a task
    History {
        id: TaskId,
        /// Show its attempts instead of its events
        #[arg(long)]
        attempts: bool,
        /// Leave out what each event changed
        #[arg(long)]
        brief: bool,
        #[command(flatten)]
        at: AtOption,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CreateTaskOptions {
    /// What its workers are given, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json, required_unless_present = "from")]
    pub(crate) context: Option<Value>,
    /// Create a task of each line of this file of JSON; '-' reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["context", "external_id", "display_name", "description", "workspace", "batch", "high"], value_hint = clap::ValueHint::FilePath)]
    pub(crate) from: Option<PathBuf>,
    /// What the client calls it
    #[arg(long)]
    pub(crate) external_id: Option<ExternalId>,
    /// What people call it
    #[arg(long)]
    pub(crate) display_name: Option<DisplayName>,
    /// What it is
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// The workspace that processes it [default: the default one]
    #[arg(long)]
    pub(crate) workspace: Option<WorkspaceId>,
    /// The batch that it belongs to
    #[arg(long)]
    pub(crate) batch: Option<BatchId>,
    /// Before those of low priority
    #[arg(long)]
    pub(crate) high: bool,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// Conditions that must all hold.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Which tasks (all conditions must hold; none means every task)")]
pub(crate) struct TaskFilterOptions {
    /// One of these statuses, by name or number, such as ToReview,32
    #[arg(long, value_name = "STATUS[,STATUS]")]
    pub(crate) status: Option<String>,
    /// Where it is shown
    #[arg(long, value_parser = ["inbox", "history"])]
    pub(crate) screen: Option<String>,
    /// The workspace that processes it
    #[arg(long)]
    pub(crate) workspace: Option<WorkspaceId>,
    /// The batch that it belongs to
    #[arg(long)]
    pub(crate) batch: Option<BatchId>,
    /// What the client calls it, exactly
    #[arg(long)]
    pub(crate) external_id: Option<ExternalId>,
    /// A part of its name or external id; case does not matter
    #[arg(long)]
    pub(crate) text: Option<SearchText>,
    /// The worker that has it
    #[arg(long)]
    pub(crate) worker: Option<WorkerId>,
    /// The code of what went wrong last
    #[arg(long)]
    pub(crate) error_code: Option<String>,
    /// The campaign that restarted it last
    #[arg(long)]
    pub(crate) campaign: Option<CampaignId>,
    /// Whether it is held
    #[arg(long, value_name = "true|false")]
    pub(crate) held: Option<bool>,
    /// Whether it carries the watchdog's warning
    #[arg(long, value_name = "true|false")]
    pub(crate) stuck: Option<bool>,
    /// How far the client's own side is
    #[arg(long, value_name = "STATUS")]
    pub(crate) external_integration_status: Option<String>,
    /// It was created at this instant or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) created_since: Option<Timestamp>,
    /// It was created before this instant
    #[arg(long, value_name = "TIME")]
    pub(crate) created_before: Option<Timestamp>,
    /// Something happened to it at this instant or later
    #[arg(long, value_name = "TIME")]
    pub(crate) updated_since: Option<Timestamp>,
    /// Nothing happened to it at this instant or later
    #[arg(long, value_name = "TIME")]
    pub(crate) updated_before: Option<Timestamp>,
    /// It was restarted at least so many times
    #[arg(long, value_name = "COUNT")]
    pub(crate) restart_count_min: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListTasksOptions {
    #[command(flatten)]
    pub(crate) filter: TaskFilterOptions,
    /// created_at, updated_at, restart_count, priority, status or name; with '-' in front the greatest first
    #[arg(long, default_value = "created_at", allow_hyphen_values = true)]
    pub(crate) sort: String,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) at: AtOption,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CountTasksOptions {
    #[command(flatten)]
    pub(crate) filter: TaskFilterOptions,
    #[command(flatten)]
    pub(crate) at: AtOption,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RestartTasksOptions {
    /// These tasks; without any, those that match
    #[arg(conflicts_with_all = ["dry_run", "expect", "all"])]
    pub(crate) ids: Vec<TaskId>,
    #[command(flatten)]
    pub(crate) filter: TaskFilterOptions,
    /// Every task, where no condition is given
    #[arg(long)]
    pub(crate) all: bool,
    /// Restart none; print those that would be restarted, and on stderr how many they are and their digest
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Restart exactly the tasks with this digest, as a dry run gives it, or none
    #[arg(long, value_name = "DIGEST")]
    pub(crate) expect: Option<Digest>,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TasksOptions {
    #[arg(required = true)]
    pub(crate) ids: Vec<TaskId>,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DeleteTasksOptions {
    #[arg(required = true)]
    pub(crate) ids: Vec<TaskId>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Every workspace
    List(AtOption),
    /// One workspace
    Show {
        id: WorkspaceId,
        #[command(flatten)]
        at: AtOption,
    },
    /// Create a workspace
    Create(WorkspaceOptions),
    /// Replace all settings of a workspace; tasks that exist keep their plan
    Configure {
        id: WorkspaceId,
        #[command(flatten)]
        settings: WorkspaceOptions,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WorkspaceOptions {
    /// What people call it
    pub(crate) display_name: DisplayName,
    /// What it is
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Tasks that name no workspace go here
    #[arg(long)]
    pub(crate) default: bool,
    /// Its tasks are recognized
    #[arg(long)]
    pub(crate) recognition: bool,
    /// Nobody needs to review its tasks
    #[arg(long)]
    pub(crate) automatic_review: bool,
    /// Send the results of its tasks to this URL
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
    /// Further settings as a JSON object, such as '{"modules": {"pre_processing": [{"module": "fetch"}]}}'
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(crate) settings: Option<Value>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// Every batch
    List {
        /// Only those of this workspace
        #[arg(long)]
        workspace: Option<WorkspaceId>,
        #[command(flatten)]
        at: AtOption,
    },
    /// One batch, with how many tasks it has
    Show {
        id: BatchId,
        #[command(flatten)]
        at: AtOption,
    },
    /// Create a batch
    Create {
        workspace: WorkspaceId,
        /// What people call it
        display_name: DisplayName,
        /// What it is
        #[arg(long)]
        description: Option<String>,
    },
}

/// A text as the JSON that it is.
fn json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}
