//! Asking for work, and holding it.

use super::{Event, Phase, Priority, Queued, Refusal, RequeueRequested, Restarted, Work};
use crate::names::CampaignId;
use crate::time::Timestamp;

impl Work {
    /// The rule of [`super::Command::Queue`]: idle work is queued, settled work restarted, leased work runs once more
    /// afterwards, queued work just waits on, and work in backoff waits no longer and gets all its attempts again.
    pub(super) fn queue(&self, campaign: Option<CampaignId>, priority: Priority) -> Vec<Event> {
        if campaign.is_some() && self.was_asked_by(campaign) {
            return Vec::new();
        }
        match &self.phase {
            Phase::Idle => vec![Event::Queued(Queued { campaign, priority, retry: false, failures: 0 })],
            Phase::Queued { .. } => Vec::new(),
            Phase::Assigned(lease) | Phase::Running(lease) if lease.requeue.is_some() => Vec::new(),
            Phase::Assigned(_) | Phase::Running(_) => {
                vec![Event::RequeueRequested(RequeueRequested { campaign, priority })]
            }
            Phase::Failed { retry_at: Some(_), .. } => {
                vec![Event::Queued(Queued { campaign: self.campaign, priority, retry: true, failures: 0 })]
            }
            Phase::Finished | Phase::Failed { retry_at: None, .. } => {
                vec![self.restarted(campaign, priority, false)]
            }
        }
    }

    fn was_asked_by(&self, campaign: Option<CampaignId>) -> bool {
        let requeue = match &self.phase {
            Phase::Queued { requeue, .. } => *requeue,
            Phase::Assigned(lease) | Phase::Running(lease) => lease.requeue,
            Phase::Idle | Phase::Finished | Phase::Failed { .. } => None,
        };
        self.campaign == campaign || requeue.is_some_and(|requeue| requeue.campaign == campaign)
    }

    pub(super) const fn restarted(
        &self,
        campaign: Option<CampaignId>,
        priority: Priority,
        requeued: bool,
    ) -> Event {
        Event::Restarted(Restarted { campaign, priority, restart_count: self.restart_count + 1, requeued })
    }

    /// The rule of [`super::Command::Retry`]: work whose backoff is over goes back into the queue.
    pub(super) fn retry(&self, now: Timestamp) -> Vec<Event> {
        match &self.phase {
            Phase::Failed { failures, retry_at: Some(retry_at), priority } if *retry_at <= now => {
                let queued =
                    Queued { campaign: self.campaign, priority: *priority, retry: true, failures: *failures };
                vec![Event::Queued(queued)]
            }
            Phase::Idle
            | Phase::Queued { .. }
            | Phase::Assigned(_)
            | Phase::Running(_)
            | Phase::Finished
            | Phase::Failed { .. } => Vec::new(),
        }
    }

    /// The rule of [`super::Command::Hold`].
    pub(super) fn hold(&self) -> Result<Vec<Event>, Refusal> {
        match (&self.phase, self.held) {
            (Phase::Idle, _) => Err(Refusal::NeverQueued),
            (_, true) => Ok(Vec::new()),
            (_, false) => Ok(vec![Event::Held]),
        }
    }

    /// The rule of [`super::Command::Release`].
    pub(super) fn release(&self) -> Vec<Event> {
        if self.held { vec![Event::Released] } else { Vec::new() }
    }
}
