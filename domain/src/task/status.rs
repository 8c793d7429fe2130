//! The one table of task statuses: number, name, text, origin, screen. Numbers up to 35 and their names are those of
//! `reference/smartdocumentor.md` §3.1; what is not documented there has numbers of our own, from 1000 on.
//! Does not know what leads to a status, only which one a state has.

use serde::{Deserialize, Serialize};

use super::{Phase, Present, Stage, Task};
use crate::work;

/// Where a task stands, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskStatus {
    /// It waits to be deleted.
    Deleting,
    /// It is gone, and kept in history.
    Deleted,
    /// It waits for pre-processing.
    QueuedForPreProcessing,
    /// It is being pre-processed.
    PreProcessingInProgress,
    /// Pre-processing failed.
    PreProcessingFailed,
    /// Pre-processing failed, since the source could not be fetched.
    PreProcessingDownloadFailed,
    /// Pre-processing is done, and recognition waits for a person.
    PreProcessingSuccessful,
    /// Pre-processing failed, since the source has no pages that could be got.
    PreProcessingGetPagesFailed,
    /// It waits for recognition.
    QueuedForRecognition,
    /// It is being recognized.
    RecognitionInProgress,
    /// Recognition failed.
    RecognitionFailed,
    /// It waits for people to review it.
    ToReview,
    /// It waits to be exported.
    QueuedForExport,
    /// It is being exported.
    ExportInProgress,
    /// It is exported and not archived yet.
    ExportCompleted,
    /// Everything is done.
    Processed,
}

/// Where a number and a name come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The reference documents it.
    Reference,
    /// It is ours: the reference does not say it.
    Ours,
}

/// Where a task is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// Among the tasks that something is to be done about.
    Inbox,
    /// Among the tasks that are over.
    History,
}

impl Screen {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::History => "history",
        }
    }
}

use Origin::{Ours, Reference};

impl TaskStatus {
    /// Every status, in the order of the numbers.
    pub const ALL: [Self; 16] = [
        Self::Deleting,
        Self::Deleted,
        Self::QueuedForPreProcessing,
        Self::PreProcessingInProgress,
        Self::PreProcessingFailed,
        Self::PreProcessingDownloadFailed,
        Self::PreProcessingSuccessful,
        Self::PreProcessingGetPagesFailed,
        Self::QueuedForRecognition,
        Self::RecognitionInProgress,
        Self::RecognitionFailed,
        Self::ToReview,
        Self::QueuedForExport,
        Self::ExportInProgress,
        Self::ExportCompleted,
        Self::Processed,
    ];

    /// The table: number, name, display text, origin.
    const fn row(self) -> (u16, &'static str, &'static str, Origin) {
        match self {
            Self::Deleting => (19, "Deleting", "Deleting", Reference),
            Self::Deleted => (20, "Deleted", "Deleted", Reference),
            Self::QueuedForPreProcessing => {
                (30, "QueuedForPreProcessing", "Queued for Pre-Processing", Reference)
            }
            Self::PreProcessingInProgress => {
                (31, "PreProcessingInProgress", "Pre-Processing in Progress", Reference)
            }
            Self::PreProcessingFailed => (32, "PreProcessingFailed", "Pre-Processing Failed", Reference),
            Self::PreProcessingDownloadFailed => {
                (33, "PreProcessingDownloadFailed", "Pre-Processing Download Failed", Reference)
            }
            Self::PreProcessingSuccessful => {
                (34, "PreProcessingSuccessful", "Pre-Processing Successful", Reference)
            }
            Self::PreProcessingGetPagesFailed => {
                (35, "PreProcessingGetPagesFailed", "Pre-Processing Get Pages Failed", Reference)
            }
            Self::QueuedForRecognition => (1040, "QueuedForRecognition", "Queued for Recognition", Ours),
            Self::RecognitionInProgress => (1041, "RecognitionInProgress", "Recognition in Progress", Ours),
            Self::RecognitionFailed => (1042, "RecognitionFailed", "Recognition Failed", Ours),
            Self::ToReview => (1050, "ToReview", "To Review", Ours),
            Self::QueuedForExport => (1060, "QueuedForExport", "Queued for Export", Ours),
            Self::ExportInProgress => (1061, "ExportInProgress", "Export in Progress", Ours),
            Self::ExportCompleted => (1062, "ExportCompleted", "Export Completed", Ours),
            Self::Processed => (1070, "Processed", "Processed", Ours),
        }
    }

