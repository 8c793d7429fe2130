//! A client of the native HTTP API: over the network when a server has the data folder, else in this process, over an
//! engine of its own. Does not know what the routes mean.

mod https;

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::names::Actor;
use http_api::Closing;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode};
use runtime::Engine;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::args::Global;
use crate::assemble;
use crate::config::Config;
use crate::exit::CliError;
use crate::serve::ServerFile;
use https::Server;

/// Where the API is.
pub(crate) struct Client {
    door: Door,
    actor: Actor,
    api_key: Option<String>,
}

enum Door {
    /// In this process.
    Here { router: Router, engine: Engine },
    /// At a server.
    There(Box<Server>),
}

/// The largest reply that is read whole, in bytes.
const REPLY_BYTES_MAX: usize = 256 << 20;

const NDJSON: &str = "application/x-ndjson";

impl Client {
    /// Opens the nearest door: the server that was named, the data folder itself, or the server that has it.
    pub(crate) async fn open(global: &Global, config: &Config) -> Result<Self, CliError> {
        let (actor, api_key) = (actor(), global.api_key.clone());
        if let Some(server) = &global.server {
            return Ok(Self {
                door: there(Server::named(server, global.ca_cert.as_deref())?),
                actor,
                api_key,
            });
        }
        if let Some(store) = assemble::open_store(config)? {
            let engine = assemble::start(config, store.clone(), BTreeMap::new()).await?;
            let router = assemble::surfaces(config, engine.clone(), store, true, Closing::default());
            return Ok(Self { door: Door::Here { router, engine }, actor, api_key: None });
        }
        match ServerFile::read(&config.data_dir) {
            Some(server) => Ok(Self { door: there(Server::found(&server)?), actor, api_key }),
            None => Err(CliError::Environment(format!(
                "the data folder {} is in use by another reprise that answers no requests; wait for it or stop it",
                config.data_dir.display()
            ))),
        }
    }

    /// A client of the server at a URL, for which the authorities in a file vouch, or else those of this machine.
    pub(crate) fn at(url: &str, ca_cert: Option<&Path>, api_key: Option<String>) -> Result<Self, CliError> {
        let server = Server::named(url, ca_cert)?;
        Ok(Self { door: there(server), actor: actor(), api_key })
    }

    /// A client of a server: of the one that was named, or of the one that has the data folder.
    pub(crate) fn of_server(global: &Global, config: &Config) -> Result<Self, CliError> {
        let server = match (&global.server, ServerFile::read(&config.data_dir)) {
            (Some(named), _) => Server::named(named, global.ca_cert.as_deref())?,
            (None, Some(file)) => Server::found(&file)?,
            (None, None) => {
                return Err(CliError::Usage(
                    "no server is running here; name one with --server http://127.0.0.1:7171".to_owned(),
                ));
            }
        };
        Ok(Self { door: there(server), actor: actor(), api_key: global.api_key.clone() })
    }

