//! What the calls answer: JSON, nothing at all, or a problem. Which of the engine's errors is which status is said here.
//! Does not know any call.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use domain::aggregate::Refusal;
use domain::stream::Position;
use domain::task;
use projections::read_model::ReadModelError;
use runtime::{CreateTaskError, SubmitError};
use serde::Serialize;

use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// What a call answers.
pub(super) type Reply = Result<Response, Failure>;

/// The answer of a call that was not carried out. The reference shows no such body but says that those of a restart are
/// empty; others are problem details, as they are usual for what stands behind SmartDocumentor.
#[derive(Debug)]
pub(super) struct Failure(Problem);

// ── Success ────────────────────────────────────────────────────────────────────────────────────────────────────

/// 200 with what was asked for, which reflects a position at least.
pub(super) fn shown(position: Position, value: &impl Serialize) -> Reply {
    let mut response = Json(value).into_response();
    position::stamp(&mut response, position);
    Ok(response)
}

/// 204: accepted, and recorded at a position.
pub(super) fn accepted(position: Position) -> Reply {
    let mut response = StatusCode::NO_CONTENT.into_response();
    position::stamp(&mut response, position);
    Ok(response)
}

/// The response without its body.
pub(super) fn emptied(mut response: Response) -> Response {
    *response.body_mut() = Body::empty();
    response.headers_mut().remove(CONTENT_TYPE);
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

/// The same as a layer around a call.
pub(super) async fn without_body(response: Response) -> Response {
    emptied(response)
}

/// Waits until the views show everything that was acknowledged before: whoever wrote reads what was written. Gives the
/// position that they reflect.
pub(super) async fn see_everything(state: &ApiState) -> Result<Position, Failure> {
    let engine = &state.engine;
    if engine.wait_for_views(engine.acknowledged()).await {
        return Ok(engine.views_position());
    }
    let detail = "the views are still catching up with what was written; ask again shortly";
    Err(Problem::try_later("views_behind", detail).into())
}

// ── Failure ────────────────────────────────────────────────────────────────────────────────────────────────────

impl Failure {
    /// The request cannot be what is meant.
    pub(super) fn invalid(detail: impl AsRef<str>) -> Self {
        Self(Problem::bad_request(detail.as_ref()))
    }

    /// There is no such task.
    pub(super) fn no_task() -> Self {
        let detail = "no task has this taskId or externalId; GET …/sdtask/statuslist shows which there are";
        Self(Problem::not_found("task_not_found", detail))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// The answer to a request that did not get as far as its call.
pub(super) fn refused(problem: Problem) -> Problem {
    match problem.status {
        StatusCode::UNAUTHORIZED => {
            let detail = "a valid token or API key is needed; POST /connect/token gives a token for the id and secret of \
                          a key, send it as 'Authorization: Bearer …'";
            Problem::new(problem.status, problem.code, detail)
        }
        _other => problem,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem.status {
            // What cannot be is a bad request here, whether or not it was well-formed.
            StatusCode::UNPROCESSABLE_ENTITY => Self(Problem { status: StatusCode::BAD_REQUEST, ..problem }),
            _other => Self(problem),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        // What is deleted is no longer found by whoever wants to change it.
        let is_gone = matches!(
            &error,
            SubmitError::Refused(Refusal::Task(task::Refusal::Gone { .. } | task::Refusal::DoesNotExist))
        );
        if is_gone { Self::no_task() } else { Problem::from(error).into() }
    }
}

impl From<CreateTaskError> for Failure {
    fn from(error: CreateTaskError) -> Self {
        let invalid = |code, error: CreateTaskError| Self(Problem::new(StatusCode::BAD_REQUEST, code, error));
        match error {
            // The call itself exists; what its body names does not.
            CreateTaskError::NoWorkspace(_) => invalid("workspace_not_found", error),
            CreateTaskError::NoBatch(_) => invalid("batch_not_found", error),
            CreateTaskError::NoDefaultWorkspace => invalid("no_default_workspace", error),
            CreateTaskError::BatchOfAnotherWorkspace { .. } => invalid("batch_of_another_workspace", error),
            CreateTaskError::Submit(error) => error.into(),
            CreateTaskError::ExternalIdTaken { .. }
            | CreateTaskError::IdsExhausted
            | CreateTaskError::Read(_) => Problem::from(error).into(),
        }
    }
}

impl From<ReadModelError> for Failure {
    fn from(error: ReadModelError) -> Self {
        Problem::from(error).into()
    }
}
