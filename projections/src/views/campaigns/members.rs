//! What the events of a campaign's members, key-scopes or tasks, mean to its counts. Does not know the campaign's own events.

use domain::event::RecordedEvent;
use domain::key_scope;
use domain::names::CampaignId;
use domain::stream::Subject;
use domain::task;
use domain::work::{self, Change, Failed};

use super::{CampaignRow, ERROR_CODES_MAX, FIRST_FAILURES_MAX, FirstFailure};
use crate::views::{ERROR_CODE_BYTES_MAX, ERROR_TEXT_BYTES_MAX, bounded};

/// What a member's event means to its campaign.
pub(super) enum Effect<'a> {
    Asked,
    Finished(Change),
    Failed(&'a Failed),
    Withdrawn,
}

/// The campaign that a member's event counts for. A run that follows a recorded request for one more was counted
/// with the request; a retry was counted when its run began.
pub(super) fn effect(happened: &key_scope::Event) -> Option<(CampaignId, Effect<'_>)> {
    let (campaign, effect) = match happened {
        key_scope::Event::Withdrawn(withdrawn) => (withdrawn.campaign, Effect::Withdrawn),
        key_scope::Event::Work(work::Event::Queued(queued)) if !queued.retry => {
            (queued.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::Restarted(restarted)) if !restarted.requeued => {
            (restarted.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::RequeueRequested(requested)) => {
            (requested.campaign, Effect::Asked)
        }
        key_scope::Event::Work(work::Event::Finished(finished)) => {
            (finished.campaign, Effect::Finished(finished.change))
        }
        key_scope::Event::Work(work::Event::Failed(failed)) if failed.retry_at.is_none() => {
            (failed.campaign, Effect::Failed(failed))
        }
        key_scope::Event::Work(
            work::Event::Queued(_)
            | work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Failed(_)
            | work::Event::Unassigned(_)
            | work::Event::Restarted(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_),
        ) => return None,
    };
    campaign.map(|campaign| (campaign, effect))
}

/// The campaign that a task's event counts for. All that a campaign asks for of a task is that it be restarted.
pub(super) const fn restarted_by(happened: &task::Event) -> Option<CampaignId> {
    match happened {
        task::Event::Restarted(restarted) => restarted.campaign,
        task::Event::Created(_)
        | task::Event::Work(..)
        | task::Event::StageEntered(_)
        | task::Event::ReviewOpened(_)
        | task::Event::Approved(_)
        | task::Event::ReviewCompleted(_)
        | task::Event::Archived
        | task::Event::Edited(_)
        | task::Event::UsersAssigned(_)
        | task::Event::Resolved(_)
        | task::Event::Reverted(_)
        | task::Event::MovedToHistory(_)
        | task::Event::ExternalIntegrationStatusSet(_)
        | task::Event::DeletionRequested(_)
        | task::Event::Deleted => None,
    }
}

impl CampaignRow {
    /// A task that was restarted was asked for, and nothing more is waited for.
    pub(super) fn after_task(mut self, happened: &task::Event) -> Self {
        if restarted_by(happened).is_some() {
            self.asked += 1;
            self.finished += 1;
        }
        self
    }

    pub(super) fn after_member(mut self, happened: &key_scope::Event, event: &RecordedEvent) -> Self {
        match effect(happened).map(|(_, effect)| effect) {
            None => {}
            Some(Effect::Asked) => self.asked += 1,
            Some(Effect::Withdrawn) => self.withdrawn += 1,
            Some(Effect::Failed(failed)) => self.count_failure(failed, event),
            Some(Effect::Finished(change)) => {
                self.finished += 1;
                match change {
                    Change::First => self.first += 1,
                    Change::Same => self.same += 1,
                    Change::Changed => self.changed += 1,
                }
            }
        }
        self
    }

    fn count_failure(&mut self, failed: &Failed, event: &RecordedEvent) {
        self.failed += 1;
        let code = bounded(&failed.code, ERROR_CODE_BYTES_MAX);
        let key = match Subject::try_from(&event.stream) {
            Ok(Subject::KeyScope(id)) => Some(id.key),
            Ok(
                Subject::StorageUnit(_)
                | Subject::Record(_)
                | Subject::Campaign(_)
                | Subject::Task(_)
                | Subject::Workspace(_)
                | Subject::Batch(_)
                | Subject::ExternalId(..)
                | Subject::Ids(_)
                | Subject::System
                | Subject::ApiKey(_)
                | Subject::Access(_),
            )
            | Err(_) => None,
        };
        if self.first_failures.len() < FIRST_FAILURES_MAX
            && let Some(key) = key.clone()
        {
            let text = bounded(&failed.text, ERROR_TEXT_BYTES_MAX);
            self.first_failures.push(FirstFailure { key, code: code.clone(), text });
        }
        if let Some(count) = self.errors.get_mut(&code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.error_examples.extend(key.map(|key| (code.clone(), key)));
            self.errors.insert(code, 1);
        } else {
            self.errors_other += 1;
        }
    }
}
