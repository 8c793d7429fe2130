//! `/v1/leases`: how a worker in any language claims work, and reports what became of it.

mod report;
mod since;

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use domain::names::{Key, Scope, StorageUnitName, WorkerId};
use domain::storage_unit::ModuleEntry;
use domain::stream::{KeyScopeId, Position};
use domain::time::{Millis, Timestamp};
use domain::work::Token;
use runtime::{Claim, ClaimError, Claimed, Engine, QueueFilter, QueueSettings, SubmitError, TaskDocument};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Reply, documents, ok};
use crate::description::problems::ClaimRefusals;
use crate::description::{names, settings, tasks as described};
use crate::extract::{State, Write};
use crate::problem::Problem;
use crate::state::ApiState;

/// The longest text that says a worker's version, in bytes.
const VERSION_BYTES_MAX: usize = 128;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(claim))
        .routes(routes!(report::start))
        .routes(routes!(report::extend))
        .routes(routes!(report::complete))
        .routes(routes!(report::fail))
        .routes(routes!(report::release))
}

/// A wish for work.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Claim)]
struct ClaimBody {
    /// Who claims; recorded as the actor.
    #[schema(value_type = names::WorkerId)]
    worker: WorkerId,
    /// What the worker says of its version, at most 128 bytes; shown, nothing more.
    #[schema(max_length = 128)]
    version: Option<String>,
    /// Only from these; from all without it.
    #[serde(default)]
    #[schema(max_items = 1_000)]
    queues: Vec<Queue>,
    /// At most so many leases.
    #[serde(default = "one")]
    #[schema(value_type = u32, minimum = 1, maximum = 1_000)]
    max: usize,
    /// How long the leases last; as long as the unit says without it.
    #[schema(value_type = Option<names::LeaseMillis>)]
    lease_ms: Option<Millis>,
    /// How long to wait until there is something, in milliseconds. The reply comes the moment work appears.
    #[serde(default)]
    #[schema(maximum = 30_000)]
    wait_ms: u64,
}

const fn one() -> usize {
    1
}

/// A queue as it is sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Queue {
    #[serde(deserialize_with = "queue_unit")]
    #[schema(value_type = names::QueueUnit)]
    unit: StorageUnitName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<names::Scope>)]
    scope: Option<Scope>,
}

/// A queue's unit is a storage unit's name, or `task/` and the number of a workspace.
fn queue_unit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StorageUnitName, D::Error> {
    let text = String::deserialize(deserializer)?;
    StorageUnitName::of_queue(&text).map_err(serde::de::Error::custom)
}

impl From<QueueFilter> for Queue {
    fn from(QueueFilter { unit, scope }: QueueFilter) -> Self {
        Self { unit, scope }
    }
}

/// A lease as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lease)]
struct LeaseBody {
    #[schema(value_type = names::QueueUnit)]
    unit: StorageUnitName,
    #[schema(value_type = names::Scope)]
    scope: Scope,
    #[schema(value_type = names::Key)]
    key: Key,
    #[schema(value_type = names::Token)]
    token: Token,
    #[schema(value_type = names::Timestamp)]
    until: Timestamp,
    #[schema(value_type = names::LeaseMillis)]
    lease_ms: Millis,
    #[schema(minimum = 1)]
    attempt: u32,
    /// What runs over the scope, each with the unit's settings overlaid by its own.
    #[schema(value_type = Vec<settings::ModuleEntry>)]
    modules: Vec<ModuleEntry>,
    /// Where the document is, at this server; of a task, what a module is given of it.
    input_url: String,
    /// The task whose stage it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = described::LeasedTask, required = false)]
    task: Option<TaskDocument>,
}

/// Leases that were given.
#[derive(Serialize, ToSchema)]
#[schema(as = Leases)]
struct Given {
    leases: Vec<LeaseBody>,
    #[schema(value_type = names::Position)]
    position: Position,
    /// Why there are none, when the whole system is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Paused, required = false)]
    paused: Option<Paused>,
}

/// Why no leases are given.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimPaused)]
struct Paused {
    reason: String,
}

type ClaimWrite = Write<ClaimBody>;

