//! `/connect/token`: a key's id and secret for a token that stands for the key for an hour, by OAuth 2.0's client
//! credentials (RFC 6749 §4.4; `reference/smartdocumentor.md` §1). Does not know what a token opens: the guard does.

mod form;
pub(crate) mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use domain::access::Cause;
use domain::names::ApiKeyId;
use runtime::{KeyHolder, Knock};
use serde::Serialize;

use crate::access::{address, secret};
use crate::problem::{Problem, sentence};
use crate::state::ApiState;
use form::{Client, Form};
use tokens::{LIFETIME, Tokens};

/// The one scope that there is, and that has to be asked for.
const SCOPE: &str = "WebAPI";
const PATH: &str = "/connect/token";
/// What is secret is kept nowhere on its way.
const UNCACHED: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];

pub(crate) fn router(tokens: Arc<Tokens>) -> Router<ApiState> {
    Router::new().route("/connect/token", post(token)).route_layer(Extension(tokens))
}

/// The answer to whoever proved to have a key.
#[derive(Debug, Serialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
    token_type: &'static str,
    scope: &'static str,
}

/// The answer to whoever gets no token: a code of RFC 6749 §5.2 and what to do.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// Whether the client proved itself in the header, and may do so again.
    in_header: bool,
}

async fn token(
    State(state): State<ApiState>,
    Extension(tokens): Extension<Arc<Tokens>>,
    request: Request,
) -> Result<Response, Failure> {
    let address = address(&request);
    let form = Form::read(request).await?;
    let client = form.client()?;
    let KeyHolder { id, .. } = authenticate(&state, address, &client).await?;
    match form.get("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            let detail = "the grant type must be client_credentials";
            return Err(Failure::bad("unsupported_grant_type", detail));
        }
        None => return Err(Failure::invalid("give grant_type, which is client_credentials")),
    }
    if form.get("scope") != Some(SCOPE) {
        return Err(Failure::bad("invalid_scope", format!("give scope, which is {SCOPE}")));
    }
    let access_token = tokens.issue(id, state.engine.clock().now())?;
    let expires_in = LIFETIME.as_duration().as_secs();
    let granted = Granted { access_token, expires_in, token_type: "Bearer", scope: SCOPE };
    Ok((UNCACHED, Json(granted)).into_response())
}

/// Who the client is. What is wrong with its key only the log says.
async fn authenticate(
    state: &ApiState,
    address: Option<IpAddr>,
    client: &Client,
) -> Result<KeyHolder, Failure> {
    let id: Option<ApiKeyId> = client.id.as_deref().and_then(|id| id.parse().ok());
    // Keys are shown whole, so the whole key is taken for its secret as well.
    let given = client.secret.as_deref().unwrap_or_default();
    let secret = match secret::parse(given) {
        Some((of, secret)) if Some(of) == id => secret,
        Some(_) | None => given,
    };
    let (cause, organization) = match id {
        None if client.id.is_none() => (Cause::NoKey, None),
        None => (Cause::UnknownKey, None),
        Some(id) => match state.engine.authenticate(id, secret) {
            Ok(holder) => return Ok(holder),
            Err(denied) => (denied.cause, denied.organization),
        },
    };
    let (method, route) = ("POST".to_owned(), PATH.to_owned());
    let knock = Knock { cause, key: id.zip(organization), address, method, route };
    state.engine.record_refusal(knock).await;
    let detail = if state.engine.has_keys() {
        "send the id of a valid API key as client_id and its secret as client_secret"
    } else {
        "there are no API keys yet, and without them nobody needs a token; make one with 'reprise keys create'"
    };
    let status = if client.in_header { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    let in_header = client.in_header;
    Err(Failure { status, error: "invalid_client", description: sentence(detail), in_header })
}

impl Failure {
    fn bad(error: &'static str, detail: impl AsRef<str>) -> Self {
        let (status, description) = (StatusCode::BAD_REQUEST, sentence(detail.as_ref()));
        Self { status, error, description, in_header: false }
    }

    fn invalid(detail: impl AsRef<str>) -> Self {
        Self::bad("invalid_request", detail)
    }
}

impl From<Problem> for Failure {
    fn from(Problem { status, detail, .. }: Problem) -> Self {
        Self { status, error: "server_error", description: detail, in_header: false }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
            error_description: String,
        }
        let Self { status, error, description, in_header } = self;
        let body = Json(Body { error, error_description: description });
        let mut response = (status, UNCACHED, body).into_response();
        if in_header {
            let challenge = HeaderValue::from_static("Basic realm=\"reprise\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
