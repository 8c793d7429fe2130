//! Results: accepted once, repeated for free, refused and recorded when they come too late.

use super::{
    Change, Event, Failed, Finished, LateResultRefused, Lease, Outcome, Output, Phase, ProcessStarted,
    Settled, Token, Work,
};
use crate::digest::Digest;
use crate::retry::RetryPolicy;
use crate::time::Timestamp;

impl Work {
    /// The rule of [`super::Command::Complete`]. Completing what was not started starts it.
    pub(super) fn complete(&self, token: Token, outputs: &[Output], digest: Digest) -> Vec<Event> {
        let Some(lease) = self.lease().filter(|lease| lease.token == token) else {
            return self.late(LateResultRefused {
                token,
                outcome: Outcome::Finished,
                digest: Some(digest),
                code: None,
            });
        };
        let started = match &self.phase {
            Phase::Assigned(_) => Some(Event::ProcessStarted(ProcessStarted { attempt: lease.attempt })),
            Phase::Idle
            | Phase::Queued { .. }
            | Phase::Running(_)
            | Phase::Finished
            | Phase::Failed { .. } => None,
        };
        let finished = Event::Finished(Finished {
            attempt: lease.attempt,
            campaign: self.campaign,
            digest,
            change: self.change(digest),
            outputs: outputs.to_vec(),
        });
        started.into_iter().chain([finished]).chain(self.once_more(lease)).collect()
    }

    /// The rule of [`super::Command::Fail`].
    pub(super) fn fail(
        &self,
        token: Token,
        code: &str,
        text: &str,
        retry: RetryPolicy,
        now: Timestamp,
    ) -> Vec<Event> {
        let Some(lease) = self.lease().filter(|lease| lease.token == token) else {
            let code = Some(code.to_owned());
            return self.late(LateResultRefused { token, outcome: Outcome::Failed, digest: None, code });
        };
        let failures = lease.failures + 1;
        let delay = if lease.requeue.is_some() { None } else { retry.delay_after(failures) };
        let failed = Event::Failed(Failed {
            attempt: lease.attempt,
            campaign: self.campaign,
            code: code.to_owned(),
            text: text.to_owned(),
            failures,
            retry_at: delay.map(|delay| now.plus(delay)),
        });
        std::iter::once(failed).chain(self.once_more(lease)).collect()
    }

    /// A result that comes again is the result that is already there; any other is late.
    fn late(&self, late: LateResultRefused) -> Vec<Event> {
        if self.settled == Some(Settled { token: late.token, outcome: late.outcome }) {
            return Vec::new();
        }
        vec![Event::LateResultRefused(late)]
    }

    fn change(&self, digest: Digest) -> Change {
        match self.outputs {
            None => Change::First,
            Some(before) if before == digest => Change::Same,
            Some(_) => Change::Changed,
        }
    }

    fn once_more(&self, lease: &Lease) -> Option<Event> {
        lease.requeue.map(|requeue| self.restarted(requeue.campaign, requeue.priority, true))
    }
}
