//! The customer's system: takes deliveries on a port of this machine, notes them, and answers as it is told. Does not know
//! who delivers.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tests::place::PATIENCE;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// An answer that is still to be given.
#[derive(Clone)]
pub(super) enum Answer {
    /// At once.
    Now(u16, &'static str),
    /// Once it is let go.
    Held(Arc<Notify>),
}

/// A delivery as it came.
pub(super) struct Delivered {
    headers: HeaderMap,
    body: Bytes,
}

/// A receiver.
pub(super) struct Receiver {
    address: SocketAddr,
    deliveries: mpsc::UnboundedReceiver<Delivered>,
}

type Answers = Arc<Mutex<VecDeque<Answer>>>;

impl Receiver {
    /// One that gives these answers in turn, and then `200 thanks`.
    pub(super) async fn start(answers: Vec<Answer>) -> Self {
        let answers: Answers = Arc::new(Mutex::new(answers.into()));
        let (sender, deliveries) = mpsc::unbounded_channel();
        let router = Router::new().route("/tasks", post(take)).with_state((answers, sender));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, deliveries }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/tasks", self.address)
    }

    /// The next delivery, once it is there.
    pub(super) async fn next(&mut self) -> Delivered {
        let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
        next.expect("a delivery comes in time").expect("the receiver runs")
    }

    /// Whether nothing has come but what was taken note of.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.deliveries.try_recv().is_err()
    }
}

async fn take(
    State((answers, sender)): State<(Answers, mpsc::UnboundedSender<Delivered>)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let answer =
        answers.lock().expect("nobody panics here").pop_front().unwrap_or(Answer::Now(200, "thanks"));
    // A test that looks at no delivery has ended.
    let _noted = sender.send(Delivered { headers, body });
    match answer {
        Answer::Now(status, text) => (StatusCode::from_u16(status).expect("a status"), text),
        Answer::Held(gate) => {
            gate.notified().await;
            (StatusCode::OK, "thanks at last")
        }
    }
}

impl Delivered {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a delivery is JSON")
    }

    /// The signature that a receiver with this secret expects, computed here from nothing but SHA-256 (RFC 2104).
    pub(super) fn expected_signature(&self, secret: &str) -> String {
        use base64::Engine as _;
        let text = [self.header("webhook-id"), ".", self.header("webhook-timestamp"), "."].concat();
        let mut block = [0_u8; 64];
        block[..secret.len()].copy_from_slice(secret.as_bytes());
        let inner = [&block.map(|byte| byte ^ 0x36)[..], text.as_bytes(), &self.body].concat();
        let outer = [&block.map(|byte| byte ^ 0x5c)[..], &Sha256::digest(inner)[..]].concat();
        format!("v1,{}", base64::prelude::BASE64_STANDARD.encode(Sha256::digest(outer)))
    }
}
