//! `POST /v1/tasks`: creates one task, or many line by line. Does not know where their ids come from.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use domain::names::{BatchId, DisplayName, ExternalId, IdempotencyKey, TaskId, WorkspaceId};
use domain::stream::Position;
use domain::task::{Assignment, Priority};
use futures::StreamExt as _;
use runtime::{CreateTaskError, CreatedTask, NewTask};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::description::problems::{ProblemDetails, TaskCreateRefusals};
use crate::description::{lines, names, tasks as described};
use crate::extract::{
    BODY_WAIT_MAX, Keyed, Line, Lines, State, Write, check_reason, from_json, from_value, is_ndjson,
};
use crate::native::{Reply, log, made};
use crate::problem::{Problem, ProblemBody};
use crate::request::{Caller, IDEMPOTENCY_KEY_HEADER};
use crate::state::ApiState;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 1 << 20;
/// The most lines of one request; what follows is not read.
const LINES_MAX: u64 = 100_000;
/// How many tasks are created at once.
const AT_ONCE_MAX: usize = 64;

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
type CreateLines = lines::Lines<CreateBody>;
type ResultLines = lines::Lines<LineResult<'static>>;

/// Create tasks
///
/// One as JSON, or many as NDJSON: a line each of at most 1 MiB, which may have an `idempotency_key` and a `reason`, and a
/// result each in their order, while the request is still arriving. A wrong line does not stop the others.
#[utoipa::path(
    post, path = "/v1/tasks", operation_id = "create_task", tag = "tasks",
    params(Keyed<CreateBody>),
    request_body(content((CreateWrite = "application/json"), (CreateLines = "application/x-ndjson"))),
    responses(
        (status = 201, description = "The task", body = described::TaskCreated, headers(("Location" = String, description = "Its path"))),
        (status = 200, description = "What became of each line", body = ResultLines, content_type = "application/x-ndjson"),
        TaskCreateRefusals,
    ),
)]
pub(super) async fn create(State(state): State<ApiState>, request: Request) -> Reply {
    if is_ndjson(request.headers()) {
        return many(state, request).await;
    }
    let Keyed(write) = Keyed::<CreateBody>::from_request(request, &state).await?;
    let (body, write) = write.split();
    let created = state.engine.create_task(write.asked(&state), body.into()).await?;
    let CreatedTask { id, position, created: is_new } = created;
    made(
        &format!("/v1/tasks/{id}"),
        position,
        &json!({ "id": id, "repeated": !is_new, "position": position }),
    )
}

impl From<CreateBody> for NewTask {
    fn from(body: CreateBody) -> Self {
        let CreateBody { workspace, batch, external_id, display_name, description, priority, .. } = body;
        let CreateBody { context, metadata, custom_form_values, assignment, .. } = body;
        Self {
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
        }
    }
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

// ── Many ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// What became of a line.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskLineResult)]
struct LineResult<'a> {
    /// Which line, the first being 1; blank ones are not counted.
    #[schema(value_type = names::Count)]
    line: u64,
    status: LineStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::TaskId, required = false)]
    id: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Position, required = false)]
    position: Option<Position>,
    /// Of one that was refused or failed: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ProblemDetails, required = false)]
    problem: Option<ProblemBody<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskLineStatus)]
enum LineStatus {
    /// The task is there.
    Created,
    /// It was there already, created under the same key.
    Repeated,
    /// It is not allowed or cannot be understood; it will not be otherwise later.
    Refused,
    /// It could not be done now; send it again.
    Failed,
}

async fn many(state: ApiState, request: Request) -> Reply {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &state).await?;
    if parts.headers.contains_key(IDEMPOTENCY_KEY_HEADER) {
        let detail = "many tasks take no Idempotency-Key; give each line an idempotency_key of its own";
        return Err(Problem::bad_request(detail));
    }
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        let detail = "many tasks take nothing in the query string; give each line a reason of its own";
        return Err(Problem::bad_request(detail));
    }
    let lines = Lines::new(body, LINE_BYTES_MAX.min(state.settings.body_bytes_max));
    let read = futures::stream::unfold(Some((lines, 0)), next);
    let results = read.map(move |(number, line)| {
        let (state, caller) = (state.clone(), caller.clone());
        async move { Ok::<_, Infallible>(result(&state, &caller, number, line).await) }
    });
    let body = Body::from_stream(results.buffered(AT_ONCE_MAX));
    Ok(([(CONTENT_TYPE, log::NDJSON)], body).into_response())
}

/// The next line with its number, or what is wrong with it; after some wrongs nothing more is read.
type Numbered = (u64, Result<Bytes, Problem>);

async fn next(reading: Option<(Lines, u64)>) -> Option<(Numbered, Option<(Lines, u64)>)> {
    let (mut lines, before) = reading?;
    let number = before + 1;
    let Ok(line) = tokio::time::timeout(BODY_WAIT_MAX, lines.next()).await else {
        let seconds = BODY_WAIT_MAX.as_secs();
        let detail = format!("no line arrived within {seconds} seconds; send the rest again");
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail);
        return Some(((number, Err(problem)), None));
    };
    match line? {
        _ if number > LINES_MAX => {
            let detail = format!("a request has at most {LINES_MAX} lines; send the rest in another one");
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_lines", detail);
            Some(((number, Err(problem)), None))
        }
        Line::Bytes(bytes) => Some(((number, Ok(bytes.freeze())), Some((lines, number)))),
        Line::TooLong => {
            let detail = "the line has too many bytes; send it by itself as application/json";
            let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail);
            Some(((number, Err(problem)), Some((lines, number))))
        }
        Line::Broken => {
            let problem = Problem::bad_request("the body broke off; send the rest again");
            Some(((number, Err(problem)), None))
        }
    }
}

async fn result(state: &ApiState, caller: &Caller, line: u64, bytes: Result<Bytes, Problem>) -> Bytes {
    let created = async {
        let (key, reason, task) = line_of(&bytes?)?;
        Ok::<_, Problem>(state.engine.create_task(caller.asked(state, key, reason), task.into()).await?)
    };
    let created = created.await;
    let result = match &created {
        Ok(CreatedTask { id, position, created }) => {
            let status = if *created { LineStatus::Created } else { LineStatus::Repeated };
            LineResult { line, status, id: Some(*id), position: Some(*position), problem: None }
        }
        Err(problem) => {
            let is_ours = problem.status.is_server_error();
            let status = if is_ours { LineStatus::Failed } else { LineStatus::Refused };
            LineResult { line, status, id: None, position: None, problem: Some(problem.body()) }
        }
    };
    let mut json = serde_json::to_vec(&result).expect("texts and numbers are always JSON");
    json.push(b'\n');
    json.into()
}

fn line_of(bytes: &Bytes) -> Result<(Option<IdempotencyKey>, Option<String>, CreateBody), Problem> {
    /// What a line has beside the task.
    #[derive(Deserialize)]
    struct Beside {
        idempotency_key: Option<IdempotencyKey>,
        reason: Option<String>,
    }
    let mut members: Map<String, Value> = from_json(bytes)?;
    let beside = ["idempotency_key", "reason"].into_iter().filter_map(|name| members.remove_entry(name));
    let beside = Value::Object(beside.collect());
    let Beside { idempotency_key, reason } = from_value(beside)?;
    check_reason(reason.as_deref())?;
    Ok((idempotency_key, reason, from_value(Value::Object(members))?))
}
