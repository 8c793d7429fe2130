//! The board at start, as far as tasks are concerned: the queues of workspaces, and the work that is open in them.
//! Does not know how pages are read.

use domain::names::StorageUnitName;
use domain::work_id::WorkId;
use projections::read_model::{self, ReadModel, ReadModelError};
use projections::views::{OpenTaskRow, Workspaces};

use super::{Leases, Open, State, rows};

/// Restores the queues of all workspaces, still without what is in them.
pub(super) async fn restore_workspaces(
    model: &dyn ReadModel,
    state: &mut State,
) -> Result<(), ReadModelError> {
    let mut query = rows(Vec::new());
    loop {
        let page = read_model::list::<Workspaces>(model, query.clone()).await?;
        for row in &page.rows {
            state.queue.restore_unit(&StorageUnitName::of_tasks(row.id), true, row.settings.limits);
        }
        if page.next.is_none() {
            return Ok(());
        }
        query.after = page.next;
    }
}

/// Takes in what a task's row says of the work of its stage.
pub(super) fn restore_row(state: &mut State, row: OpenTaskRow, leases: &mut Leases) {
    let OpenTaskRow { id, workspace, stage, priority, held, work } = row;
    let Some(work) = work else { return };
    let place: WorkId = domain::task::StageQueue { workspace, stage }.place(id);
    let open = Open {
        id: place,
        status: work.status,
        held,
        priority: priority.of_work(),
        worker: work.worker,
        lease_until: work.lease_until,
        retry_at: work.retry_at,
        queued_position: work.queued_position,
    };
    leases.extend(state.restore_open(open));
}
