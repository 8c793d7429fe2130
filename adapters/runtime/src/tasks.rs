//! What an engine can be asked for tasks, beside the commands of a task itself: creating them with their workspaces and
//! batches, and finding them by what clients call them. Does not know the rules: the aggregates decide.

mod allocation;
mod creating;
mod deleting;
mod document;
mod outputs;
mod queues;
mod watchdog;

use domain::aggregate::Aggregate;
use domain::batch::{self, Batch, Described};
use domain::envelope::{Command, Envelope};
use domain::external_id::ExternalIdUse;
use domain::ids::IdKind;
use domain::names::{
    Actor, BatchId, CommandId, DisplayName, ExternalId, IdempotencyKey, OrganizationId, TaskId, WorkspaceId,
};
use domain::stream::{Position, Subject};
use domain::task::{self, Assignment, Task};
use domain::workspace::{self, Settings};
use projections::read_model::ReadModelError;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::pipeline::SubmitError;

pub(crate) use allocation::Allocation;
pub use document::{OutputContent, StageOutput, TaskDocument};
pub use outputs::{TaskOutput, TaskOutputError};
pub use queues::QueueSettings;

pub(crate) use deleting::{confirm, confirm_interrupted};
pub(crate) use watchdog::run as watch;

/// A task that is to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// The workspace that processes it; nothing for the default one.
    pub workspace: Option<WorkspaceId>,
    /// The batch that it belongs to.
    pub batch: Option<BatchId>,
    /// What the client calls it.
    pub external_id: Option<ExternalId>,
    /// What people call it; nothing for what the client calls it, or `Task <id>`.
    pub display_name: Option<DisplayName>,
    /// What it is.
    pub description: Option<String>,
    /// Who goes first.
    pub priority: task::Priority,
    /// What the workers are given.
    pub context: Map<String, Value>,
    /// The client's own words about it.
    pub metadata: Map<String, Value>,
    /// Values of the organization's own form.
    pub custom_form_values: Map<String, Value>,
    /// Who reviews it; nothing for whom the workspace says.
    pub assignment: Option<Assignment>,
}

/// Who asks for something that is made, why, and under which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The id of the command that makes it; of one with a key, [`CommandId::keyed`].
    pub id: CommandId,
    /// What its sender calls the request: the same one makes nothing more.
    pub key: Option<IdempotencyKey>,
    /// Who asks.
    pub actor: Actor,
    /// Why.
    pub reason: Option<String>,
    /// Whose it will be.
    pub organization: OrganizationId,
}

impl Asked {
    /// The envelope of the command that makes it.
    fn envelope(&self, command: Command) -> Envelope {
        Envelope {
            id: self.id,
            idempotency_key: self.key.clone(),
            reason: self.reason.clone(),
            organization: Some(self.organization.clone()),
            ..Envelope::new(self.id, self.actor.clone(), command)
        }
    }

    /// The envelope of a command that prepares for that: the same each time that it is asked.
    fn preparing(&self, command: Command, purpose: &str) -> Envelope {
        let id = CommandId::following(self.id.0, purpose);
        let envelope = Envelope { id, idempotency_key: None, ..self.envelope(command) };
        envelope.following(self.id.0, None)
    }
}

/// A task that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedTask {
    /// Its id.
    pub id: TaskId,
    /// The log's position after its creation.
    pub position: Position,
    /// Whether this request created it; not when the same request was answered before.
    pub created: bool,
}

