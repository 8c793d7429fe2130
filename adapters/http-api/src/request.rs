//! What is the same in every request: who asks, how a command becomes an envelope, and the one door into the engine.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use domain::api_key::Role;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, IdempotencyKey, OrganizationId};
use runtime::{Accepted, Asked, Knock, SubmitError};

use crate::access::identity::{Identity, forbidden};
use crate::access::rights::Right;
use crate::admission;
use crate::problem::Problem;
use crate::state::ApiState;

/// The header that says on whose behalf a program asks: attribution, not identity.
pub(crate) const ACTOR_HEADER: &str = "reprise-actor";
/// The header that gives a request a key: sent again under it, the request is not done again.
pub(crate) const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// Who asks when nobody says so.
pub(crate) const ACTOR_DEFAULT: &str = "http";

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    identity: Identity,
}

impl Caller {
    /// An envelope of a command from this caller, with a fresh id.
    pub(crate) fn envelope(&self, state: &ApiState, command: Command, reason: Option<&str>) -> Envelope {
        let id = CommandId(state.engine.fresh_id());
        let (organization, reason) = (Some(self.identity.organization.clone()), reason.map(str::to_owned));
        Envelope { organization, reason, ..Envelope::new(id, self.actor.clone(), command) }
    }

    /// What the engine needs to know to make something for this caller of which it chooses the id.
    pub(crate) fn asked(
        &self,
        state: &ApiState,
        key: Option<IdempotencyKey>,
        reason: Option<String>,
    ) -> Asked {
        let organization = self.organization().clone();
        let id = match &key {
            None => CommandId(state.engine.fresh_id()),
            Some(key) => CommandId::keyed(&organization, key),
        };
        Asked { id, key, actor: self.actor.clone(), reason, organization }
    }

    /// The same caller on behalf of somebody, whom only admins may name. The key stays beside the name in what is
    /// recorded, so nobody can be taken for somebody else.
    pub(crate) fn on_behalf_of(&self, actor: Actor) -> Result<Actor, Problem> {
        let Some((_, key)) = &self.identity.key else { return Ok(actor) };
        if self.identity.role != Role::Admin {
            let detail = "only the role admin may act on behalf of others; leave the actor out, and the command is \
                          recorded under the key's name";
            return Err(Problem::new(StatusCode::FORBIDDEN, "on_behalf_of", detail));
        }
        Actor::new(format!("{actor} via {key}"))
            .map_err(|error| Problem::bad_request(format!("the actor with the key's name: {error}")))
    }

    /// Refuses a command that needs a right which the route alone does not need.
    pub(crate) fn check(&self, command: &Command) -> Result<(), Problem> {
        self.check_right(Right::to_send(command))
    }

    /// Refuses what needs a right that the route alone does not need.
    pub(crate) fn check_right(&self, right: Right) -> Result<(), Problem> {
        if self.identity.has(right) { Ok(()) } else { Err(forbidden(right)) }
    }

    /// What is recorded when something is refused that only the handler could see.
    pub(crate) fn knock(&self, method: &str, route: &str) -> Knock {
        self.identity.knock(method, route)
    }

    /// Who asks, when a key says so.
    pub(crate) fn known(&self) -> Option<&Actor> {
        self.identity.key.as_ref().map(|_| &self.actor)
    }

    /// Whose things are meant.
    pub(crate) const fn organization(&self) -> &OrganizationId {
        &self.identity.organization
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

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, state).await?;
        let own = identity.key.as_ref().map_or(ACTOR_DEFAULT, |(_, name)| name.as_str());
        let actor = Actor::new(own).expect("a key's name is shorter than an actor's, of fewer characters");
        let caller = Self { actor, identity };
        let Some(value) = parts.headers.get(ACTOR_HEADER) else { return Ok(caller) };
        let text = value.to_str();
        let text = text.map_err(|_| Problem::bad_request("the header Reprise-Actor must be ASCII text"))?;
        let actor = Actor::new(text)
            .map_err(|error| Problem::bad_request(format!("header Reprise-Actor: {error}")))?;
        match caller.on_behalf_of(actor) {
            Ok(actor) => Ok(Self { actor, ..caller }),
            Err(problem) => {
                let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
                if problem.status == StatusCode::FORBIDDEN {
                    state.engine.record_refusal(caller.knock(parts.method.as_str(), route)).await;
                }
                Err(problem)
            }
        }
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
