//! `GET …/sdworkspace/CurrentWorkspaces`: where tasks can be processed (`reference/smartdocumentor.md` §4.8). Does not know
//! the tasks.

use domain::names::{DisplayName, OrganizationId, WorkspaceId};
use projections::read_model::{self, Query};
use projections::views::{WorkspaceRow, Workspaces};
use serde::Serialize;

use super::reply::{Reply, see_everything, shown};
use crate::extract::State;
use crate::state::ApiState;

/// Rows read at once.
const READ_ROWS_MAX: usize = 1_000;
/// The reference shows no values of its types, and there are no such kinds here: everything is of the one that there is.
const ONLY_KIND: u16 = 0;

/// A workspace. It is made from no template, so `workspaceTemplateName` is absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceObject {
    workspace_id: WorkspaceId,
    tenant_id: OrganizationId,
    workspace_name: DisplayName,
    workspace_description: Option<String>,
    is_default: bool,
    task_type: u16,
    workspace_type: u16,
    template_type: u16,
}

/// The call: a bare array, in the order of the ids.
pub(super) async fn current(State(state): State<ApiState>) -> Reply {
    let position = see_everything(&state).await?;
    let mut query = Query::page(READ_ROWS_MAX);
    let mut rows: Vec<WorkspaceRow> = Vec::new();
    loop {
        let page = read_model::list::<Workspaces>(state.engine.read_model(), query.clone()).await?;
        rows.extend(page.rows);
        if page.next.is_none() {
            break;
        }
        query.after = page.next;
    }
    // Of several that are said to be it, the one with the lowest id is.
    let default = rows.iter().find(|row| row.settings.is_default).map(|row| row.id);
    let objects: Vec<_> = rows.into_iter().map(|row| WorkspaceObject::of(row, default)).collect();
    shown(position, &objects)
}

impl WorkspaceObject {
    fn of(row: WorkspaceRow, default: Option<WorkspaceId>) -> Self {
        Self {
            workspace_id: row.id,
            tenant_id: row.organization,
            workspace_name: row.settings.display_name,
            workspace_description: row.settings.description,
            is_default: Some(row.id) == default,
            task_type: ONLY_KIND,
            workspace_type: ONLY_KIND,
            template_type: ONLY_KIND,
        }
    }
}