/// Why a task, a workspace or a batch was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateTaskError {
    /// None was named, and none is the default one.
    #[error(
        "no workspace was named and none is the default one; name one, or make one the default with is_default"
    )]
    NoDefaultWorkspace,
    /// There is none of this id.
    #[error("there is no workspace {0}; create it first, or name another one")]
    NoWorkspace(WorkspaceId),
    /// There is none of this id.
    #[error("there is no batch {0}; create it first, or leave it out")]
    NoBatch(BatchId),
    /// The batch belongs to another workspace.
    #[error("batch {batch} belongs to workspace {of}, not to {workspace}; name a batch of that workspace")]
    BatchOfAnotherWorkspace {
        /// The batch.
        batch: BatchId,
        /// The workspace that it belongs to.
        of: WorkspaceId,
        /// The workspace of the task.
        workspace: WorkspaceId,
    },
    /// Another task has it.
    #[error("task {task} has the external id '{external_id}'; choose another one, or restart that task")]
    ExternalIdTaken {
        /// What the client calls it.
        external_id: ExternalId,
        /// The task that has it.
        task: TaskId,
    },
    /// There are no more ids that fit into what they are kept in.
    #[error("all ids of workspaces are given out")]
    IdsExhausted,
    /// The read model's reason.
    #[error(transparent)]
    Read(#[from] ReadModelError),
    /// The pipeline's reason.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Engine {
    /// Creates a workspace with the next id.
    ///
    /// # Errors
    /// [`CreateTaskError`]; nothing was created.
    pub async fn create_workspace(
        &self,
        asked: Asked,
        settings: Settings,
    ) -> Result<(WorkspaceId, Position), CreateTaskError> {
        let _alone = self.alone(asked.id).await;
        let id = match self.made_before(&asked).await? {
            Some(Subject::Workspace(id)) => id,
            Some(_) | None => {
                let number = u32::try_from(self.next_id(IdKind::Workspace).await?);
                let number = number.map_err(|_| CreateTaskError::IdsExhausted)?;
                WorkspaceId::new(number).expect("ids are given out from 1 on")
            }
        };
        let create = Command::Workspace(id, workspace::Command::Create(settings));
        let accepted = self.submit_alone(asked.envelope(create)).await?;
        Ok((id, accepted.position))
    }

    /// Creates a batch of a workspace with the next id.
    ///
    /// # Errors
    /// [`CreateTaskError`]; nothing was created.
    pub async fn create_batch(
        &self,
        asked: Asked,
        described: Described,
    ) -> Result<(BatchId, Position), CreateTaskError> {
        let _alone = self.alone(asked.id).await;
        let id = match self.made_before(&asked).await? {
            Some(Subject::Batch(id)) => id,
            Some(_) | None => {
                let workspace = described.workspace;
                let settings = self.workspace_settings(workspace).await?;
                settings.ok_or(CreateTaskError::NoWorkspace(workspace))?;
                BatchId::new(self.next_id(IdKind::Batch).await?).expect("ids are given out from 1 on")
            }
        };
        let create = Command::Batch(id, batch::Command::Create(described));
        let accepted = self.submit_alone(asked.envelope(create)).await?;
        Ok((id, accepted.position))
    }

    /// The task that has an external id, correct at once after its creation.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn task_of_external_id(
        &self,
        organization: &OrganizationId,
        external_id: &ExternalId,
    ) -> Result<Option<TaskId>, SubmitError> {
        let subject = Subject::ExternalId(organization.clone(), external_id.clone());
        let Aggregate::ExternalId(ExternalIdUse::Taken(task)) = self.inspect(subject).await? else {
            return Ok(None);
        };
        Ok(self.task(task).await?.present().map(|_| task))
    }

    /// A task, as of everything that was acknowledged before.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn task(&self, id: TaskId) -> Result<Task, SubmitError> {
        let Aggregate::Task(task) = self.inspect(Subject::Task(id)).await? else { return Ok(Task::Absent) };
        Ok(*task)
    }

    /// What is set for a workspace.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn workspace_settings(&self, id: WorkspaceId) -> Result<Option<Settings>, SubmitError> {
        let Aggregate::Workspace(workspace) = self.inspect(Subject::Workspace(id)).await? else {
            return Ok(None);
        };
        Ok(workspace.settings().cloned())
    }

    async fn batch(&self, id: BatchId) -> Result<Option<Described>, SubmitError> {
        let Aggregate::Batch(batch) = self.inspect(Subject::Batch(id)).await? else { return Ok(None) };
        match *batch {
            Batch::Absent => Ok(None),
            Batch::Present(described) => Ok(Some(described)),
        }
    }
}
