//! The description of the native API and the page that shows it: that the document is what it says it is, that it and the
//! routes are the same, and that the page needs nobody else. That replies fit it is checked at every reply of every test,
//! in the harness.

mod document;
mod page;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

/// The methods of HTTP that a description can describe.
const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"];

/// Every described path with its methods.
fn described() -> Vec<(String, BTreeSet<String>)> {
    let document = http_api::document();
    let paths = document["paths"].as_object().expect("a description has paths");
    let methods = |item: &Value| {
        let members = item.as_object().expect("an object").keys().map(|it| it.to_uppercase());
        members.filter(|method| METHODS.contains(&method.as_str())).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// A path with something in the place of each placeholder.
fn filled(template: &str) -> String {
    let id = "0195d3c0-0000-7000-8000-000000000000";
    let part = |part: &str| if part == "{id}" { id.to_owned() } else { part.replace(['{', '}'], "") };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_described_route_is_there_and_has_no_other_method() {
    let harness = Setup::without_workers().start().await;
    for (template, methods) in described() {
        let path = filled(&template);
        for method in METHODS {
            // A stream of events has no end; that it is there shows in the methods that are not.
            if template == "/v1/events/stream" && method == "GET" {
                continue;
            }
            let reply = harness.request(method, &path, &[], "").await;
            let is_refused = reply.status.as_u16() == 405;
            assert_eq!(is_refused, !methods.contains(method), "{method} {path}: {}", reply.text());
            if is_refused {
                let allowed: BTreeSet<String> =
                    reply.header("allow").split(',').map(|it| it.trim().to_owned()).collect();
                let mut expected = methods.clone();
                if expected.contains("GET") {
                    expected.insert("HEAD".to_owned());
                }
                assert_eq!(allowed, expected, "{path}");
            } else {
                let is_problem = reply.header("content-type") == "application/problem+json";
                assert!(!is_problem || reply.json()["code"] != "no_such_route", "{method} {path}");
            }
        }
    }
}

#[test]
fn no_native_route_is_registered_without_its_description() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/http-api/src");
    let mut folders = vec![sources.join("native")];
    let mut files = vec![
        sources.join("native.rs"),
        sources.join("health.rs"),
        sources.join("metrics.rs"),
        sources.join("description.rs"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut described = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable source");
        for plain in [".route(", ".route_service(", ".nest(", ".nest_service("] {
            assert!(!text.contains(plain), "{}: register it with .routes(routes!(…))", file.display());
        }
        described += text.matches(".routes(routes!(").count();
    }
    assert!(described > 0, "routes are registered where this test looks");
}

#[tokio::test]
async fn the_server_and_the_command_line_give_the_same_document() {
    let harness = Harness::start().await;
    let served = harness.get("/openapi.json").await.expect(200).json();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let printed = tests::binary::run(folder.path(), &["openapi"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.json(), served);
    assert_eq!(served["openapi"], json!("3.1.0"));
    // Nothing was asked of a data folder.
    assert_eq!(std::fs::read_dir(folder.path()).expect("a readable folder").count(), 0);
}
