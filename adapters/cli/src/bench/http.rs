//! One kept-alive connection to a server: the load generator's part of HTTP. Does not know what is asked for.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::failed;
use crate::exit::CliError;

/// A reply.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Whether it says when to come back.
    pub(super) says_when: bool,
    pub(super) body: Bytes,
}

/// The content type of every body but lines.
pub(super) const JSON: &str = "application/json";

/// A connection. Requests go over it one after the other.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self, CliError> {
        let stream = TcpStream::connect(address).await.map_err(|error| failed("connect", &error))?;
        stream.set_nodelay(true).map_err(|error| failed("connect", &error))?;
        let opened = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| failed("connect", &error))?;
        tokio::spawn(async move {
            // Whoever waits for a reply learns of it by that.
            let _ended = connection.await;
        });
        Ok(Self { sender, host: address.to_string() })
    }

    /// Sends bytes of JSON and gives the reply's, whatever they are.
    pub(super) async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes, CliError> {
        self.send_as(JSON, method, path, body).await
    }

    /// Posts lines of JSON and gives the reply's.
    pub(super) async fn send_lines(&mut self, path: &str, lines: Bytes) -> Result<Bytes, CliError> {
        self.send_as("application/x-ndjson", Method::POST, path, lines).await
    }

    async fn send_as(
        &mut self,
        content_type: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, CliError> {
        let reply = self.ask(content_type, method.clone(), path, body).await?;
        if reply.status.is_success() {
            return Ok(reply.body);
        }
        let text = String::from_utf8_lossy(&reply.body);
        Err(failed(&format!("use {method} {path}"), &format!("{}: {text}", reply.status)))
    }

    /// Sends a request and gives the reply, whatever it says.
    pub(super) async fn ask(
        &mut self,
        content_type: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Reply, CliError> {
        let request = Request::builder().method(&method).uri(path).header(HOST, &self.host);
        let request = request.header(CONTENT_TYPE, content_type).body(Full::new(body));
        let request = request.map_err(|error| failed("make a request", &error))?;
        // The connection may still be busy with the end of the last reply.
        self.sender.ready().await.map_err(|error| failed("connect", &error))?;
        let reply = self.sender.send_request(request).await;
        let reply = reply.map_err(|error| failed(&format!("ask for {method} {path}"), &error))?;
        let (status, says_when) = (reply.status(), reply.headers().contains_key(RETRY_AFTER));
        let body = reply.into_body().collect().await;
        let body = body.map_err(|error| failed(&format!("read the reply of {method} {path}"), &error))?;
        Ok(Reply { status, says_when, body: body.to_bytes() })
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &mut self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        let body = serde_json::to_vec(body).map_err(|error| failed("write a body", &error))?;
        let reply = self.send(Method::POST, path, body.into()).await?;
        serde_json::from_slice(&reply).map_err(|error| failed(&format!("read the reply of {path}"), &error))
    }

    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, CliError> {
        let reply = self.send(Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&reply).map_err(|error| failed(&format!("read the reply of {path}"), &error))
    }
}
