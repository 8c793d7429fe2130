//! Connections: what comes over one of them, whichever HTTP is spoken there, to the real server.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::crash::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How many commands are sent at once.
const COMMANDS: u64 = 40;

fn serve(folder: &TempDir) -> (Server, SocketAddr) {
    let mut server = Server::start(folder.path(), 0);
    let url = server.listens();
    let address = url.strip_prefix("http://").expect("it speaks without TLS").parse().unwrap();
    (server, address)
}

/// The command of a number: each second one takes back what the one before did, so that their order shows.
fn command(number: u64) -> Value {
    let command = match number % 2 {
        0 => json!({ "name": "pause", "body": { "reason": number.to_string() } }),
        _ => json!({ "name": "resume" }),
    };
    json!({ "id": number.to_string(), "stream": "system", "command": command })
}

/// Everything that a server sends until it closes the connection, as replies with a status and JSON.
fn replies(text: &str) -> Vec<(u16, Value)> {
    let mut replies = Vec::new();
    let mut rest = text;
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let (body, next) = after.split_at(length.expect("a reply says how long it is"));
        replies.push((status, serde_json::from_str(body).unwrap()));
        rest = next;
    }
    assert_eq!(rest, "");
    replies
}

#[tokio::test]
async fn commands_that_are_sent_together_are_carried_out_and_answered_in_their_order() {
    let folder = TempDir::new().unwrap();
    let (_server, address) = serve(&folder);
    let mut requests = String::new();
    for number in 0..COMMANDS {
        let (body, last) = (command(number).to_string(), number + 1 == COMMANDS);
        let connection = if last { "close" } else { "keep-alive" };
        requests.push_str(&format!(
            "POST /v1/commands HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let replies = replies(&text);
    assert_eq!(replies.len() as u64, COMMANDS);
    for (number, (status, reply)) in (0..).zip(replies) {
        assert_eq!(status, 200, "{reply}");
        assert_eq!((&reply["id"], &reply["version"]), (&json!(number.to_string()), &json!(number)));
        let event = if number % 2 == 0 { "system.paused" } else { "system.resumed" };
        assert_eq!(reply["events"], json!([event]));
    }
}

fn create(number: u64) -> Request<Full<Bytes>> {
    let body = json!({ "name": format!("docs-{number}") }).to_string();
    let request =
        Request::post("http://localhost/v1/storage-units").header("content-type", "application/json");
    request.body(Full::from(body)).unwrap()
}

#[tokio::test]
async fn commands_over_one_connection_are_carried_out_beside_each_other_by_http_2_without_tls() {
    let folder = TempDir::new().unwrap();
    let (server, address) = serve(&folder);
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    // A claim that waits for work holds up none of the commands after it.
    let claim = Request::post("http://localhost/v1/leases").header("content-type", "application/json");
    let claim = claim.body(Full::from(json!({ "worker": "w", "wait_ms": 30_000 }).to_string())).unwrap();
    let claimed = sender.send_request(claim);
    let sent: Vec<_> = (0..COMMANDS).map(|number| sender.send_request(create(number))).collect();
    for reply in sent {
        let reply = reply.await.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (201, Version::HTTP_2));
    }
    drop(claimed);
    let listed = Request::get("http://localhost/v1/storage-units").body(Full::default()).unwrap();
    let listed = sender.send_request(listed).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len() as u64, COMMANDS, "{listed}");
    // Told to stop, it ends although the connection is open.
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    assert_eq!(stopped.await.unwrap().0, 0);
}

#[tokio::test]
async fn both_protocols_are_spoken_at_the_same_address() {
    let folder = TempDir::new().unwrap();
    let (_server, address) = serve(&folder);
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut first, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut second, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let health = |request: hyper::http::request::Builder| request.body(Full::<Bytes>::default()).unwrap();
    let reply =
        first.send_request(health(Request::get("/healthz").header("host", "localhost"))).await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.version()), (200, Version::HTTP_11));
    let reply = second.send_request(health(Request::get("http://localhost/healthz"))).await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.version()), (200, Version::HTTP_2));
}
