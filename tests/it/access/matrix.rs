//! Every route × no key, a wrong key, each role, another organization → the code that is expected.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use http_api::RouteAccess;
use serde_json::json;
use tower::ServiceExt as _;

use super::Guarded;

/// What was reviewed: a method, a path and a right in each line, then a query string and a body where a request needs
/// them to get as far as asking whose the thing is.
const REVIEWED: &str = include_str!("matrix.txt");

struct Line<'a> {
    method: &'a str,
    path: &'a str,
    right: &'a str,
    query: &'a str,
    body: &'a str,
}

fn lines() -> impl Iterator<Item = Line<'static>> {
    REVIEWED.lines().map(|line| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (method, path, right, rest) = (word(), word(), word(), word());
        let (query, body) =
            if rest.starts_with('?') { rest.split_once(' ').unwrap_or((rest, "")) } else { ("", rest) };
        Line { method, path, right, query, body }
    })
}

/// Which of the keys may, as `docs/access.md` has it.
fn may(right: &str, who: &str) -> bool {
    match right {
        "open" => true,
        "read_work" => ["viewer", "operator", "admin", "worker", "other"].contains(&who),
        "read" => ["viewer", "operator", "admin", "other"].contains(&who),
        "work" => ["worker", "admin", "other"].contains(&who),
        "write" => ["operator", "admin", "other"].contains(&who),
        "administer" => ["admin", "other"].contains(&who),
        "watch" => ["viewer", "operator", "admin"].contains(&who),
        "run" => who == "admin",
        unknown => panic!("there is no right '{unknown}'"),
    }
}

/// A thing of the organization that runs the instance, or one that nobody has.
struct Things {
    unit: &'static str,
    campaign: String,
    key: String,
    /// The id of a task, a workspace and a batch.
    number: &'static str,
}

impl Things {
    fn path(&self, line: &Line<'_>) -> String {
        let id = match line.path.split('/').nth(2) {
            Some("keys") => &self.key,
            Some("tasks" | "workspaces" | "batches") => self.number,
            Some(_) | None => &self.campaign,
        };
        let names = [
            ("{unit}", self.unit),
            ("{scope}", "raw"),
            ("{key}", "a"),
            ("{enabled}", "true"),
            ("{stage}", "recognition"),
            ("{id}", id),
        ];
        let path = names.iter().fold(line.path.to_owned(), |path, (name, value)| path.replace(name, value));
        path.replace("{name}", self.unit) + line.query
    }
}

impl Guarded {
    /// The status and what was answered, as far as it was answered at once.
    async fn ask(&self, line: &Line<'_>, things: &Things, key: Option<&str>) -> (u16, String) {
        let mut request = Request::builder().method(line.method).uri(things.path(line));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if !line.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(line.body.to_owned())).unwrap();
        let Ok(response) = self.harness.router().oneshot(request).await;
        let status = response.status().as_u16();
        let endless = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        if endless {
            return (status, String::new());
        }
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

#[test]
fn the_access_table_is_the_reviewed_one() {
    let reviewed: Vec<String> =
        lines().map(|Line { method, path, right, .. }| format!("{method} {path} {right}")).collect();
    let table: Vec<String> = http_api::access_table()
        .into_iter()
        .map(|RouteAccess { path, method, right }| format!("{method} {path} {right}"))
        .collect();
    assert_eq!(table, reviewed, "review the difference, then change tests/it/access/matrix.txt");
}

/// The text between the first quotes after `start`.
fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(inside, _)| inside)
}

fn sources(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            texts.push((path.display().to_string(), text));
        }
    }
}

fn surface_sources() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/http-api/src"), &mut texts);
    assert!(texts.len() > 30, "the sources of the surfaces are there");
    texts
}

#[test]
fn every_route_that_is_registered_is_in_the_access_table() {
    let table = http_api::access_table();
    let mut found = 0;
    for (file, text) in surface_sources() {
        let registered = text.split(".route(").skip(1).chain(text.split("path = ").skip(1));
        for path in registered.filter_map(quoted).filter(|path| path.starts_with('/')) {
            assert!(
                table.iter().any(|route| route.path == path),
                "{path} of {file} is not in access/table.rs"
            );
            found += 1;
        }
    }
    assert!(found > 50, "{found} routes were found in the sources");
}

