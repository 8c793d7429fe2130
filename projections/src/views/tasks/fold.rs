//! How events become a task's row. The statuses are those that the domain's table gives for what happened.

use std::collections::BTreeMap;

use domain::event::RecordedEvent;
use domain::stream::Subject;
use domain::task::{
    Edited, Event, ExternalIntegrationStatus, IntegrationStatus, MovedToHistory, Payload, Resolved,
    Restarted, Reverted, Screen, Stage, TaskStatus,
};
use domain::work::{self, Failed, Token};

use super::{Approval, ByHand, StageWork, TaskRow, Warning};
use crate::views::{ERROR_CODE_BYTES_MAX, ERROR_TEXT_BYTES_MAX, LastError, Status, bounded};

pub(super) fn evolve(row: Option<TaskRow>, happened: &Event, event: &RecordedEvent) -> Option<TaskRow> {
    let mut row = match (happened, row) {
        (Event::Created(payload), None) => return created(payload, event),
        (_, row) => row?,
    };
    let before = row.status;
    row.apply(happened, event);
    let at = event.metadata.recorded_at;
    let begins_anew = matches!(happened, Event::Restarted(_));
    if begins_anew || row.status != before {
        row.status_since = at;
        row.status_version = event.version;
    }
    row.updated_at = at;
    row.updated_by = event.metadata.actor.clone();
    row.version = event.version;
    row.position = event.position;
    Some(row)
}

fn created(payload: &Payload, event: &RecordedEvent) -> Option<TaskRow> {
    let Subject::Task(id) = Subject::try_from(&event.stream).ok()? else { return None };
    let (at, payload) = (event.metadata.recorded_at, payload.clone());
    Some(TaskRow {
        id,
        organization: event.metadata.organization.clone(),
        workspace: payload.workspace,
        batch: payload.batch,
        external_id: payload.external_id,
        display_name: payload.display_name,
        description: payload.description,
        priority: payload.priority,
        metadata: payload.metadata,
        plan: payload.plan,
        status: TaskStatus::QueuedForPreProcessing,
        status_since: at,
        status_version: event.version,
        screen: Screen::Inbox,
        held: false,
        stage: Stage::PreProcessing,
        integration: IntegrationStatus::default(),
        external_integration: ExternalIntegrationStatus::default(),
        restart_count: 0,
        campaign: None,
        warning: None,
        resolved: None,
        assignment: payload.assignment,
        approvals: Vec::new(),
        edits: BTreeMap::new(),
        work: None,
        attempt_count: 0,
        late_results: 0,
        last_error: None,
        outputs: BTreeMap::new(),
        created_at: at,
        pre_processing_started_at: at,
        finished_at: None,
        updated_at: at,
        created_by: event.metadata.actor.clone(),
        updated_by: event.metadata.actor.clone(),
        version: event.version,
        position: event.position,
    })
}

