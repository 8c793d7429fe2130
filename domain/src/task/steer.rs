//! What a person asks for beside the usual course: hold, release, run now, resolve by hand, and the client's own word.

use super::{
    Event, ExternalIntegrationStatus, ExternalIntegrationStatusSet, IntegrationStatus, Phase, Present,
    Refusal, Resolution, Resolved, Stage, TaskStatus,
};
use crate::time::Timestamp;
use crate::work;

impl Present {
    /// Refuses what only makes sense before a task is over.
    pub(super) fn not_in_history(&self) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Archived(status) => Err(Refusal::InHistory { status: *status }),
            Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Deleting | Phase::Deleted => {
                Ok(())
            }
        }
    }

    /// The rule of [`super::Command::Hold`].
    pub(super) fn hold(&self) -> Result<Vec<Event>, Refusal> {
        self.not_in_history()?;
        if self.held {
            return Ok(Vec::new());
        }
        Ok(vec![Event::Work(self.queue(self.stage), work::Event::Held)])
    }

    /// The rule of [`super::Command::Release`].
    pub(super) fn release(&self) -> Vec<Event> {
        let released = self.held.then(|| Event::Work(self.queue(self.stage), work::Event::Released));
        released.into_iter().collect()
    }

    /// The rule of [`super::Command::RunNow`]. What waits or runs already needs nothing. A person asks for it, so it may
    /// start paid work.
    pub(super) fn run_now(&self, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        self.not_in_history()?;
        let status = self.status();
        match &self.phase {
            Phase::Automated(work) => match &work.phase {
                work::Phase::Failed { .. } => {
                    let priority = self.payload.priority.of_work();
                    let events = work.decide(&work::Command::Queue { campaign: None, priority }, now)?;
                    let queue = self.queue(self.stage);
                    Ok(events.into_iter().map(|event| Event::Work(queue, event)).collect())
                }
                work::Phase::Idle
                | work::Phase::Queued { .. }
                | work::Phase::Assigned(_)
                | work::Phase::Running(_)
                | work::Phase::Finished => Ok(Vec::new()),
            },
            Phase::Parked(parked) => self.run_parked(*parked),
            Phase::Review(_) | Phase::Archived(_) | Phase::Deleting | Phase::Deleted => {
                Err(Refusal::NothingToRun { status })
            }
        }
    }

    fn run_parked(&self, status: TaskStatus) -> Result<Vec<Event>, Refusal> {
        match status {
            TaskStatus::QueuedForPreProcessing
            | TaskStatus::PreProcessingInProgress
            | TaskStatus::PreProcessingFailed
            | TaskStatus::PreProcessingDownloadFailed
            | TaskStatus::PreProcessingGetPagesFailed => Ok(self.begin(Stage::PreProcessing)),
            TaskStatus::PreProcessingSuccessful => Ok(self.after(Stage::PreProcessing)),
            TaskStatus::QueuedForRecognition
            | TaskStatus::RecognitionInProgress
            | TaskStatus::RecognitionFailed => Ok(self.begin(Stage::Recognition)),
            TaskStatus::QueuedForExport | TaskStatus::ExportInProgress => Ok(self.begin(Stage::Export)),
            TaskStatus::ToReview
            | TaskStatus::ExportCompleted
            | TaskStatus::Processed
            | TaskStatus::Deleting
            | TaskStatus::Deleted => Err(Refusal::NothingToRun { status }),
        }
    }

    /// The rule of [`super::Command::Resolve`]. What a person settles stays in the inbox, so that others see it, until the
    /// watchdog moves it to history. A failed export needs a review, so failing one by hand is reopening that.
    pub(super) fn resolve(&self, outcome: Resolution, text: &str) -> Result<Vec<Event>, Refusal> {
        self.not_in_history()?;
        let is_exporting = self.stage == Stage::Export && matches!(self.phase, Phase::Automated(_));
        let status = match outcome {
            Resolution::Finished if is_exporting => TaskStatus::ExportCompleted,
            Resolution::Finished => TaskStatus::Processed,
            Resolution::Failed if is_exporting => return self.reopen_review(),
            Resolution::Failed if self.payload.plan.recognition && self.stage != Stage::PreProcessing => {
                TaskStatus::RecognitionFailed
            }
            Resolution::Failed => TaskStatus::PreProcessingFailed,
        };
        if self.phase == Phase::Parked(status) {
            return Ok(Vec::new());
        }
        let text = text.to_owned();
        Ok(vec![Event::Resolved(Resolved { outcome, status, text, withdrawn: self.open_queue() })])
    }

    /// An export that was under way is done when a person says so, and asked for no longer otherwise.
    pub(super) fn park(&mut self, status: TaskStatus) {
        self.phase = Phase::Parked(status);
        if self.integration == IntegrationStatus::Queued {
            let is_exported = status == TaskStatus::ExportCompleted;
            self.integration =
                if is_exported { IntegrationStatus::Succeeded } else { IntegrationStatus::NotQueued };
        }
    }

    /// The rule of [`super::Command::SetExternalIntegrationStatus`].
    pub(super) fn set_external(&self, status: &ExternalIntegrationStatus) -> Vec<Event> {
        if *status == self.external_integration {
            return Vec::new();
        }
        let status = status.clone();
        vec![Event::ExternalIntegrationStatusSet(ExternalIntegrationStatusSet { status })]
    }
}
