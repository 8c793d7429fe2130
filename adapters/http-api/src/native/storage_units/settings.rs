//! Creating a storage unit and setting what is set for it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use domain::names::{ModuleName, Scope, StorageUnitName};
use domain::storage_unit::{Command as Set, Content, Limits, Location, ModuleEntry, ModuleTable, Settings};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::Reply;
use super::{Written, after_write, submit};
use crate::extract::{Keyed, Nothing, Path, Write};
use crate::state::ApiState;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    name: StorageUnitName,
    #[serde(default)]
    content: ContentBody,
    #[serde(default)]
    modules: BTreeMap<Scope, Vec<ModuleEntry>>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default = "enabled")]
    queue_enabled: bool,
    #[serde(default)]
    limits: Limits,
}

/// [`Content`] that takes no member which it does not know.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", expecting = "an object with the member kind")]
pub(super) enum ContentBody {
    Managed(Nothing),
    Registered(Location),
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

pub(super) async fn set_content(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<ContentBody>,
) -> Reply {
    let (content, write) = write.split();
    set(&state, &name, &write, Set::SetContent(content.into())).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModulesBody {
    modules: BTreeMap<Scope, Vec<ModuleEntry>>,
    #[serde(default)]
    settings: Map<String, Value>,
}

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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueBody {
    enabled: bool,
}

pub(super) async fn set_queue(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    Keyed(write): Keyed<QueueBody>,
) -> Reply {
    let (QueueBody { enabled }, write) = write.split();
    set(&state, &name, &write, if enabled { Set::EnableQueue } else { Set::DisableQueue }).await
}

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
