//! Deliveries to webhooks: one POST each, signed as Standard Webhooks says. Does not know what is delivered, nor whether
//! an answer is worth another delivery.

mod secret;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use domain::names::SecretName;
use domain::ports::{Delivery, DeliveryAnswer, DeliveryError, Webhooks};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::time::timeout;

use crate::definition::Problem;
use crate::tls;

pub use secret::SecretSource;

/// What the delivery is called: the same for each repetition.
const ID: HeaderName = HeaderName::from_static("webhook-id");
/// When it was sent, in seconds since 1970.
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// `v1,` and the Base64 of the HMAC-SHA256 over id, timestamp and body, with dots in between.
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// How much of an answer is kept, in bytes; the rest is not read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What is configured for webhooks: the content of `[webhooks]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// The only hosts that are delivered to, as they are written in addresses, without a port. Default: none, which
    /// means all.
    pub hosts: Vec<String>,
    /// A PEM file with the certificates of the authorities that may vouch for webhooks with `https://`; then nobody else
    /// may. Default: those that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Delivers to webhooks.
#[derive(Debug)]
pub struct WebhookClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    hosts: Vec<String>,
    secrets: BTreeMap<SecretName, SecretSource>,
}

impl WebhookClient {
    /// Takes the settings, and where each secret is. Secrets are looked up when they are needed, so that they can be
    /// replaced while this runs.
    ///
    /// # Errors
    /// [`Problem`] when the file of authorities cannot be used.
    pub fn new(
        settings: WebhookSettings,
        secrets: BTreeMap<SecretName, SecretSource>,
    ) -> Result<Self, Problem> {
        let connector = tls::webhook_connector(settings.ca_file.as_deref())?;
        // A connection that the receiver closes meanwhile would look like a delivery that failed.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let hosts = settings.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { client, hosts, secrets })
    }

    fn address(&self, url: &str) -> Result<Uri, DeliveryError> {
        let uri: Option<Uri> = url.parse().ok();
        let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
        let uri = uri.filter(is_http).ok_or_else(|| {
            let text = "the address of the webhook cannot be used; write http://host:port/path or https://host:port/path";
            DeliveryError::Address(text.to_owned())
        })?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        if self.hosts.is_empty() || self.hosts.contains(&host) {
            return Ok(uri);
        }
        let text = format!("the host {host} is not among webhooks.hosts of the configuration; add it there");
        Err(DeliveryError::Address(text))
    }

    async fn key(&self, name: &SecretName) -> Result<Vec<u8>, DeliveryError> {
        let secret = match self.secrets.get(name) {
            Some(source) => source.read().await,
            None => Err(format!("it is not configured; add {name} to [secrets] in reprise.toml")),
        };
        secret.map_err(|problem| DeliveryError::Secret { name: name.clone(), problem })
    }

    async fn request(&self, delivery: Delivery) -> Result<Request<Full<Bytes>>, DeliveryError> {
        let uri = self.address(&delivery.url)?;
        let timestamp = (delivery.at.as_micros() / 1_000_000).to_string();
        let signature = match &delivery.secret {
            None => None,
            Some(name) => Some(signature(&self.key(name).await?, &delivery.id, &timestamp, &delivery.body)),
        };
        let mut request = Request::new(Full::new(Bytes::from(delivery.body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("reprise"));
        for (name, value) in [(ID, Some(delivery.id)), (TIMESTAMP, Some(timestamp)), (SIGNATURE, signature)] {
            let Some(value) = value else { continue };
            let value = HeaderValue::try_from(value)
                .map_err(|_| DeliveryError::Address(format!("{name} cannot be a header")))?;
            headers.insert(name, value);
        }
        Ok(request)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<DeliveryAnswer, DeliveryError> {
        let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        read(response).await
    }
}

#[async_trait]
impl Webhooks for WebhookClient {
    async fn deliver(&self, delivery: Delivery) -> Result<DeliveryAnswer, DeliveryError> {
        let limit = delivery.time_limit_ms;
        let request = self.request(delivery).await?;
        let sent = timeout(limit.as_duration(), self.send(request)).await;
        sent.unwrap_or(Err(DeliveryError::TimeLimit(limit)))
    }
}

/// What a receiver that knows the secret compares with.
fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut signed = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        signed.update(part);
    }
    format!("v1,{}", BASE64.encode(signed.finalize().into_bytes()))
}

/// The answer, with as much of its body as is kept.
async fn read(response: Response<Incoming>) -> Result<DeliveryAnswer, DeliveryError> {
    let status = response.status().as_u16();
    let (mut incoming, mut body) = (response.into_body(), Vec::new());
    while body.len() < ANSWER_BYTES_MAX {
        match incoming.frame().await {
            Some(Ok(frame)) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Some(Err(error)) => return Err(unreachable(&error)),
            None => break,
        }
    }
    body.truncate(ANSWER_BYTES_MAX);
    Ok(DeliveryAnswer { status, body })
}

/// What went wrong, down to its cause, and what to do about it where that is known. Says nothing of the address, which may
/// hold a secret.
fn unreachable(top: &(dyn Error + 'static)) -> DeliveryError {
    let mut text = top.to_string();
    let mut source = top.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    if let Some(advice) = tls::advice(top) {
        text = format!("{text}; {advice}");
    }
    DeliveryError::Unreachable(text)
}
