//! How a board comes to be at start: from the queues and from everything that is open in them, read page by page, the
//! next page while one is taken in. Does not know the log.

mod tasks;

use domain::names::WorkerId;
use domain::process::timers::Due;
use domain::stream::{KeyScopeId, Position};
use domain::time::Timestamp;
use domain::work::Priority;
use domain::work_id::WorkId;
use projections::read_model::{self, Page, Query, ReadModel, ReadModelError, StoredPage, Test};
use projections::view::{Value, View};
use projections::views::{KeyScopes, OpenRow, OpenTaskRow, Status, StorageUnits, System, Tasks, UnitState};

use super::State;

/// Rows read at once.
const PAGE_ROWS_MAX: usize = 4_000;

/// Who has a lease on what.
type Leases = Vec<(WorkId, WorkerId)>;

/// The board as the rows have it, and who has a lease on what.
pub(super) async fn restore(model: &dyn ReadModel) -> Result<(State, Leases), ReadModelError> {
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
    tasks::restore_workspaces(model, &mut state).await?;
    let mut leases = Leases::new();
    restore_open(model, <KeyScopes as View>::NAME, |page| {
        let Page { rows, .. } = page.read::<KeyScopes, OpenRow>()?;
        leases.extend(rows.into_iter().filter_map(|row| state.restore_row(row)));
        Ok(())
    })
    .await?;
    restore_open(model, <Tasks as View>::NAME, |page| {
        let Page { rows, .. } = page.read::<Tasks, OpenTaskRow>()?;
        rows.into_iter().for_each(|row| tasks::restore_row(&mut state, row, &mut leases));
        Ok(())
    })
    .await?;
    Ok((state, leases))
}

/// Every open row of a view, page by page.
async fn restore_open(
    model: &dyn ReadModel,
    view: &'static str,
    mut take_in: impl FnMut(&StoredPage) -> Result<(), ReadModelError>,
) -> Result<(), ReadModelError> {
    let mut query = Query { view, ..rows(vec![("open", Value::Integer(1).into())]) };
    let mut page = model.list(query.clone()).await?;
    loop {
        query.after.clone_from(&page.next);
        let next = async {
            match query.after {
                None => Ok(None),
                Some(_) => model.list(query.clone()).await.map(Some),
            }
        };
        let taken_in = async { take_in(&page) };
        // The first is begun before the second, and reads on a thread of its own.
        let (next, taken_in) = futures::future::join(next, taken_in).await;
        taken_in?;
        match next? {
            Some(next) => page = next,
            None => return Ok(()),
        }
    }
}

fn rows(filters: Vec<(&'static str, Test)>) -> Query {
    Query { filters, ..Query::page(PAGE_ROWS_MAX) }
}

/// What is open at a place, whosever work it is.
struct Open {
    id: WorkId,
    status: Status,
    held: bool,
    priority: Priority,
    worker: Option<WorkerId>,
    lease_until: Option<Timestamp>,
    retry_at: Option<Timestamp>,
    queued_position: Position,
}

impl State {
    fn restore_row(&mut self, row: OpenRow) -> Option<(WorkId, WorkerId)> {
        let OpenRow { unit, scope, key, status, held, priority, .. } = row;
        let OpenRow { worker, lease_until, retry_at, queued_position, .. } = row;
        let id = KeyScopeId { unit, scope, key };
        self.restore_open(Open { id, status, held, priority, worker, lease_until, retry_at, queued_position })
    }

    fn restore_open(&mut self, open: Open) -> Option<(WorkId, WorkerId)> {
        let Open { id, status, held, priority, worker, lease_until, retry_at, queued_position } = open;
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
