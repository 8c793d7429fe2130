//! What a request for a token says: a form of at most a few fields, and a client that proves itself in it or in the header.
//! Does not know which clients there are.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::form_urlencoded;

use super::Failure;
use crate::extract::BODY_WAIT_MAX;

/// The largest form, in bytes.
const FORM_BYTES_MAX: usize = 8 << 10;

/// The fields, decoded, and what the header says.
#[derive(Debug)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    basic: Option<Option<(String, String)>>,
}

/// Who says to ask.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: Option<String>,
    pub(super) secret: Option<String>,
    /// Whether the header says so, and not the form.
    pub(super) in_header: bool,
}

impl Form {
    pub(super) async fn read(request: Request) -> Result<Self, Failure> {
        let basic = basic(request.headers());
        if !is_form(request.headers()) {
            let detail = "send the fields with the header 'Content-Type: application/x-www-form-urlencoded'";
            return Err(Failure::invalid(detail));
        }
        let reading = tokio::time::timeout(BODY_WAIT_MAX, to_bytes(request.into_body(), FORM_BYTES_MAX));
        let Ok(Ok(body)) = reading.await else {
            let wait_s = BODY_WAIT_MAX.as_secs();
            let detail = format!(
                "the form must have at most {FORM_BYTES_MAX} bytes and arrive within {wait_s} seconds"
            );
            return Err(Failure::invalid(detail));
        };
        let fields: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
        let name_of = |index: usize| fields.get(index).map(|(name, _)| name);
        let is_repeated = (0..fields.len()).any(|at| (0..at).any(|before| name_of(at) == name_of(before)));
        if is_repeated {
            return Err(Failure::invalid("give each field once"));
        }
        Ok(Self { fields, basic })
    }

    /// The value of a field; nothing when it is absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Who asks. The header goes before the form, and must not say something beside it.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let of_form = |name: &str| self.get(name).map(str::to_owned);
        let Some(basic) = &self.basic else {
            return Ok(Client {
                id: of_form("client_id"),
                secret: of_form("client_secret"),
                in_header: false,
            });
        };
        if self.get("client_secret").is_some() {
            return Err(Failure::invalid(
                "give the client's secret in the header or in the form, not in both",
            ));
        }
        let (id, secret) = basic.clone().unzip();
        Ok(Client { id, secret, in_header: true })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a header `Authorization: Basic` says; nothing inside when it cannot be read.
fn basic(headers: &HeaderMap) -> Option<Option<(String, String)>> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // Both parts are encoded as in a form before they are joined (RFC 6749 §2.3.1). Ids and secrets are not changed by that.
    Some(decoded.and_then(|text| text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))))
}
