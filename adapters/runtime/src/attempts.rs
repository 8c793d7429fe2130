//! The attempts on a key-scope or task with what each was given: read from the log, with what lies around it. Does not know
//! what an attempt is: [`projections::attempts`] does.

use domain::event::Event;
use domain::stream::{RecordId, Subject};
use domain::task;
use projections::attempts::{Around, Attempt, attempts_given};

use crate::engine::Engine;
use crate::pipeline::SubmitError;
use crate::streams::read_whole;

impl Engine {
    /// The attempts on a key-scope or task, oldest first; nothing when nothing ever happened to it.
    ///
    /// # Errors
    /// [`SubmitError`] when the log cannot be read, or its history is impossible.
    pub async fn attempts(&self, subject: &Subject) -> Result<Option<Vec<Attempt>>, SubmitError> {
        let stream = read_whole(self.store(), &subject.stream()).await?;
        let Some(first) = stream.first() else { return Ok(None) };
        let mut around = Around::default();
        if let Subject::KeyScope(id) = subject {
            let record = RecordId { unit: id.unit.clone(), key: id.key.clone() };
            around.record = read_whole(self.store(), &Subject::Record(record).stream()).await?;
            around.owner = read_whole(self.store(), &Subject::StorageUnit(id.unit.clone()).stream()).await?;
        }
        if let Event::Task(task::Event::Created(payload)) = &first.event {
            let workspace = Subject::Workspace(payload.workspace);
            around.owner = read_whole(self.store(), &workspace.stream()).await?;
        }
        let attempts = attempts_given(&stream, &around);
        attempts.map(Some).map_err(|error| SubmitError::Corrupt(error.to_string()))
    }
}
