//! `reprise health`: what it says of servers in every state, real ones where they can be had.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use tempfile::TempDir;
use tests::binary::{Ran, run};
use tests::crash::server::Server;

fn health(folder: &TempDir, arguments: &[&str]) -> Ran {
    run(folder.path(), &[&["health"], arguments].concat())
}

#[test]
fn a_server_that_is_ready_is_healthy_by_its_folder_and_by_its_name() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(folder.path(), 0);
    let url = server.listens();
    let by_folder = health(&folder, &[]);
    assert_eq!((by_folder.code, by_folder.stdout.as_str()), (0, "ready\n"), "{by_folder:?}");
    let elsewhere = TempDir::new().unwrap();
    let by_name = health(&elsewhere, &["--server", &url, "--json"]);
    assert_eq!((by_name.code, by_name.json()["ready"].as_bool()), (0, Some(true)), "{by_name:?}");
}

#[test]
fn without_a_server_nothing_is_healthy_and_nothing_is_begun() {
    let folder = TempDir::new().unwrap();
    let ran = health(&folder, &[]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("reprise serve"), "{}", ran.stderr);
    assert!(!folder.path().join("reprise-data").exists(), "the data folder is the server's to make");
}

#[test]
fn a_server_that_was_killed_is_not_healthy() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(folder.path(), 0);
    server.listens();
    server.kill();
    let ran = health(&folder, &[]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);
}

#[test]
fn a_server_that_does_not_answer_in_time_is_not_healthy() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let folder = TempDir::new().unwrap();
    let ran = health(&folder, &["--server", &url, "--time-limit", "1"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("within 1 s"), "{}", ran.stderr);
}

/// Asks a server that gives one answer to one request.
fn health_at_one_that_says(status: &str, body: &str) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = BufReader::new(stream.try_clone().unwrap()).lines();
        let request: Vec<_> = request.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        stream.write_all(answer.as_bytes()).unwrap();
        request
    });
    let ran = health(&TempDir::new().unwrap(), &["--server", &url]);
    assert_eq!(answering.join().unwrap()[0], "GET /readyz HTTP/1.1");
    ran
}

#[test]
fn a_server_that_is_not_ready_says_why() {
    let behind = r#"{"ready":false,"store":"ok","projections":{"lag_events":20000}}"#;
    let ran = health_at_one_that_says("503 Service Unavailable", behind);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("20000 events behind"), "{}", ran.stderr);
    let broken = r#"{"ready":false,"store":"the disk is gone","projections":{"lag_events":null}}"#;
    let ran = health_at_one_that_says("503 Service Unavailable", broken);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("the disk is gone"), "{}", ran.stderr);
}

#[test]
fn another_program_behind_the_address_is_not_healthy() {
    for (status, body) in [("200 OK", "<html>hello</html>"), ("404 Not Found", "{}")] {
        let ran = health_at_one_that_says(status, body);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains("is it reprise?"), "{}", ran.stderr);
    }
}
