//! Storage units: created, dropped, listed, counted, and what is set for them (`reference/stager.md` §3).
//! Does not know what a unit may be told and when: the domain does.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::Json;
use domain::aggregate::Aggregate;
use domain::envelope::Command;
use domain::names::{ModuleName, StorageUnitName};
use domain::storage_unit::{
    self, Content, Limits, ModuleEntry, ModuleInput, ModuleTable, Settings, StorageUnit,
};
use domain::stream::{Position, Subject};
use domain::time::Timestamp;
use projections::read_model::{self, Query};
use projections::view::{Value, View as _};
use projections::views::{Records, StorageUnits, Transactions, UnitState};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::input::{Body, Parameters, PathParts, Sender, Unit, one_scope, see_everything, unit_name};
use super::reply::{Code, Failure, Outcome};
use crate::extract::State;
use crate::request::submit;
use crate::state::ApiState;

/// How long a drop waits until the name is free again. It takes effect even if clearing takes longer.
const DROP_WAIT_MAX: Duration = Duration::from_secs(10);
/// The time between two looks at a unit that is being cleared.
const DROP_LOOK_DELAY: Duration = Duration::from_millis(20);
/// Rows read at once.
const PAGE_ROWS_MAX: usize = 1_000;

// ── Create and drop ────────────────────────────────────────────────────────────────────────────────────────────

/// `admin/create/<su>`: content kept by the engine, no modules, the queue disabled, since enabling is a call of its own.
pub(super) async fn create(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = StorageUnitName::new(unit).map_err(|error| {
        Failure::ours(Code::InvalidStorageUnitName, format!("{error}; choose another name"))
    })?;
    let settings = Settings {
        content: Content::Managed,
        modules: ModuleTable::default(),
        queue_enabled: false,
        limits: Limits::default(),
    };
    let command = Command::StorageUnit(unit, storage_unit::Command::Create(settings));
    submit(&state, sender.envelope(&state, command, None)).await?;
    Ok(Outcome::ok())
}

/// `admin/drop/<su>`: answers once the name is free, so that a create right after it works.
pub(super) async fn drop(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = unit_name(&unit)?;
    let command = Command::StorageUnit(unit.clone(), storage_unit::Command::Drop);
    submit(&state, sender.envelope(&state, command, None)).await?;
    let until = Instant::now() + DROP_WAIT_MAX;
    while is_clearing(&state, &unit).await? && Instant::now() < until {
        tokio::time::sleep(DROP_LOOK_DELAY).await;
    }
    Ok(Outcome::ok())
}

async fn is_clearing(state: &ApiState, unit: &StorageUnitName) -> Result<bool, Failure> {
    match state.engine.inspect(Subject::StorageUnit(unit.clone())).await? {
        Aggregate::StorageUnit(unit) => match *unit {
            StorageUnit::Clearing => Ok(true),
            StorageUnit::Absent | StorageUnit::Active(_) => Ok(false),
        },
        Aggregate::KeyScope(_)
        | Aggregate::Record(_)
        | Aggregate::Campaign(_)
        | Aggregate::Task(_)
        | Aggregate::Workspace(_)
        | Aggregate::Batch(_)
        | Aggregate::ExternalId(_)
        | Aggregate::Ids(_)
        | Aggregate::System(_)
        | Aggregate::ApiKey(_)
        | Aggregate::Access(_) => Ok(false),
    }
}

// ── List and statistics ────────────────────────────────────────────────────────────────────────────────────────

/// One element of the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    name: StorageUnitName,
    #[serde(flatten)]
    statistics: Option<Statistics>,
}

/// The numbers of `withStats`. Records and transactions are those of content that the engine itself keeps.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    records: u64,
    transactions: u64,
    #[serde(flatten)]
    latest: Option<LatestTransaction>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LatestTransaction {
    latest_transaction_time: String,
    latest_transaction_num: String,
}

/// `admin/list`, with the valueless parameter `withStats` if numbers are wanted.
pub(super) async fn list(
    State(state): State<ApiState>,
    parameters: Parameters,
) -> Result<Json<Vec<Listed>>, Failure> {
    see_everything(&state).await?;
    let with_statistics = parameters.has("withStats");
    let model = state.engine.read_model();
    let records = if with_statistics { records_of_units(&state, "").await? } else { HashMap::new() };
    let mut query = Query {
        filters: vec![("state", Value::Text(UnitState::Active.name().to_owned()).into())],
        ..Query::page(PAGE_ROWS_MAX)
    };
    let mut listed = Vec::new();
    loop {
        let page = read_model::list::<StorageUnits>(model, query.clone()).await?;
        for unit in page.rows {
            let statistics =
                if with_statistics { Some(statistics_of(&state, &unit.name, &records).await?) } else { None };
            listed.push(Listed { name: unit.name, statistics });
        }
        if page.next.is_none() {
            return Ok(Json(listed));
        }
        query.after = page.next;
    }
}

