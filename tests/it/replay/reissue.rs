//! Reissue: an empty instance that is sent the commands of another one becomes the same, and sending them again changes
//! nothing. With two real servers.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;
use tests::binary::{Ran, command, run};
use tests::crash::server::Server;
use tests::place::PATIENCE;

fn standby(folder: &Path) -> (Server, String) {
    let mut server = Server::start_as(folder, &["--standby"], &[]);
    let url = server.listens_within(PATIENCE).expect("the standby listens");
    (server, url)
}

/// A folder in which documents were processed, one of them failed, and some were processed again.
fn eventful() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    for number in 0..5 {
        std::fs::write(folder.path().join(format!("docs/{number}.md")), number.to_string()).unwrap();
    }
    let program = "if [ $REPRISE_KEY = 3.md ]; then exit 7; fi; cat";
    assert_eq!(run(folder.path(), &["run", "docs", "--attempts", "2", "--shell", "--", program]).code, 1);
    assert_eq!(run(folder.path(), &["run", "docs", "--glob", "1*", "--", "cat"]).code, 0);
    folder
}

/// What a server answers.
fn get(url: &str, path: &str) -> String {
    let asking = async {
        let pool = Pool::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let reply = pool.get(format!("{url}{path}").parse().unwrap()).await.unwrap();
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
        String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(asking)
}

fn reissue(folder: &Path, to: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["--json", "replay", "reissue", "--to", to];
    arguments.extend(more);
    run(folder, &arguments)
}

/// Everything that an instance shows: its rows, and its log.
fn board(url: &str) -> Vec<String> {
    let paths = [
        "/v1/storage-units",
        "/v1/key-scopes?unit=docs",
        "/v1/campaigns",
        "/v1/tasks",
        "/v1/workspaces",
        "/v1/system",
        "/v1/events?limit=1000",
        "/v1/commands?limit=1000",
    ];
    paths.map(|path| get(url, path)).into()
}

#[test]
fn an_empty_instance_that_is_sent_every_command_becomes_the_same_row_by_row() {
    let source = eventful();
    let target = TempDir::new().unwrap();
    let (_standby, to) = standby(target.path());
    let sent = reissue(source.path(), &to, &[]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let count = sent.json()["carried_out"].as_u64().unwrap();
    assert!(count > 20, "{sent:?}");
    let again = reissue(source.path(), &to, &["--rate", "100000"]);
    let expected = serde_json::json!({ "carried_out": 0, "there_already": count });
    assert_eq!((again.code, again.json()), (0, expected), "sending them again changes nothing");
    let mut original = Server::start_as(source.path(), &["--standby"], &[]);
    let from = original.listens_within(PATIENCE).expect("the original listens");
    for (one, other) in board(&from).iter().zip(board(&to)) {
        assert_eq!(*one, other);
    }
    // The same over the network, into a third one, which has a part already.
    let third = TempDir::new().unwrap();
    let (_third, third_url) = standby(third.path());
    let sent = reissue(source.path(), &third_url, &["--streams", "storage_unit-*"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let sent = reissue(
        third.path(),
        &third_url,
        &["--server", &from, "--recorded-pace", "--until", "2000-01-01T00:00:00Z"],
    );
    assert_eq!((sent.code, &sent.json()["carried_out"]), (0, &Value::from(0)), "{sent:?}");
    let sent = reissue(third.path(), &third_url, &["--server", &from]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let rows = |url: &str| {
        let items: Value = serde_json::from_str(&get(url, "/v1/key-scopes?unit=docs")).unwrap();
        items["items"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(rows(&from), rows(&third_url));
}

#[test]
fn a_target_of_the_configuration_is_sent_to_from_the_folder_and_by_its_server() {
    let source = eventful();
    let target = TempDir::new().unwrap();
    let key = run(target.path(), &["--json", "keys", "create", "first", "--role", "admin"]).json();
    let (_standby, to) = standby(target.path());
    let refused = reissue(source.path(), &to, &[]);
    assert_eq!(refused.code, 4, "without the key: {refused:?}");
    let secret = source.path().join("key");
    std::fs::write(&secret, key["api_key"].as_str().unwrap()).unwrap();
    let text = format!(
        "[replay.targets.second]\nurl = '{to}'\napi_key = 'key'\n[secrets]\nkey = {{ file = '{}' }}\n",
        secret.display()
    );
    std::fs::write(source.path().join("reprise.toml"), text).unwrap();
    let named = |name: &str| ["--json", "replay", "reissue", "--target", name].map(str::to_owned);
    let ran = |arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(source.path(), &arguments)
    };
    let unknown = ran(&named("third"));
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("the configuration has second"), "{unknown:?}");
    let sent = ran(&named("second"));
    assert_eq!(sent.code, 0, "{sent:?}");
    let count = sent.json()["carried_out"].as_u64().unwrap();
    let mut original = Server::start_as(source.path(), &["--standby"], &[]);
    let from = original.listens_within(PATIENCE).expect("the original listens");
    let again = ran(&[&["--server".to_owned(), from][..], &named("second")].concat());
    let expected = serde_json::json!({ "carried_out": 0, "there_already": count });
    assert_eq!((again.code, again.json()), (0, expected), "{again:?}");
}

#[test]
fn only_a_standby_takes_recorded_commands_and_it_takes_nothing_else() {
    let source = eventful();
    let target = TempDir::new().unwrap();
    let mut server = Server::start(target.path(), 0);
    let to = server.listens_within(PATIENCE).expect("the server listens");
    let refused = reissue(source.path(), &to, &[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("--standby"), "{refused:?}");
    assert_eq!(get(&to, "/v1/events"), "", "nothing was recorded");
    let waiting = TempDir::new().unwrap();
    let (_standby, url) = standby(waiting.path());
    let mut pause = command(waiting.path(), &["--server", &url, "system", "pause", "--reason", "a test"]);
    let output = pause.output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("standby"), "{output:?}");
}
