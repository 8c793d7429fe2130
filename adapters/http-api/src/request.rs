//! What is the same in every request: who asks, how a command becomes an envelope, and the one door into the engine.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, IdempotencyKey};
use runtime::{Accepted, SubmitError};

use crate::admission;
use crate::problem::Problem;
use crate::state::ApiState;

/// The header that says on whose behalf a program asks: attribution, not identity.
pub(crate) const ACTOR_HEADER: &str = "reprise-actor";
/// The header that gives a request a key: sent again under it, the request is not done again.
pub(crate) const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Who asks when nobody says so.
const ACTOR_DEFAULT: &str = "http";

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
}

impl Caller {
    /// An envelope of a command from this caller, with a fresh id.
    pub(crate) fn envelope(&self, state: &ApiState, command: Command, reason: Option<&str>) -> Envelope {
        let id = CommandId(state.engine.fresh_id());
        Envelope { reason: reason.map(str::to_owned), ..Envelope::new(id, self.actor.clone(), command) }
    }
}

/// The door into the engine: every write of every surface that is one command goes through it.
pub(crate) async fn submit(state: &ApiState, envelope: Envelope) -> Result<Accepted, SubmitError> {
    state.engine.submit(envelope).await
}

/// Carries out a command of the native API: what it is about must be there, unless the same request was answered
/// before. Then that is the answer, whatever has become of the world since.
pub(crate) async fn carry_out(state: &ApiState, envelope: Envelope) -> Result<Accepted, Problem> {
    if let Some(first) = state.engine.first_answer(&envelope).await? {
        return Ok(first);
    }
    admission::check(state, &envelope.command).await?;
    Ok(submit(state, envelope).await?)
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Problem> {
        let actor = match parts.headers.get(ACTOR_HEADER) {
            None => ACTOR_DEFAULT,
            Some(value) => value
                .to_str()
                .map_err(|_| Problem::bad_request("the header Reprise-Actor must be ASCII text"))?,
        };
        let actor = Actor::new(actor)
            .map_err(|error| Problem::bad_request(format!("header Reprise-Actor: {error}")))?;
        Ok(Self { actor })
    }
}

/// The key that a request was given.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY_HEADER) else { return Ok(None) };
    let text = value.to_str();
    let text = text.map_err(|_| Problem::bad_request("the header Idempotency-Key must be ASCII text"))?;
    let key = IdempotencyKey::new(text);
    key.map(Some).map_err(|error| Problem::bad_request(format!("header Idempotency-Key: {error}")))
}
