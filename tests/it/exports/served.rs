//! The real server with a real configuration.

use std::ffi::OsStr;

use axum::body::Body;
use axum::http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tests::crash::server::Server;

use super::receiver::Receiver;
use super::{SECRET, workspace};

async fn post(url: &str, path: &str, body: Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let request = Request::post(format!("{url}{path}")).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let status = client.request(request).await.expect("the server answers").status();
    assert_eq!(status.as_u16(), 201, "{path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_signs_with_the_secret_of_its_configuration_and_never_shows_it() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("a file can be written");
    let configuration = format!(
        "[modules.cat]\ncommand = [\"cat\"]\n[webhooks]\nhosts = [\"127.0.0.1\"]\n[secrets]\nerp = {{ file = {:?} }}\n\
         other = \"{SECRET}\"\n",
        secret.display().to_string(),
    );
    std::fs::write(folder.path().join("reprise.toml"), configuration).expect("a file can be written");
    let mut server = Server::start_with(folder.path(), 1, &[("REPRISE_LOG", OsStr::new("debug"))]);
    let url = server.listens();
    let plan = json!({ "review": "automatic", "export": true });
    post(&url, "/v1/workspaces", workspace(&receiver, json!({ "plan": plan }))).await;
    post(&url, "/v1/tasks", json!({ "context": {} })).await;
    let delivered = receiver.next().await;
    assert_eq!(delivered.header("webhook-signature"), delivered.expected_signature(SECRET));
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said:?}");
    assert!(!said.iter().any(|line| line.contains(SECRET)), "{said:?}");
}
