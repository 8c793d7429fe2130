//! Deliveries to real receivers on this machine: what they get, and what their answers become.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::time::{Millis, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

type Received = mpsc::UnboundedReceiver<(HeaderMap, Bytes)>;

/// A receiver that answers so, and what it gets.
async fn receiver(status: StatusCode, answer: Vec<u8>) -> (SocketAddr, Received) {
    let (sender, received) = mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| {
        let (sender, answer) = (sender.clone(), answer.clone());
        async move {
            sender.send((headers, body)).expect("the test waits");
            (status, [("location", "/elsewhere")], Body::from(answer))
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    (address, received)
}

fn name() -> SecretName {
    SecretName::new("erp").expect("a name")
}

fn client(secret: &str) -> WebhookClient {
    let secrets = [(name(), SecretSource::text(secret))].into();
    WebhookClient::new(WebhookSettings::default(), secrets).expect("a client")
}

fn delivery(address: SocketAddr) -> Delivery {
    Delivery {
        url: format!("http://{address}/"),
        secret: Some(name()),
        time_limit_ms: Millis(30_000),
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        at: Timestamp::from_micros(1_614_265_330_000_000),
        body: br#"{"test": 2432232314}"#.to_vec(),
    }
}

#[tokio::test]
async fn a_delivery_is_signed_as_the_standard_says() {
    let (address, mut received) = receiver(StatusCode::OK, b"taken".to_vec()).await;
    // The example of the specification of Standard Webhooks.
    let client = client("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let answer = client.deliver(delivery(address)).await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice(), answer.is_accepted()), (200, &b"taken"[..], true));
    let (headers, body) = received.recv().await.expect("a delivery");
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header(ID), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    assert_eq!(header(TIMESTAMP), Some("1614265330"));
    assert_eq!(header(SIGNATURE), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_eq!(
        (header(CONTENT_TYPE), &body[..]),
        (Some("application/json"), &br#"{"test": 2432232314}"#[..])
    );
    let unsigned = Delivery { secret: None, ..delivery(address) };
    client.deliver(unsigned).await.expect("an answer");
    assert!(!received.recv().await.expect("a delivery").0.contains_key(SIGNATURE));
}

#[tokio::test]
async fn any_answer_is_an_answer_and_a_redirect_is_not_followed() {
    for status in [StatusCode::FOUND, StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE] {
        let (address, _received) = receiver(status, vec![b'x'; 2 * ANSWER_BYTES_MAX]).await;
        let answer = client("0123456789abcdef").deliver(delivery(address)).await.expect("an answer");
        assert_eq!((answer.status, answer.is_accepted()), (status.as_u16(), false));
        assert_eq!(answer.body.len(), ANSWER_BYTES_MAX, "the rest is not kept");
    }
}

#[tokio::test]
async fn a_receiver_that_is_silent_or_not_there_gives_no_answer() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = silent.local_addr().expect("an address");
    let limited = Delivery { time_limit_ms: Millis(20), ..delivery(address) };
    let error = client("0123456789abcdef").deliver(limited).await.expect_err("nobody answers");
    assert_eq!(error, DeliveryError::TimeLimit(Millis(20)));
    drop(silent);
    let error = client("0123456789abcdef").deliver(delivery(address)).await.expect_err("nobody listens");
    assert!(matches!(error, DeliveryError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn without_its_secret_nothing_is_sent_and_no_message_shows_one() {
    let (address, mut received) = receiver(StatusCode::OK, Vec::new()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    for (source, expected) in [
        (None, "not configured"),
        (Some(SecretSource::env("NO_SUCH_VARIABLE_OF_REPRISE")), "NO_SUCH_VARIABLE_OF_REPRISE is not set"),
        (Some(SecretSource::file(&file)), "cannot be read"),
        (Some(SecretSource::text("hunter2")), "fewer than 16 bytes"),
        (Some(SecretSource::text("whsec_hunter2")), "no Base64"),
    ] {
        let secrets = source.clone().map(|source| (name(), source)).into_iter().collect();
        let client = WebhookClient::new(WebhookSettings::default(), secrets).expect("a client");
        let error = client.deliver(delivery(address)).await.expect_err("there is no secret").to_string();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
        assert!(!format!("{source:?}").contains("hunter2"));
    }
    assert!(received.try_recv().is_err());
    std::fs::write(&file, "0123456789abcdef\n").expect("a file can be written");
    assert_eq!(SecretSource::file(&file).read().await, Ok(b"0123456789abcdef".to_vec()));
}

#[tokio::test]
async fn only_hosts_that_are_allowed_are_delivered_to() {
    let (address, mut received) = receiver(StatusCode::OK, Vec::new()).await;
    let client = |host: &str| {
        let settings = WebhookSettings { hosts: vec![host.to_owned()], ca_file: None };
        WebhookClient::new(settings, [(name(), SecretSource::text("0123456789abcdef"))].into())
            .expect("a client")
    };
    let error = client("erp.example.org").deliver(delivery(address)).await.expect_err("it is another host");
    assert!(matches!(&error, DeliveryError::Address(text) if text.contains("webhooks.hosts")), "{error}");
    let odd = Delivery { url: "ftp://127.0.0.1/".to_owned(), ..delivery(address) };
    assert!(matches!(client("127.0.0.1").deliver(odd).await, Err(DeliveryError::Address(_))));
    assert!(received.try_recv().is_err());
    assert!(client("127.0.0.1").deliver(delivery(address)).await.is_ok());
}
