//! What must hold in the world before a command is worth deciding: content may be registered, a key exists, a unit
//! exists. The rules know streams only. Does not know how a command arrived.

use domain::envelope::Command;
use domain::key_scope;
use domain::storage_unit::{self, Content, Location, Settings};
use domain::stream::KeyScopeId;
use domain::{campaign, work};

use crate::native::bases;
use crate::problem::Problem;
use crate::state::ApiState;

/// Refuses a command about something that is not there, or that callers may not have.
pub(crate) async fn check(state: &ApiState, command: &Command) -> Result<(), Problem> {
    if let Some(location) = location(command) {
        return check_location(state, location).await;
    }
    if let Command::KeyScope(id, key_scope::Command::Work(work::Command::Queue { .. })) = command {
        return check_key_scope(state, id).await;
    }
    if let Command::Campaign(_, campaign::Command::Start(start)) = command
        && let campaign::Target::Keys(target) = &start.target
        && state.engine.unit_settings(&target.unit).await?.is_none()
    {
        return Err(storage_unit::Refusal::DoesNotExist.into());
    }
    Ok(())
}

/// The content that a command registers.
const fn location(command: &Command) -> Option<&Location> {
    if let Command::StorageUnit(
        _,
        storage_unit::Command::Create(Settings { content: Content::Registered(location), .. })
        | storage_unit::Command::SetContent(Content::Registered(location)),
    ) = command
    {
        return Some(location);
    }
    None
}

/// Content may be registered below the configured bases only, unless whoever calls owns the process.
async fn check_location(state: &ApiState, location: &Location) -> Result<(), Problem> {
    if !state.settings.trusted {
        bases::check(&location.url, &state.settings.registered_bases)?;
    }
    Ok(state.engine.content().check(location).await?)
}

async fn check_key_scope(state: &ApiState, id: &KeyScopeId) -> Result<(), Problem> {
    let KeyScopeId { unit, scope, key } = id;
    if state.engine.has_scope(unit, key, scope).await? {
        return Ok(());
    }
    // What else there is says what is wrong.
    let scopes = state.engine.scopes(unit, key).await?;
    if scopes.is_empty() {
        let detail = format!("the storage unit {unit} has no key '{key}'; add it or correct the key");
        return Err(Problem::not_found("key_not_found", detail));
    }
    if !scopes.contains(scope) {
        let detail = format!("the key '{key}' has no scope '{scope}'; add it or correct the scope");
        return Err(Problem::not_found("scope_not_found", detail));
    }
    // It came in this moment.
    Ok(())
}
