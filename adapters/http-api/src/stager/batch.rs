//! Many writes in one request, one JSON object a line (`reference/stager.md` §4).
//!
//! Lines of one key are carried out in their order, those of different keys side by side; a line that fails does not
//! stop the others. Does not know what a write is: see [`super::transaction`].

use std::collections::BTreeMap;

use axum::Json;
use domain::names::Key;
use futures::stream::{self, StreamExt as _};
use serde::Deserialize;

use super::input::{Body, Parameters, PathParts, Sender, Unit, json, one_scope, scope_or_all, zones};
use super::reply::{Code, Failure, ItemError, Outcome};
use super::transaction::{Delete, Fields, Write};
use crate::extract::State;
use crate::request::Caller;
use crate::state::ApiState;

/// How many keys of one batch are written at once.
const KEYS_AT_ONCE: usize = 64;

/// `transaction/batch/<su>`, with the parameter `report` if the failed items are to be named.
pub(super) async fn batch(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
    Sender(sender): Sender,
    parameters: Parameters,
    body: Body,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::writable(&state, &unit).await?;
    let lines = lines(&state, &body)?;
    let mut errors = Vec::new();
    let mut by_key: BTreeMap<Key, Vec<(usize, Action)>> = BTreeMap::new();
    for (number, line) in lines {
        match understand(&state, line) {
            Ok((key, action)) => by_key.entry(key).or_default().push((number, action)),
            Err((key, failure)) => {
                let line = key.is_none().then_some(number);
                errors.push((number, ItemError { key, error: failure.code, line }));
            }
        }
    }
    let writes = by_key.into_iter().map(|(key, actions)| carry_out(&state, &sender, &unit, key, actions));
    let mut written = stream::iter(writes).buffer_unordered(KEYS_AT_ONCE);
    while let Some(failed) = written.next().await {
        errors.extend(failed?);
    }
    errors.sort_by_key(|(number, _)| *number);
    let outcome = Outcome::except(errors.into_iter().map(|(_, error)| error).collect());
    Ok(if parameters.has("report") { outcome } else { outcome.0.without_report() })
}

/// The lines that are not blank, with their numbers.
fn lines<'b>(state: &ApiState, body: &'b Body) -> Result<Vec<(usize, &'b [u8])>, Failure> {
    let lines = body.0.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    let lines: Vec<_> = lines.map(|(index, line)| (index + 1, line)).collect();
    let lines_max = state.settings.keys_max;
    match lines.len() {
        0 => Err(Failure::ours(
            Code::InvalidBody,
            "send one JSON object a line, such as {\"action\":\"add\",…}",
        )),
        count if count > lines_max => {
            let detail =
                format!("one batch may have {lines_max} lines, this one has {count}; send several batches");
            Err(Failure::ours(Code::TooManyKeys, detail))
        }
        _allowed => Ok(lines),
    }
}

// ── One line ───────────────────────────────────────────────────────────────────────────────────────────────────

/// What a line asks for.
enum Action {
    Write(Write),
    Delete(Delete),
}

/// What is done, and where; the other fields are those of a single write.
#[derive(Debug, Deserialize)]
struct Head {
    action: Option<String>,
    scope: Option<String>,
}

/// A line's key and action, or why it has none and the key as far as it could be read.
fn understand(state: &ApiState, line: &[u8]) -> Result<(Key, Action), (Option<String>, Failure)> {
    let head: Head = json(line).map_err(|failure| (None, failure))?;
    let fields: Fields = json(line).map_err(|failure| (None, failure))?;
    let key = fields.key(state).map_err(|failure| (fields.key.clone(), failure))?;
    let shown = zones(state).show(&key);
    match action(&head, fields) {
        Ok(action) => Ok((key, action)),
        Err(failure) => Err((Some(shown), failure)),
    }
}

fn action(head: &Head, fields: Fields) -> Result<Action, Failure> {
    match head.action.as_deref() {
        Some("add" | "update") => {
            let scope = head.scope.as_deref();
            let scope =
                scope.ok_or_else(|| Failure::ours(Code::InvalidScope, "name the scope in 'scope'"))?;
            fields.into_write(one_scope(scope)?).map(Action::Write)
        }
        Some("delete") => fields.into_delete(scope_or_all(head.scope.as_deref())?).map(Action::Delete),
        Some(_) | None => {
            let detail =
                "'action' must be 'add', 'update' or 'delete'; actions of your own are not supported";
            Err(Failure::ours(Code::InvalidAction, detail))
        }
    }
}

/// Carries out the actions on one key, one after the other.
async fn carry_out(
    state: &ApiState,
    sender: &Caller,
    unit: &Unit,
    key: Key,
    actions: Vec<(usize, Action)>,
) -> Result<Vec<(usize, ItemError)>, Failure> {
    let mut errors = Vec::new();
    for (number, action) in actions {
        let done = match action {
            Action::Write(write) => write.carry_out(state, sender, unit, key.clone()).await,
            Action::Delete(delete) => delete.carry_out(state, sender, unit, key.clone()).await,
        };
        match done {
            Ok(()) => {}
            Err(failure) if failure.is_of_one_item() => {
                let key = Some(zones(state).show(&key));
                errors.push((number, ItemError { key, error: failure.code, line: None }));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(errors)
}
