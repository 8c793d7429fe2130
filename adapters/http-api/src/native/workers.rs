//! `/v1/workers`: who works here, since when nothing was heard of them, and what each of them holds.
//!
//! What they hold comes from the rows of the key-scopes. What they said of themselves is known to this process only, since
//! it started.

use std::collections::BTreeMap;

use domain::names::{Key, Scope, StorageUnitName, WorkerId};
use domain::stream::Position;
use domain::time::Timestamp;
use domain::work::Token;
use projections::read_model::{self, Query as Rows, Test};
use projections::view::{Value, View as _};
use projections::views::{KeyScopeRow, KeyScopes, Status, StorageUnits};
use runtime::Present;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::leases::Queue;
use super::{Many, Reply, ok};
use crate::description::{names, things};
use crate::extract::{AsOf, Query};
use crate::page;
use crate::position;
use crate::problem::Problem;
use crate::state::ApiState;

/// How many leases are looked at, over all workers.
const LEASES_READ_MAX: usize = 10_000;
/// How many leases of one worker are shown.
const LEASES_SHOWN_MAX: usize = 100;
/// Rows read at once.
const ROWS_READ_MAX: usize = 1_000;

pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A page of workers as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkerPage)]
struct WorkerPage {
    items: Vec<Worker>,
    /// What to send as `after` for the next page; null when this is the last.
    #[schema(required = true)]
    next: Option<String>,
    #[schema(value_type = names::Position)]
    position: Position,
    /// Whether everything that is leased was looked at.
    complete: bool,
}

/// A worker as it is sent.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Worker {
    #[schema(value_type = names::WorkerId)]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<String>,
    /// The queues that it asked for last; none means all, or not known.
    queues: Vec<Queue>,
    /// When it spoke last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    last_seen: Option<Timestamp>,
    /// How many items it holds.
    holding: usize,
    /// The first of them.
    leases: Vec<Held>,
}

/// A lease as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldLease)]
struct Held {
    #[schema(value_type = names::StorageUnitName)]
    unit: StorageUnitName,
    #[schema(value_type = names::Scope)]
    scope: Scope,
    #[schema(value_type = names::Key)]
    key: Key,
    #[schema(value_type = things::Status)]
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Token, required = false)]
    token: Option<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Timestamp, required = false)]
    until: Option<Timestamp>,
}

/// List workers
///
/// In the order of names. What a worker holds comes from the log; what it said of itself is in the memory of this server.
#[utoipa::path(
    get, path = "/v1/workers", operation_id = "list_workers", tag = "leases",
    params(Many),
    responses((status = 200, description = "A page of workers", body = WorkerPage)),
)]
async fn list(AsOf(state): AsOf<ApiState>, Query(query): Query<Many>) -> Reply {
    let limit = page::limit(query.limit.as_deref(), &state.settings)?;
    let after = page::after(query.after.as_deref())?.unwrap_or_default();
    let position = position::views(&state, query.min_position.as_deref()).await?;
    let (mut workers, complete) = holders(&state).await?;
    for Present { worker, version, queues, last_seen, organization: _ } in state.engine.workers() {
        let entry = workers.entry(worker).or_default();
        entry.version = version;
        entry.queues = queues.into_iter().map(Queue::from).collect();
        entry.last_seen = Some(last_seen);
    }
    let named = workers.into_iter().map(|(name, worker)| Worker { name: name.to_string(), ..worker });
    let mut items: Vec<Worker> = named.filter(|worker| worker.name > after).take(limit + 1).collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|worker| page::cursor(&worker.name));
    ok(position, &WorkerPage { items, next, position, complete })
}

/// Whoever holds something; and whether everything that is held was looked at.
async fn holders(state: &ApiState) -> Result<(BTreeMap<WorkerId, Worker>, bool), Problem> {
    let model = state.engine.read_model();
    let mut workers: BTreeMap<WorkerId, Worker> = BTreeMap::new();
    let mut read = 0;
    let mut units = rows(StorageUnits::NAME, Vec::new());
    loop {
        let page = read_model::list::<StorageUnits>(model, units.clone()).await?;
        for unit in page.rows {
            for status in [Status::Assigned, Status::Running] {
                let filters = vec![
                    ("unit", Value::Text(unit.name.to_string()).into()),
                    ("status", Value::Text(status.name().to_owned()).into()),
                ];
                let mut query = rows(KeyScopes::NAME, filters);
                loop {
                    let page = read_model::list::<KeyScopes>(model, query.clone()).await?;
                    read += page.rows.len();
                    page.rows.into_iter().for_each(|row| hold(&mut workers, row));
                    if read >= LEASES_READ_MAX {
                        return Ok((workers, false));
                    }
                    query.after = page.next;
                    if query.after.is_none() {
                        break;
                    }
                }
            }
        }
        units.after = page.next;
        if units.after.is_none() {
            return Ok((workers, true));
        }
    }
}

fn hold(workers: &mut BTreeMap<WorkerId, Worker>, row: KeyScopeRow) {
    let KeyScopeRow { unit, scope, key, status, token, lease_until: until, worker, .. } = row;
    let Some(worker) = worker else { return };
    let worker = workers.entry(worker).or_default();
    worker.holding += 1;
    if worker.leases.len() < LEASES_SHOWN_MAX {
        worker.leases.push(Held { unit, scope, key, status, token, until });
    }
}

fn rows(view: &'static str, filters: Vec<(&'static str, Test)>) -> Rows {
    Rows { view, filters, ..Rows::page(ROWS_READ_MAX) }
}
