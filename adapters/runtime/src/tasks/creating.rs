//! How a task is created: its place is looked up, its external id claimed, then it is recorded. Whoever repeats a
//! request under its key gets the task that is there; whoever breaks off in between leaves nothing behind that the next
//! one does not take up. Does not know what a task may be created with: the task decides.

use domain::aggregate::Refusal;
use domain::envelope::Command;
use domain::event::Event;
use domain::external_id;
use domain::ids::IdKind;
use domain::names::{DisplayName, OrganizationId, TaskId, WorkspaceId};
use domain::stream::Subject;
use domain::task::{self, Payload};
use projections::read_model::{self, Query};
use projections::view::Value;
use projections::views::Workspaces;
use tracing::Instrument as _;

use super::{Asked, CreateTaskError, CreatedTask, NewTask};
use crate::engine::Engine;
use crate::pipeline::SubmitError;

impl Engine {
    /// Creates a task. Goes on to the end even if the caller leaves. Sent again under its key, it gets the first answer.
    ///
    /// # Errors
    /// [`CreateTaskError`]; no task was created.
    pub async fn create_task(&self, asked: Asked, task: NewTask) -> Result<CreatedTask, CreateTaskError> {
        let engine = self.clone();
        let creating = async move {
            let _alone = engine.alone(asked.id).await;
            match engine.recorded(&asked).await? {
                Some((id, first)) => engine.repeat(&asked, task, id, first).await,
                None => engine.create(&asked, task).await,
            }
        };
        let creating = tokio::spawn(creating.in_current_span());
        creating.await.unwrap_or(Err(CreateTaskError::Submit(SubmitError::Stopping)))
    }

    /// What an earlier request under the same key made.
    pub(super) async fn made_before(&self, asked: &Asked) -> Result<Option<Subject>, SubmitError> {
        if asked.key.is_none() {
            return Ok(None);
        }
        let first = self.first_recorded(asked.id).await?;
        Ok(first.and_then(|first| Subject::try_from(&first.stream).ok()))
    }

    /// The task that an earlier request under the same key created, with what it was created with.
    async fn recorded(&self, asked: &Asked) -> Result<Option<(TaskId, Payload)>, SubmitError> {
        if asked.key.is_none() {
            return Ok(None);
        }
        let Some(first) = self.first_recorded(asked.id).await? else { return Ok(None) };
        match (&first.event, Subject::try_from(&first.stream)) {
            (Event::Task(task::Event::Created(payload)), Ok(Subject::Task(id))) => {
                Ok(Some((id, (**payload).clone())))
            }
            (_, Ok(_) | Err(_)) => Ok(None),
        }
    }

    /// Answers a request that was answered before. What the workspace said then counts, whatever it says now.
    async fn repeat(
        &self,
        asked: &Asked,
        task: NewTask,
        id: TaskId,
        first: Payload,
    ) -> Result<CreatedTask, CreateTaskError> {
        let workspace = task.workspace.unwrap_or(first.workspace);
        let usual = (first.assignment, first.plan);
        let create = task::Command::Create(Box::new(payload(task, id, workspace, usual)));
        let accepted = self.submit_alone(asked.envelope(Command::Task(id, create))).await?;
        Ok(CreatedTask { id, position: accepted.position, created: false })
    }

