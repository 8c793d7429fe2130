//! That no lease outlives its deadline. Does not know why leases end.

use domain::event::RecordedEvent;
use domain::time::{Millis, Timestamp};
use domain::work::{self, UnassignCause};

use crate::place::work_event;

/// How much later than its deadline the end of a lease may be recorded, on a machine that is busy with other things.
pub const LATE_MAX: Millis = Millis(5_000);

/// Checks the leases of one key-scope: each has come to an end, no later than its deadline, unless nobody was there to
/// end it; then the next process took it back.
///
/// # Errors
/// What is wrong.
pub fn kept(events: &[&RecordedEvent]) -> Result<(), String> {
    let mut until: Option<Timestamp> = None;
    for event in events {
        let at = event.metadata.recorded_at;
        let in_time = until.is_none_or(|until| at.since(until) <= LATE_MAX);
        let (next, may_be_late) = match work_event(&event.event) {
            Some(work::Event::Assigned(assigned)) => (Some(assigned.until), true),
            Some(work::Event::LeaseExtended(extended)) => (Some(extended.until), false),
            Some(work::Event::Unassigned(taken)) => (None, taken.cause == UnassignCause::WorkerGone),
            Some(work::Event::Finished(_) | work::Event::Failed(_)) => (None, false),
            Some(
                work::Event::Queued(_)
                | work::Event::ProcessStarted(_)
                | work::Event::Restarted(_)
                | work::Event::RequeueRequested(_)
                | work::Event::Held
                | work::Event::Released
                | work::Event::LateResultRefused(_),
            )
            | None => continue,
        };
        if !in_time && !may_be_late {
            return Err(format!("a lease until {until:?} in {} was still there at {at}", event.stream));
        }
        until = next;
    }
    match until {
        None => Ok(()),
        Some(until) => Err(format!("a lease until {until} has no end")),
    }
}
