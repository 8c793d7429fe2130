//! Claiming: somebody stands in line, is handed candidates, and leases them.
//!
//! A claim may be abandoned at any moment, since whoever asked may go away. While it stands in line it leaves the line;
//! candidates in its hand go back; leases that were given meanwhile are released. Does not know which worker runs what.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::aggregate::Refusal;
use domain::envelope::{Command, Envelope};
use domain::event::Event;
use domain::names::{Actor, CommandId, WorkerId};
use domain::stream::Version;
use domain::system;
use domain::time::Millis;
use domain::work::{self, Token};
use projections::work_queue::Candidate;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Board, Claimed};
use crate::pipeline::SubmitError;
use crate::waiters::{Serves, Ticket};

/// How long a claim that a pause refuses waits until the queue knows of the pause.
const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// Who claims, and what.
#[derive(Clone)]
pub(crate) struct Claimer {
    /// Who.
    pub(crate) worker: WorkerId,
    /// Under whose name it is recorded; nothing for the worker's own.
    pub(crate) actor: Option<Actor>,
    /// At most how many.
    pub(crate) max: usize,
    /// For how long; nothing for as long as the unit says.
    pub(crate) lease_ms: Option<Millis>,
    /// From which queues.
    pub(crate) serves: Arc<Serves>,
}

impl Board {
    /// Claims up to `max` items from the queues that are served; waits up to `wait` until there is at least one.
    pub(crate) async fn claim(&self, claimer: &Claimer, wait: Duration) -> Result<Vec<Claimed>, SubmitError> {
        let end = Instant::now() + wait;
        let ticket = self.state().waiters.ticket();
        loop {
            let Some(Offer { candidates, waited }) = self.offer(claimer, ticket, end).await else {
                return Ok(Vec::new());
            };
            let claimed = self.claim_offer(claimer, candidates).await;
            if waited && claimed.as_ref().map_or(true, Vec::is_empty) {
                self.state().woken_for_nothing += 1;
            }
            // What was offered may have been out of date; then it stands where it stood.
            let claimed = claimed?;
            if !claimed.is_empty() {
                return Ok(claimed);
            }
        }
    }

    /// Candidates, at once or when they come; nothing when the time is up.
    async fn offer(&self, claimer: &Claimer, ticket: Ticket, end: Instant) -> Option<Offer> {
        let mut waiting = {
            let mut state = self.state();
            // Nobody in line serves what lies there now, so this takes nothing from anybody.
            let candidates = state.queue.take(claimer.max, &*claimer.serves);
            if !candidates.is_empty() {
                return Some(Offer { candidates, waited: false });
            }
            if Instant::now() >= end {
                return None;
            }
            let hand = state.waiters.join(ticket, claimer.max, claimer.serves.clone());
            Waiting { board: self, ticket, hand }
        };
        let handed = tokio::time::timeout_at(end, &mut waiting.hand).await;
        let candidates = handed.ok().and_then(Result::ok)?;
        Some(Offer { candidates, waited: true })
    }

    /// Leases what was offered. Goes on by itself when whoever asked goes away, and then releases what it leased.
    async fn claim_offer(
        &self,
        claimer: &Claimer,
        offer: Vec<Candidate>,
    ) -> Result<Vec<Claimed>, SubmitError> {
        let (deliver, delivered) = oneshot::channel();
        let (board, claimer) = (self.clone(), claimer.clone());
        self.go_on(async move {
            let claimed = board.claim_candidates(&claimer, offer).await;
            if let Err(Ok(claimed)) = deliver.send(claimed.map(|leases| (claimer.worker.clone(), leases))) {
                board.release(claimed).await;
            }
        });
        let mut delivery = Delivery { board: self, delivered };
        let delivered = (&mut delivery.delivered).await.unwrap_or(Err(SubmitError::Stopping));
        delivered.map(|(_, leases)| leases)
    }

