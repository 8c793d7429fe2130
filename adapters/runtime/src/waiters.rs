//! Who waits for work: in the order in which they came, each with what it can be given.
//!
//! Work is handed over, not announced: whoever is woken has candidates in hand, and nobody else is woken for them. Does
//! not know how anybody waits, nor what a claim is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use domain::names::{Scope, StorageUnitName};
use projections::work_queue::{Candidate, WorkQueue};
use tokio::sync::oneshot;

/// Which queues somebody serves.
pub(crate) type Serves = dyn Fn(&StorageUnitName, &Scope) -> bool + Send + Sync;

/// A place in the line. Whoever comes back with an old one stands where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The line.
#[derive(Default)]
pub(crate) struct Waiters {
    waiting: BTreeMap<Ticket, Waiter>,
    tickets: u64,
}

struct Waiter {
    max: usize,
    serves: Arc<Serves>,
    hand: oneshot::Sender<Vec<Candidate>>,
}

impl Waiters {
    /// A new place, behind all others.
    pub(crate) const fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Stands in line for up to `max` candidates of the queues that are served; gives where they will be handed over.
    pub(crate) fn join(
        &mut self,
        ticket: Ticket,
        max: usize,
        serves: Arc<Serves>,
    ) -> oneshot::Receiver<Vec<Candidate>> {
        let (hand, receiver) = oneshot::channel();
        self.waiting.insert(ticket, Waiter { max, serves, hand });
        receiver
    }

    /// Leaves the line.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// How many stand in line.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Hands over what can be claimed, to the first in line who serves it; says how many were woken by that.
    ///
    /// Called whenever something may have become claimable. So nothing that is claimable lies in the queue while
    /// somebody in line serves it.
    pub(crate) fn serve(&mut self, queue: &mut WorkQueue) -> u64 {
        let mut woken = 0;
        let mut from = Bound::Unbounded;
        while queue.has_claimable() {
            let Some((&ticket, waiter)) = self.waiting.range((from, Bound::Unbounded)).next() else { break };
            from = Bound::Excluded(ticket);
            let offer = queue.take(waiter.max, &*waiter.serves);
            if offer.is_empty() {
                continue;
            }
            let Some(waiter) = self.waiting.remove(&ticket) else { break };
            match waiter.hand.send(offer) {
                Ok(()) => woken += 1,
                // It went away in this moment: the next in line gets what it would have got.
                Err(offer) => offer.into_iter().for_each(|candidate| queue.give_back(candidate)),
            }
        }
        woken
    }
}
