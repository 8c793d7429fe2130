//! A task as it is shown (`reference/smartdocumentor.md` §4.2). Does not know how tasks are found.

use domain::names::{BatchId, DisplayName, ExternalId, TaskId, WorkspaceId};
use domain::task::ExternalIntegrationStatus;
use domain::time::Timestamp;
use projections::read_model;
use projections::views::{TaskRow, Tasks};
use serde::Serialize;

use super::input::{Parameters, task};
use super::reply::{Failure, Reply, see_everything, shown};
use crate::access::identity::Identity;
use crate::extract::State;
use crate::state::ApiState;

/// A task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskObject {
    task_id: TaskId,
    workspace_id: WorkspaceId,
    batch_id: Option<BatchId>,
    /// Tasks are not numbered by workspace here.
    task_number: Option<u64>,
    external_id: Option<ExternalId>,
    display_name: DisplayName,
    description: Option<String>,
    created_on: Timestamp,
    task_status: u16,
    task_status_text: &'static str,
    integration_status: u16,
    integration_status_text: &'static str,
    external_integration_status: ExternalIntegrationStatus,
    /// Nobody counts pages here.
    total_pages: u32,
    /// Absent until there is something to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_count: Option<u32>,
    pre_processing_started_on: Timestamp,
}

impl From<TaskRow> for TaskObject {
    fn from(row: TaskRow) -> Self {
        Self {
            task_id: row.id,
            workspace_id: row.workspace,
            batch_id: row.batch,
            task_number: None,
            external_id: row.external_id,
            display_name: row.display_name,
            description: row.description,
            created_on: row.created_at,
            task_status: row.status.number(),
            task_status_text: row.status.text(),
            integration_status: row.integration.number(),
            integration_status_text: row.integration.text(),
            external_integration_status: row.external_integration,
            total_pages: 0,
            restart_count: (row.restart_count > 0).then_some(row.restart_count),
            pre_processing_started_on: row.pre_processing_started_at,
        }
    }
}

/// `GET …/sdtask/status`.
pub(super) async fn status(
    State(state): State<ApiState>,
    identity: Identity,
    parameters: Parameters,
) -> Reply {
    let id = task(&state, &identity, &parameters).await?;
    let position = see_everything(&state).await?;
    let row = read_model::row::<Tasks>(state.engine.read_model(), &Tasks::row_key(id)).await?;
    shown(position, &TaskObject::from(row.ok_or_else(Failure::no_task)?))
}
