//! Creating a storage unit and setting what is set for it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::names::{ModuleName, Scope, StorageUnitName};
use domain::storage_unit::{
    Command as Set, Content, Limits, Location, ModuleEntry, ModuleTable, Settings, of_kind,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::Reply;
use super::{Written, WrittenUnit, after_write, submit};
use crate::description::problems::{UnitContentRefusals, UnitCreateRefusals, UnitWriteRefusals};
use crate::description::{names, settings};
use crate::extract::{Keyed, Nothing, Path, State, Write};
use crate::state::ApiState;

/// A storage unit that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StorageUnitCreate)]
pub(super) struct CreateBody {
    #[schema(value_type = names::StorageUnitName)]
    name: StorageUnitName,
    #[serde(default)]
    #[schema(value_type = settings::Content)]
    content: ContentBody,
    #[serde(default)]
    #[schema(value_type = settings::Modules)]
    modules: BTreeMap<Scope, Vec<ModuleEntry>>,
    /// Handed to every module.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    settings: Map<String, Value>,
    /// Whether its work may be claimed.
    #[serde(default = "enabled")]
    queue_enabled: bool,
    #[serde(default)]
    #[schema(value_type = settings::Limits)]
    limits: Limits,
}

/// [`Content`] that takes no member which it does not know.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    expecting = "an object with the member kind",
    remote = "Self"
)]
pub(super) enum ContentBody {
    Managed(Nothing),
    Registered(Location),
}

impl<'de> Deserialize<'de> for ContentBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(of_kind(deserializer)?).map_err(D::Error::custom)
    }
}

impl Default for ContentBody {
    fn default() -> Self {
        Self::Managed(Nothing {})
    }
}

impl From<ContentBody> for Content {
    fn from(body: ContentBody) -> Self {
        match body {
            ContentBody::Managed(Nothing {}) => Self::Managed,
            ContentBody::Registered(location) => Self::Registered(location),
        }
    }
}

const fn enabled() -> bool {
    true
}

type CreateWrite = Write<CreateBody>;

/// Create a storage unit
///
/// Modules that this process does not define are accepted and named in the answer, since another process may define them.
#[utoipa::path(
    post, path = "/v1/storage-units", operation_id = "create_storage_unit", tag = "storage units",
    params(Keyed<CreateBody>),
    request_body = CreateWrite,
    responses(
        (status = 201, description = "The unit", body = WrittenUnit, headers(("Location" = String, description = "Its path"))),
        UnitCreateRefusals,
    ),
)]
pub(super) async fn create(State(state): State<ApiState>, Keyed(write): Keyed<CreateBody>) -> Reply {
    let (body, write) = write.split();
    let CreateBody { name, content, modules, settings, queue_enabled, limits } = body;
    let content = Content::from(content);
    let modules = ModuleTable { modules, settings };
    let not_defined_here = Some(not_defined_here(&state, &modules));
    let command = Set::Create(Settings { content, modules, queue_enabled, limits });
    let position = submit(&state, &name, &write, command).await?;
    after_write(&state, &name, Written { status: StatusCode::CREATED, position, not_defined_here }).await
}

type ContentWrite = Write<settings::Content>;

/// Say where the content of a unit lives
#[utoipa::path(
    put, path = "/v1/storage-units/{name}/content", operation_id = "set_content", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Keyed<ContentBody>),
    request_body = ContentWrite,
    responses((status = 200, description = "The unit", body = WrittenUnit), UnitContentRefusals),
)]
pub(super) async fn set_content(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<ContentBody>,
) -> Reply {
    let (content, write) = write.split();
    set(&state, &name, &write, Set::SetContent(content.into())).await
}

/// The whole module table of a unit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ModulesSet)]
pub(super) struct ModulesBody {
    #[schema(value_type = settings::Modules)]
    modules: BTreeMap<Scope, Vec<ModuleEntry>>,
    /// Handed to every module.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    settings: Map<String, Value>,
}

type ModulesWrite = Write<ModulesBody>;

/// Replace the module table of a unit
#[utoipa::path(
    put, path = "/v1/storage-units/{name}/modules", operation_id = "set_modules", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Keyed<ModulesBody>),
    request_body = ModulesWrite,
    responses((status = 200, description = "The unit", body = WrittenUnit), UnitWriteRefusals),
)]
pub(super) async fn set_modules(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<ModulesBody>,
) -> Reply {
    let (ModulesBody { modules, settings }, write) = write.split();
    let modules = ModuleTable { modules, settings };
    let not_defined_here = Some(not_defined_here(&state, &modules));
    let position = submit(&state, &name, &write, Set::SetModules(modules)).await?;
    after_write(&state, &name, Written { status: StatusCode::OK, position, not_defined_here }).await
}

/// Whether the work of a unit may be claimed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QueueSet)]
pub(super) struct QueueBody {
    enabled: bool,
}

type QueueWrite = Write<QueueBody>;

/// Enable or disable the queue of a unit
///
/// While a queue is disabled it accepts work and gives none out.
#[utoipa::path(
    put, path = "/v1/storage-units/{name}/queue", operation_id = "set_queue", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Keyed<QueueBody>),
    request_body = QueueWrite,
    responses((status = 200, description = "The unit", body = WrittenUnit), UnitWriteRefusals),
)]
pub(super) async fn set_queue(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<QueueBody>,
) -> Reply {
    let (QueueBody { enabled }, write) = write.split();
    set(&state, &name, &write, if enabled { Set::EnableQueue } else { Set::DisableQueue }).await
}

type LimitsWrite = Write<settings::Limits>;

/// Set the limits of a unit
///
/// One that is left out gets its default.
#[utoipa::path(
    put, path = "/v1/storage-units/{name}/limits", operation_id = "set_limits", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Keyed<Limits>),
    request_body = LimitsWrite,
    responses((status = 200, description = "The unit", body = WrittenUnit), UnitWriteRefusals),
)]
pub(super) async fn set_limits(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<Limits>,
) -> Reply {
    let (limits, write) = write.split();
    set(&state, &name, &write, Set::SetLimits(limits)).await
}

async fn set(state: &ApiState, name: &StorageUnitName, write: &Write<()>, command: Set) -> Reply {
    let position = submit(state, name, write, command).await?;
    after_write(state, name, Written { status: StatusCode::OK, position, not_defined_here: None }).await
}

/// The modules of a table that this process could not run, each once.
fn not_defined_here(state: &ApiState, table: &ModuleTable) -> Vec<ModuleName> {
    let named = table.modules.values().flatten().map(|entry| &entry.module);
    let mut absent: Vec<ModuleName> =
        named.filter(|module| state.engine.modules().profile(module).is_none()).cloned().collect();
    absent.sort();
    absent.dedup();
    absent
}
