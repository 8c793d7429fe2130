//! What is set for a queue, whosever work lies in it: a storage unit's, or a workspace's. Does not know what is queued.

use domain::names::{Scope, StorageUnitName};
use domain::retry::RetryPolicy;
use domain::storage_unit::{Limits, ModuleTable};
use domain::work_id::WorkId;

use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// What is set for the queues of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueSettings {
    /// What runs over each scope, or stage.
    pub modules: ModuleTable,
    /// Limits.
    pub limits: Limits,
}

impl Engine {
    /// What is set for the queues of a unit; nothing when there is no such unit or workspace.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn queue_settings(&self, unit: &StorageUnitName) -> Result<Option<QueueSettings>, SubmitError> {
        let Some(workspace) = unit.workspace() else {
            let settings = self.unit_settings(unit).await?;
            return Ok(settings.map(|unit| QueueSettings { modules: unit.modules, limits: unit.limits }));
        };
        let settings = self.workspace_settings(workspace).await?;
        Ok(settings.map(|settings| {
            let modules = settings.modules.into_iter().map(|(stage, modules)| {
                (Scope::new(stage.name()).expect("a stage's name is a valid scope"), modules)
            });
            let modules = ModuleTable { modules: modules.collect(), ..ModuleTable::default() };
            QueueSettings { modules, limits: settings.limits }
        }))
    }

    /// How often and when a stage of a task is tried again, as its plan says; nothing when the plan does not say, or the
    /// work is no task's.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn planned_retry(&self, id: &WorkId) -> Result<Option<RetryPolicy>, SubmitError> {
        let Some((task, stage)) = id.task_stage() else { return Ok(None) };
        let task = self.task(task).await?;
        Ok(task.present().and_then(|task| task.payload.plan.retry.get(&stage).copied()))
    }
}
