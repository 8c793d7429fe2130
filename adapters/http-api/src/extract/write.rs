//! What every native write brings along: who asks, why, and a body. Does not know what is written.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, IdempotencyKey};
use runtime::Asked;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use super::Query;
use super::body::{body_bytes, check_content_type, from_value, parsed};
use crate::description::names::{ActorHeader, IdempotencyKeyHeader};
use crate::problem::Problem;
use crate::request::{ACTOR_HEADER, Caller, IDEMPOTENCY_KEY_HEADER, idempotency_key};
use crate::state::ApiState;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// A native write: its body's members, the caller, and the reason, which every write may give in its body or, in
/// its place, in the query string. No body is an empty one.
#[derive(Debug)]
pub(crate) struct Write<T> {
    pub(crate) body: T,
    caller: Caller,
    reason: Option<String>,
    key: Option<IdempotencyKey>,
}

/// A native write that is one command, so that it can have an `Idempotency-Key`. Any other write refuses one.
#[derive(Debug)]
pub(crate) struct Keyed<T>(pub(crate) Write<T>);

/// The body of a write that needs none.
pub(crate) type Reason = Write<Nothing>;

/// What such a body says, apart from the reason: nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Reason)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteQuery {
    reason: Option<String>,
}

impl<T> Write<T> {
    /// An envelope of a command that belongs to this write.
    pub(crate) fn envelope(&self, state: &ApiState, command: Command) -> Envelope {
        let envelope = self.caller.envelope(state, command, self.reason.as_deref());
        match &self.key {
            None => envelope,
            Some(key) => envelope.once(key.clone()),
        }
    }

    /// An id for the thing that this write makes: fresh, and the same again when the write comes again.
    pub(crate) fn id_of_made(&self, state: &ApiState) -> Uuid {
        match &self.key {
            None => state.engine.fresh_id(),
            Some(key) => {
                let id = CommandId::keyed(self.caller.organization(), key);
                CommandId::following(id.0, "made").0
            }
        }
    }

    /// What the engine needs to know of this write to make something of which it chooses the id.
    pub(crate) fn asked(&self, state: &ApiState) -> Asked {
        self.caller.asked(state, self.key.clone(), self.reason.clone())
    }

    /// Who asks, with what they may do.
    pub(crate) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Who asks.
    pub(crate) const fn actor(&self) -> &Actor {
        &self.caller.actor
    }

    /// Who asks, when a key says so.
    pub(crate) fn known_actor(&self) -> Option<&Actor> {
        self.caller.known()
    }

    /// Why, in the caller's words.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The body, and the write without it.
    pub(crate) fn split(self) -> (T, Write<()>) {
        (self.body, Write { body: (), caller: self.caller, reason: self.reason, key: self.key })
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for Write<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        if request.headers().contains_key(IDEMPOTENCY_KEY_HEADER) {
            let detail = "this request is more than one command and takes no Idempotency-Key; leave it out, or send \
                          commands with ids of their own to POST /v1/commands";
            return Err(Problem::bad_request(detail));
        }
        read(request, state).await
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let key = idempotency_key(request.headers())?;
        Ok(Self(Write { key, ..read(request, state).await? }))
    }
}

async fn read<T: DeserializeOwned>(request: Request, state: &ApiState) -> Result<Write<T>, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, state).await?;
    let Query(query) = Query::<WriteQuery>::from_request_parts(&mut parts, state).await?;
    check_reason(query.reason.as_deref())?;
    let content_type = check_content_type(&parts.headers);
    let bytes = body_bytes(Request::from_parts(parts, body), state).await?;
    let mut value = Value::Object(serde_json::Map::new());
    if !bytes.is_empty() {
        content_type?;
        value = parsed(&bytes)?;
    }
    let reason = take_reason(&mut value)?.or(query.reason);
    check_reason(reason.as_deref())?;
    Ok(Write { body: from_value(value)?, caller, reason, key: None })
}

fn take_reason(value: &mut Value) -> Result<Option<String>, Problem> {
    let Value::Object(members) = value else {
        return Err(Problem::invalid("invalid_body", "the body must be a JSON object, such as {}"));
    };
    match members.remove("reason") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(reason)) => Ok(Some(reason)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(Problem::invalid("invalid_reason", "the reason must be a text"))
        }
    }
}

pub(crate) fn check_reason(reason: Option<&str>) -> Result<(), Problem> {
    match reason.map_or(0, str::len) {
        0..=REASON_BYTES_MAX => Ok(()),
        bytes => {
            let detail =
                format!("the reason has {bytes} bytes, at most {REASON_BYTES_MAX} are allowed; shorten it");
            Err(Problem::invalid("invalid_reason", detail))
        }
    }
}

// ── Description ────────────────────────────────────────────────────────────────────────────────────────────────

impl<T> IntoParams for Write<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let reason = parameter("reason", ParameterIn::Query, reason(Type::String.into()).into());
        vec![parameter(ACTOR_HEADER, ParameterIn::Header, ActorHeader::schema()), reason]
    }
}

impl<T> IntoParams for Keyed<T> {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = parameter(IDEMPOTENCY_KEY_HEADER, ParameterIn::Header, IdempotencyKeyHeader::schema());
        let mut parameters = Write::<T>::into_params(parameter_in);
        parameters.push(key);
        parameters
    }
}

fn parameter(name: &str, parameter_in: ParameterIn, schema: RefOr<Schema>) -> Parameter {
    let parameter = Parameter::builder().name(name).parameter_in(parameter_in);
    parameter.required(Required::False).schema(Some(schema)).build()
}

fn reason(schema_type: SchemaType) -> Schema {
    let text = ObjectBuilder::new().schema_type(schema_type).max_length(Some(REASON_BYTES_MAX));
    text.description(Some("Why, at most 1,000 bytes; recorded and shown in the history")).build().into()
}

/// The body of a write has the members that the write says, and a reason.
impl<T: ToSchema> PartialSchema for Write<T> {
    fn schema() -> RefOr<Schema> {
        with_reason(T::schema())
    }
}

impl<T: ToSchema> ToSchema for Write<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("{}Body", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

fn with_reason(schema: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(mut schema) = schema else { return schema };
    if let Schema::Object(object) = &mut schema {
        let text_or_null = SchemaType::Array(vec![Type::String, Type::Null]);
        object.properties.insert("reason".to_owned(), reason(text_or_null).into());
    }
    if let Schema::OneOf(one_of) = &mut schema {
        one_of.items = std::mem::take(&mut one_of.items).into_iter().map(with_reason).collect();
    }
    RefOr::T(schema)
}