    async fn create(&self, asked: &Asked, task: NewTask) -> Result<CreatedTask, CreateTaskError> {
        let workspace = match task.workspace {
            Some(workspace) => workspace,
            None => self.default_workspace(&asked.organization).await?,
        };
        let settings = self.workspace_settings(workspace).await?;
        let settings = settings.ok_or(CreateTaskError::NoWorkspace(workspace))?;
        if let Some(batch) = task.batch {
            let of = self.batch(batch).await?.ok_or(CreateTaskError::NoBatch(batch))?.workspace;
            if of != workspace {
                return Err(CreateTaskError::BatchOfAnotherWorkspace { batch, of, workspace });
            }
        }
        let fresh = TaskId::new(self.next_id(IdKind::Task).await?).expect("ids are given out from 1 on");
        let usual = (settings.assignment, settings.plan);
        // What the task will refuse must not take its external id away from a better request.
        let trial = task::Command::Create(Box::new(payload(task.clone(), fresh, workspace, usual.clone())));
        task::Task::Absent
            .decide(&trial, self.clock().now())
            .map_err(|refusal| SubmitError::Refused(refusal.into()))?;
        let id = self.claim_external_id(asked, &task, fresh).await?;
        let external_id = task.external_id.clone();
        let create = task::Command::Create(Box::new(payload(task, id, workspace, usual)));
        let created = self.submit_alone(asked.envelope(Command::Task(id, create))).await;
        match (created, external_id) {
            (Ok(accepted), _) if !accepted.events.is_empty() => {
                Ok(CreatedTask { id, position: accepted.position, created: true })
            }
            // Somebody else was quicker to create what a broken-off request had claimed.
            (
                Ok(_) | Err(SubmitError::Refused(Refusal::Task(task::Refusal::AlreadyExists))),
                Some(external_id),
            ) => Err(CreateTaskError::ExternalIdTaken { external_id, task: id }),
            (Ok(_), None) => Err(SubmitError::Refused(task::Refusal::AlreadyExists.into()).into()),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// The id under which the task is created: `fresh`, or that of a creation that broke off after it had claimed the
    /// external id.
    async fn claim_external_id(
        &self,
        asked: &Asked,
        task: &NewTask,
        fresh: TaskId,
    ) -> Result<TaskId, CreateTaskError> {
        let Some(external_id) = &task.external_id else { return Ok(fresh) };
        let claim = external_id::Command::Claim { task: fresh };
        let claim = Command::ExternalId(asked.organization.clone(), external_id.clone(), claim);
        match self.submit_new(asked.preparing(claim, &format!("claim for {fresh}"))).await {
            Ok(_) => Ok(fresh),
            Err(SubmitError::Refused(Refusal::ExternalId(external_id::Refusal::Taken { task }))) => {
                if self.task(task).await?.present().is_some() {
                    return Err(CreateTaskError::ExternalIdTaken { external_id: external_id.clone(), task });
                }
                Ok(task)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The workspace of an organization where goes what names none.
    ///
    /// # Errors
    /// [`CreateTaskError::NoDefaultWorkspace`] when there is none, and when it cannot be said.
    pub async fn default_workspace(
        &self,
        organization: &OrganizationId,
    ) -> Result<WorkspaceId, CreateTaskError> {
        if !self.wait_for_views(self.acknowledged()).await {
            let problem = "which workspace is the default one cannot be said yet; try again shortly";
            return Err(SubmitError::Unavailable(problem.to_owned()).into());
        }
        let query = Query {
            filters: vec![
                ("organization", Value::Text(organization.to_string()).into()),
                ("is_default", Value::Integer(1).into()),
            ],
            ..Query::page(1)
        };
        let page = read_model::list::<Workspaces>(self.read_model(), query).await?;
        page.rows.first().map(|row| row.id).ok_or(CreateTaskError::NoDefaultWorkspace)
    }
}

fn payload(
    task: NewTask,
    id: TaskId,
    workspace: WorkspaceId,
    usual: (task::Assignment, task::Plan),
) -> Payload {
    let NewTask { workspace: _, batch, external_id, display_name, description, priority, .. } = task;
    let NewTask { context, metadata, custom_form_values, assignment, .. } = task;
    let (usual_assignment, plan) = usual;
    let named = external_id.as_ref().and_then(|id| DisplayName::new(id.as_str()).ok());
    let display_name = display_name.or(named).unwrap_or_else(|| {
        DisplayName::new(format!("Task {id}")).expect("a word and a number are a valid name")
    });
    Payload {
        workspace,
        batch,
        external_id,
        display_name,
        description,
        priority,
        context,
        metadata,
        custom_form_values,
        assignment: assignment.unwrap_or(usual_assignment),
        plan,
    }
}