    async fn claim_candidates(
        &self,
        claimer: &Claimer,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Claimed>, SubmitError> {
        let claims = candidates.into_iter().map(|candidate| self.claim_one(claimer, candidate));
        let results = futures::future::join_all(claims).await;
        let mut claimed = Vec::new();
        let mut failure = None;
        for result in results {
            match result {
                Ok(claim) => claimed.extend(claim),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if claimed.is_empty() => Err(error),
            Some(_) | None => Ok(claimed),
        }
    }

    /// Claims one candidate; nothing when the entry turns out to be out of date.
    async fn claim_one(
        &self,
        claimer: &Claimer,
        candidate: Candidate,
    ) -> Result<Option<Claimed>, SubmitError> {
        let lease_ms = claimer.lease_ms.unwrap_or(candidate.lease_ms);
        let claim = work::Command::Claim { worker: claimer.worker.clone(), lease_ms };
        let command = Command::work(candidate.id.clone(), claim);
        let envelope = self.envelope_of(&claimer.worker, command);
        let actor = claimer.actor.clone().unwrap_or_else(|| envelope.actor.clone());
        match self.pipeline.submit_patiently(Envelope { actor, ..envelope }).await {
            Ok(accepted) => Ok(claimed(candidate, lease_ms, accepted.events.first(), accepted.version)),
            Err(SubmitError::Refused(Refusal::Work(work::Refusal::OnHold))) => {
                self.change(|queue| queue.park(&candidate));
                Ok(None)
            }
            Err(SubmitError::Refused(Refusal::System(system::Refusal::DispatchingPaused { .. }))) => {
                // Back in the queue it is offered to nobody, once the queue knows of the pause.
                self.catch_up().await;
                self.change(|queue| queue.give_back(candidate));
                Ok(None)
            }
            Err(SubmitError::Refused(_)) => {
                self.change(|queue| queue.discard(&candidate));
                Ok(None)
            }
            Err(error) => {
                self.change(|queue| queue.give_back(candidate));
                Err(error)
            }
        }
    }

    /// Gives leases back that reached nobody. One that cannot be given back runs out.
    pub(crate) async fn release(&self, (worker, leases): (WorkerId, Vec<Claimed>)) {
        let released = leases.into_iter().map(|lease| {
            let release = work::Command::ReleaseLease { token: lease.token };
            let envelope = self.envelope_of(&worker, Command::work(lease.id, release));
            self.pipeline
                .submit_patiently(envelope.because("whoever claimed it had gone before it was given"))
        });
        for error in futures::future::join_all(released).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, %worker, "a lease that reached nobody could not be given back; it will run out");
        }
    }

    /// Waits until the queue has seen everything that was acknowledged, but not for ever: a queue that stands still
    /// offers what it has, which costs a refused claim.
    async fn catch_up(&self) {
        let mut position = self.position.clone();
        let acknowledged = self.pipeline.acknowledged();
        let reached = position.wait_for(|reached| *reached >= acknowledged);
        drop(tokio::time::timeout(CATCH_UP_MAX, reached).await);
    }

    fn go_on(&self, claim: impl Future<Output = ()> + Send + 'static) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        while claims.try_join_next().is_some() {}
        claims.spawn(claim.in_current_span());
    }

    /// Waits until every claim that goes on by itself has arrived or was given back.
    pub(crate) async fn claims_settled(&self) {
        loop {
            let mut claims = std::mem::take(&mut *self.claims.lock().unwrap_or_else(PoisonError::into_inner));
            if claims.is_empty() {
                return;
            }
            while claims.join_next().await.is_some() {}
        }
    }

    fn envelope_of(&self, worker: &WorkerId, command: Command) -> Envelope {
        let actor = Actor::new(worker.as_str()).unwrap_or_else(|_| Actor::system());
        Envelope::new(CommandId(self.ids.fresh()), actor, command)
    }
}

struct Offer {
    candidates: Vec<Candidate>,
    /// Whether they were handed over to somebody in line.
    waited: bool,
}

/// Somebody in line. Leaves it when dropped, and gives back what was handed over in that moment.
struct Waiting<'a> {
    board: &'a Board,
    ticket: Ticket,
    hand: oneshot::Receiver<Vec<Candidate>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.board.state().waiters.leave(self.ticket);
        self.hand.close();
        if let Ok(offer) = self.hand.try_recv() {
            self.board.change(|queue| offer.into_iter().for_each(|candidate| queue.give_back(candidate)));
        }
    }
}

/// Leases on their way to whoever claimed. Releases them when dropped before they have arrived.
struct Delivery<'a> {
    board: &'a Board,
    delivered: oneshot::Receiver<Result<(WorkerId, Vec<Claimed>), SubmitError>>,
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.delivered.close();
        if let Ok(Ok(leases)) = self.delivered.try_recv() {
            let board = self.board.clone();
            self.board.go_on(async move { board.release(leases).await });
        }
    }
}

fn claimed(
    candidate: Candidate,
    lease_ms: Millis,
    event: Option<&Event>,
    version: Option<Version>,
) -> Option<Claimed> {
    match (event.and_then(Event::work), version) {
        (Some(work::Event::Assigned(assigned)), Some(version)) => Some(Claimed {
            id: candidate.id,
            token: Token(version),
            until: assigned.until,
            lease_ms,
            attempt: assigned.attempt,
        }),
        (_, Some(_) | None) => None,
    }
}
