//! What is read from a request: parameters and members whose names match whatever their case is, who asks, and which task
//! is meant. Does not know what is asked.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use domain::envelope::{Command, Envelope};
use domain::names::{BatchId, CommandId, ExternalId, IdempotencyKey, TaskId, WorkspaceId};
use domain::time::Timestamp;
use percent_encoding::percent_decode_str;
use projections::view::Value;
use runtime::Asked;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::reply::Failure;
use crate::access::identity::Identity;
use crate::extract::{body_bytes, check_content_type, check_escapes, from_json, from_value};
use crate::request::{Caller, idempotency_key};
use crate::state::ApiState;

// ── Parameters ─────────────────────────────────────────────────────────────────────────────────────────────────

/// The parameters of the query. Unknown ones are ignored, and one without a value is as good as none.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        check_escapes("query string", query)?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (decode(name), decode(value)));
        Ok(Self(pairs.filter(|(_, value)| !value.trim().is_empty()).collect()))
    }
}

/// Decodes what was checked to be UTF-8 once it is decoded.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

impl Parameters {
    /// Every value of a parameter that may be repeated.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that is given once at most.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Failure::invalid(format!("give the query parameter {name} once"))),
        }
    }

    /// A whole number, of whatever size.
    pub(super) fn number(&self, name: &str) -> Result<Option<i128>, Failure> {
        self.one(name)?.map(|text| number(name, text)).transpose()
    }

    /// An instant: RFC 3339, or a date and a time without an offset, which is UTC then, or a date alone.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Failure> {
        self.one(name)?.map(|text| instant(name, text)).transpose()
    }
}

/// The whole number that a parameter is given, as it is looked for in a column. What does not fit into one is a number that
/// nothing has.
pub(super) fn column_number(name: &str, text: &str) -> Result<Value, Failure> {
    const NOBODYS: i64 = -1;
    Ok(Value::Integer(i64::try_from(number(name, text)?).unwrap_or(NOBODYS)))
}

fn number(name: &str, text: &str) -> Result<i128, Failure> {
    text.trim().parse().map_err(|_| {
        let detail = format!(
            "the query parameter {name} must be a whole number, not '{text}'; to give several, repeat the parameter"
        );
        Failure::invalid(detail)
    })
}

fn instant(name: &str, text: &str) -> Result<Timestamp, Failure> {
    let whole = match text.trim().split_once(['T', 't', ' ']) {
        None => format!("{}T00:00:00Z", text.trim()),
        Some((date, time)) if time.contains(['Z', 'z', '+', '-']) => format!("{date}T{time}"),
        Some((date, time)) => format!("{date}T{time}Z"),
    };
    whole.parse().map_err(|_| {
        let detail = format!(
            "the query parameter {name} must be an instant such as 2026-01-31T12:00:00Z, not '{text}'; write a '+' as '%2B'"
        );
        Failure::invalid(detail)
    })
}

// ── Which thing ────────────────────────────────────────────────────────────────────────────────────────────────

/// The task that is meant by `taskId`, by `externalId`, or by both when they agree. Whether there is a task of that id is
/// for the caller to see.
pub(super) async fn task(
    state: &ApiState,
    identity: &Identity,
    parameters: &Parameters,
) -> Result<TaskId, Failure> {
    let by_id = parameters.number("taskId")?;
    let external_id = parameters.one("externalId")?;
    if by_id.is_none() && external_id.is_none() {
        return Err(Failure::invalid("say which task is meant: give taskId or externalId"));
    }
    let by_id = by_id.map(|number| task_id(number).ok_or_else(Failure::no_task)).transpose()?;
    let Some(external_id) = external_id else { return by_id.ok_or_else(Failure::no_task) };
    // A text that no external id can be names no task.
    let external_id = ExternalId::new(external_id).map_err(|_| Failure::no_task())?;
    let found = state.engine.task_of_external_id(&identity.organization, &external_id).await?;
    let found = found.ok_or_else(Failure::no_task)?;
    match by_id {
        Some(other) if other != found => Err(Failure::no_task()),
        Some(_) | None => Ok(found),
    }
}

fn task_id(number: i128) -> Option<TaskId> {
    TaskId::new(u64::try_from(number).ok()?).ok()
}

/// The workspace of a number; nothing when no workspace can have it.
pub(super) fn workspace_id(number: i128) -> Option<WorkspaceId> {
    WorkspaceId::new(u32::try_from(number).ok()?).ok()
}

/// The batch of a number; nothing when no batch can have it.
pub(super) fn batch_id(number: i128) -> Option<BatchId> {
    BatchId::new(u64::try_from(number).ok()?).ok()
}

// ── Who asks ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Who asks for a write, and under which key.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) identity: Identity,
    caller: Caller,
    key: Option<IdempotencyKey>,
}

impl FromRequestParts<ApiState> for Sender {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let identity = Identity::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self { identity, caller, key: idempotency_key(&parts.headers)? })
    }
}

impl Sender {
    /// The envelope of a command that is the whole request.
    pub(super) fn envelope(&self, state: &ApiState, command: Command) -> Envelope {
        let envelope = self.caller.envelope(state, command, None);
        match &self.key {
            None => envelope,
            Some(key) => envelope.once(key.clone()),
        }
    }

    /// What the engine needs to know to make something of which it chooses the id.
    pub(super) fn asked(&self, state: &ApiState) -> Asked {
        let organization = self.identity.organization.clone();
        let id = match &self.key {
            None => CommandId(state.engine.fresh_id()),
            Some(key) => CommandId::keyed(&organization, key),
        };
        Asked { id, key: self.key.clone(), actor: self.caller.actor.clone(), reason: None, organization }
    }
}

// ── Bodies ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A JSON object whose members are known by their names in small letters. What is inside of a member is left as it is.
#[derive(Debug)]
pub(super) struct Members<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Members<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Failure> {
        check_content_type(request.headers())?;
        let bytes = body_bytes(request, state).await?;
        let members: Map<String, Json> = from_json(&bytes)?;
        Ok(Self(read(members)?))
    }
}

/// What members say whose names match whatever their case is.
pub(super) fn read<T: DeserializeOwned>(members: Map<String, Json>) -> Result<T, Failure> {
    let mut known = Map::with_capacity(members.len());
    for (name, value) in members {
        if known.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(Failure::invalid(format!("the body has the member '{name}' twice; give it once")));
        }
    }
    Ok(from_value(Json::Object(known))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_without_an_offset_is_in_utc_and_a_date_is_its_first_instant() {
        let noon = "2026-01-31T12:00:00Z".parse().unwrap();
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00",
            "2026-01-31t12:00:00.000z",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31T07:00:00-05:00",
        ] {
            assert_eq!(instant("startDate", text).ok(), Some(noon), "{text}");
        }
        let midnight = "2026-01-31T00:00:00Z".parse().ok();
        assert_eq!(instant("startDate", "2026-01-31").ok(), midnight);
        for text in ["today", "2026-02-30", "12:00", "2026-01-31T", "2026-01-31T13:00:00 01:00", "1795304211"]
        {
            assert!(instant("startDate", text).is_err(), "{text}");
        }
    }
}
