//! `/v1/leases`: how a worker in any language claims work, and reports what became of it.

mod report;
mod since;

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use domain::names::{Key, Scope, StorageUnitName, WorkerId};
use domain::storage_unit::{ModuleEntry, Settings};
use domain::stream::{KeyScopeId, Position};
use domain::time::{Millis, Timestamp};
use domain::work::Token;
use runtime::{Claim, ClaimError, Claimed, Engine, QueueFilter, SubmitError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Reply, documents, ok};
use crate::extract::Write;
use crate::problem::Problem;
use crate::state::ApiState;

/// The longest text that says a worker's version, in bytes.
const VERSION_BYTES_MAX: usize = 128;

pub(super) fn router() -> Router<ApiState> {
    Router::new()
        .route("/v1/leases", post(claim))
        .route("/v1/leases/start", post(report::start))
        .route("/v1/leases/extend", post(report::extend))
        .route("/v1/leases/complete", post(report::complete))
        .route("/v1/leases/fail", post(report::fail))
        .route("/v1/leases/release", post(report::release))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimBody {
    worker: WorkerId,
    version: Option<String>,
    #[serde(default)]
    queues: Vec<Queue>,
    #[serde(default = "one")]
    max: usize,
    lease_ms: Option<Millis>,
    #[serde(default)]
    wait_ms: u64,
}

const fn one() -> usize {
    1
}

/// A queue as it is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Queue {
    unit: StorageUnitName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

impl From<QueueFilter> for Queue {
    fn from(QueueFilter { unit, scope }: QueueFilter) -> Self {
        Self { unit, scope }
    }
}

/// A lease as it is sent.
#[derive(Debug, Serialize)]
struct LeaseBody {
    unit: StorageUnitName,
    scope: Scope,
    key: Key,
    token: Token,
    until: Timestamp,
    lease_ms: Millis,
    attempt: u32,
    /// What runs over the scope, each with the unit's settings overlaid by its own.
    modules: Vec<ModuleEntry>,
    /// Where the document is, at this server.
    input_url: String,
}

/// The answer to a claim.
#[derive(Debug, Serialize)]
struct Leases {
    leases: Vec<LeaseBody>,
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<serde_json::Value>,
}

async fn claim(State(state): State<ApiState>, write: Write<ClaimBody>) -> Reply {
    let ClaimBody { worker, version, queues, max, lease_ms, wait_ms } = write.split().0;
    check_version(version.as_deref())?;
    let queues = queues.into_iter().map(|Queue { unit, scope }| QueueFilter { unit, scope }).collect();
    let wait = Duration::from_millis(wait_ms);
    let claim = Claim { worker: worker.clone(), version, queues, max, lease_ms, wait };
    let leases = tokio::select! {
        leases = state.engine.claim_for(claim) => leases?,
        // Whoever waits for work would keep a server that is about to stop from stopping.
        () = state.closing.said() => return Err(SubmitError::Stopping.into()),
    };
    let mut undelivered = Undelivered { engine: &state.engine, worker, leases };
    let leases = bodies(&state.engine, &undelivered.leases).await?;
    let position = state.engine.acknowledged();
    // Whoever gets nothing is told when that is because nobody gets anything.
    let paused = match leases.is_empty() {
        true => state.engine.pause_reason().await?.map(|reason| json!({ "reason": reason })),
        false => None,
    };
    let reply = ok(position, &Leases { leases, position, paused })?;
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
    let mut units: HashMap<StorageUnitName, Option<Settings>> = HashMap::new();
    for Claimed { id, .. } in leases {
        if !units.contains_key(&id.unit) {
            units.insert(id.unit.clone(), engine.unit_settings(&id.unit).await?);
        }
    }
    let body = |lease: &Claimed| {
        let Claimed { id, token, until, lease_ms, attempt } = lease.clone();
        let modules =
            units.get(&id.unit).and_then(Option::as_ref).map(|unit| unit.modules.overlaid(&id.scope));
        let input_url = documents::url(&id);
        let KeyScopeId { unit, scope, key } = id;
        let modules = modules.unwrap_or_default();
        LeaseBody { unit, scope, key, token, until, lease_ms, attempt, modules, input_url }
    };
    Ok(leases.iter().map(body).collect())
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
