//! API keys: issued, presented, rotated, revoked; whose name is recorded, and what is recorded of who was refused.

use std::sync::Arc;

use domain::time::Millis;
use serde_json::json;
use tests::harness::{Setup, TestClock};

use super::Guarded;

#[tokio::test]
async fn without_a_key_an_instance_is_open_and_the_first_one_closes_it() {
    let harness = Setup::without_workers().start().await;
    let _open = harness.get("/v1/overview").await.expect(200);
    let first = harness.post("/v1/keys", json!({ "name": "first", "role": "admin" })).await.expect(201);
    let closed = harness.get("/v1/overview").await.expect(401);
    assert_eq!(closed.header("www-authenticate"), "Bearer");
    assert_eq!(closed.json()["code"], "unauthorized");
    // Revoking the last one does not open it again.
    let key = first.json();
    let bearer = format!("Bearer {}", key["api_key"].as_str().expect("a text"));
    let revoke = format!("/v1/keys/{}/revoke", key["id"].as_str().expect("a text"));
    let revoked = harness.request("POST", &revoke, &[("authorization", &bearer)], "").await.expect(200);
    assert_eq!(revoked.json()["state"], "revoked");
    let _closed = harness.get("/v1/overview").await.expect(401);
}

#[tokio::test]
async fn only_who_runs_the_instance_has_it_send_its_commands_elsewhere() {
    let guarded = Guarded::start().await;
    let reissue = json!({ "mode": "reissue", "reissue": { "target": "second" } });
    for (name, role, organization) in
        [("one", "operator", "default"), ("two", "admin", "acme"), ("three", "viewer", "default")]
    {
        let key = guarded.key(name, role, organization).await;
        let refused = guarded.post("/v1/replays", &key, reissue.clone()).await.expect(403);
        assert_eq!(refused.json()["code"], "forbidden");
    }
    let unknown = guarded.post("/v1/replays", &guarded.admin, reissue).await.expect(422);
    assert_eq!(unknown.json()["code"], "invalid_replay", "{}", unknown.text());
}