#[test]
fn every_handler_sees_only_what_the_organization_of_its_caller_has() {
    for (file, text) in surface_sources() {
        let is_surface = ["/native/", "/stager/", "/smartdocumentor/"].iter().any(|it| file.contains(it));
        let takes_all = text.contains("axum::extract::State") || text.contains("extract::{State as");
        assert!(!(is_surface && takes_all), "{file} takes the whole engine; take crate::extract::State");
    }
}

#[tokio::test]
async fn every_route_answers_each_key_with_the_expected_code() {
    let guarded = Guarded::start().await;
    let mut keys = vec![("none", None), ("wrong", Some(wrong(&guarded.admin)))];
    for role in ["viewer", "operator", "admin", "worker"] {
        keys.push((role, Some(guarded.key(role, role, "default").await)));
    }
    let mut differences = Vec::new();
    let nobodys =
        Things { unit: "nobodys", campaign: NOBODYS.to_owned(), key: NOBODYS.to_owned(), number: "7" };
    for line in lines() {
        for (who, key) in &keys {
            let (status, body) = guarded.ask(&line, &nobodys, key.as_deref()).await;
            let expected = match (line.right, *who) {
                ("open", _) => "let in",
                (_, "none" | "wrong") => "401",
                (right, who) if may(right, who) => "let in",
                (_, _) => "403",
            };
            let shown = match status {
                401 | 403 => status.to_string(),
                500 => format!("500 {body}"),
                _ => "let in".to_owned(),
            };
            if shown != expected {
                differences.push(format!("{} {} {who}: {shown}, not {expected}", line.method, line.path));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// No thing has this id.
const NOBODYS: &str = "00000000-0000-0000-0000-000000000001";

/// A key of the right form and id whose secret is not the secret.
fn wrong(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn what_another_organization_has_is_not_there_whatever_is_asked_of_it() {
    let guarded = Guarded::start().await;
    guarded.unit("docs", &guarded.admin).await;
    let started =
        guarded.post("/v1/campaigns", &guarded.admin, json!({ "unit": "docs", "scope": "raw" })).await;
    let campaign = started.expect(202).json()["id"].as_str().expect("a text").to_owned();
    let keys = guarded.get("/v1/keys", &guarded.admin).await.json();
    let key = keys["items"][0]["id"].as_str().expect("a text").to_owned();
    let other = guarded.key("other", "admin", "acme").await;
    let workspace = json!({ "display_name": "invoices", "is_default": true });
    let _workspace = guarded.post("/v1/workspaces", &guarded.admin, workspace).await.expect(201);
    let batch = json!({ "workspace": 1, "display_name": "January" });
    let _batch = guarded.post("/v1/batches", &guarded.admin, batch).await.expect(201);
    let task = json!({ "batch": 1, "context": { "url": "https://example.org/1.pdf" } });
    let _task = guarded.post("/v1/tasks", &guarded.admin, task).await.expect(201);
    let things = Things { unit: "docs", campaign, key, number: "1" };
    let mut differences = Vec::new();
    let of_organizations = |line: &Line<'_>| line.path.contains('{') && line.right != "open";
    for line in lines().filter(of_organizations) {
        let (status, body) = guarded.ask(&line, &things, Some(&other)).await;
        let absent = match line.path {
            _instance if !may(line.right, "other") => status == 403,
            // Its name is taken, whoever has it.
            path if path.starts_with("/admin/create") => {
                status == 400 && body.contains("STORAGE_UNIT_EXISTS")
            }
            path if path.starts_with("/v1") => status == 404,
            _stager => (status, body.contains("STORAGE_UNIT_DOESNT_EXIST")) == (400, true),
        };
        if !absent {
            differences.push(format!("{} {}: {status} {body}", line.method, line.path));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    // It all is there, and nothing has happened to it.
    let unit = guarded.get("/v1/storage-units/docs", &guarded.admin).await.expect(200).json();
    assert_eq!((&unit["state"], &unit["queue_enabled"]), (&json!("active"), &json!(true)));
    let task = guarded.get("/v1/tasks/1", &guarded.admin).await.expect(200).json();
    assert_eq!((&task["status"], &task["version"]), (&json!("QueuedForPreProcessing"), &json!(1)));
    let _document = guarded.get("/v1/documents/docs/raw/a", &guarded.admin).await.expect(200);
}
