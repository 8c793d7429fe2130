//! `POST /v1/tasks`: creates one task. Does not know where its id comes from.

use domain::names::{BatchId, DisplayName, ExternalId, WorkspaceId};
use domain::task::{Assignment, Priority};
use runtime::{CreateTaskError, CreatedTask, NewTask};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::description::problems::TaskCreateRefusals;
use crate::description::{names, tasks as described};
use crate::extract::{Keyed, State, Write};
use crate::native::{Reply, made};
use crate::problem::Problem;
use crate::state::ApiState;

/// A task that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskCreate)]
pub(super) struct CreateBody {
    #[schema(value_type = Option<names::WorkspaceId>)]
    workspace: Option<WorkspaceId>,
    #[schema(value_type = Option<names::BatchId>)]
    batch: Option<BatchId>,
    #[schema(value_type = Option<names::ExternalId>)]
    external_id: Option<ExternalId>,
    #[schema(value_type = Option<names::DisplayName>)]
    display_name: Option<DisplayName>,
    #[schema(max_length = 4_096)]
    description: Option<String>,
    #[serde(default)]
    #[schema(value_type = described::TaskPriority)]
    priority: Priority,
    #[schema(value_type = names::AnyObject)]
    context: Map<String, Value>,
    #[serde(default)]
    #[schema(value_type = names::AnyObject)]
    metadata: Map<String, Value>,
    #[serde(default)]
    #[schema(value_type = names::AnyObject)]
    custom_form_values: Map<String, Value>,
    #[schema(value_type = Option<described::Assignment>)]
    assignment: Option<Assignment>,
}

type CreateWrite = Write<CreateBody>;

/// Create a task
#[utoipa::path(
    post, path = "/v1/tasks", operation_id = "create_task", tag = "tasks",
    params(Keyed<CreateBody>),
    request_body = CreateWrite,
    responses((status = 201, description = "The task", body = described::TaskCreated, headers(("Location" = String, description = "Its path"))), TaskCreateRefusals),
)]
pub(super) async fn create(State(state): State<ApiState>, Keyed(write): Keyed<CreateBody>) -> Reply {
    let (body, write) = write.split();
    let CreateBody { workspace, batch, external_id, display_name, description, priority, .. } = body;
    let CreateBody { context, metadata, custom_form_values, assignment, .. } = body;
    let task = NewTask {
        workspace,
        batch,
        external_id,
        display_name,
        description,
        priority,
        context,
        metadata,
        custom_form_values,
        assignment,
    };
    let created = state.engine.create_task(write.asked(&state), task).await?;
    let CreatedTask { id, position, created: is_new } = created;
    made(
        &format!("/v1/tasks/{id}"),
        position,
        &json!({ "id": id, "repeated": !is_new, "position": position }),
    )
}

impl From<CreateTaskError> for Problem {
    fn from(error: CreateTaskError) -> Self {
        match error {
            CreateTaskError::NoDefaultWorkspace => Self::conflict("no_default_workspace", error),
            CreateTaskError::NoWorkspace(_) => Self::not_found("workspace_not_found", error),
            CreateTaskError::NoBatch(_) => Self::not_found("batch_not_found", error),
            CreateTaskError::BatchOfAnotherWorkspace { .. } => {
                Self::conflict("batch_of_another_workspace", error)
            }
            CreateTaskError::ExternalIdTaken { .. } => Self::conflict("external_id_taken", error),
            CreateTaskError::IdsExhausted => Self::broken("ids_exhausted", error),
            CreateTaskError::Read(error) => error.into(),
            CreateTaskError::Submit(error) => error.into(),
        }
    }
}
