//! Organizations: each has its own units, work, campaigns, workers and events, and nothing of anybody else's.

use domain::campaign::Target;
use domain::filter::Filter;
use domain::names::{OrganizationId, Scope, StorageUnitName};
use domain::work::Status;
use serde_json::{Value, json};

use super::Guarded;

/// An instance that two organizations share, each with a unit of one document that waits.
async fn shared() -> (Guarded, String, String) {
    let guarded = Guarded::start().await;
    let acme = guarded.key("acme-admin", "admin", "acme").await;
    let globex = guarded.key("globex-admin", "admin", "globex").await;
    guarded.unit("acme-docs", &acme).await;
    guarded.unit("globex-docs", &globex).await;
    (guarded, acme, globex)
}

fn names(reply: &Value, member: &str) -> Vec<String> {
    let items = reply["items"].as_array().expect("a list");
    items.iter().map(|item| item[member].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn lists_and_counts_show_only_ones_own() {
    let (guarded, acme, _) = shared().await;
    let get = async |path: &str| guarded.get(path, &acme).await.expect(200).json();
    assert_eq!(names(&get("/v1/storage-units").await, "name"), ["acme-docs"]);
    assert_eq!(names(&get("/v1/key-scopes").await, "unit"), ["acme-docs"]);
    assert_eq!(names(&get("/v1/key-scopes?unit=globex-docs").await, "unit"), [""; 0]);
    let overview = get("/v1/overview").await;
    assert_eq!(overview["totals"]["queued"], 1);
    assert_eq!(get("/admin/list?withStats").await, json!([get("/admin/statistics/acme-docs").await]));
    assert_eq!(names(&get("/v1/keys").await, "name"), ["acme-admin"]);
    let _refused = guarded.get("/v1/keys?organization=globex", &acme).await.expect(403);
    // Who runs the instance makes keys for everybody, and still sees no data of theirs.
    let keys = guarded.get("/v1/keys?organization=globex", &guarded.admin).await.expect(200).json();
    assert_eq!(names(&keys, "name"), ["globex-admin"]);
    let units = guarded.get("/v1/storage-units", &guarded.admin).await.expect(200).json();
    assert_eq!(names(&units, "name"), [""; 0]);
}

#[tokio::test]
async fn the_past_shows_only_ones_own_too() {
    let (guarded, acme, _) = shared().await;
    let head = guarded.harness.engine.store().head().await.unwrap();
    let get = async |path: &str| guarded.get(&format!("{path}at=p{head}"), &acme).await;
    assert_eq!(names(&get("/v1/storage-units?").await.json(), "name"), ["acme-docs"]);
    assert_eq!(names(&get("/v1/key-scopes?").await.json(), "unit"), ["acme-docs"]);
    assert_eq!(get("/v1/overview?").await.json()["totals"]["queued"], 1);
    assert_eq!(names(&get("/v1/keys?").await.json(), "name"), ["acme-admin"]);
    for path in [
        "/v1/storage-units/globex-docs",
        "/v1/key-scopes/globex-docs/raw/a",
        "/v1/storage-units/globex-docs/events",
    ] {
        let _absent = get(&format!("{path}?")).await.expect(404);
    }
    let diff = guarded.get("/v1/diff?from=p0", &acme).await.expect(200).json();
    assert!(diff.to_string().contains("acme-docs") && !diff.to_string().contains("globex"), "{diff}");
}

#[tokio::test]
async fn campaigns_and_what_they_queue_belong_to_whoever_started_them() {
    let (guarded, acme, globex) = shared().await;
    let _added = guarded
        .post("/transaction/add/acme-docs/raw", &acme, json!({ "key": "b", "content": 1 }))
        .await
        .expect(200);
    let start = json!({ "unit": "acme-docs", "scope": "raw" });
    let _absent = guarded.post("/v1/campaigns", &globex, start.clone()).await.expect(404);
    let _started = guarded.post("/v1/campaigns", &acme, start).await.expect(202);
    let mut log = guarded.harness.engine.store().subscribe(domain::stream::Position::START).await.unwrap();
    let asked = async {
        loop {
            let events = log.next(100).await.unwrap();
            if let Some(event) =
                events.iter().find(|event| event.stream.as_str() == "key_scope-acme-docs/raw/b")
            {
                return event.clone();
            }
        }
    };
    let asked =
        tokio::time::timeout(std::time::Duration::from_secs(60), asked).await.expect("it is asked for");
    assert_eq!(asked.metadata.organization.as_str(), "acme");
    assert_eq!(names(&guarded.get("/v1/campaigns", &acme).await.json(), "unit"), ["acme-docs"]);
    assert_eq!(names(&guarded.get("/v1/campaigns", &globex).await.json(), "unit"), [""; 0]);
}

#[tokio::test]
async fn a_campaign_chooses_only_from_what_its_organization_has() {
    let (guarded, acme, globex) = shared().await;
    let chosen = |unit| json!({ "unit": unit, "scope": "raw", "filter": { "status": "queued" } });
    let tried =
        |unit| json!({ "unit": unit, "scope": "raw", "filter": { "status": "queued" }, "dry_run": true });
    let dry_run = guarded.post("/v1/campaigns", &acme, tried("acme-docs")).await.expect(200).json();
    assert_eq!(dry_run["keys"], json!(["a"]));
    let _absent = guarded.post("/v1/campaigns", &globex, tried("acme-docs")).await.expect(404);
    let _absent = guarded.post("/v1/campaigns", &globex, chosen("acme-docs")).await.expect(404);
    let target = json!({ "unit": "acme-docs", "scope": "raw", "filter": { "status": "queued" } });
    let posted = json!({
        "stream": "campaign-00000000-0000-0000-0000-000000000001",
        "command": { "name": "start", "body": { "target": target } },
    });
    let _absent = guarded.post("/v1/commands", &globex, posted).await.expect(404);
    let started = guarded.post("/v1/campaigns", &acme, chosen("acme-docs")).await.expect(202).json();
    assert_eq!(started["pinned"]["keys"], 1);
    let report = format!("/v1/campaigns/{}/report", started["id"].as_str().expect("a text"));
    let _own = guarded.get(&report, &acme).await.expect(200);
    let _absent = guarded.get(&report, &globex).await.expect(404);
    let pinned = guarded.get("/v1/events?kind=campaign.targets_pinned", &acme).await.expect(200);
    assert_eq!(pinned.text().lines().count(), 1, "{}", pinned.text());
}

#[tokio::test]
async fn whatever_is_asked_of_the_rows_of_another_organization_finds_none() {
    let (guarded, _, _) = shared().await;
    let name = |name: &str| OrganizationId::new(name).expect("a valid name");
    let unit = StorageUnitName::new("acme-docs").expect("a valid name");
    let filter = Filter { status: Some(Status::Queued), ..Filter::default() };
    let target = Target::matching(unit, Scope::new("raw").expect("a valid name"), filter);
    let engine = &guarded.harness.engine;
    let own = engine.of(name("acme")).targets(&target).await.expect("they can be read");
    let others = engine.of(name("globex")).targets(&target).await.expect("they can be read");
    assert_eq!((own.keys.len(), others.keys.len()), (1, 0));
}

#[tokio::test]
async fn a_worker_is_given_work_of_its_organization_only() {
    let (guarded, acme, globex) = shared().await;
    let worker = guarded.key("worker", "worker", "globex").await;
    let claim = json!({ "worker": "w", "max": 10 });
    let mut claimed = Vec::new();
    // Until the board knows whose the unit is, nobody is given anything of it.
    while claimed.is_empty() {
        let claim = json!({ "worker": "w", "max": 10, "wait_ms": 30_000 });
        let reply = guarded.post("/v1/leases", &worker, claim).await.expect(200).json();
        claimed.clone_from(reply["leases"].as_array().expect("a list"));
    }
    let units: Vec<_> = claimed.iter().map(|lease| lease["unit"].as_str().expect("a text")).collect();
    assert_eq!(units, ["globex-docs"]);
    let nothing = guarded.post("/v1/leases", &worker, claim).await.expect(200).json();
    assert_eq!(nothing["leases"], json!([]));
    // A lease that one holds is no right to another's document, and the token of another's no way to settle it.
    let _theirs = guarded.get("/v1/documents/globex-docs/raw/a", &worker).await.expect(200);
    let _others = guarded.get("/v1/documents/acme-docs/raw/a", &worker).await.expect(404);
    let fail =
        json!({ "unit": "acme-docs", "scope": "raw", "key": "a", "token": 0, "code": "X", "text": "" });
    let _absent = guarded.post("/v1/leases/fail", &worker, fail).await.expect(404);
    let workers = |reply: Value| names(&reply, "name");
    assert_eq!(workers(guarded.get("/v1/workers", &globex).await.json()), ["w"]);
    assert_eq!(workers(guarded.get("/v1/workers", &acme).await.json()), [""; 0]);
}

#[tokio::test]
async fn events_and_commands_of_others_are_not_in_the_log_that_one_sees() {
    let (guarded, acme, _) = shared().await;
    for path in ["/v1/events", "/v1/commands"] {
        let log = guarded.get(path, &acme).await.expect(200).text();
        assert!(log.contains("acme-docs") && !log.contains("globex"), "{path}: {log}");
    }
    let page = guarded.get("/v1/events?stream_prefix=storage_unit-globex", &acme).await.expect(200);
    assert_eq!(page.text(), "");
}

#[tokio::test]
async fn a_name_that_another_organization_has_is_taken_and_stays_taken() {
    let (guarded, acme, globex) = shared().await;
    let create = json!({ "name": "acme-docs", "content": { "kind": "managed" } });
    let taken = guarded.post("/v1/storage-units", &globex, create.clone()).await.expect(409);
    assert_eq!(taken.json()["code"], "storage_unit_exists");
    let _dropped =
        guarded.send("DELETE", "/v1/storage-units/acme-docs", &acme, &Value::Null).await.expect(202);
    let _taken = guarded.post("/v1/storage-units", &globex, create).await.expect(409);
}

#[tokio::test]
async fn the_same_idempotency_key_of_two_organizations_is_two_keys() {
    let (guarded, acme, globex) = shared().await;
    for (key, unit) in [(&acme, "acme-more"), (&globex, "globex-more")] {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "order 7"),
        ];
        let body = json!({ "name": unit, "content": { "kind": "managed" } }).to_string();
        let _created = guarded.harness.request("POST", "/v1/storage-units", &headers, body).await.expect(201);
    }
}

#[tokio::test]
async fn an_export_has_what_the_organization_of_its_caller_has() {
    let guarded = Guarded::start().await;
    guarded.unit("ours", &guarded.admin).await;
    let acme = guarded.key("acme-admin", "admin", "acme").await;
    guarded.unit("theirs", &acme).await;
    let export = async |query: &str, key: &str| {
        let reply = guarded.get(&format!("/v1/export{query}"), key).await.expect(200);
        let line = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
        let mut lines: Vec<Value> = reply.text().lines().map(line).collect();
        let _end = lines.pop();
        lines
    };
    let of = |events: &[Value], organization: &str| {
        events.iter().filter(|event| event["organization"] == organization).count()
    };
    let all = export("", &guarded.admin).await;
    let theirs = export("", &acme).await;
    assert!(of(&all, "default") > 0 && of(&all, "acme") > 0, "who runs the instance exports all of it");
    assert_eq!((theirs.len(), of(&theirs, "acme")), (of(&all, "acme"), of(&all, "acme")));
    assert_eq!(export("?organization=acme", &guarded.admin).await, theirs);
    let _refused = guarded.get("/v1/export?organization=default", &acme).await.expect(403);
}
