//! TLS: a real server with a certificate, asked by the command line and by clients that look closely; and what is said
//! when something does not fit.

mod mistakes;
mod site;

use std::fs;

use hyper::Version;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use site::{Authority, Site, agreed, get, http2};
use tests::binary::{command, run};
use tests::crash::server::signal;
use tests::place::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[test]
fn a_server_is_asked_over_https_by_whoever_trusts_its_authority() {
    let site = Site::new();
    let (server, address) = site.serve();
    for arguments in [&["status"][..], &["health"], &["unit", "create", "docs"], &["events"]] {
        let ran = site.ask(address, &site.authority.file, arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    }
    let other = Authority::new(site.path(), "other");
    let refused = site.ask(address, &other.file, &["health"]);
    assert!(refused.code == 5 && refused.stderr.contains("nobody who is trusted here"), "{refused:?}");
    assert!(refused.stderr.contains("--ca-cert"), "{refused:?}");
    assert_eq!(server.stop().0, 0);
}

#[test]
fn commands_beside_the_data_folder_know_the_certificate_of_its_server_and_take_no_other() {
    let site = Site::new();
    let (_server, _address) = site.serve();
    let status = run(site.path(), &["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    let file = site.path().join("reprise-data/server.json");
    let mut named: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    named["certificate"] = json!("AAAA");
    fs::write(&file, named.to_string()).unwrap();
    let refused = run(site.path(), &["status"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.stderr.contains("not the one that the data folder names"), "{refused:?}");
}

#[test]
fn a_worker_process_fetches_documents_and_reports_over_https() {
    let site = Site::new();
    let (_server, address) = site.serve();
    let module = "[modules.upper]\nshell = \"tr a-z A-Z\"\noutput_scope = \"upper\"\n";
    let elsewhere = tempfile::TempDir::new().unwrap();
    fs::write(elsewhere.path().join("reprise.toml"), module).unwrap();
    let ask = |arguments: &[&str]| {
        let ran = site.ask(address, &site.authority.file, &[&["--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.json()
    };
    ask(&["unit", "create", "docs"]);
    ask(&["unit", "modules", "docs", "raw=upper"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let document = json!({ "key": "a", "content": "quiet" });
    assert_eq!(runtime.block_on(post(&site, address, "/transaction/add/docs/raw", &document)), 200);
    ask(&["reprocess", "key", "docs", "a", "raw"]);

    let url = format!("https://localhost:{}", address.port());
    let mut work = command(elsewhere.path(), &["--server", &url, "work", "--name", "mine"]);
    let mut work = work.env("REPRISE_CA_CERT", &site.authority.file).spawn().unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    while ask(&["status"])["totals"]["finished"] != 1 {
        assert!(std::time::Instant::now() < end, "the document is finished in time");
    }
    let attempts = ask(&["history", "docs/raw/a", "--attempts"]);
    assert_eq!(attempts["items"][0]["worker"], "mine", "{attempts}");
    signal(&work, rustix::process::Signal::TERM);
    assert!(work.wait().unwrap().success());
}

/// Sends JSON over HTTP/1.1, and gives the status.
async fn post(site: &Site, address: std::net::SocketAddr, path: &str, body: &Value) -> u16 {
    let stream = TokioIo::new(site.connect(address, &["http/1.1"]).await);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post(path).header("host", "localhost");
    let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
    sender.send_request(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn http_2_and_http_1_are_offered_and_the_client_chooses() {
    let site = Site::new();
    let (_server, address) = site.serve();
    let both = site.connect(address, &["http/1.1", "h2"]).await;
    assert_eq!(agreed(&both), Some(&b"h2"[..]), "the server prefers it");
    let mut http2 = http2(both).await;
    // Many at once, over one connection.
    let replies = (0..20).map(|_| http2.send_request(get("/v1/overview", &[]))).collect::<Vec<_>>();
    for reply in replies {
        let reply = reply.await.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (200, Version::HTTP_2));
    }
    for offers in [&["http/1.1"][..], &[]] {
        let mut one = site.connect(address, offers).await;
        assert_eq!(agreed(&one), offers.first().map(|offer| offer.as_bytes()));
        let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        one.write_all(request).await.unwrap();
        let mut answer = String::new();
        one.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn the_limit_of_headers_is_the_same_over_http_2() {
    let site = Site::new();
    fs::write(site.path().join("reprise.toml"), "[limits]\nheaders_bytes_max = 60000\n").unwrap();
    let (_server, address) = site.serve();
    let mut http2 = http2(site.connect(address, &["h2"]).await).await;
    let within = "x".repeat(59_000);
    let taken = http2.send_request(get("/v1/overview", &[("x-note", &within)])).await.unwrap();
    assert_eq!(taken.status(), 200);
    let above = "x".repeat(60_000);
    let refused = http2.send_request(get("/v1/overview", &[("x-note", &above)])).await.unwrap();
    assert_eq!(refused.status(), 431);
    assert_eq!(site::json(refused).await["code"], "headers_too_large");
    let far_above = "x".repeat(100_000);
    let refused = http2.send_request(get("/v1/overview", &[("x-note", &far_above)])).await.unwrap();
    assert_eq!(refused.status(), 431);
}

#[tokio::test]
async fn a_refused_access_over_tls_is_recorded_with_the_address_it_came_from() {
    let site = Site::new();
    let made = run(site.path(), &["keys", "create", "ops", "--role", "admin"]);
    let key = format!("Bearer {}", made.stdout.trim());
    let (_server, address) = site.serve();
    let mut http2 = http2(site.connect(address, &["h2"]).await).await;
    let refused = http2.send_request(get("/v1/overview", &[])).await.unwrap();
    assert_eq!(refused.status(), 401);
    let events = get("/v1/events?kind=access", &[("authorization", &key)]);
    let event = site::json(http2.send_request(events).await.unwrap()).await;
    assert_eq!(event["data"]["address"], "127.0.0.1", "{event}");
}

#[tokio::test]
async fn a_handshake_that_stalls_holds_nobody_up_and_not_the_stop_either() {
    let site = Site::new();
    // Longer than the test takes: what goes on does so beside it, and not because it was given up.
    let limits = "[limits]\ntls_handshake_ms_max = 3600000\nshutdown_ms_max = 3600000\n";
    fs::write(site.path().join("reprise.toml"), limits).unwrap();
    let (server, address) = site.serve();
    let mut stalled = Vec::new();
    for _ in 0..50 {
        let silent = TcpStream::connect(address).await.unwrap();
        let mut begun = TcpStream::connect(address).await.unwrap();
        begun.write_all(&[22, 3, 1]).await.unwrap();
        stalled.extend([silent, begun]);
    }
    let mut http2 = http2(site.connect(address, &["h2"]).await).await;
    assert_eq!(http2.send_request(get("/v1/overview", &[])).await.unwrap().status(), 200);
    // One that follows the events has no end of its own.
    let followed = get("/v1/events", &[("accept", "text/event-stream")]);
    let followed = http2.send_request(followed).await.unwrap();
    assert_eq!(followed.status(), 200);
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    let (code, said) = tokio::time::timeout(PATIENCE, stopping).await.expect("it stops in time").unwrap();
    assert_eq!(code, 0, "{said:?}");
}

#[tokio::test]
async fn a_handshake_that_fails_holds_up_none_that_is_under_way() {
    let site = Site::new();
    let (_server, address) = site.serve();
    let under_way = TcpStream::connect(address).await.unwrap();
    let mut nonsense = TcpStream::connect(address).await.unwrap();
    nonsense.write_all(&[0; 64]).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: it is over, and nobody else connects from here on.
    let _over = tokio::time::timeout(PATIENCE, nonsense.read_to_end(&mut answer)).await.expect("it ends");
    let answered = async {
        let mut http2 = http2(site.shake_hands(under_way, &["h2"]).await).await;
        http2.send_request(get("/v1/overview", &[])).await.unwrap()
    };
    let answered = tokio::time::timeout(PATIENCE, answered).await.expect("it is answered");
    assert_eq!(answered.status(), 200);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_given_up() {
    let site = Site::new();
    fs::write(site.path().join("reprise.toml"), "[limits]\ntls_handshake_ms_max = 50\n").unwrap();
    let (_server, address) = site.serve();
    for begun in [&[][..], &[22, 3, 1]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // Whether it is closed or reset depends on what was left unread.
        assert!(ended.is_ok() && answer.is_empty(), "{begun:?}: {ended:?} {answer:?}");
    }
}
