//! What is read from a request: path parts, parameters, bodies, and the storage unit that the path names.
//! Whatever cannot be understood is answered with a code and a sentence, never with another surface's body.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::names::{Scope, StorageUnitName};
use domain::storage_unit::{Content, Settings};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::keys::Zones;
use super::reply::{Code, Failure};
use crate::extract;
use crate::problem::Problem;
use crate::request::Caller;
use crate::state::ApiState;

// ── Path and headers ───────────────────────────────────────────────────────────────────────────────────────────

/// The path's parts, percent-decoded.
#[derive(Debug)]
pub(super) struct PathParts<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for PathParts<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let invalid = |problem: Problem| Failure::ours(Code::InvalidPath, problem.detail);
        let extract::Path(parts) =
            extract::Path::<T>::from_request_parts(parts, state).await.map_err(invalid)?;
        Ok(Self(parts))
    }
}

/// Who asks.
#[derive(Debug)]
pub(super) struct Sender(pub(super) Caller);

impl FromRequestParts<ApiState> for Sender {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Failure> {
        let caller = Caller::from_request_parts(parts, state).await;
        caller.map(Self).map_err(|problem| match problem.status {
            StatusCode::FORBIDDEN => super::reply::refused(problem),
            _malformed => Failure::ours(Code::InvalidHeader, problem.detail),
        })
    }
}

// ── Parameters ─────────────────────────────────────────────────────────────────────────────────────────────────

/// The parameters of the query; unknown ones are ignored.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        extract::check_escapes("query string", query)
            .map_err(|problem| Failure::ours(Code::InvalidParameter, problem.detail))?;
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Ok(Self(pairs.collect()))
    }
}

/// Decodes what was checked to be UTF-8 once it is decoded.
fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

impl Parameters {
    /// The last value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter that needs no value is there, and not said to be `false`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }

    /// The comma-joined `keys` (`reference/stager.md` §11.3), those of a repeated parameter one after the other.
    pub(super) fn keys(&self) -> Vec<String> {
        let values = self.0.iter().filter(|(name, _)| name == "keys").map(|(_, value)| value);
        values.flat_map(|value| value.split(',')).filter(|key| !key.is_empty()).map(str::to_owned).collect()
    }
}

// ── Bodies ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A whole body, whatever its content type.
#[derive(Debug)]
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<ApiState> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Failure> {
        extract::body_bytes(request, state).await.map(Self).map_err(|Problem { status, detail, code: _ }| {
            let code = match status {
                StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
                StatusCode::REQUEST_TIMEOUT => Code::BodyTooSlow,
                _broken_off => Code::InvalidBody,
            };
            Failure::with_status(status, code, detail)
        })
    }
}

impl Body {
    /// The body as one JSON value.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json(&self.0)
    }

    /// Whether there is nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        self.0.iter().all(u8::is_ascii_whitespace)
    }
}

/// One JSON value. What is not JSON is told apart from JSON of the wrong shape.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Failure::ours(
            Code::InvalidBody,
            format!("the JSON does not have the form this call needs: {error}"),
        ),
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => {
            Failure::ours(Code::InvalidJson, format!("the body must be JSON: {error}"))
        }
    })
}

/// The body `{"keys": […]}`.
#[derive(Debug, Deserialize)]
struct Keys {
    #[serde(default)]
    keys: Option<Vec<String>>,
}

/// The keys that a body names.
pub(super) fn keys_of(body: &Body) -> Result<Vec<String>, Failure> {
    body.json::<Keys>().map(|body| body.keys.unwrap_or_default())
}

/// The same keys, unless there is none or there are too many.
pub(super) fn bounded(state: &ApiState, keys: Vec<String>) -> Result<Vec<String>, Failure> {
    let keys_max = state.settings.keys_max;
    match keys.len() {
        0 => Err(Failure::ours(Code::NoKeys, "name at least one key in 'keys'")),
        count if count > keys_max => {
            let detail =
                format!("one request may name {keys_max} keys, this one has {count}; send several requests");
            Err(Failure::ours(Code::TooManyKeys, detail))
        }
        _allowed => Ok(keys),
    }
}

// ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A storage unit in use.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: StorageUnitName,
    pub(super) settings: Settings,
}

impl Unit {
    /// The unit that a path names; a name that no unit can have names one that does not exist.
    pub(super) async fn in_use(state: &ApiState, name: &str) -> Result<Self, Failure> {
        let name = unit_name(name)?;
        let settings = state.engine.unit_settings(&name).await?;
        let settings = settings.ok_or(Failure::documented(Code::StorageUnitDoesntExist))?;
        Ok(Self { name, settings })
    }

    /// The unit that a path names, when its content can be written.
    pub(super) async fn writable(state: &ApiState, name: &str) -> Result<Self, Failure> {
        let unit = Self::in_use(state, name).await?;
        match unit.settings.content {
            Content::Managed => Ok(unit),
            Content::Registered(_) => {
                let detail = "the content of this storage unit is only read; change it where it lies";
                Err(Failure::ours(Code::StorageUnitReadOnly, detail))
            }
        }
    }

    /// Whether modules run over a scope.
    pub(super) fn has_modules(&self, scope: &Scope) -> bool {
        self.settings.modules.modules.get(scope).is_some_and(|entries| !entries.is_empty())
    }
}

/// The name of a unit that is expected to exist.
pub(super) fn unit_name(name: &str) -> Result<StorageUnitName, Failure> {
    StorageUnitName::new(name).map_err(|_| Failure::documented(Code::StorageUnitDoesntExist))
}

/// The scope that is named; nothing means every scope, as does `$record` (`reference/stager.md` §1).
pub(super) fn scope_or_all(name: Option<&str>) -> Result<Option<Scope>, Failure> {
    match name {
        None | Some(Scope::RECORD) => Ok(None),
        Some(name) => Scope::new(name)
            .map(Some)
            .map_err(|error| Failure::ours(Code::InvalidScope, format!("{error}; choose another scope"))),
    }
}

/// The one scope that is named.
pub(super) fn one_scope(name: &str) -> Result<Scope, Failure> {
    scope_or_all(Some(name))?.ok_or_else(|| {
        let detail = "$record means every scope of a record; name the one that is to be written or set";
        Failure::ours(Code::InvalidScope, detail)
    })
}

/// The rule of zones on this server.
pub(super) fn zones(state: &ApiState) -> Zones<'_> {
    Zones::new(&state.settings.zone)
}

/// Waits until the views show everything that was acknowledged before: whoever wrote reads what was written.
pub(super) async fn see_everything(state: &ApiState) -> Result<(), Failure> {
    if state.engine.wait_for_views(state.engine.acknowledged()).await {
        Ok(())
    } else {
        Err(Failure::unavailable("the views are still catching up with what was written; read again shortly"))
    }
}
