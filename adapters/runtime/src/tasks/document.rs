//! What whoever works on a stage of a task is given: one JSON object with everything that is known of the task, and with
//! what the stages before made of it. Does not know who reads it, nor how a task came to be what it is.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::digest::Digest;
use domain::names::{BatchId, DisplayName, EditPath, ExternalId, ModuleName, TaskId, UserName, WorkspaceId};
use domain::ports::{ContentError, Place};
use domain::task::{Payload, Present, Priority, Stage};
use domain::work::Output;
use domain::work_id::WorkId;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// A task as those who work on it are told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDocument {
    /// Its id.
    pub id: TaskId,
    /// The workspace that processes it.
    pub workspace: WorkspaceId,
    /// The stage that is worked on.
    pub stage: Stage,
    /// The batch that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What the client calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who goes first.
    pub priority: Priority,
    /// How many times it was restarted.
    pub restart_count: u32,
    /// What it was created with for those who work on it.
    pub context: Map<String, Value>,
    /// The client's own words about it.
    pub metadata: Map<String, Value>,
    /// Values of the organization's own form.
    pub custom_form_values: Map<String, Value>,
    /// What people changed since the last restart.
    pub edits: BTreeMap<EditPath, Value>,
    /// Who approved it in its review.
    pub reviewed_by: Vec<UserName>,
    /// What each stage before made.
    pub outputs: BTreeMap<Stage, StageOutput>,
}

/// What a stage made: the output of the last of its modules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageOutput {
    /// The module.
    pub module: ModuleName,
    /// The digest of what it made.
    pub digest: Digest,
    /// How many bytes it made.
    pub size_bytes: u64,
    /// Whether the engine keeps it; not when its worker only said what it is.
    pub kept: bool,
    /// What it made, for those who cannot ask for it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub content: Option<OutputContent>,
}

/// An output as it is when it is text, else as Base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum OutputContent {
    /// As it is.
    #[serde(rename = "content")]
    Text(String),
    /// As Base64.
    #[serde(rename = "content_base64")]
    Base64(String),
}

impl TaskDocument {
    fn new(id: TaskId, stage: Stage, task: &Present) -> Self {
        let Payload { workspace, batch, external_id, display_name, description, priority, .. } =
            (*task.payload).clone();
        let Payload { context, metadata, custom_form_values, .. } = (*task.payload).clone();
        let made = task.made.iter().filter(|(made, _)| **made < stage);
        let outputs = made.filter_map(|(made, outputs)| Some((*made, StageOutput::of(outputs.last()?))));
        Self {
            id,
            workspace,
            stage,
            batch,
            external_id,
            display_name,
            description,
            priority,
            restart_count: task.restart_count,
            context,
            metadata,
            custom_form_values,
            edits: task.edits.clone(),
            reviewed_by: task.reviewed_by.clone(),
            outputs: outputs.collect(),
        }
    }
}

impl StageOutput {
    fn of(output: &Output) -> Self {
        let Output { module, digest, size_bytes, scope } = output.clone();
        Self { module, digest, size_bytes, kept: scope.is_some(), content: None }
    }
}

impl From<Vec<u8>> for OutputContent {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes)
            .map_or_else(|error| Self::Base64(BASE64_STANDARD.encode(error.as_bytes())), Self::Text)
    }
}

impl Engine {
    /// The task at a place, as those who work on it are told, without the bytes of what its stages made; nothing when no
    /// task is there.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn task_document(&self, place: &WorkId) -> Result<Option<TaskDocument>, SubmitError> {
        let Some((id, stage)) = place.task_stage() else { return Ok(None) };
        let task = self.task(id).await?;
        Ok(task.present().map(|task| TaskDocument::new(id, stage, task)))
    }

    /// The same with the bytes of what its stages made: all that a module or a service needs. The outputs together have
    /// at most `size_bytes_max`.
    ///
    /// # Errors
    /// [`DocumentError`]: there is no task, an output is not there, or they are too large.
    pub async fn whole_task_document(
        &self,
        place: &WorkId,
        size_bytes_max: u64,
    ) -> Result<TaskDocument, DocumentError> {
        let document = self.task_document(place).await?;
        let mut document = document.ok_or_else(|| ContentError::NotFound { path: place.key.to_string() })?;
        let kept = document.outputs.values().filter(|output| output.kept);
        let size_bytes = kept.map(|output| output.size_bytes).sum();
        if size_bytes > size_bytes_max {
            return Err(ContentError::TooLarge { size_bytes, size_bytes_max }.into());
        }
        for (stage, output) in document.outputs.iter_mut().filter(|(_, output)| output.kept) {
            let of = domain::task::StageQueue { workspace: document.workspace, stage: *stage };
            let WorkId { unit, scope, key } = of.place(document.id);
            let kept = Place::Managed(output.digest);
            let bytes = self.content().read(&unit, &key, &scope, &kept, size_bytes_max).await?;
            output.content = Some(bytes.into());
        }
        Ok(document)
    }

    /// What a module is given as the document of a task's stage: [`Engine::whole_task_document`] as JSON.
    ///
    /// # Errors
    /// The same.
    pub async fn task_input(&self, place: &WorkId, size_bytes_max: u64) -> Result<Vec<u8>, DocumentError> {
        let document = self.whole_task_document(place, size_bytes_max).await?;
        Ok(serde_json::to_vec(&document).expect("names, numbers, texts and JSON are JSON"))
    }
}
