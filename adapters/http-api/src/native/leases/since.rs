//! What happened to a piece of work since somebody had a lease on it, in words. Does not know what that somebody wants.

use domain::aggregate::Aggregate;
use domain::event::{Event, RecordedEvent};
use domain::key_scope;
use domain::ports::Direction;
use domain::stream::{KeyScopeId, Subject};
use domain::work::{self, Phase, Token, UnassignCause, Work};

use crate::problem::Problem;
use crate::state::ApiState;

/// How many events behind a lease are looked through for its end.
const EVENTS_READ_MAX: usize = 1_000;

/// Clauses that say how the lease ended and where the work stands now.
pub(super) async fn since(state: &ApiState, id: &KeyScopeId, token: Token) -> String {
    told(state, id, token).await.unwrap_or_else(|_| "what happened since cannot be read now".to_owned())
}

async fn told(state: &ApiState, id: &KeyScopeId, token: Token) -> Result<String, Problem> {
    let stream = Subject::KeyScope(id.clone()).stream();
    let store = state.engine.store();
    let events = store.read_stream(&stream, token.0, Direction::Forward, EVENTS_READ_MAX).await?;
    let Some((_, after)) = events.split_first().filter(|(first, _)| gave_a_lease(first)) else {
        return Ok("there never was a lease with this token".to_owned());
    };
    let end = after.iter().find_map(|event| end(event)).unwrap_or_else(|| "it ended".to_owned());
    match state.engine.inspect(Subject::KeyScope(id.clone())).await? {
        Aggregate::KeyScope(scope) => Ok(format!("{end}; {}", now(&scope.work))),
        Aggregate::StorageUnit(_)
        | Aggregate::Record(_)
        | Aggregate::Campaign(_)
        | Aggregate::System(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => Ok(end),
    }
}

fn gave_a_lease(event: &RecordedEvent) -> bool {
    matches!(&event.event, Event::KeyScope(key_scope::Event::Work(work::Event::Assigned(_))))
}

/// How the lease ended, if it did by this event.
fn end(event: &RecordedEvent) -> Option<String> {
    let at = event.metadata.recorded_at;
    match &event.event {
        Event::KeyScope(key_scope::Event::Withdrawn(_)) => {
            Some(format!("its storage unit was dropped at {at}"))
        }
        Event::KeyScope(key_scope::Event::Work(event)) => match event {
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
        Event::StorageUnit(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => None,
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
