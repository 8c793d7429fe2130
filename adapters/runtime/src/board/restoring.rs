//! How a board comes to be at start: from the units and from everything that is open, read page by page, the next page
//! while one is taken in. Does not know the log.

use domain::names::WorkerId;
use domain::process::timers::Due;
use domain::stream::KeyScopeId;
use projections::read_model::{self, Page, Query, ReadModel, ReadModelError};
use projections::view::{Value, View};
use projections::views::{KeyScopes, OpenRow, Status, StorageUnits, System, UnitState};

use super::State;

/// Rows read at once.
const PAGE_ROWS_MAX: usize = 4_000;

/// The board as the rows have it, and who has a lease on what.
pub(super) async fn restore(
    model: &dyn ReadModel,
) -> Result<(State, Vec<(KeyScopeId, WorkerId)>), ReadModelError> {
    let mut state = State::default();
    let system = read_model::row::<System>(model, &System::row_key()).await?;
    state.queue.restore_paused(system.is_some_and(|row| row.paused));
    let mut query = rows(Vec::new());
    loop {
        let page = read_model::list::<StorageUnits>(model, query.clone()).await?;
        // Work of a unit that is being cleared is nobody's to claim.
        for unit in page.rows.iter().filter(|unit| unit.state == UnitState::Active) {
            state.queue.restore_unit(&unit.name, unit.queue_enabled, unit.limits);
        }
        if page.next.is_none() {
            break;
        }
        query.after = page.next;
    }
    let leases = restore_open(model, &mut state).await?;
    Ok((state, leases))
}

async fn restore_open(
    model: &dyn ReadModel,
    state: &mut State,
) -> Result<Vec<(KeyScopeId, WorkerId)>, ReadModelError> {
    let mut leases = Vec::new();
    let mut query = Query { view: <KeyScopes as View>::NAME, ..rows(vec![("open", Value::Integer(1))]) };
    let mut page = model.list(query.clone()).await?;
    loop {
        query.after = page.next_after();
        let next = async {
            match query.after {
                None => Ok(None),
                Some(_) => model.list(query.clone()).await.map(Some),
            }
        };
        let taken_in = async {
            let Page { rows, .. } = page.read::<KeyScopes, OpenRow>()?;
            leases.extend(rows.into_iter().filter_map(|row| state.restore_row(row)));
            Ok::<_, ReadModelError>(())
        };
        // The first is begun before the second, and reads on a thread of its own.
        let (next, taken_in) = futures::future::join(next, taken_in).await;
        taken_in?;
        match next? {
            Some(next) => page = next,
            None => return Ok(leases),
        }
    }
}

const fn rows(filters: Vec<(&'static str, Value)>) -> Query {
    Query { view: "", filters, key_prefix: String::new(), after: None, limit: PAGE_ROWS_MAX }
}

impl State {
    fn restore_row(&mut self, row: OpenRow) -> Option<(KeyScopeId, WorkerId)> {
        let OpenRow { unit, scope, key, status, held, priority, .. } = row;
        let OpenRow { worker, lease_until, retry_at, queued_position, .. } = row;
        let id = KeyScopeId { unit, scope, key };
        if held {
            self.queue.restore_held(&id);
        }
        match status {
            Status::Queued => self.queue.restore_waiting(&id, (priority, queued_position)),
            Status::Assigned | Status::Running => {
                self.queue.restore_leased(&id, priority);
                if let Some(until) = lease_until {
                    self.timers.set(&id, until, Due::LeaseEnd);
                }
                return worker.map(|worker| (id, worker));
            }
            Status::Retrying => {
                if let Some(retry_at) = retry_at {
                    self.timers.set(&id, retry_at, Due::BackoffEnd);
                }
            }
            Status::Finished | Status::Failed => {}
        }
        None
    }
}
