//! What can only go wrong on a real connection.

use std::time::Duration;

use http_api::HttpSettings;
use tests::harness::Setup;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BODY_BYTES_MAX: usize = 64 << 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends bytes to a fresh instance and gives what comes back until the instance closes or `enough` has come.
async fn exchange(sent: &[&[u8]], enough: &str) -> String {
    let http = HttpSettings { body_bytes_max: BODY_BYTES_MAX, ..HttpSettings::default() };
    let harness = Setup { http, ..Setup::without_workers() }.start().await;
    let mut stream = TcpStream::connect(harness.listen().await).await.expect("it listens");
    for part in sent {
        // An instance that has answered and closed takes no more, which is its right.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut received = Vec::new();
    let reading = async {
        let mut buffer = [0_u8; 4096];
        while !String::from_utf8_lossy(&received).contains(enough) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer comes");
    String::from_utf8_lossy(&received).into_owned()
}

fn head(method: &str, path: &str, more: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}\r\n")
        .into_bytes()
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_large_is_not_waited_for() {
    let request = head("POST", "/v1/storage-units", "Content-Length: 1000000000000\r\n");
    let answer = exchange(&[&request, b"{\"name\":"], "\"code\":\"body_too_large\"").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("The body has more than 65536 bytes; send less at once."), "{answer}");
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_not_read_to_its_end() {
    let request = head("POST", "/v1/storage-units", "Transfer-Encoding: chunked\r\n");
    let chunk = [format!("{:x}\r\n", 8 << 10).into_bytes(), vec![b' '; 8 << 10], b"\r\n".to_vec()].concat();
    let mut sent: Vec<&[u8]> = vec![&request];
    // One chunk more than is allowed, and never an end.
    sent.extend(std::iter::repeat_n(chunk.as_slice(), BODY_BYTES_MAX / (8 << 10) + 1));
    let answer = exchange(&sent, "\"code\":\"body_too_large\"").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
}

#[tokio::test]
async fn a_path_whose_escapes_are_wrong_is_refused_with_a_sentence() {
    for path in ["/v1/storage-units/%FF%FE", "/v1/storage-units/%zz", "/v1/key-scopes/docs/raw/%C3%28/events"]
    {
        let answer = exchange(&[&head("GET", path, "")], "\"code\":\"bad_request\"").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("\"detail\":\"The path "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_http_is_refused_and_the_connection_closed() {
    for request in [
        &b"GET /v1/storage-units/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"GET /v1/a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"POST /v1/storage-units HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
    ] {
        let answer = exchange(&[request], "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_path_that_is_too_long_is_refused() {
    let path = format!("/v1/storage-units/{}", "a".repeat(100_000));
    let answer = exchange(&[&head("GET", &path, "")], "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 431 "), "{answer:.200}");
}
