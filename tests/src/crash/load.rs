//! Clients that keep a server busy until it is gone, and remember what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use domain::names::{Actor, Key};
use domain::stream::Position;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::book::{Acknowledged, Told, What};
use super::chance::Chance;
use crate::place::unit;

/// How many keys all clients share.
pub const SHARED_KEYS: u64 = 100;
/// How many of them are processed slowly now and then.
pub const SLOW_KEYS: u64 = 3;
/// How many keys each client has for itself.
const OWN_KEYS: u64 = 4;
/// How many keys a request for several keys names.
const KEYS_AT_ONCE: usize = 3;

/// One client: what it is called, what it has seen, what it was told.
pub struct Client {
    number: u64,
    sent: u64,
    seen: Position,
    chance: Chance,
    /// Everything that was answered with success.
    pub book: Vec<Acknowledged>,
    /// Answers that are no success, as text.
    pub refused: Vec<String>,
}

/// A reply.
struct Reply {
    status: StatusCode,
    position: Position,
    text: String,
}

/// Where requests go, and how many were answered.
#[derive(Clone)]
pub struct Target {
    base: String,
    pool: Pool<HttpConnector, Full<Bytes>>,
    answered: Arc<AtomicU64>,
    enough: watch::Sender<bool>,
    wanted: u64,
}

/// The server is gone, or breaks off.
#[derive(Debug)]
pub struct Gone;