    /// The number, as it goes over the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.row().0
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The text for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.row().2
    }

    /// Where the number comes from. The names `ExportCompleted` and `Processed` are documented, their numbers are not.
    #[must_use]
    pub const fn origin(self) -> Origin {
        self.row().3
    }

    /// The status that has a number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }

    /// The status that has a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing more happens to a task that has it, unless somebody asks.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Deleted | Self::ExportCompleted | Self::Processed => true,
            Self::Deleting
            | Self::QueuedForPreProcessing
            | Self::PreProcessingInProgress
            | Self::PreProcessingFailed
            | Self::PreProcessingDownloadFailed
            | Self::PreProcessingSuccessful
            | Self::PreProcessingGetPagesFailed
            | Self::QueuedForRecognition
            | Self::RecognitionInProgress
            | Self::RecognitionFailed
            | Self::ToReview
            | Self::QueuedForExport
            | Self::ExportInProgress => false,
        }
    }

    /// The status of a stage that waits for a worker, or for the end of a backoff.
    #[must_use]
    pub const fn queued(stage: Stage) -> Self {
        match stage {
            Stage::PreProcessing => Self::QueuedForPreProcessing,
            Stage::Recognition => Self::QueuedForRecognition,
            Stage::Export => Self::QueuedForExport,
        }
    }

    /// The status of a stage that a worker has.
    #[must_use]
    pub const fn in_progress(stage: Stage) -> Self {
        match stage {
            Stage::PreProcessing => Self::PreProcessingInProgress,
            Stage::Recognition => Self::RecognitionInProgress,
            Stage::Export => Self::ExportInProgress,
        }
    }

    /// The status of a stage that failed with no attempt left. A failed export needs a review.
    #[must_use]
    pub fn failed(stage: Stage, code: Option<&str>) -> Self {
        match (stage, code) {
            (Stage::PreProcessing, Some(DOWNLOAD_FAILED)) => Self::PreProcessingDownloadFailed,
            (Stage::PreProcessing, Some(GET_PAGES_FAILED)) => Self::PreProcessingGetPagesFailed,
            (Stage::PreProcessing, Some(_) | None) => Self::PreProcessingFailed,
            (Stage::Recognition, Some(_) | None) => Self::RecognitionFailed,
            (Stage::Export, Some(_) | None) => Self::ToReview,
        }
    }

    /// The status of a stage that is done, until the next thing begins.
    #[must_use]
    pub const fn finished(stage: Stage) -> Self {
        match stage {
            Stage::PreProcessing => Self::PreProcessingSuccessful,
            Stage::Recognition => Self::ToReview,
            Stage::Export => Self::ExportCompleted,
        }
    }

    /// The status of a task; nothing when there is no such task.
    #[must_use]
    pub fn of(task: &Task) -> Option<Self> {
        task.present().map(Present::status)
    }
}

/// The code of a failure that means that the source could not be fetched.
pub const DOWNLOAD_FAILED: &str = "download_failed";
/// The code of a failure that means that the source's pages could not be got.
pub const GET_PAGES_FAILED: &str = "get_pages_failed";

impl Present {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        match &self.phase {
            Phase::Automated(work) => match &work.phase {
                work::Phase::Idle
                | work::Phase::Queued { .. }
                | work::Phase::Failed { retry_at: Some(_), .. } => TaskStatus::queued(self.stage),
                work::Phase::Assigned(_) | work::Phase::Running(_) => TaskStatus::in_progress(self.stage),
                work::Phase::Finished => TaskStatus::finished(self.stage),
                work::Phase::Failed { retry_at: None, .. } => {
                    TaskStatus::failed(self.stage, self.failure_code.as_deref())
                }
            },
            Phase::Review(_) => TaskStatus::ToReview,
            Phase::Parked(status) | Phase::Archived(status) => *status,
            Phase::Deleting => TaskStatus::Deleting,
            Phase::Deleted => TaskStatus::Deleted,
        }
    }

    /// Where it is shown.
    #[must_use]
    pub const fn screen(&self) -> Screen {
        match &self.phase {
            Phase::Archived(_) | Phase::Deleted => Screen::History,
            Phase::Automated(_) | Phase::Review(_) | Phase::Parked(_) | Phase::Deleting => Screen::Inbox,
        }
    }
}
