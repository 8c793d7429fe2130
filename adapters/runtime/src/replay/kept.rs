//! The replays of an engine: at most so many at once, and the last ones kept to be looked at later. They are kept in
//! memory, since a log that gave a result gives it again. Does not know who may see them but by their organization.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::names::{Actor, OrganizationId};
use domain::ports::{EventForms, SendError, Targets};
use domain::time::Timestamp;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::reissue::{Reissuing, ReplayError};
use super::request::{Mode, ReissueRequest, ReplayRequest};
use super::run::{BeginError, Replay};
use super::selection::InvalidRequest;
use super::work::{Finding, Line, Progress, ReplayReport};
use crate::engine::Engine;

/// How many replays run at once; one more is told to come back later.
pub const REPLAYS_AT_ONCE_MAX: usize = 2;
/// How many replays are kept, those that run included. The oldest one is forgotten for another.
pub const REPLAYS_KEPT_MAX: usize = 32;

/// A replay as it is kept.
#[derive(Debug, Clone, Serialize)]
pub struct KeptReplay {
    /// Its id.
    pub id: Uuid,
    /// How it stands.
    pub state: ReplayState,
    /// Who asked for it.
    pub actor: Actor,
    /// When it began.
    pub started_at: Timestamp,
    /// What was wanted.
    pub request: ReplayRequest,
    /// How far it has come, or came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What it came to, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReplayReport>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What it found, as far as it is listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    #[serde(skip)]
    organization: Option<OrganizationId>,
}

/// How a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// It is under way.
    Running,
    /// It has come to its end.
    Done,
    /// The log could not be read, or sent, to the end.
    Failed,
    /// Whoever asked for it went away.
    Cancelled,
}

/// Why a replay did not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartReplayError {
    /// Others run already.
    #[error("{REPLAYS_AT_ONCE_MAX} replays are under way already; try again when one of them is done")]
    TooMany,
    /// It could not begin.
    #[error(transparent)]
    Begin(#[from] BeginError),
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] SendError),
}

impl From<InvalidRequest> for StartReplayError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::Begin(invalid.into())
    }
}

/// The replays of an engine.
#[derive(Clone)]
pub(crate) struct Replays {
    kept: Arc<Mutex<VecDeque<KeptReplay>>>,
    permits: Arc<Semaphore>,
}

impl Default for Replays {
    fn default() -> Self {
        Self { kept: Arc::default(), permits: Arc::new(Semaphore::new(REPLAYS_AT_ONCE_MAX)) }
    }
}

impl Replays {
    fn kept(&self) -> MutexGuard<'_, VecDeque<KeptReplay>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, replay: KeptReplay) {
        let mut kept = self.kept();
        while kept.len() >= REPLAYS_KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(replay);
    }

    /// Changes a replay that is still kept.
    fn change(&self, id: Uuid, change: impl FnOnce(&mut KeptReplay)) {
        if let Some(replay) = self.kept().iter_mut().find(|replay| replay.id == id) {
            change(replay);
        }
    }
}

/// A replay under way that is kept. Dropped before its end, it is cancelled.
pub struct RunningReplay {
    /// Its id.
    pub id: Uuid,
    course: Course,
    replays: Replays,
    _permit: OwnedSemaphorePermit,
}

/// What a replay does.
enum Course {
    /// Decides commands again.
    Decide(Replay),
    /// Sends them to another instance.
    Reissue(Box<Reissuing>),
}

impl RunningReplay {
    /// The next lines; nothing once it has come to its end.
    ///
    /// # Errors
    /// [`ReplayError`] when it cannot go on.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, ReplayError> {
        let lines = match &mut self.course {
            Course::Decide(replay) => replay.next().await.map_err(ReplayError::from),
            Course::Reissue(reissuing) => reissuing.next().await,
        };
        self.replays.change(self.id, |kept| match &lines {
            Ok(lines) => lines.iter().flatten().for_each(|line| kept.learn(line)),
            Err(error) => {
                kept.state = ReplayState::Failed;
                kept.problem = Some(error.to_string());
            }
        });
        lines
    }
}

impl Drop for RunningReplay {
    fn drop(&mut self) {
        self.replays.change(self.id, |kept| {
            if kept.state == ReplayState::Running {
                kept.state = ReplayState::Cancelled;
            }
        });
    }
}

impl KeptReplay {
    fn learn(&mut self, line: &Line) {
        match line {
            Line::Progress(progress) => self.progress = Some(*progress),
            Line::Finding(finding) => self.findings.push(finding.clone()),
            Line::Report(report) => {
                self.state = ReplayState::Done;
                self.report = Some(report.clone());
            }
        }
    }
}

impl Engine {
    /// Begins a replay of the log as far as the caller's organization sees it, and keeps what it finds. Commands are sent
    /// to one of the targets and nowhere else.
    ///
    /// # Errors
    /// [`StartReplayError`], which says what to do.
    pub async fn begin_replay(
        &self,
        forms: Arc<dyn EventForms>,
        targets: &dyn Targets,
        request: ReplayRequest,
        actor: Actor,
    ) -> Result<RunningReplay, StartReplayError> {
        let replays = self.kept_replays();
        let permit = Arc::clone(&replays.permits).try_acquire_owned();
        let permit = permit.map_err(|_| StartReplayError::TooMany)?;
        let course = self.course(forms, targets, &request).await?;
        let id = self.fresh_id();
        replays.keep(KeptReplay {
            id,
            state: ReplayState::Running,
            actor,
            started_at: self.clock().now(),
            request,
            progress: None,
            report: None,
            problem: None,
            findings: Vec::new(),
            organization: self.organization().cloned(),
        });
        Ok(RunningReplay { id, course, replays: replays.clone(), _permit: permit })
    }

    async fn course(
        &self,
        forms: Arc<dyn EventForms>,
        targets: &dyn Targets,
        request: &ReplayRequest,
    ) -> Result<Course, StartReplayError> {
        let store = self.store_shared();
        match request.mode {
            Mode::Verify | Mode::WhatIf => Ok(Course::Decide(Replay::begin(store, forms, request).await?)),
            Mode::Reissue => {
                let selection = request.selection(&*forms)?;
                let ReissueRequest { target: name, pace } =
                    request.reissue.as_ref().ok_or(InvalidRequest::NoTarget)?;
                let target = targets.target(name).await?;
                let target = target.ok_or_else(|| InvalidRequest::unknown_target(name, &targets.names()))?;
                let reissuing = Reissuing::begin(store, forms, selection, *pace, target).await;
                let reissuing = reissuing.map_err(BeginError::from)?;
                Ok(Course::Reissue(Box::new(reissuing)))
            }
        }
    }

    /// The replays that are kept, the latest first, without what they found.
    #[must_use]
    pub fn replays(&self) -> Vec<KeptReplay> {
        let replays = self.kept_replays().kept();
        let mine = replays.iter().rev().filter(|replay| self.sees(replay)).cloned();
        mine.map(|replay| KeptReplay { findings: Vec::new(), ..replay }).collect()
    }

    /// A replay that is kept.
    #[must_use]
    pub fn replay(&self, id: Uuid) -> Option<KeptReplay> {
        let replays = self.kept_replays().kept();
        replays.iter().find(|replay| replay.id == id && self.sees(replay)).cloned()
    }

    fn sees(&self, replay: &KeptReplay) -> bool {
        self.organization().is_none_or(|own| replay.organization.as_ref() == Some(own))
    }
}