    /// Asks, and gives the reply's bytes.
    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, CliError> {
        let response = self.call(Method::GET, path, None).await?;
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| CliError::Unavailable(format!("the reply broke off: {error}")))?;
        Ok(body.to_bytes().into())
    }

    /// Asks, and gives the reply's JSON.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.request(Method::GET, path, None).await
    }

    /// Asks whether the server is ready, and gives what it says of itself.
    pub(crate) async fn readiness(&self) -> Result<(bool, Value), CliError> {
        let response = self.exchange(None, Method::GET, "/readyz", None).await?;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), REPLY_BYTES_MAX).await.unwrap_or_default();
        match serde_json::from_slice::<Value>(&body) {
            Ok(reply) if reply.get("ready").is_some() => Ok((status.is_success(), reply)),
            Ok(_) | Err(_) => Err(CliError::Unavailable(format!(
                "the answer of /readyz ({status}) says nothing about readiness; is it reprise?"
            ))),
        }
    }

    /// Sends JSON, and gives the reply's JSON.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, CliError> {
        self.request(method, path, Some(body)).await
    }

    /// Sends any request, with or without JSON, and gives the reply's JSON.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        self.request(method, path, body).await
    }

    /// Sends a request whose reply comes line by line.
    pub(crate) async fn lines(&self, path: &str, mut each: impl FnMut(Value)) -> Result<(), CliError> {
        let response = self.call(Method::POST, path, None).await?;
        let parse = |line: &[u8]| serde_json::from_slice(line).ok();
        each_line(response, |line| parse(line).into_iter().for_each(&mut each)).await
    }

    /// Sends JSON, and gives the reply line by line.
    pub(crate) async fn send_for_lines(
        &self,
        path: &str,
        body: &Value,
        mut each: impl FnMut(&Value),
    ) -> Result<(), CliError> {
        let response = self.call_accepting(Some(NDJSON), Method::POST, path, Some(body)).await?;
        let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
        each_line(response, |line| parse(line).iter().for_each(&mut each)).await
    }

    /// Sends lines of JSON, and gives the reply line by line.
    pub(crate) async fn send_lines(
        &self,
        path: &str,
        lines: Vec<u8>,
        mut each: impl FnMut(&Value),
    ) -> Result<(), CliError> {
        let content = Some((NDJSON, Bytes::from(lines)));
        let response = self.exchange_content(Some(NDJSON), Method::POST, path, content).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
        each_line(response, |line| parse(line).iter().for_each(&mut each)).await
    }

    /// Asks for a page of lines; gives where the next one begins.
    pub(crate) async fn page(
        &self,
        path: &str,
        mut each: impl FnMut(&Value),
    ) -> Result<Option<String>, CliError> {
        let response = self.call(Method::GET, path, None).await?;
        let next = response.headers().get("reprise-next").and_then(|next| next.to_str().ok());
        let next = next.map(str::to_owned);
        let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
        each_line(response, |line| parse(line).iter().for_each(&mut each)).await?;
        Ok(next)
    }

    /// Asks, and gives the reply's bytes as they arrive; at last the position that it reflects.
    pub(crate) async fn bytes(
        &self,
        path: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), CliError>,
    ) -> Result<Option<String>, CliError> {
        let response = self.call(Method::GET, path, None).await?;
        let position = response.headers().get("reprise-position").and_then(|it| it.to_str().ok());
        let position = position.map(str::to_owned);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| CliError::Unavailable(format!("the reply broke off: {error}")))?;
            each(frame.data_ref().map_or(&[][..], AsRef::as_ref))?;
        }
        Ok(position)
    }

    /// Follows a stream of messages, for as long as it lasts.
    pub(crate) async fn messages(&self, path: &str, mut each: impl FnMut(&Value)) -> Result<(), CliError> {
        let response = self.call(Method::GET, path, None).await?;
        let parse = |line: &[u8]| serde_json::from_slice::<Value>(line.strip_prefix(b"data: ")?).ok();
        each_line(response, |line| parse(line).iter().for_each(&mut each)).await
    }

    /// Puts everything in order at the end.
    pub(crate) async fn close(self) {
        match self.door {
            Door::Here { engine, router } => {
                drop(router);
                engine.shutdown().await;
            }
            Door::There(_) => {}
        }
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let response = self.call(method, path, body).await?;
        let body = axum::body::to_bytes(response.into_body(), REPLY_BYTES_MAX).await;
        let body = body.map_err(|error| CliError::Unavailable(format!("the reply broke off: {error}")))?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| {
            CliError::Unavailable(format!("the reply of {path} is no JSON: {error}; is it reprise?"))
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<hyper::Response<Body>, CliError> {
        self.call_accepting(None, method, path, body).await
    }

    async fn call_accepting(
        &self,
        accept: Option<&'static str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<hyper::Response<Body>, CliError> {
        let response = self.exchange(accept, method, path, body).await?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    /// Sends a request and gives the reply, whatever its status.
    async fn exchange(
        &self,
        accept: Option<&'static str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<hyper::Response<Body>, CliError> {
        let content = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        self.exchange_content(accept, method, path, content).await
    }

    /// The same with a body of any type.
    async fn exchange_content(
        &self,
        accept: Option<&'static str>,
        method: Method,
        path: &str,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<hyper::Response<Body>, CliError> {
        let base = match &self.door {
            Door::Here { .. } => "",
            Door::There(server) => server.base.as_str(),
        };
        let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
        request = match &self.api_key {
            // The key says who asks.
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request.header("reprise-actor", self.actor.as_str()),
        };
        if let Some((content_type, _)) = &content {
            request = request.header("content-type", *content_type);
        }
        let bytes = content.map_or_else(Bytes::new, |(_, bytes)| bytes);
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let usage =
            |error: hyper::http::Error| CliError::Usage(format!("{path} cannot be asked for: {error}"));
        match &self.door {
            Door::Here { router, .. } => {
                let request = request.body(Body::from(bytes)).map_err(usage)?;
                match router.clone().oneshot(request).await {
                    Ok(response) => Ok(response),
                    Err(never) => match never {},
                }
            }
            Door::There(server) => {
                let request = request.body(Full::new(bytes)).map_err(usage)?;
                let response = server.http.request(request).await;
                let response = response.map_err(|error| https::unanswered(&server.base, &error))?;
                Ok(response.map(Body::new))
            }
        }
    }
}

fn there(server: Server) -> Door {
    Door::There(Box::new(server))
}

/// Reads a reply line by line, as it arrives.
async fn each_line(response: hyper::Response<Body>, mut each: impl FnMut(&[u8])) -> Result<(), CliError> {
    let mut body = response.into_body();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CliError::Unavailable(format!("the reply broke off: {error}")))?;
        rest.extend_from_slice(frame.data_ref().map_or(&[][..], AsRef::as_ref));
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            each(&line);
        }
    }
    Ok(())
}

async fn refusal(response: hyper::Response<Body>) -> CliError {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), REPLY_BYTES_MAX).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let detail = problem.get("detail").or_else(|| problem.get("title")).and_then(Value::as_str);
    let text = detail.map_or_else(|| format!("the server answered {status}"), str::to_owned);
    if status == StatusCode::BAD_REQUEST || status == StatusCode::UNPROCESSABLE_ENTITY {
        CliError::Usage(text)
    } else if status.is_client_error() {
        CliError::Refused(text)
    } else if status == StatusCode::INTERNAL_SERVER_ERROR {
        // The data is damaged: trying again does not help.
        CliError::Environment(text)
    } else {
        CliError::Unavailable(text)
    }
}

/// Who asks: the user of this machine.
pub(crate) fn actor() -> Actor {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let nameless = || Actor::new("cli").expect("a short word is valid");
    if user.is_empty() || !user.is_ascii() {
        return nameless();
    }
    Actor::new(format!("cli:{user}")).unwrap_or_else(|_| nameless())
}

/// A part of a path, percent-encoded.
pub(crate) fn part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
