//! `…/sdbatch`: tasks of one workspace that belong together, and how many there are (`reference/smartdocumentor.md` §4.8).
//! Does not know the tasks one by one.

use domain::batch::Described;
use domain::names::{BatchId, DisplayName, WorkspaceId};
use domain::ports::Direction;
use domain::stream::{Subject, Version};
use domain::time::Timestamp;
use projections::read_model::{self, Query, Test};
use projections::view::{Value, View as _};
use projections::views::{BatchCounts, BatchRow, Batches, Tasks};
use serde::Serialize;

use super::input::{Members, Parameters, Sender, batch_id, column_number, workspace_id};
use super::pages::{Page, page_of};
use super::reply::{Failure, Reply, see_everything, shown};
use crate::extract::State;
use crate::problem::Problem;
use crate::state::ApiState;

/// A batch, with how many tasks it has: in all, and of those in history.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchObject {
    batch_id: BatchId,
    workspace_id: WorkspaceId,
    display_name: DisplayName,
    description: Option<String>,
    created_on: Timestamp,
    total_tasks: u64,
    total_tasks_in_history: u64,
}

impl BatchObject {
    fn new(id: BatchId, described: Described, created_on: Timestamp, counts: BatchCounts) -> Self {
        Self {
            batch_id: id,
            workspace_id: described.workspace,
            display_name: described.display_name,
            description: described.description,
            created_on,
            total_tasks: counts.total,
            total_tasks_in_history: counts.in_history,
        }
    }
}

/// A batch that is to be.
#[derive(Debug, serde::Deserialize)]
pub(super) struct CreateBody {
    displayname: DisplayName,
    description: Option<String>,
    workspaceid: Option<i64>,
}

/// `POST …/sdbatch`.
pub(super) async fn create(
    State(state): State<ApiState>,
    sender: Sender,
    Members(body): Members<CreateBody>,
) -> Reply {
    let CreateBody { displayname: display_name, description, workspaceid } = body;
    let asked = sender.asked(&state);
    let workspace = match workspaceid {
        Some(number) => workspace_id(number.into())
            .ok_or_else(|| Failure::invalid(format!("no workspace has the id {number}")))?,
        None => state.engine.default_workspace(&asked.organization).await?,
    };
    let described = Described { workspace, display_name, description };
    let (id, position) = state.engine.create_batch(asked, described.clone()).await?;
    // The log has it at once, whereas the views may need a moment.
    let stream = Subject::Batch(id).stream();
    let read = state.engine.store().read_stream(&stream, Version(0), Direction::Forward, 1).await;
    let first = read.map_err(Problem::from)?.into_iter().next();
    let first =
        first.ok_or_else(|| Problem::broken("batch_gone", "a batch that was created is not in the log"))?;
    shown(position, &BatchObject::new(id, described, first.metadata.recorded_at, BatchCounts::default()))
}

/// `GET …/sdbatch`.
pub(super) async fn show(State(state): State<ApiState>, parameters: Parameters) -> Reply {
    let number = parameters.number("batchId")?;
    let number = number.ok_or_else(|| Failure::invalid("say which batch is meant: give batchId"))?;
    let absent = || Problem::not_found("batch_not_found", format!("there is no batch {number}"));
    let id = batch_id(number).ok_or_else(absent)?;
    let position = see_everything(&state).await?;
    let row = read_model::row::<Batches>(state.engine.read_model(), &Batches::row_key(id)).await?;
    shown(position, &counted(&state, row.ok_or_else(absent)?).await?)
}

async fn counted(state: &ApiState, row: BatchRow) -> Result<BatchObject, Failure> {
    let BatchRow { id, described, created_at, .. } = row;
    let prefix = Tasks::batch_prefix(described.workspace, id);
    let counts = state.engine.read_model().counts(Tasks::NAME, &prefix).await?;
    Ok(BatchObject::new(id, described, created_at, Tasks::batch_counts(&counts)))
}

/// `GET …/sdbatch/listpaginated`, in the order of the ids. Its path and form are ours: the reference says that there is one.
pub(super) async fn paginated(State(state): State<ApiState>, parameters: Parameters) -> Reply {
    let page = Page::read(&parameters, &state)?;
    let workspaces: Vec<Value> = parameters
        .all("workspaceId")
        .map(|text| column_number("workspaceId", text))
        .collect::<Result<_, Failure>>()?;
    let filters =
        if workspaces.is_empty() { Vec::new() } else { vec![("workspace", Test::OneOf(workspaces))] };
    see_everything(&state).await?;
    let found = page_of::<Batches>(&state, Query { filters, ..Query::page(page.size()) }, page).await?;
    let mut batches = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        batches.push(counted(&state, row).await?);
    }
    shown(found.position, &page.filled(batches, found.total))
}
