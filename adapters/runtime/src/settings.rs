//! The runtime's limits, each with its unit. Does not know where they are configured.

use std::num::NonZeroUsize;
use std::time::Duration;

use domain::filter::TaskFilter;
use domain::task::{POLICY_DEFAULT, Policy};

/// Limits of the runtime.
#[derive(Debug, Clone)]
pub struct RuntimeSettings {
    /// How many commands may wait to be decided; one more is told to come back later.
    pub commands_waiting_max: usize,
    /// How many commands are decided and made durable together.
    pub batch_commands_max: usize,
    /// How many aggregates are kept in memory.
    pub aggregates_cached_max: usize,
    /// How many events a projection or process manager takes at once.
    pub batch_events_max: usize,
    /// How many keys a campaign may have whose keys are put together before it begins, and a preview of one.
    pub campaign_keys_max: usize,
    /// Whether the engine does nothing by itself, and takes nothing but what is reissued to it.
    pub is_standby: bool,
    /// How many events lie between two snapshots of all rows; nothing for no snapshots.
    pub snapshot_events: Option<NonZeroUsize>,
    /// How many snapshots are kept, the newest.
    pub snapshots_kept_max: usize,
    /// How long a read waits until its view shows what was acknowledged before.
    pub read_wait_max: Duration,
    /// Which tasks count as stuck, and what is done with them.
    pub watchdog: Vec<Policy>,
    /// How long after one look for stuck tasks the next one follows.
    pub watchdog_interval: Duration,
    /// Which tasks are counted whenever somebody asks for the metrics.
    pub task_gauges: Vec<TaskGauge>,
    /// How long work in flight may take to come to an end when the engine stops.
    pub shutdown_max: Duration,
}

/// A number of tasks that is shown among the metrics, so that alert rules can be written on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskGauge {
    /// What it is called there.
    pub name: String,
    /// Which tasks of any organization are counted.
    pub filter: TaskFilter,
}

impl Default for RuntimeSettings {
    fn default() -> Self {
        Self {
            commands_waiting_max: 65_536,
            batch_commands_max: 4_096,
            aggregates_cached_max: 100_000,
            batch_events_max: 4_096,
            campaign_keys_max: 1_000_000,
            is_standby: false,
            snapshot_events: NonZeroUsize::new(10_000),
            snapshots_kept_max: 1_000,
            read_wait_max: Duration::from_secs(2),
            watchdog: POLICY_DEFAULT.to_vec(),
            watchdog_interval: Duration::from_secs(30),
            task_gauges: Vec::new(),
            shutdown_max: Duration::from_secs(10),
        }
    }
}
