//! From stage to stage: what a task is created as, what a worker's word about a stage leads to. The last result of a
//! stage and the beginning of what follows are recorded together.

use super::{
    Event, IntegrationStatus, JSON_BYTES_MAX, Payload, Phase, Present, Refusal, ReviewCause, ReviewCompleted,
    ReviewMode, ReviewOpened, Stage, StageEntered, StageQueue,
};
use crate::stream::Version;
use crate::time::Timestamp;
use crate::work::{self, Failed, Queued, Work};

/// The rule of [`super::Command::Create`].
pub(super) fn create(payload: &Payload) -> Result<Vec<Event>, Refusal> {
    let size = |member, bytes, bytes_max| {
        if bytes > bytes_max { Err(Refusal::TooLarge { member, bytes, bytes_max }) } else { Ok(()) }
    };
    let description = payload.description.as_ref().map_or(0, String::len);
    size("the description", description, super::DESCRIPTION_BYTES_MAX)?;
    for (member, map) in [
        ("the context", &payload.context),
        ("the metadata", &payload.metadata),
        ("the custom form", &payload.custom_form_values),
    ] {
        size(member, serde_json::to_string(map).map_or(usize::MAX, |json| json.len()), JSON_BYTES_MAX)?;
    }
    super::review::check(&payload.assignment)?;
    let queue = StageQueue { workspace: payload.workspace, stage: Stage::PreProcessing };
    Ok(vec![Event::Created(Box::new(payload.clone())), queued(queue, payload)])
}

/// The work of a stage is queued for the first time.
pub(super) const fn queued(queue: StageQueue, payload: &Payload) -> Event {
    let priority = payload.priority.of_work();
    Event::Work(queue, work::Event::Queued(Queued { campaign: None, priority, retry: false, failures: 0 }))
}

impl Present {
    /// The rule of [`super::Command::Work`]. A stage that the task is not in has no work, so what is said of it comes
    /// too late.
    pub(super) fn work_command(
        &self,
        stage: Stage,
        command: &work::Command,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        match command {
            work::Command::Queue { .. } => Err(Refusal::NotByItself),
            work::Command::Hold => self.hold(),
            work::Command::Release => Ok(self.release()),
            work::Command::Claim { .. }
            | work::Command::Start { .. }
            | work::Command::ExtendLease { .. }
            | work::Command::Complete { .. }
            | work::Command::Fail { .. }
            | work::Command::ReleaseLease { .. }
            | work::Command::Unassign { .. }
            | work::Command::ExpireLease
            | work::Command::Retry => {
                let happened = match self.work().filter(|_| stage == self.stage) {
                    Some(work) => work.decide(command, now)?,
                    None => self.idle_work(stage).decide(command, now)?,
                };
                Ok(self.with_what_follows(stage, happened))
            }
        }
    }

    /// What happened to the work of a stage, and what the task does then.
    fn with_what_follows(&self, stage: Stage, happened: Vec<work::Event>) -> Vec<Event> {
        let follows = happened.last().map_or_else(Vec::new, |last| match last {
            work::Event::Finished(_) => self.after(stage),
            // The answer is kept with the failure, and the task needs review again (§5).
            work::Event::Failed(Failed { retry_at: None, .. }) if stage == Stage::Export => {
                let cause = ReviewCause::ExportFailed;
                vec![Event::ReviewOpened(ReviewOpened { cause, withdrawn: None })]
            }
            work::Event::Failed(_)
            | work::Event::Queued(_)
            | work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Unassigned(_)
            | work::Event::Restarted(_)
            | work::Event::RequeueRequested(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_) => Vec::new(),
        });
        let queue = self.queue(stage);
        happened.into_iter().map(|event| Event::Work(queue, event)).chain(follows).collect()
    }

    /// What comes after a stage.
    pub(super) fn after(&self, stage: Stage) -> Vec<Event> {
        match stage {
            Stage::PreProcessing if self.payload.plan.recognition => self.begin(Stage::Recognition),
            Stage::PreProcessing | Stage::Recognition => match self.payload.plan.review {
                ReviewMode::ByUsers => {
                    let cause = ReviewCause::StagesDone;
                    vec![Event::ReviewOpened(ReviewOpened { cause, withdrawn: None })]
                }
                ReviewMode::Automatic => self.after_review(true),
            },
            Stage::Export => vec![Event::Archived],
        }
    }

    /// What comes after a review, by people or automatic.
    pub(super) fn after_review(&self, automatic: bool) -> Vec<Event> {
        let follows =
            if self.payload.plan.export { self.begin(Stage::Export) } else { vec![Event::Archived] };
        let completed = Event::ReviewCompleted(ReviewCompleted { automatic });
        std::iter::once(completed).chain(follows).collect()
    }

    /// A stage begins.
    pub(super) fn begin(&self, stage: Stage) -> Vec<Event> {
        vec![Event::StageEntered(StageEntered { stage }), queued(self.queue(stage), &self.payload)]
    }
}

// ── Evolve ─────────────────────────────────────────────────────────────────────────────────────────────────────

impl Present {
    /// The work of a stage before anything is asked of it: it remembers what came before, so that a late worker is
    /// told from one that repeats itself.
    fn idle_work(&self, stage: Stage) -> Work {
        Work {
            held: self.held,
            attempt_count: self.attempt_count,
            settled: self.settled,
            outputs: self.outputs.get(&stage).copied(),
            ..Work::default()
        }
    }

    /// What this stage and later ones made before is that of an earlier run: nobody is given it any longer.
    pub(super) fn enter(&mut self, stage: Stage, version: Version) {
        self.stage = stage;
        self.stage_version = version;
        self.made.retain(|made, _| *made < stage);
        self.failure_code = None;
        self.phase = Phase::Automated(self.idle_work(stage));
        if stage == Stage::Export {
            self.integration = IntegrationStatus::Queued;
        }
    }

    pub(super) fn evolve_work(
        &mut self,
        queue: StageQueue,
        event: &work::Event,
        version: Version,
    ) -> Option<()> {
        if matches!(event, work::Event::LateResultRefused(_)) {
            return Some(());
        }
        if matches!(event, work::Event::Held | work::Event::Released) {
            let held = matches!(event, work::Event::Held);
            if self.held == held {
                return None;
            }
            self.held = held;
            if let Phase::Automated(work) = &mut self.phase {
                work.held = held;
            }
            return Some(());
        }
        let Phase::Automated(work) = &mut self.phase else { return None };
        if queue.stage != self.stage {
            return None;
        }
        *work = std::mem::take(work).evolve(event, version).ok()?;
        self.attempt_count = work.attempt_count;
        self.settled = work.settled;
        self.note(queue.stage, event);
        Some(())
    }

    fn note(&mut self, stage: Stage, event: &work::Event) {
        match event {
            work::Event::Finished(finished) => {
                self.outputs.insert(stage, finished.digest);
                self.made.insert(stage, finished.outputs.clone());
                if stage == Stage::Export {
                    self.integration = IntegrationStatus::Succeeded;
                }
            }
            work::Event::Failed(failed) => {
                self.failure_code = Some(failed.code.clone());
                if stage == Stage::Export && failed.retry_at.is_none() {
                    self.integration = IntegrationStatus::Failed;
                }
            }
            work::Event::Queued(_)
            | work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Unassigned(_)
            | work::Event::Restarted(_)
            | work::Event::RequeueRequested(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_) => {}
        }
    }
}
