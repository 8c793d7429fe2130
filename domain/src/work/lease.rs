//! Leases: given, begun, extended, given back, taken back.

use super::{
    Assigned, Event, LEASE_MS_MAX, Lease, LeaseExtended, Phase, ProcessStarted, Refusal, Token,
    UnassignCause, Unassigned, Work,
};
use crate::names::WorkerId;
use crate::time::{Millis, Timestamp};

impl Work {
    /// The rule of [`super::Command::Claim`].
    pub(super) fn claim(
        &self,
        worker: &WorkerId,
        lease_ms: Millis,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        check_length(lease_ms)?;
        if self.held {
            return Err(Refusal::OnHold);
        }
        match &self.phase {
            Phase::Queued { .. } => {
                let attempt = self.attempt_count + 1;
                Ok(vec![Event::Assigned(Assigned {
                    worker: worker.clone(),
                    until: now.plus(lease_ms),
                    attempt,
                })])
            }
            Phase::Idle | Phase::Assigned(_) | Phase::Running(_) | Phase::Finished | Phase::Failed { .. } => {
                Err(Refusal::NotQueued { phase: self.phase.name() })
            }
        }
    }

    /// The rule of [`super::Command::Start`]; starting twice is starting once.
    pub(super) fn start(&self, token: Token) -> Result<Vec<Event>, Refusal> {
        let lease = self.current_lease(token)?;
        match &self.phase {
            Phase::Assigned(_) => Ok(vec![Event::ProcessStarted(ProcessStarted { attempt: lease.attempt })]),
            Phase::Idle
            | Phase::Queued { .. }
            | Phase::Running(_)
            | Phase::Finished
            | Phase::Failed { .. } => Ok(Vec::new()),
        }
    }

    /// The rule of [`super::Command::ExtendLease`]: an extension is recorded once half of the lease is used up, so
    /// frequent heartbeats do not fill the log. Until then the recorded end stands.
    pub(super) fn extend_lease(
        &self,
        token: Token,
        lease_ms: Millis,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        check_length(lease_ms)?;
        let lease = self.current_lease(token)?;
        if lease.until > now.plus(lease_ms.half()) {
            return Ok(Vec::new());
        }
        Ok(vec![Event::LeaseExtended(LeaseExtended { attempt: lease.attempt, until: now.plus(lease_ms) })])
    }

    /// The rule of [`super::Command::ReleaseLease`].
    pub(super) fn release_lease(&self, token: Token) -> Result<Vec<Event>, Refusal> {
        let lease = self.current_lease(token)?;
        Ok(vec![unassigned(lease, UnassignCause::Released)])
    }

    /// The rule of [`super::Command::Unassign`]: whoever has it, has it no longer.
    pub(super) fn unassign(&self, cause: UnassignCause) -> Vec<Event> {
        self.lease().map(|lease| unassigned(lease, cause)).into_iter().collect()
    }

    /// The rule of [`super::Command::ExpireLease`].
    pub(super) fn expire_lease(&self, now: Timestamp) -> Vec<Event> {
        let expired = self.lease().filter(|lease| lease.until <= now);
        expired.map(|lease| unassigned(lease, UnassignCause::LeaseExpired)).into_iter().collect()
    }

    fn current_lease(&self, token: Token) -> Result<&Lease, Refusal> {
        self.lease().filter(|lease| lease.token == token).ok_or(Refusal::LeaseGone { token })
    }
}

const fn unassigned(lease: &Lease, cause: UnassignCause) -> Event {
    Event::Unassigned(Unassigned { attempt: lease.attempt, cause })
}

fn check_length(lease_ms: Millis) -> Result<(), Refusal> {
    if lease_ms.0 == 0 || lease_ms > LEASE_MS_MAX {
        return Err(Refusal::LeaseLength { lease_ms });
    }
    Ok(())
}
