//! What a worker is told of the task whose stage it works on: everything that it needs, so that it need not ask. Does not
//! know what the worker does with it.

use std::collections::BTreeMap;

use domain::digest::Digest;
use domain::names::{BatchId, DisplayName, EditPath, ExternalId, TaskId, WorkspaceId};
use domain::task::{Payload, Stage};
use domain::work_id::WorkId;
use runtime::Engine;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// A task as its workers are told.
#[derive(Debug, Serialize)]
pub(super) struct TaskBody {
    id: TaskId,
    workspace: WorkspaceId,
    stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<ExternalId>,
    display_name: DisplayName,
    restart_count: u32,
    context: Map<String, Value>,
    metadata: Map<String, Value>,
    custom_form_values: Map<String, Value>,
    /// What people changed since the last restart.
    edits: BTreeMap<EditPath, Value>,
    /// What the stages before made, each as one digest.
    outputs: BTreeMap<Stage, Digest>,
}

impl TaskBody {
    /// Where its context alone is, at this server.
    pub(super) fn context_url(&self) -> String {
        format!("/v1/tasks/{}/context", self.id)
    }
}

/// The task at a place; nothing when a key-scope is there.
pub(super) async fn of(engine: &Engine, place: &WorkId) -> Result<Option<TaskBody>, Problem> {
    let Some((id, stage)) = place.task_stage() else { return Ok(None) };
    let task = engine.task(id).await?;
    let Some(task) = task.present() else { return Ok(None) };
    let payload = (*task.payload).clone();
    let Payload { workspace, batch, external_id, display_name, .. } = payload;
    let Payload { context, metadata, custom_form_values, .. } = payload;
    Ok(Some(TaskBody {
        id,
        workspace,
        stage,
        batch,
        external_id,
        display_name,
        restart_count: task.restart_count,
        context,
        metadata,
        custom_form_values,
        edits: task.edits.clone(),
        outputs: task.outputs.clone(),
    }))
}
