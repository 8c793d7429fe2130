//! What can be asked for the work of a whole unit: taking it back, and reprocessing keys by name.

use axum::extract::State;
use domain::names::{Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Position};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::{Reply, ok};
use super::absent;
use crate::extract::{Nothing, Path, Write};
use crate::problem::Problem;
use crate::reprocess::{Outcome, reprocess};
use crate::state::ApiState;

/// How many keys of one request are looked for at once.
const KEYS_AT_ONCE: usize = 64;

pub(super) async fn reset(
    State(state): State<ApiState>,
    Path(name): Path<StorageUnitName>,
    write: Write<Nothing>,
) -> Reply {
    let unassigned = state.engine.reset_queue(&name, write.actor(), write.reason()).await?;
    let position = state.engine.acknowledged();
    ok(position, &json!({ "unassigned": unassigned, "position": position }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysBody {
    scope: Scope,
    keys: Vec<String>,
}

/// What became of one key.
#[derive(Serialize)]
struct KeyResult {
    key: String,
    #[serde(flatten)]
    outcome: KeyOutcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum KeyOutcome {
    Asked { outcome: Outcome },
    Failed { outcome: &'static str, code: &'static str, detail: String },
}

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
    ok(position, &json!({ "results": results, "position": position }))
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
    let outcome = match result {
        Ok((outcome, _)) => KeyOutcome::Asked { outcome },
        Err(Problem { code, detail, status: _ }) => KeyOutcome::Failed { outcome: "error", code, detail },
    };
    KeyResult { key, outcome }
}
