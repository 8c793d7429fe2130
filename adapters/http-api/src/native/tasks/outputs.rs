//! What the stages of a task made, and what whoever works on its present stage is given. Does not know what is in them.

use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse as _;
use domain::digest::Digest;
use domain::names::TaskId;
use domain::task::{Stage, StageQueue};
use runtime::{DocumentError, TaskDocument, TaskOutputError};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{When, absent};
use crate::description::problems::{TaskInputRefusals, TaskOutputRefusals};
use crate::description::{names, tasks as described};
use crate::extract::{AsOf, Path, Query};
use crate::native::{Reply, ok};
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// Show what a module is given of a task
///
/// The document of its present stage: the task, with what the stages before made.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/input", operation_id = "task_input", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), When),
    responses((status = 200, description = "What a module is given", body = described::TaskDocument), TaskInputRefusals),
)]
pub(super) async fn input(
    AsOf(state): AsOf<ApiState>,
    Path(id): Path<TaskId>,
    Query(_): Query<When>,
) -> Reply {
    let engine = &state.engine;
    let task = engine.task(id).await?;
    let task = task.present().ok_or_else(|| absent(id))?;
    let workspace = task.payload.workspace;
    let limits =
        engine.workspace_settings(workspace).await?.map(|settings| settings.limits).unwrap_or_default();
    let place = StageQueue { workspace, stage: task.stage }.place(id);
    let document: TaskDocument = engine.whole_task_document(&place, limits.input_bytes_max).await?;
    ok(engine.acknowledged(), &document)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OutputQuery {
    /// The output with this digest of any run; without it, what the stage made last since the last restart.
    #[param(value_type = names::Digest, required = false, inline)]
    digest: Option<Digest>,
    /// As of this moment of the past.
    #[serde(rename = "at")]
    #[param(value_type = names::Moment, required = false, inline)]
    _at: Option<String>,
}

/// The bytes of an output.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes a body that is not JSON, and is never made")]
struct TaskOutputBytes(Vec<u8>);

/// Read what a stage of a task made
///
/// Its bytes; the digest is the `ETag`.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/outputs/{stage}", operation_id = "task_output", tag = "tasks",
    params(("id" = inline(names::TaskId), Path), ("stage" = inline(described::Stage), Path), OutputQuery),
    responses(
        (status = 200, description = "The output", body = TaskOutputBytes, content_type = "application/octet-stream"),
        TaskOutputRefusals,
    ),
)]
pub(super) async fn output(
    AsOf(state): AsOf<ApiState>,
    Path((id, stage)): Path<(TaskId, Stage)>,
    Query(query): Query<OutputQuery>,
) -> Reply {
    let output = state.engine.task_output(id, stage, query.digest).await.map_err(|error| match error {
        TaskOutputError::NoTask => absent(id),
        TaskOutputError::NotMade { .. } => Problem::not_found("output_not_made", error),
        TaskOutputError::NotKept { .. } => Problem::not_found("output_not_kept", error),
        TaskOutputError::Document(error) => DocumentError::into(error),
    })?;
    let content_type = HeaderValue::from_static("application/octet-stream");
    let tag = HeaderValue::from_str(&format!("\"{}\"", output.digest));
    let tag = tag.expect("a digest is letters, digits and a colon");
    let headers = [(CONTENT_TYPE, content_type), (ETAG, tag)];
    let mut response = (StatusCode::OK, headers, output.bytes).into_response();
    position::stamp(&mut response, state.engine.acknowledged());
    Ok(response)
}