impl Target {
    /// A server of which so many answers are wanted.
    #[must_use]
    pub fn new(base: &str, wanted: u64) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        let (answered, enough) = (Arc::default(), watch::Sender::new(false));
        Self { base: base.to_owned(), pool, answered, enough, wanted }
    }

    /// Waits until it has given as many answers as wanted.
    ///
    /// # Panics
    /// Never while this target is there.
    pub async fn has_answered_enough(&self) {
        let mut enough = self.enough.subscribe();
        enough.wait_for(|enough| *enough).await.expect("the sender is part of this target");
    }

    /// Sends a request and gives the reply's JSON.
    ///
    /// # Errors
    /// When the server is gone.
    ///
    /// # Panics
    /// When the reply is no success.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Gone> {
        let reply = self.send(method, path, body, "setup").await?;
        assert!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.text);
        Ok(serde_json::from_str(&reply.text).unwrap_or_default())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        actor: &str,
    ) -> Result<Reply, Gone> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header("reprise-actor", actor);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = Full::new(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())));
        let request = request.body(body).expect("a request can be made of this");
        let response = self.pool.request(request).await.map_err(|_| Gone)?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|_| Gone)?.to_bytes();
        let position = parts.headers.get("reprise-position").and_then(|value| value.to_str().ok());
        let position = position.and_then(|text| text.parse().ok()).expect("every reply says a position");
        if self.answered.fetch_add(1, Ordering::Relaxed) + 1 >= self.wanted {
            self.enough.send_replace(true);
        }
        Ok(Reply { status: parts.status, position, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

impl Client {
    /// A client that has asked for nothing yet.
    #[must_use]
    pub const fn new(number: u64, chance: Chance) -> Self {
        Self { number, sent: 0, seen: Position::START, chance, book: Vec::new(), refused: Vec::new() }
    }

    /// Asks for one thing after the other until the server is gone.
    pub async fn keep_busy(mut self, target: Target) -> Self {
        while self.once(&target).await.is_ok() {}
        self
    }

    async fn once(&mut self, target: &Target) -> Result<(), Gone> {
        self.sent += 1;
        match self.chance.below(100) {
            0..40 => self.process(target, Method::POST).await,
            40..50 => self.process(target, Method::GET).await,
            50..60 => self.process_several(target).await,
            60..78 => self.process_natively(target).await,
            78..93 => self.write(target).await,
            93..97 => self.hold(target).await,
            97 => self.process_slowly(target).await,
            more => {
                debug_assert!(more < 100);
                self.reset(target).await
            }
        }
    }

    fn actor(&self) -> Actor {
        Actor::new(format!("client-{}/{}", self.number, self.sent)).expect("a short name")
    }

    fn shared_key(&mut self) -> Key {
        key(&format!("shared-{}", self.chance.below(SHARED_KEYS)))
    }

    /// Sends a request on behalf of an actor of its own, and gives a successful reply.
    async fn send(
        &mut self,
        target: &Target,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Option<Reply>, Gone> {
        let actor = self.actor();
        let reply = target.send(method, path, body, actor.as_str()).await?;
        if reply.status == StatusCode::OK {
            return Ok(Some(reply));
        }
        self.refused.push(format!("{path}: {} {}", reply.status, reply.text));
        Ok(None)
    }

    fn note(&mut self, what: What, told: Told, position: Position) {
        self.book.push(Acknowledged { actor: self.actor(), what, since: self.seen, told });
        self.seen = self.seen.max(position);
    }

    async fn process(&mut self, target: &Target, method: Method) -> Result<(), Gone> {
        let key = self.shared_key();
        let path = format!("/reprocess/key/{}/{key}/raw", unit());
        if let Some(reply) = self.send(target, method, &path, None).await? {
            self.note(What::Process(key), Told::Done, reply.position);
        }
        Ok(())
    }

    async fn process_several(&mut self, target: &Target) -> Result<(), Gone> {
        let mut keys: Vec<Key> = (0..KEYS_AT_ONCE).map(|_| self.shared_key()).collect();
        keys.sort();
        keys.dedup();
        let path = format!("/reprocess/keys/{}/raw", unit());
        let reply = self.send(target, Method::POST, &path, Some(json!({ "keys": keys }))).await?;
        if let Some(reply) = reply {
            let since = self.seen;
            for key in keys {
                self.note(What::Process(key), Told::Done, reply.position.min(since));
            }
            self.seen = since.max(reply.position);
        }
        Ok(())
    }

    async fn process_natively(&mut self, target: &Target) -> Result<(), Gone> {
        let key = self.shared_key();
        let path = format!("/v1/key-scopes/{}/raw/{key}/reprocess", unit());
        if let Some(reply) = self.send(target, Method::POST, &path, Some(json!({}))).await? {
            let json: Value = serde_json::from_str(&reply.text).unwrap_or_default();
            let told = match json.get("outcome").and_then(Value::as_str) {
                Some("already_waiting") => Told::AlreadySo(reply.position),
                Some(_) | None => Told::Recorded(reply.position),
            };
            self.note(What::Process(key), told, reply.position);
        }
        Ok(())
    }

    async fn write(&mut self, target: &Target) -> Result<(), Gone> {
        let key = key(&format!("own-{}-{}", self.number, self.chance.below(OWN_KEYS)));
        let path = format!("/transaction/add/{}/raw", unit());
        let body = json!({ "key": key, "content": { "by": self.actor(), "text": "x".repeat(200) } });
        if let Some(reply) = self.send(target, Method::PUT, &path, Some(body)).await? {
            self.note(What::Write(key), Told::Done, reply.position);
        }
        Ok(())
    }

    /// Holds a key and releases it; when the server goes in between, it stays held.
    async fn hold(&mut self, target: &Target) -> Result<(), Gone> {
        let key = key(&format!("shared-{}", self.number));
        for (verb, what) in [("hold", What::Hold(key.clone())), ("release", What::Release(key.clone()))] {
            let path = format!("/v1/key-scopes/{}/raw/{key}/{verb}", unit());
            if let Some(reply) = self.send(target, Method::POST, &path, Some(json!({}))).await? {
                self.note(what, Told::IsSo(reply.position), reply.position);
            }
            self.sent += 1;
        }
        Ok(())
    }

    async fn process_slowly(&mut self, target: &Target) -> Result<(), Gone> {
        // Not in the book, which is about the scope `raw`; the log's own checks are about every key-scope.
        let path = format!("/reprocess/key/{}/shared-{}/slow", unit(), self.chance.below(SLOW_KEYS));
        self.send(target, Method::POST, &path, None).await.map(drop)
    }

    async fn reset(&mut self, target: &Target) -> Result<(), Gone> {
        let path = format!("/reprocess/reset/{}", unit());
        if let Some(reply) = self.send(target, Method::POST, &path, None).await? {
            self.note(What::Reset, Told::Done, reply.position);
        }
        Ok(())
    }
}

fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}
