//! What a worker says of its leases: begun, still at it, done, failed, given back. One in a request, or many.

mod item;
mod reporter;

use domain::names::{Actor, WorkerId};
use domain::stream::Position;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::{Reply, ok};
use crate::description::problems::ReportRefusals;
use crate::description::reports;
use crate::extract::{State, Write, from_value};
use crate::problem::Problem;
use crate::state::ApiState;
use item::{ItemResult, Said};
use reporter::Reporter;

/// The most items of one report.
const ITEMS_MAX: usize = 1_000;

/// A JSON object.
type Object = Map<String, Value>;

/// What is said of an item.
#[derive(Debug, Clone, Copy)]
enum Word {
    Start,
    Extend,
    Complete,
    Fail,
    Release,
}

type StartWrite = Write<reports::LeaseStart>;

/// Start the work of leases
///
/// One item, or many.
#[utoipa::path(
    post, path = "/v1/leases/start", operation_id = "start_lease", tag = "leases",
    params(StartWrite),
    request_body = StartWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn start(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Start, write).await
}

type ExtendWrite = Write<reports::LeaseExtend>;

/// Extend leases
///
/// A heartbeat. An extension is recorded once half of the lease is used up.
#[utoipa::path(
    post, path = "/v1/leases/extend", operation_id = "extend_lease", tag = "leases",
    params(ExtendWrite),
    request_body = ExtendWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn extend(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Extend, write).await
}

type CompleteWrite = Write<reports::LeaseComplete>;

/// Complete leases
///
/// One that was not started is started. A result that is there already is answered with `repeated`.
#[utoipa::path(
    post, path = "/v1/leases/complete", operation_id = "complete_lease", tag = "leases",
    params(CompleteWrite),
    request_body = CompleteWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn complete(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Complete, write).await
}

type FailWrite = Write<reports::LeaseFail>;

/// Fail leases
///
/// Whether and when it is tried again follows from `retry`, or else from what is set for the module.
#[utoipa::path(
    post, path = "/v1/leases/fail", operation_id = "fail_lease", tag = "leases",
    params(FailWrite),
    request_body = FailWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn fail(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Fail, write).await
}

type ReleaseWrite = Write<reports::LeaseRelease>;

/// Give leases back
///
/// Undone, for somebody else.
#[utoipa::path(
    post, path = "/v1/leases/release", operation_id = "release_lease", tag = "leases",
    params(ReleaseWrite),
    request_body = ReleaseWrite,
    responses((status = 200, description = "What became of it", body = reports::ReportReply), ReportRefusals),
)]
pub(super) async fn release(State(state): State<ApiState>, write: Write<Object>) -> Reply {
    report(&state, Word::Release, write).await
}

// ── One or many ────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManyBody {
    items: Vec<Value>,
}

async fn report(state: &ApiState, word: Word, write: Write<Object>) -> Reply {
    let (mut body, write) = write.split();
    let worker = take_worker(&mut body)?;
    if let Some(worker) = &worker {
        state.engine.worker_speaks(worker);
    }
    // A key says who reports; without keys, the worker itself does.
    let said = if write.known_actor().is_some() { None } else { worker };
    let actor = said.and_then(|worker| Actor::new(worker.as_str()).ok());
    let reporter = Reporter { state, write, actor };
    if !body.contains_key("items") {
        let said = reporter.say(word, Value::Object(body)).await?;
        let position = state.engine.acknowledged();
        return ok(position, &One { said, position });
    }
    let items = take_items(body)?;
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        let detail = format!("items has {} items; send between 1 and {ITEMS_MAX}", items.len());
        return Err(Problem::invalid("wrong_number_of_items", detail));
    }
    let results = futures::future::join_all(items.into_iter().map(|item| reporter.say_one(word, item))).await;
    let position = state.engine.acknowledged();
    ok(position, &Results { results, position })
}

/// The answer to many items.
#[derive(Debug, Serialize)]
struct Results {
    results: Vec<ItemResult>,
    position: Position,
}

/// The answer to one item.
#[derive(Debug, Serialize)]
struct One {
    #[serde(flatten)]
    said: Said,
    position: Position,
}

fn take_items(mut body: Object) -> Result<Vec<Value>, Problem> {
    match body.remove("items") {
        Some(Value::Array(items)) if body.is_empty() => Ok(items),
        items => {
            body.extend(items.map(|items| ("items".to_owned(), items)));
            from_value(Value::Object(body)).map(|ManyBody { items }| items)
        }
    }
}

#[derive(Debug, Deserialize)]
struct Who {
    worker: WorkerId,
}

fn take_worker(body: &mut Object) -> Result<Option<WorkerId>, Problem> {
    let Some(name) = body.remove("worker") else { return Ok(None) };
    let Who { worker } = from_value(json!({ "worker": name }))?;
    if runtime::is_reserved_worker(&worker) {
        return Err(super::reserved_worker());
    }
    Ok(Some(worker))
}