/// `admin/statistics/<su>`: the element of `withStats` for one unit.
pub(super) async fn statistics(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
) -> Result<Json<Listed>, Failure> {
    let name = Unit::in_use(&state, &unit).await?.name;
    see_everything(&state).await?;
    let records = records_of_units(&state, name.as_str()).await?;
    let statistics = statistics_of(&state, &name, &records).await?;
    Ok(Json(Listed { name, statistics: Some(statistics) }))
}

/// How many records the units have whose names begin with the prefix.
async fn records_of_units(state: &ApiState, prefix: &str) -> Result<HashMap<String, u64>, Failure> {
    let counts = state.engine.read_model().counts(Records::NAME, prefix).await?;
    Ok(counts.into_iter().collect())
}

async fn statistics_of(
    state: &ApiState,
    unit: &StorageUnitName,
    records: &HashMap<String, u64>,
) -> Result<Statistics, Failure> {
    let row = read_model::row::<Transactions>(state.engine.read_model(), unit.as_str()).await?;
    let latest = row.as_ref().map(|row| LatestTransaction {
        latest_transaction_time: milliseconds(row.latest_at),
        latest_transaction_num: transaction_id(row.latest_position),
    });
    Ok(Statistics {
        records: records.get(unit.as_str()).copied().unwrap_or(0),
        transactions: row.map_or(0, |row| row.transactions),
        latest,
    })
}

/// An instant with milliseconds and `Z`, as the reference writes it; ours have microseconds.
fn milliseconds(at: Timestamp) -> String {
    const UP_TO_MILLISECONDS: usize = "2026-01-31T12:00:00.000".len();
    let text = at.to_string();
    text.get(..UP_TO_MILLISECONDS).map_or_else(|| text.clone(), |text| format!("{text}Z"))
}

/// A position as a transaction id: 24 hexadecimal digits that sort like positions.
fn transaction_id(position: Position) -> String {
    let id = (u128::from(position.major) << 32) | (u128::from(position.minor) & 0xffff_ffff);
    format!("{id:024x}")
}

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────────

/// The body of `setContentProcessingModules`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModulesBody {
    #[serde(default)]
    modules: BTreeMap<String, Vec<ModuleBody>>,
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

/// One module of a scope. There is deliberately no way to say here how a module is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModuleBody {
    module: ModuleName,
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
}

/// `admin/setContentProcessingModules/<su>`: replaces the whole table. A module need not be defined here yet.
pub(super) async fn set_modules(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
    Sender(sender): Sender,
    body: Body,
) -> Result<Json<Outcome>, Failure> {
    let unit = unit_name(&unit)?;
    let ModulesBody { modules, settings } = body.json()?;
    let mut table = ModuleTable { modules: BTreeMap::new(), settings };
    for (scope, modules) in modules {
        let entries = modules.into_iter().map(|ModuleBody { module, settings }| ModuleEntry {
            module,
            settings,
            retry: None,
            output_scope: None,
            input: ModuleInput::Document,
        });
        table.modules.insert(one_scope(&scope)?, entries.collect());
    }
    let command = Command::StorageUnit(unit, storage_unit::Command::SetModules(table));
    submit(&state, sender.envelope(&state, command, None)).await?;
    Ok(Outcome::ok())
}

/// `admin/enableReprocessingQueue/<su>/<true or false>`.
pub(super) async fn enable_queue(
    State(state): State<ApiState>,
    PathParts((unit, enabled)): PathParts<(String, String)>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = unit_name(&unit)?;
    let command = match enabled.as_str() {
        "true" => storage_unit::Command::EnableQueue,
        "false" => storage_unit::Command::DisableQueue,
        _other => {
            let detail = "the path must end with 'true' or 'false'";
            return Err(Failure::ours(Code::InvalidParameter, detail));
        }
    };
    let command = Command::StorageUnit(unit, command);
    submit(&state, sender.envelope(&state, command, None)).await?;
    Ok(Outcome::ok())
}