#[tokio::test]
async fn the_first_key_must_be_one_that_can_make_others() {
    let harness = Setup::without_workers().start().await;
    for body in [
        json!({ "name": "first", "role": "viewer" }),
        json!({ "name": "first", "role": "admin", "organization": "acme" }),
    ] {
        let refused = harness.post("/v1/keys", body).await.expect(422);
        assert_eq!(refused.json()["code"], "first_key_not_admin");
    }
    let _open = harness.get("/v1/overview").await.expect(200);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stored_nowhere() {
    let guarded = Guarded::start().await;
    let body = json!({ "name": "nightly", "role": "worker", "expires_at": "2999-01-01T00:00:00Z" });
    let created = guarded.post("/v1/keys", &guarded.admin, body).await.expect(201);
    assert_eq!(created.header("cache-control"), "no-store");
    let created = created.json();
    let secret = created["api_key"].as_str().expect("a text").rsplit_once('_').expect("two parts").1;
    let id = created["id"].as_str().expect("a text");
    assert_eq!(created["key"]["created_by"], "first");
    for path in [
        "/v1/keys".to_owned(),
        format!("/v1/keys/{id}"),
        format!("/v1/keys/{id}/events"),
        "/v1/events".to_owned(),
        "/v1/commands".to_owned(),
    ] {
        let shown = guarded.get(&path, &guarded.admin).await.expect(200).text();
        assert!(shown.contains("nightly") && !shown.contains(secret), "{path}: {shown}");
    }
    let listed = guarded.get("/v1/keys", &guarded.admin).await.text();
    assert!(!listed.contains("sha256:"), "{listed}");
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_the_reply_on() {
    let guarded = Guarded::start().await;
    let (key, id) = key_and_id(&guarded, "temporary").await;
    let _let_in = guarded.get("/v1/overview", &key).await.expect(200);
    let _revoked =
        guarded.post(&format!("/v1/keys/{id}/revoke"), &guarded.admin, json!({})).await.expect(200);
    let _refused = guarded.get("/v1/overview", &key).await.expect(401);
    let again = guarded.post(&format!("/v1/keys/{id}/rotate"), &guarded.admin, json!({})).await.expect(409);
    assert_eq!(again.json()["code"], "key_revoked");
}

async fn key_and_id(guarded: &Guarded, name: &str) -> (String, String) {
    let body = json!({ "name": name, "role": "viewer" });
    let created = guarded.post("/v1/keys", &guarded.admin, body).await.expect(201).json();
    let text = |member: &str| created[member].as_str().expect("a text").to_owned();
    (text("api_key"), text("id"))
}

#[tokio::test]
async fn a_rotated_key_has_another_secret_and_the_old_one_ends_when_its_grace_does() {
    let clock = Arc::new(TestClock::at("2026-01-31T12:00:00Z"));
    let guarded = Guarded::of(Setup { clock: clock.clone(), ..Setup::without_workers() }).await;
    let (old, id) = key_and_id(&guarded, "rotating").await;
    let rotate = format!("/v1/keys/{id}/rotate");
    let rotated = guarded.post(&rotate, &guarded.admin, json!({ "grace_ms": 60_000 })).await.expect(200);
    let new = rotated.json()["api_key"].as_str().expect("a text").to_owned();
    assert_ne!(old, new);
    let _new = guarded.get("/v1/overview", &new).await.expect(200);
    let _old = guarded.get("/v1/overview", &old).await.expect(200);
    clock.pass(Millis(60_000));
    let _new = guarded.get("/v1/overview", &new).await.expect(200);
    let _old = guarded.get("/v1/overview", &old).await.expect(401);
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_up() {
    let clock = Arc::new(TestClock::at("2026-01-31T12:00:00Z"));
    let guarded = Guarded::of(Setup { clock: clock.clone(), ..Setup::without_workers() }).await;
    let now = domain::ports::Clock::now(&*clock);
    let body = json!({ "name": "short", "role": "viewer", "expires_at": now.plus(Millis(1_000)) });
    let created = guarded.post("/v1/keys", &guarded.admin, body).await.expect(201).json();
    let key = created["api_key"].as_str().expect("a text");
    let _before = guarded.get("/v1/overview", key).await.expect(200);
    clock.pass(Millis(1_000));
    let _after = guarded.get("/v1/overview", key).await.expect(401);
    let causes: Vec<_> = guarded.events("access", &guarded.admin).await;
    assert_eq!(causes[0]["data"]["cause"], "expired_key");
}

#[tokio::test]
async fn keys_are_known_again_after_a_restart() {
    let store = Arc::new(store_memory::MemoryStore::new());
    let before = Guarded::of(Setup { store: store.clone(), ..Setup::without_workers() }).await;
    let admin = before.admin.clone();
    before.harness.engine.shutdown().await;
    let after = Setup { store, ..Setup::without_workers() }.start().await;
    let _closed = after.get("/v1/overview").await.expect(401);
    let bearer = format!("Bearer {admin}");
    let _open = after.request("GET", "/v1/overview", &[("authorization", &bearer)], "").await.expect(200);
}

#[tokio::test]
async fn two_keys_of_one_name_would_be_one_name_in_the_history() {
    let guarded = Guarded::start().await;
    let body = json!({ "name": "first", "role": "viewer" });
    let refused = guarded.post("/v1/keys", &guarded.admin, body).await.expect(409);
    assert_eq!(refused.json()["code"], "key_name_taken");
    let body = json!({ "name": "system", "role": "viewer" });
    let refused = guarded.post("/v1/keys", &guarded.admin, body).await.expect(422);
    assert_eq!(refused.json()["code"], "reserved_name");
}

#[tokio::test]
async fn a_command_is_recorded_under_the_name_of_its_key() {
    let guarded = Guarded::start().await;
    let worker = guarded.key("machine-7", "worker", "default").await;
    guarded.unit("docs", &guarded.admin).await;
    let claimed = guarded.post("/v1/leases", &worker, json!({ "worker": "w1" })).await.expect(200).json();
    let lease = &claimed["leases"][0];
    assert_eq!(lease["key"], "a");
    let result =
        json!({ "worker": "w1", "unit": "docs", "scope": "raw", "key": "a", "token": lease["token"] });
    let _done = guarded.post("/v1/leases/complete", &worker, result).await.expect(200);
    let events = guarded.events("key_scope", &guarded.admin).await;
    let said: Vec<_> = events.iter().map(|event| (&event["type"], &event["actor"])).collect();
    let said = serde_json::to_value(said).expect("JSON");
    let expected = json!([
        ["key_scope.queued", "first"],
        ["key_scope.assigned", "machine-7"],
        ["key_scope.process_started", "machine-7"],
        ["key_scope.finished", "machine-7"]
    ]);
    assert_eq!(said, expected);
}

#[tokio::test]
async fn only_an_admin_acts_on_behalf_of_others_and_the_key_stays_visible() {
    let guarded = Guarded::start().await;
    let operator = guarded.key("operator", "operator", "default").await;
    let create = |unit: &'static str, key: String| {
        let guarded = &guarded;
        async move {
            let bearer = format!("Bearer {key}");
            let headers = [("authorization", bearer.as_str()), ("reprise-actor", "anna")];
            guarded.harness.request("POST", &format!("/admin/create/{unit}"), &headers, "").await
        }
    };
    assert_eq!(create("one", operator.clone()).await.expect(403).json()["message"], "FORBIDDEN");
    let _created = create("two", guarded.admin.clone()).await.expect(200);
    let events = guarded.events("storage_unit", &guarded.admin).await;
    let actors: Vec<_> = events.iter().map(|event| event["actor"].as_str().expect("a text")).collect();
    assert_eq!(actors, ["anna via first"]);
    let command =
        json!({ "stream": "storage_unit-two", "command": { "name": "disable_queue" }, "actor": "anna" });
    let refused = guarded.post("/v1/commands", &operator, command.clone()).await.expect(403);
    assert_eq!(refused.json()["code"], "on_behalf_of");
    let _done = guarded.post("/v1/commands", &guarded.admin, command).await.expect(200);
}

#[tokio::test]
async fn a_posted_command_needs_the_right_that_its_own_route_needs() {
    let guarded = Guarded::start().await;
    let operator = guarded.key("operator", "operator", "default").await;
    let _created = guarded
        .post("/v1/storage-units", &operator, json!({ "name": "docs", "content": { "kind": "managed" } }))
        .await;
    let drop = json!({ "stream": "storage_unit-docs", "command": { "name": "drop" } });
    assert_eq!(
        guarded.post("/v1/commands", &operator, drop.clone()).await.expect(403).json()["code"],
        "forbidden"
    );
    let _dropped = guarded.post("/v1/commands", &guarded.admin, drop).await.expect(200);
    // A key whose digest somebody else made may have a weak secret.
    let issue = json!({ "name": "mine", "role": "admin", "secret": format!("sha256:{}", "0".repeat(64)) });
    let issue = json!({
        "stream": "api_key-00000000-0000-0000-0000-000000000001",
        "command": { "name": "issue", "body": issue }
    });
    let refused = guarded.post("/v1/commands", &guarded.admin, issue).await.expect(403);
    assert_eq!(refused.json()["code"], "command_reserved");
}

#[tokio::test]
async fn what_is_refused_is_an_event_once_a_minute_and_the_rest_is_counted() {
    let clock = Arc::new(TestClock::at("2026-01-31T12:00:00Z"));
    let guarded = Guarded::of(Setup { clock: clock.clone(), ..Setup::without_workers() }).await;
    let viewer = guarded.key("viewer", "viewer", "acme").await;
    for _ in 0..5 {
        let _refused = guarded.harness.get("/v1/overview").await.expect(401);
        let _refused = guarded.post("/v1/storage-units", &viewer, json!({ "name": "x" })).await.expect(403);
    }
    clock.pass(Millis::from_secs(60));
    let _refused = guarded.harness.get("/v1/campaigns").await.expect(401);
    let own = guarded.events("access", &guarded.admin).await;
    let counts: Vec<_> = own.iter().map(|event| (&event["data"]["cause"], &event["data"]["count"])).collect();
    assert_eq!(serde_json::to_value(counts).expect("JSON"), json!([["no_key", 1], ["no_key", 4]]));
    assert_eq!(own[0]["data"]["route"], "/v1/overview");
    let theirs = guarded.events("access", &viewer).await;
    let data: Vec<_> = theirs.iter().map(|event| &event["data"]).collect();
    assert_eq!(data[0]["cause"], "no_right");
    assert_eq!((data[0]["count"].as_u64(), data[1]["count"].as_u64(), data.len()), (Some(1), Some(4), 2));
}
