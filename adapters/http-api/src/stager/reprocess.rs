//! The reprocess queue: one key, many keys, all keys, and reset (`reference/stager.md` §7.3).
//!
//! An answer of `OK` means queued, never processed. Does not know whether the queue is enabled: a disabled one holds
//! what is asked for until it is.

use axum::Json;
use domain::campaign::{self, Pace, Start, Target};
use domain::envelope::Command;
use domain::names::{CampaignId, Key, Scope};
use domain::stream::KeyScopeId;
use domain::work::{self, Priority};
use futures::stream::{self, StreamExt as _};

use super::input::{
    Body, Parameters, PathParts, Sender, Unit, bounded, keys_of, scope_or_all, unit_name, zones,
};
use super::reply::{Code, Failure, ItemError, Outcome};
use crate::extract::State;
use crate::request::Caller;
use crate::request::submit;
use crate::state::ApiState;

/// How many keys of one request are dealt with at once.
const KEYS_AT_ONCE: usize = 256;

/// `reprocess/key/<su>/<key>/<scope>`.
pub(super) async fn key(
    State(state): State<ApiState>,
    PathParts((unit, key, scope)): PathParts<(String, String, String)>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::in_use(&state, &unit).await?;
    let key = zones(&state).read(&key)?;
    let scope = scope_or_all(Some(&scope))?;
    ask(&state, &sender, &unit, &key, scope.as_ref()).await?;
    Ok(Outcome::ok())
}

/// `GET reprocess/keys/<su>/<scope>?keys=k1,k2`.
pub(super) async fn keys_by_query(
    State(state): State<ApiState>,
    PathParts((unit, scope)): PathParts<(String, String)>,
    Sender(sender): Sender,
    parameters: Parameters,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::in_use(&state, &unit).await?;
    ask_many(&state, &sender, &unit, &scope, parameters.keys()).await
}

/// `POST reprocess/keys/<su>/<scope>` with `{"keys": […]}`.
pub(super) async fn keys_by_body(
    State(state): State<ApiState>,
    PathParts((unit, scope)): PathParts<(String, String)>,
    Sender(sender): Sender,
    body: Body,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::in_use(&state, &unit).await?;
    ask_many(&state, &sender, &unit, &scope, keys_of(&body)?).await
}

/// `reprocess/all/<su>/<scope>`: answers as soon as the campaign is durable; it queues in the background and goes on
/// after a restart. `$record` means a campaign for each scope that has modules.
pub(super) async fn all(
    State(state): State<ApiState>,
    PathParts((unit, scope)): PathParts<(String, String)>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = Unit::in_use(&state, &unit).await?;
    let scopes = match scope_or_all(Some(&scope))? {
        Some(scope) => vec![scope],
        None => {
            let scopes = unit.settings.modules.modules.keys().filter(|scope| unit.has_modules(scope));
            scopes.cloned().collect()
        }
    };
    if scopes.is_empty() {
        let detail = "no scope of this storage unit has modules; set some, or name the scope";
        return Err(Failure::ours(Code::NoModules, detail));
    }
    for scope in scopes {
        let target = Target::all(unit.name.clone(), scope);
        let start = campaign::Command::Start(Start::over(target, Pace::default()));
        let command = Command::Campaign(CampaignId(state.engine.fresh_id()), start);
        submit(&state, sender.envelope(&state, command, None)).await?;
    }
    Ok(Outcome::ok())
}

/// `reprocess/reset/<su>`: when it answers, nobody has an item of the unit any longer.
pub(super) async fn reset(
    State(state): State<ApiState>,
    PathParts(unit): PathParts<String>,
    Sender(sender): Sender,
) -> Result<Json<Outcome>, Failure> {
    let unit = unit_name(&unit)?;
    state.engine.reset_queue(&unit, &sender.actor, None).await?;
    Ok(Outcome::ok())
}

/// Asks for each key; those that cannot be asked for are reported in the order in which they were named.
async fn ask_many(
    state: &ApiState,
    sender: &Caller,
    unit: &Unit,
    scope: &str,
    keys: Vec<String>,
) -> Result<Json<Outcome>, Failure> {
    let scope = scope_or_all(Some(scope))?;
    let keys = bounded(state, keys)?;
    let asked = stream::iter(keys).map(|text| ask_one(state, sender, unit, text, scope.as_ref()));
    let mut asked = asked.buffered(KEYS_AT_ONCE);
    let mut errors = Vec::new();
    while let Some(result) = asked.next().await {
        errors.extend(result?);
    }
    Ok(Outcome::except(errors))
}

async fn ask_one(
    state: &ApiState,
    sender: &Caller,
    unit: &Unit,
    text: String,
    scope: Option<&Scope>,
) -> Result<Option<ItemError>, Failure> {
    let (shown, result) = match zones(state).read(&text) {
        Ok(key) => (zones(state).show(&key), ask(state, sender, unit, &key, scope).await),
        Err(failure) => (text, Err(failure)),
    };
    match result {
        Ok(()) => Ok(None),
        Err(failure) if failure.is_of_one_item() => {
            Ok(Some(ItemError { key: Some(shown), error: failure.code, line: None }))
        }
        Err(failure) => Err(failure),
    }
}

/// Asks for the work on a key's scope; for every scope that has modules when none is named, or for every scope when
/// none has modules.
async fn ask(
    state: &ApiState,
    sender: &Caller,
    unit: &Unit,
    key: &Key,
    scope: Option<&Scope>,
) -> Result<(), Failure> {
    let mut scopes = state.engine.scopes(&unit.name, key).await?;
    match scope {
        Some(wanted) => scopes.retain(|scope| scope == wanted),
        None if scopes.iter().any(|scope| unit.has_modules(scope)) => {
            scopes.retain(|scope| unit.has_modules(scope));
        }
        None => {}
    }
    if scopes.is_empty() {
        return Err(Failure::documented(Code::KeyNotFound));
    }
    for scope in scopes {
        queue(state, sender, KeyScopeId { unit: unit.name.clone(), scope, key: key.clone() }, None).await?;
    }
    Ok(())
}

/// Asks for the work on a key-scope. Waits for its place when many commands wait: what went before it is done already.
pub(super) async fn queue(
    state: &ApiState,
    sender: &Caller,
    id: KeyScopeId,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let queue = work::Command::Queue { campaign: None, priority: Priority::default() };
    state.engine.submit_patiently(sender.envelope(state, Command::work(id, queue), reason)).await?;
    Ok(())
}