/// Claim work
///
/// Replies the moment work appears, with no leases when the time is up. A reply that was sent and not read holds its leases
/// until they run out.
#[utoipa::path(
    post, path = "/v1/leases", operation_id = "claim", tag = "leases",
    params(Write<ClaimBody>),
    request_body = ClaimWrite,
    responses((status = 200, description = "What was claimed", body = Given), ClaimRefusals),
)]
async fn claim(State(state): State<ApiState>, write: Write<ClaimBody>) -> Reply {
    let (ClaimBody { worker, version, queues, max, lease_ms, wait_ms }, write) = write.split();
    let actor = write.known_actor().cloned();
    check_version(version.as_deref())?;
    let queues = queues.into_iter().map(|Queue { unit, scope }| QueueFilter { unit, scope }).collect();
    let wait = Duration::from_millis(wait_ms);
    let claim = Claim { worker: worker.clone(), actor, version, queues, max, lease_ms, wait };
    let leases = tokio::select! {
        leases = state.engine.claim_for(claim) => leases?,
        // Whoever waits for work would keep a server that is about to stop from stopping.
        () = state.closing.said() => return Err(SubmitError::Stopping.into()),
    };
    let mut undelivered = Undelivered { engine: &state.engine, worker, leases };
    let leases = bodies(&state.engine, &undelivered.leases).await?;
    let position = state.engine.acknowledged();
    // Whoever gets nothing is told when that is because nobody gets anything.
    let paused = if leases.is_empty() { state.engine.pause_reason().await? } else { None };
    let paused = paused.map(|reason| Paused { reason });
    let reply = ok(position, &Given { leases, position, paused })?;
    undelivered.leases.clear();
    Ok(reply)
}

fn check_version(version: Option<&str>) -> Result<(), Problem> {
    match version.map_or(0, str::len) {
        0..=VERSION_BYTES_MAX => Ok(()),
        bytes => {
            let detail =
                format!("version has {bytes} bytes, at most {VERSION_BYTES_MAX} are allowed; shorten it");
            Err(Problem::invalid("invalid_version", detail))
        }
    }
}

async fn bodies(engine: &Engine, leases: &[Claimed]) -> Result<Vec<LeaseBody>, Problem> {
    let mut units: HashMap<StorageUnitName, QueueSettings> = HashMap::new();
    let mut bodies = Vec::with_capacity(leases.len());
    for lease in leases {
        let Claimed { id, token, until, lease_ms, attempt } = lease.clone();
        if !units.contains_key(&id.unit) {
            units.insert(id.unit.clone(), engine.queue_settings(&id.unit).await?.unwrap_or_default());
        }
        let modules = units.get(&id.unit).map(|unit| unit.modules.overlaid(&id.scope)).unwrap_or_default();
        // What a task's plan says of another attempt goes before what its workspace says by now.
        let planned = engine.planned_retry(&id).await?;
        let planned = |entry: ModuleEntry| ModuleEntry { retry: planned.or(entry.retry), ..entry };
        let modules = modules.into_iter().map(planned).collect();
        let task = engine.task_document(&id).await?;
        let input_url = match &task {
            Some(task) => format!("/v1/tasks/{}/input", task.id),
            None => documents::url(&id),
        };
        let KeyScopeId { unit, scope, key } = id;
        bodies.push(LeaseBody {
            unit,
            scope,
            key,
            token,
            until,
            lease_ms,
            attempt,
            modules,
            input_url,
            task,
        });
    }
    Ok(bodies)
}

/// Leases that have not been answered with yet. When whoever claimed them goes away before, they are given back.
struct Undelivered<'a> {
    engine: &'a Engine,
    worker: WorkerId,
    leases: Vec<Claimed>,
}

impl Drop for Undelivered<'_> {
    fn drop(&mut self) {
        if self.leases.is_empty() {
            return;
        }
        let (engine, worker) = (self.engine.clone(), self.worker.clone());
        let leases = std::mem::take(&mut self.leases);
        tokio::spawn(async move { engine.give_back(worker, leases).await });
    }
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::ReservedName => reserved_worker(),
            ClaimError::OutOfRange { .. } => Self::invalid("out_of_range", error),
            ClaimError::Submit(error) => error.into(),
        }
    }
}

fn reserved_worker() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "reserved_worker", ClaimError::ReservedName)
}
