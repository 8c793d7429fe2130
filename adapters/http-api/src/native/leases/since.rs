//! What happened to a piece of work since somebody had a lease on it, in words. Does not know what that somebody wants.

use domain::event::RecordedEvent;
use domain::ports::Direction;
use domain::stream::KeyScopeId;
use domain::work::{self, Phase, Token, UnassignCause, Work};
use domain::work_id::{Happened, happened};

use crate::problem::Problem;
use crate::state::ApiState;

/// How many events behind a lease are looked through for its end.
const EVENTS_READ_MAX: usize = 1_000;

/// Clauses that say how the lease ended and where the work stands now.
pub(super) async fn since(state: &ApiState, id: &KeyScopeId, token: Token) -> String {
    told(state, id, token).await.unwrap_or_else(|_| "what happened since cannot be read now".to_owned())
}

async fn told(state: &ApiState, id: &KeyScopeId, token: Token) -> Result<String, Problem> {
    let stream = id.subject().stream();
    let store = state.engine.store();
    let events = store.read_stream(&stream, token.0, Direction::Forward, EVENTS_READ_MAX).await?;
    let Some((_, after)) = events.split_first().filter(|(first, _)| gave_a_lease(first)) else {
        return Ok("there never was a lease with this token".to_owned());
    };
    let end = after.iter().find_map(|event| end(event)).unwrap_or_else(|| "it ended".to_owned());
    let aggregate = state.engine.inspect(id.subject()).await?;
    Ok(aggregate.work().map_or_else(|| end.clone(), |work| format!("{end}; {}", now(work))))
}

fn gave_a_lease(event: &RecordedEvent) -> bool {
    matches!(event.event.work(), Some(work::Event::Assigned(_)))
}

/// How the lease ended, if it did by this event.
fn end(event: &RecordedEvent) -> Option<String> {
    let at = event.metadata.recorded_at;
    match happened(event)? {
        (place, Happened::Withdrawn) if place.task_stage().is_some() => {
            Some(format!("its task went another way at {at}"))
        }
        (_, Happened::Withdrawn) => Some(format!("its storage unit was dropped at {at}")),
        (_, Happened::Work(event)) => match event {
            work::Event::Unassigned(unassigned) => Some(match unassigned.cause {
                UnassignCause::Reset => format!("it was taken back by a reset at {at}"),
                UnassignCause::LeaseExpired => format!("it ran out at {at}"),
                UnassignCause::Released => format!("it was given back at {at}"),
                UnassignCause::WorkerGone => format!("its worker was found to be gone at {at}"),
            }),
            work::Event::Finished(_) => Some(format!("it was reported finished at {at}")),
            work::Event::Failed(failed) => Some(format!("it was reported failed ({}) at {at}", failed.code)),
            work::Event::Queued(_)
            | work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Restarted(_)
            | work::Event::RequeueRequested(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_) => None,
        },
    }
}

/// Where the work stands.
fn now(work: &Work) -> String {
    match &work.phase {
        Phase::Idle => "nobody asks for it any longer".to_owned(),
        Phase::Queued { .. } => "it waits for a worker now".to_owned(),
        Phase::Assigned(lease) | Phase::Running(lease) => {
            let (worker, token, until) = (&lease.worker, lease.token.0, lease.until);
            format!("worker '{worker}' has it now with token {token}, until {until}")
        }
        Phase::Finished => "it is finished now".to_owned(),
        Phase::Failed { retry_at: Some(at), .. } => format!("it has failed and is tried again at {at}"),
        Phase::Failed { retry_at: None, .. } => "it has failed, and no attempt is left".to_owned(),
    }
}
