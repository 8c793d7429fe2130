//! What is written for operators: the list of metrics, the alert rules and the dashboard, against what a real server tells.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Value, json};
use tests::crash::server::Server;
use tests::promql;
use tests::scrape::Scrape;
use tokio::sync::OnceCell;

const CONFIGURATION: &str = r#"
data_dir = "data"
[limits]
log_bytes_max = 1000000000
[content]
registered_bases = ["file://FOLDER"]
[[tasks.gauges]]
name = "failed"
filter = { status = "PreProcessingFailed,RecognitionFailed" }
[modules.copy]
command = ["cat"]
"#;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations").join(name);
    fs::read_to_string(path).expect("the document is there")
}

async fn ask(url: &str, method: Method, path: &str, body: Value) -> String {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(format!("{url}{path}"));
    let request =
        request.header("content-type", "application/json").body(Full::<bytes::Bytes>::new(body.into()));
    let reply = client.request(request.expect("a request")).await.expect("an answer");
    let (status, body) = (reply.status(), reply.into_body().collect().await.expect("a body").to_bytes());
    let text = String::from_utf8(body.to_vec()).expect("text");
    assert!(status.is_success(), "{path}: {status} {text}");
    text
}

/// What a real server with a worker tells after it has done some work.
async fn scrape() -> &'static Scrape {
    static SCRAPE: OnceCell<Scrape> = OnceCell::const_new();
    SCRAPE.get_or_init(work_and_scrape).await
}

async fn work_and_scrape() -> Scrape {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents");
    fs::create_dir(&documents).unwrap();
    fs::write(documents.join("a"), "x").unwrap();
    let configuration = CONFIGURATION.replace("FOLDER", &documents.display().to_string());
    fs::write(folder.path().join("reprise.toml"), configuration).unwrap();
    let mut server = Server::start(folder.path(), 1);
    let url = server.listens();
    let location = format!("file://{}", documents.display());
    let content = json!({ "kind": "registered", "url": location, "layout": "{key}", "scope": "raw" });
    let body = json!({ "name": "docs", "content": content, "modules": { "raw": [{ "module": "copy" }] } });
    ask(&url, Method::POST, "/v1/storage-units", body).await;
    let body = json!({ "scope": "raw", "keys": ["a"] });
    ask(&url, Method::POST, "/v1/storage-units/docs/reprocess", body).await;
    let finished = async {
        loop {
            let scrape = Scrape::read(&ask(&url, Method::GET, "/metrics", Value::Null).await);
            let outcome = [("outcome", "finished")];
            if scrape.value("reprise_attempts_ended_total", &outcome) > 0.0 {
                return scrape;
            }
            tokio::task::yield_now().await;
        }
    };
    let scrape = tokio::time::timeout(tests::place::PATIENCE, finished).await;
    assert_eq!(server.stop().0, 0);
    scrape.expect("the work is done in time")
}

// ── The list ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Name, type and labels of each line of the list.
fn listed() -> Vec<(String, String, BTreeSet<String>)> {
    let text = document("metrics.md");
    let lines = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        let its_type = cells.next()?.to_owned();
        let labels = cells.next()?.split(',').map(|label| label.trim_matches([' ', '`']).to_owned());
        Some((name, its_type, labels.filter(|label| !label.is_empty()).collect()))
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_in_the_list_and_everything_in_the_list_is_a_metric() {
    let told: BTreeSet<(String, String)> =
        scrape().await.metrics().into_iter().map(|(name, its_type)| (name, its_type.to_owned())).collect();
    let listed: BTreeSet<(String, String)> =
        listed().into_iter().map(|(name, its_type, _)| (name, its_type)).collect();
    let missing: Vec<_> = told.difference(&listed).collect();
    let made_up: Vec<_> = listed.difference(&told).collect();
    assert!(
        missing.is_empty() && made_up.is_empty(),
        "docs/operations/metrics.md lacks {missing:?} and has {made_up:?} too much"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_the_labels_that_the_list_says() {
    let scrape = scrape().await;
    let mut seen = BTreeSet::new();
    for (name, its_type, labels) in listed() {
        for sample in &scrape.samples {
            let part = sample.name.strip_prefix(name.as_str()).unwrap_or("-");
            let is_of = if its_type == "histogram" {
                ["_bucket", "_sum", "_count"].contains(&part)
            } else {
                part.is_empty()
            };
            if is_of {
                let its: BTreeSet<String> = sample.labels.keys().filter(|it| *it != "le").cloned().collect();
                assert_eq!(its, labels, "{}", sample.name);
                seen.insert(sample.name.as_str());
            }
        }
    }
    assert_eq!(seen, scrape.names());
}

#[test]
fn names_say_their_units() {
    for (name, its_type, _) in listed() {
        assert!(name.starts_with("reprise_") || name.starts_with("process_"), "{name}");
        assert_eq!(
            its_type == "counter",
            name.ends_with("_total"),
            "{name}: a counter, and only that, is a total"
        );
        let abbreviated = ["_ms", "_us", "_kb", "_mb", "_sec", "_duration"];
        assert!(!abbreviated.iter().any(|it| name.ends_with(it)), "{name}: seconds and bytes, written out");
    }
}

// ── Rules and dashboard ────────────────────────────────────────────────────────────────────────────────────────

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    alert: String,
    expr: String,
    #[serde(default)]
    r#for: Option<String>,
    labels: Severity,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Severity {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    description: String,
}

fn alerts() -> Vec<Alert> {
    let rules: Rules =
        serde_saphyr::from_str(&document("alerts.yaml")).expect("rules as Prometheus reads them");
    rules
        .groups
        .into_iter()
        .flat_map(|group| {
            assert!(!group.name.is_empty());
            group.rules
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_rules_name_metrics_that_there_are() {
    let there = scrape().await.names();
    for alert in alerts() {
        for name in promql::metrics(&alert.expr) {
            assert!(there.contains(name.as_str()), "{}: there is no {name}", alert.alert);
        }
    }
}

#[test]
fn an_alert_says_how_bad_it_is_and_what_to_do() {
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.alert.as_str()).collect();
    assert_eq!(names.len(), alerts.len(), "every alert has a name of its own");
    for Alert { alert, r#for, labels, annotations, .. } in &alerts {
        assert!(alert.starts_with("Reprise"), "{alert}");
        assert!(["warning", "critical"].contains(&labels.severity.as_str()), "{alert}: {}", labels.severity);
        assert!(annotations.summary.ends_with('.') && annotations.description.ends_with('.'), "{alert}");
        let minutes = r#for.as_deref().map(|it| it.strip_suffix('m').and_then(|it| it.parse::<u8>().ok()));
        assert!(minutes.is_none_or(|minutes| minutes.is_some()), "{alert}: for {for:?}", for = r#for);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_metrics_that_there_are() {
    let there = scrape().await.names();
    let dashboard: Value = serde_json::from_str(&document("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut shown = 0;
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().expect("an expression");
            for name in promql::metrics(expression) {
                assert!(there.contains(name.as_str()), "{}: there is no {name}", panel["title"]);
            }
            shown += 1;
        }
    }
    assert!(shown > 20, "{shown} expressions");
}
