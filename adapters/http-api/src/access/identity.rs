//! Who asks, as far as it was proved. Does not know how it was proved.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::access::Cause;
use domain::api_key::Role;
use domain::names::{ApiKeyId, KeyName, OrganizationId};
use runtime::{Engine, KeyHolder, Knock};

use super::rights::Right;
use crate::problem::Problem;
use crate::state::ApiState;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Whose things are meant.
    pub(crate) organization: OrganizationId,
    /// What may be done with them.
    pub(crate) role: Role,
    /// The key; nothing when nobody has to present one here.
    pub(crate) key: Option<(ApiKeyId, KeyName)>,
}

impl From<KeyHolder> for Identity {
    fn from(KeyHolder { id, organization, name, role }: KeyHolder) -> Self {
        Self { organization, role, key: Some((id, name)) }
    }
}

impl Identity {
    /// Somebody who reaches an instance without keys, or who owns the process: may do everything.
    pub(crate) fn anybody() -> Self {
        Self { organization: OrganizationId::default_organization(), role: Role::Admin, key: None }
    }

    /// Whether whoever asks has a right.
    pub(crate) fn has(&self, right: Right) -> bool {
        right.is_of(self.role, &self.organization)
    }

    /// The engine as an organization has it: the own one, or another one for whoever runs the instance.
    pub(crate) fn engine_of(
        &self,
        state: &ApiState,
        organization: Option<&OrganizationId>,
    ) -> Result<Engine, Problem> {
        match organization {
            None => Ok(state.engine.of(self.organization.clone())),
            Some(other) if *other == self.organization || self.has(Right::Run) => {
                Ok(state.engine.of(other.clone()))
            }
            Some(_) => Err(forbidden(Right::Run)),
        }
    }

    /// What is recorded when the right is missing.
    pub(crate) fn knock(&self, method: &str, route: &str) -> Knock {
        Knock {
            cause: Cause::NoRight,
            key: self.key.as_ref().map(|(id, _)| (*id, self.organization.clone())),
            address: None,
            method: method.to_owned(),
            route: route.to_owned(),
        }
    }
}

/// The answer to whoever lacks a right.
pub(crate) fn forbidden(right: Right) -> Problem {
    let detail =
        format!("this needs the right '{}', and {}; ask for such a key", right.name(), right.holders());
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

impl FromRequestParts<ApiState> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Problem> {
        let identity = parts.extensions.get::<Self>().cloned();
        identity.ok_or_else(|| Problem::broken("no_identity", "the request was not let in by the guard"))
    }
}
