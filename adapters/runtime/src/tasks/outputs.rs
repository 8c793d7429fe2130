//! What the stages of a task made: kept under the place of the stage and its digest, read by the task's own word, erased
//! when the task is deleted and not before, so that every output that its history names can be looked at. Does not know
//! which module made it, nor what is in it.

use domain::digest::Digest;
use domain::names::TaskId;
use domain::ports::{ContentError, Place};
use domain::stream::RecordId;
use domain::task::{Stage, StageQueue};
use domain::work::Token;
use domain::work_id::WorkId;

use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// What a stage made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutput {
    /// Its digest.
    pub digest: Digest,
    /// What it made.
    pub bytes: Vec<u8>,
}

/// Why an output could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskOutputError {
    /// There is none of this id.
    #[error("there is no task of this id")]
    NoTask,
    /// The stage is not done in the present run.
    #[error(
        "the stage {stage} of this task has made nothing since the last restart; wait for it, or name an earlier output \
         with digest"
    )]
    NotMade {
        /// The stage.
        stage: Stage,
    },
    /// Only its digest is known.
    #[error(
        "the output {digest} is not kept: its worker said what it is and did not send it, or the task is deleted"
    )]
    NotKept {
        /// Its digest.
        digest: Digest,
    },
    /// The content store's or the pipeline's reason.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl From<SubmitError> for TaskOutputError {
    fn from(error: SubmitError) -> Self {
        Self::Document(error.into())
    }
}

impl Engine {
    /// What a stage of a task made last since the last restart, or the output with this digest of any of its runs.
    ///
    /// # Errors
    /// [`TaskOutputError`].
    pub async fn task_output(
        &self,
        id: TaskId,
        stage: Stage,
        digest: Option<Digest>,
    ) -> Result<TaskOutput, TaskOutputError> {
        let task = self.task(id).await?;
        let task = task.present().ok_or(TaskOutputError::NoTask)?;
        let digest = match digest {
            Some(digest) => digest,
            None => {
                let last = task.made.get(&stage).and_then(|outputs| outputs.last());
                last.ok_or(TaskOutputError::NotMade { stage })?.digest
            }
        };
        let workspace = task.payload.workspace;
        let WorkId { unit, scope, key } = StageQueue { workspace, stage }.place(id);
        // Larger than any module may make.
        let size_bytes_max = u64::MAX;
        match self.content().read(&unit, &key, &scope, &Place::Managed(digest), size_bytes_max).await {
            Ok(bytes) => Ok(TaskOutput { digest, bytes }),
            Err(ContentError::NotFound { .. }) => Err(TaskOutputError::NotKept { digest }),
            Err(error) => Err(DocumentError::Content(error).into()),
        }
    }

    /// Keeps what a stage made, while the lease is that of its worker: of a late result nothing is kept, and nothing of a
    /// task that is being deleted. It counts once the task says so.
    pub(crate) async fn keep_task_output(
        &self,
        place: &WorkId,
        token: Token,
        bytes: Vec<u8>,
    ) -> Result<(), DocumentError> {
        let WorkId { unit, scope, key } = place;
        let _lock = self.lock_record(&RecordId { unit: unit.clone(), key: key.clone() }).await;
        if self.lease(place).await?.is_some_and(|lease| lease.token == token) {
            self.content().write(unit, key, scope, bytes).await?;
        }
        Ok(())
    }

    /// Erases whatever is kept of a task that is being deleted. Nobody has a lease on it any longer, so nothing is kept
    /// afterwards either.
    pub(crate) async fn erase_task_outputs(&self, id: TaskId) -> Result<(), DocumentError> {
        let task = self.task(id).await?;
        let Some(task) = task.present() else { return Ok(()) };
        let queue = StageQueue { workspace: task.payload.workspace, stage: task.stage };
        let WorkId { unit, key, .. } = queue.place(id);
        let _lock = self.lock_record(&RecordId { unit: unit.clone(), key: key.clone() }).await;
        Ok(self.content().clear_key(&unit, &key).await?)
    }
}
