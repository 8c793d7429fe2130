//! What `campaign` and `reprocess all` take. Does not know what they do.

use clap::{Args as ClapArgs, Subcommand};
use domain::digest::Digest;
use domain::names::{CampaignId, Scope, StorageUnitName};
use domain::time::Timestamp;

use super::AtOption;

#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Every campaign, and why it stands still if it does
    List {
        /// Only those of this unit
        #[arg(long)]
        unit: Option<StorageUnitName>,
        #[command(flatten)]
        at: AtOption,
    },
    /// One campaign
    Show {
        id: CampaignId,
        #[command(flatten)]
        at: AtOption,
    },
    /// What a campaign has come to: how many, how fast, what failed and why, what changed
    Report {
        id: CampaignId,
        #[command(flatten)]
        at: AtOption,
    },
    /// Queue every key of a unit, or those that match
    Start(Box<StartOptions>),
    /// Queue nothing until resumed
    Pause { id: CampaignId },
    /// Go on: after a pause, after a canary that waits, or in spite of one that broke a rule
    Resume { id: CampaignId },
    /// Queue nothing more; what is queued stays queued
    Cancel { id: CampaignId },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StartOptions {
    pub(crate) unit: StorageUnitName,
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) filter: FilterOptions,
    /// At most so many keys per second
    #[arg(long)]
    pub(crate) keys_per_second_max: Option<u32>,
    /// At most so many keys queued and not yet settled
    #[arg(long)]
    pub(crate) in_flight_max: Option<u32>,
    #[command(flatten)]
    pub(crate) canary: CanaryOptions,
    /// Begin nothing; print the keys that it would visit, and on stderr how many they are and their digest
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Visit exactly the keys with this digest, as a dry run gives it, or begin nothing
    #[arg(long, value_name = "DIGEST")]
    pub(crate) expect: Option<Digest>,
    /// Why
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// Conditions that must all hold. With any of them only key-scopes are meant that were asked for before.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Which keys (all conditions must hold; none means every key of the unit)")]
pub(crate) struct FilterOptions {
    /// queued, assigned, running, retrying, finished or failed
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Whether it is held
    #[arg(long, value_name = "true|false")]
    pub(crate) held: Option<bool>,
    /// The campaign that asked for it last
    #[arg(long)]
    pub(crate) campaign: Option<CampaignId>,
    /// The code of what went wrong last
    #[arg(long)]
    pub(crate) error_code: Option<String>,
    /// What its key begins with
    #[arg(long)]
    pub(crate) key_prefix: Option<String>,
    /// How its last result compares with the one before: first, same or changed
    #[arg(long)]
    pub(crate) change: Option<String>,
    /// Whether it has ever finished
    #[arg(long, value_name = "true|false")]
    pub(crate) ever_finished: Option<bool>,
    /// It finished last at this instant or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_since: Option<Timestamp>,
    /// It finished last before this instant
    #[arg(long, value_name = "TIME")]
    pub(crate) finished_before: Option<Timestamp>,
    /// Something happened to it at this instant or later
    #[arg(long, value_name = "TIME")]
    pub(crate) updated_since: Option<Timestamp>,
    /// Nothing happened to it at this instant or later
    #[arg(long, value_name = "TIME")]
    pub(crate) updated_before: Option<Timestamp>,
    /// It was begun again at least so many times
    #[arg(long, value_name = "COUNT")]
    pub(crate) restart_count_min: Option<u32>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Canary (some keys first)")]
pub(crate) struct CanaryOptions {
    /// Ask for so many keys first, and look at what becomes of them
    #[arg(long, value_name = "COUNT", conflicts_with = "canary_percent", group = "canary_size")]
    pub(crate) canary_keys: Option<u32>,
    /// Ask for so many of a hundred keys first
    #[arg(long, value_name = "PERCENT", group = "canary_size")]
    pub(crate) canary_percent: Option<u8>,
    /// Stop if more than this share of them failed, such as 0.05
    #[arg(long, value_name = "SHARE", requires = "canary_size")]
    pub(crate) failed_share_max: Option<f64>,
    /// Stop if more than this share of them produced something else than before
    #[arg(long, value_name = "SHARE", requires = "canary_size")]
    pub(crate) changed_share_max: Option<f64>,
    /// Wait for a resume even if they pass, instead of going on
    #[arg(long, requires = "canary_size")]
    pub(crate) canary_wait: bool,
}
