//! Asking for one key-scope by name: what is asked for must exist, and the answer says what was recorded.
//! Does not know how either is written in a reply.

use domain::envelope::Command;
use domain::event::Event;
use domain::key_scope;
use domain::stream::{KeyScopeId, Position};
use domain::work::{self, Priority};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::Write;
use crate::problem::Problem;
use crate::request::carry_out;
use crate::state::ApiState;

/// What became of a request for a key-scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It waits for a worker: for the first time, or sooner than its backoff would have let it.
    Queued,
    /// It waits for a worker once more, from the beginning.
    Restarted,
    /// It is being worked on and runs once more afterwards.
    RequeueRequested,
    /// It was waiting already; nothing was recorded.
    AlreadyWaiting,
}

/// Asks for a key-scope on behalf of a write.
///
/// # Errors
/// [`Problem`]; then nothing was recorded.
pub(crate) async fn reprocess<T>(
    state: &ApiState,
    id: KeyScopeId,
    write: &Write<T>,
) -> Result<(Outcome, Position), Problem> {
    let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
    let accepted = carry_out(state, write.envelope(state, Command::work(id, queue))).await?;
    Ok((outcome(accepted.events.first()), accepted.position))
}

fn outcome(recorded: Option<&Event>) -> Outcome {
    match recorded {
        Some(Event::KeyScope(key_scope::Event::Work(event))) => match event {
            work::Event::Queued(_) => Outcome::Queued,
            work::Event::Restarted(_) => Outcome::Restarted,
            work::Event::RequeueRequested(_) => Outcome::RequeueRequested,
            work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Finished(_)
            | work::Event::Failed(_)
            | work::Event::Unassigned(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_) => Outcome::AlreadyWaiting,
        },
        Some(
            Event::KeyScope(key_scope::Event::Withdrawn(_))
            | Event::StorageUnit(_)
            | Event::Record(_)
            | Event::Campaign(_)
            | Event::Task(_)
            | Event::Workspace(_)
            | Event::Batch(_)
            | Event::ExternalId(_)
            | Event::Ids(_)
            | Event::System(_)
            | Event::ApiKey(_)
            | Event::Access(_),
        )
        | None => Outcome::AlreadyWaiting,
    }
}
