//! `/docs`: the description as a page for people. Scripts and styles are in the binary, so that it needs no other server.
//! Does not know what is described.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::extract::Path;
use crate::problem::{Problem, no_such_route};
use crate::state::ApiState;

const PAGE: &str = include_str!("docs.html");
/// The page shows what the server says and reaches nobody else. The styles that its script sets are its own.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/// Where the page finds the document. Relative, so that it is found behind a proxy that adds a prefix.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new(["../openapi.json"]).validator_url("none")));

pub(crate) fn router() -> Router<ApiState> {
    Router::new().route("/docs", get(to_page)).route("/docs/", get(page)).route("/docs/{part}", get(part))
}

/// What the page refers to lies beside it, so its own path ends with a slash.
async fn to_page() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "docs/")]).into_response()
}

async fn page() -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE).into_response()
}

async fn part(Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let part = utoipa_swagger_ui::serve(&name, Arc::clone(&CONFIG));
    let part = part.map_err(|error| Problem::broken("page_damaged", error))?;
    let Some(SwaggerFile { bytes, content_type, gzpipped: is_compressed, .. }) = part else {
        return Err(no_such_route(uri).await);
    };
    let mut response = ([(CONTENT_TYPE, content_type)], bytes.into_owned()).into_response();
    if is_compressed {
        // Every browser takes it, and there is no other reader of these files.
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