impl TaskRow {
    fn apply(&mut self, happened: &Event, event: &RecordedEvent) {
        let at = event.metadata.recorded_at;
        match happened {
            // What completes a review is said by the event behind it.
            Event::Created(_) | Event::ReviewCompleted(_) => {}
            Event::Work(_, happened) => self.apply_work(happened, event),
            Event::StageEntered(entered) => self.enter(entered.stage),
            Event::ReviewOpened(_) => self.review(),
            Event::Approved(approved) => self.approvals.push(Approval { user: approved.user.clone(), at }),
            Event::Archived => self.archive(TaskStatus::Processed, event),
            Event::Edited(edited) => self.edit(edited),
            Event::UsersAssigned(assignment) => {
                self.assignment = assignment.clone();
                self.approvals.clear();
            }
            Event::Restarted(restarted) => self.restart(restarted, event),
            Event::Resolved(resolved) => self.resolve(resolved, event),
            Event::Reverted(reverted) => self.revert(reverted, event),
            Event::MovedToHistory(MovedToHistory { from, since, threshold_ms }) => {
                let (from, since, threshold_ms) = (*from, *since, *threshold_ms);
                self.warning = Some(Warning { at, from, to: None, since, threshold_ms });
                self.archive(from, event);
            }
            Event::ExternalIntegrationStatusSet(set) => self.external_integration = set.status.clone(),
            Event::DeletionRequested(_) => {
                self.work = None;
                self.screen = Screen::Inbox;
                self.status = TaskStatus::Deleting;
            }
            Event::Deleted => {
                self.screen = Screen::History;
                self.status = TaskStatus::Deleted;
                self.finished_at = Some(at);
            }
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.work = None;
        self.status = TaskStatus::queued(stage);
        if stage == Stage::Export {
            self.integration = IntegrationStatus::Queued;
        }
    }

    fn review(&mut self) {
        self.work = None;
        self.approvals.clear();
        self.status = TaskStatus::ToReview;
        if self.integration == IntegrationStatus::Queued {
            self.integration = IntegrationStatus::NotQueued;
        }
    }

    fn archive(&mut self, status: TaskStatus, event: &RecordedEvent) {
        self.work = None;
        self.screen = Screen::History;
        self.status = status;
        self.finished_at = Some(event.metadata.recorded_at);
    }

    fn edit(&mut self, edited: &Edited) {
        let path = edited.path.to_string();
        if edited.after.is_null() {
            self.edits.remove(&path);
        } else {
            self.edits.insert(path, edited.after.clone());
        }
    }

    fn restart(&mut self, restarted: &Restarted, event: &RecordedEvent) {
        self.restart_count = restarted.restart_count;
        self.campaign = restarted.campaign;
        self.pre_processing_started_at = event.metadata.recorded_at;
        self.edits.clear();
        self.approvals.clear();
        self.integration = IntegrationStatus::default();
        self.external_integration = ExternalIntegrationStatus::default();
        self.warning = None;
        self.resolved = None;
        self.last_error = None;
        self.finished_at = None;
        self.screen = Screen::Inbox;
        self.enter(Stage::PreProcessing);
    }

    fn resolve(&mut self, resolved: &Resolved, event: &RecordedEvent) {
        self.park(resolved.status);
        self.resolved = Some(ByHand {
            at: event.metadata.recorded_at,
            by: event.metadata.actor.clone(),
            text: bounded(&resolved.text, ERROR_TEXT_BYTES_MAX),
        });
    }

    fn revert(&mut self, reverted: &Reverted, event: &RecordedEvent) {
        let Reverted { from, to, since, threshold_ms, withdrawn: _ } = *reverted;
        let at = event.metadata.recorded_at;
        self.warning = Some(Warning { at, from, to: Some(to), since, threshold_ms });
        self.external_integration = ExternalIntegrationStatus::default();
        if to == TaskStatus::ToReview { self.review() } else { self.park(to) }
    }

    fn park(&mut self, status: TaskStatus) {
        self.work = None;
        self.approvals.clear();
        self.status = status;
        if self.integration == IntegrationStatus::Queued {
            let is_exported = status == TaskStatus::ExportCompleted;
            self.integration =
                if is_exported { IntegrationStatus::Succeeded } else { IntegrationStatus::NotQueued };
        }
    }

    // ── Work ───────────────────────────────────────────────────────────────────────────────────────────────────

    fn apply_work(&mut self, happened: &work::Event, event: &RecordedEvent) {
        match happened {
            work::Event::Queued(queued) => self.enqueue(queued.failures, event),
            work::Event::Restarted(_) => self.enqueue(0, event),
            work::Event::Unassigned(_) => {
                let failures = self.work.as_ref().map_or(0, |work| work.failures);
                self.enqueue(failures, event);
            }
            work::Event::Assigned(assigned) => {
                self.attempt_count = assigned.attempt;
                self.status = TaskStatus::in_progress(self.stage);
                self.with_work(|work| {
                    work.status = Status::Assigned;
                    work.worker = Some(assigned.worker.clone());
                    work.lease_until = Some(assigned.until);
                    work.token = Some(Token(event.version));
                });
            }
            work::Event::ProcessStarted(_) => self.with_work(|work| work.status = Status::Running),
            work::Event::LeaseExtended(extended) => {
                self.with_work(|work| work.lease_until = Some(extended.until));
            }
            work::Event::Finished(finished) => {
                self.status = TaskStatus::finished(self.stage);
                self.outputs.insert(self.stage, finished.digest);
                self.last_error = None;
                if self.stage == Stage::Export {
                    self.integration = IntegrationStatus::Succeeded;
                }
                self.with_work(|work| work.end(Status::Finished));
            }
            work::Event::Failed(failed) => self.fail(failed, event),
            work::Event::Held => self.held = true,
            work::Event::Released => self.held = false,
            work::Event::LateResultRefused(_) => self.late_results = self.late_results.saturating_add(1),
            // A task is restarted instead.
            work::Event::RequeueRequested(_) => {}
        }
    }

    fn fail(&mut self, failed: &Failed, event: &RecordedEvent) {
        self.last_error = Some(LastError {
            code: bounded(&failed.code, ERROR_CODE_BYTES_MAX),
            text: bounded(&failed.text, ERROR_TEXT_BYTES_MAX),
            at: event.metadata.recorded_at,
        });
        let is_final = failed.retry_at.is_none();
        if is_final && self.stage == Stage::Export {
            self.integration = IntegrationStatus::Failed;
        }
        self.status = if is_final {
            TaskStatus::failed(self.stage, Some(&failed.code))
        } else {
            TaskStatus::queued(self.stage)
        };
        self.with_work(|work| {
            work.end(if is_final { Status::Failed } else { Status::Retrying });
            work.failures = failed.failures;
            work.retry_at = failed.retry_at;
        });
    }

    fn enqueue(&mut self, failures: u32, event: &RecordedEvent) {
        self.status = TaskStatus::queued(self.stage);
        self.work = Some(StageWork {
            status: Status::Queued,
            worker: None,
            lease_until: None,
            token: None,
            retry_at: None,
            failures,
            queued_position: event.position,
            queued_at: event.metadata.recorded_at,
        });
    }

    fn with_work(&mut self, change: impl FnOnce(&mut StageWork)) {
        if let Some(work) = &mut self.work {
            change(work);
        }
    }
}

impl StageWork {
    fn end(&mut self, status: Status) {
        self.status = status;
        self.worker = None;
        self.lease_until = None;
        self.token = None;
    }
}
