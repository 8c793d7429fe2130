//! What can be asked for the work of a whole unit: taking it back, and reprocessing keys by name.

use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Position};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Reply, ok};
use super::absent;
use crate::description::names;
use crate::description::problems::{KeysRefusals, UnitRefusals};
use crate::extract::{Nothing, Path, Reason, State, Write};
use crate::problem::Problem;
use crate::reprocess::{Outcome, reprocess};
use crate::state::ApiState;

/// How many keys of one request are looked for at once.
const KEYS_AT_ONCE: usize = 64;

/// How much was taken back.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueReset)]
struct Reset {
    #[schema(value_type = names::Count)]
    unassigned: usize,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// Take everything back
///
/// From whoever has it, before it answers. A result that comes later is refused.
#[utoipa::path(
    post, path = "/v1/storage-units/{name}/reset", operation_id = "reset_queue", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Write<Nothing>),
    request_body = Reason,
    responses((status = 200, description = "How much was taken back", body = Reset), UnitRefusals),
)]
pub(super) async fn reset(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    write: Write<Nothing>,
) -> Reply {
    let unassigned = state.engine.reset_queue(&name, write.actor(), write.reason()).await?;
    let position = state.engine.acknowledged();
    ok(position, &Reset { unassigned, position })
}

/// Keys of one scope.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeysReprocess)]
pub(super) struct KeysBody {
    #[schema(value_type = names::Scope)]
    scope: Scope,
    #[schema(min_items = 1, max_items = 10_000)]
    keys: Vec<String>,
}

/// What became of each key, in the order of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = KeysReprocessed)]
struct Asked {
    results: Vec<KeyResult>,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// What became of one key.
#[derive(Serialize, ToSchema)]
struct KeyResult {
    key: String,
    outcome: KeyOutcome,
    /// Of an error: its kind, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<&'static str>,
    /// Of an error: what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

/// What became of one key, as a word.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KeyOutcome {
    Queued,
    Restarted,
    RequeueRequested,
    AlreadyWaiting,
    Error,
}

impl From<Outcome> for KeyOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Queued => Self::Queued,
            Outcome::Restarted => Self::Restarted,
            Outcome::RequeueRequested => Self::RequeueRequested,
            Outcome::AlreadyWaiting => Self::AlreadyWaiting,
        }
    }
}

type KeysWrite = Write<KeysBody>;

/// Ask for keys by name
///
/// Each key has its own result.
#[utoipa::path(
    post, path = "/v1/storage-units/{name}/reprocess", operation_id = "reprocess_keys", tag = "storage units",
    params(("name" = inline(names::StorageUnitName), Path), Write<KeysBody>),
    request_body = KeysWrite,
    responses((status = 200, description = "What became of each key", body = Asked), KeysRefusals),
)]
pub(super) async fn reprocess_keys(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    write: Write<KeysBody>,
) -> Reply {
    let (KeysBody { scope, keys }, write) = write.split();
    check_number(keys.len(), state.settings.keys_max)?;
    if state.engine.unit_settings(&name).await?.is_none() {
        return Err(absent());
    }
    let ask = |text: String| {
        let (state, write, name, scope) = (&state, &write, name.clone(), scope.clone());
        async move {
            let result = ask(state, write, (name, scope), &text).await;
            (text, result)
        }
    };
    let results: Vec<_> = futures::stream::iter(keys).map(ask).buffered(KEYS_AT_ONCE).collect().await;
    let positions =
        results.iter().filter_map(|(_, result)| result.as_ref().ok().map(|(_, position)| *position));
    let position = positions.max().unwrap_or_else(|| state.engine.acknowledged());
    let results: Vec<KeyResult> = results.into_iter().map(|(key, result)| key_result(key, result)).collect();
    ok(position, &Asked { results, position })
}

fn check_number(keys: usize, keys_max: usize) -> Result<(), Problem> {
    match keys {
        0 => Err(Problem::invalid("no_keys", "the list keys is empty; name at least one key")),
        _ if keys > keys_max => {
            let detail = format!(
                "the list keys has {keys} keys, at most {keys_max} are allowed; send them in several requests"
            );
            Err(Problem::invalid("too_many_keys", detail))
        }
        _ => Ok(()),
    }
}

async fn ask(
    state: &ApiState,
    write: &Write<()>,
    (unit, scope): (StorageUnitName, Scope),
    key: &str,
) -> Result<(Outcome, Position), Problem> {
    let key = Key::new(key).map_err(|error| Problem::invalid("invalid_key", error))?;
    reprocess(state, KeyScopeId { unit, scope, key }, write).await
}

fn key_result(key: String, result: Result<(Outcome, Position), Problem>) -> KeyResult {
    match result {
        Ok((outcome, _)) => KeyResult { key, outcome: outcome.into(), code: None, detail: None },
        Err(Problem { code, detail, status: _ }) => {
            KeyResult { key, outcome: KeyOutcome::Error, code: Some(code), detail: Some(detail) }
        }
    }
}
