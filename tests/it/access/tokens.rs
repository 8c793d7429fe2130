//! Tokens for keys: `/connect/token` (`reference/smartdocumentor.md` §1), and what a token opens.

use std::sync::Arc;

use domain::time::Millis;
use http_api::HttpSettings;
use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup, TestClock};

use super::Guarded;
use crate::smartdocumentor::{TASKS, URL};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const WORKSPACES: &str = "/api/v1.0/external/sdworkspace/CurrentWorkspaces";

async fn ask(harness: &Harness, form: &str) -> Reply {
    harness.request("POST", "/connect/token", &[FORM], form.to_owned()).await
}

/// The id and the secret of a key that was shown.
fn parts(key: &str) -> (String, String) {
    let (id, secret) = key.strip_prefix("rp_").and_then(|key| key.split_once('_')).expect("a key");
    (id.to_owned(), secret.to_owned())
}

/// A form that gets a token.
fn form(key: &str) -> String {
    let (id, secret) = parts(key);
    format!("grant_type=client_credentials&scope=WebAPI&client_id={id}&client_secret={secret}")
}

async fn token(guarded: &Guarded, key: &str) -> String {
    let granted = ask(&guarded.harness, &form(key)).await.expect(200).json();
    granted["access_token"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_key_is_exchanged_for_a_token_that_is_good_for_an_hour() {
    let clock = Arc::new(TestClock::at("2026-01-31T12:00:00Z"));
    let guarded = Guarded::of(Setup { clock: clock.clone(), ..Setup::without_workers() }).await;
    let granted = ask(&guarded.harness, &form(&guarded.admin)).await.expect(200);
    assert_eq!((granted.header("cache-control"), granted.header("pragma")), ("no-store", "no-cache"));
    let granted = granted.json();
    let token = granted["access_token"].as_str().expect("a text");
    let expected =
        json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer", "scope": "WebAPI" });
    assert_eq!(granted, expected);
    let (id, secret) = parts(&guarded.admin);
    assert!(!token.contains(&id) && !token.contains(&secret));
    clock.pass(Millis(3_599_999));
    let _let_in = guarded.get(WORKSPACES, token).await.expect(200);
    clock.pass(Millis(1));
    let refused = guarded.get(WORKSPACES, token).await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert!(
        refused.json()["detail"].as_str().unwrap_or_default().contains("/connect/token"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_token_ends_with_its_key() {
    let clock = Arc::new(TestClock::at("2026-01-31T12:00:00Z"));
    let guarded = Guarded::of(Setup { clock: clock.clone(), ..Setup::without_workers() }).await;
    let revoked = guarded.key("revoked", "viewer", "default").await;
    let of_revoked = token(&guarded, &revoked).await;
    let until = domain::ports::Clock::now(&*clock).plus(Millis(60_000));
    let body = json!({ "name": "short", "role": "viewer", "expires_at": until });
    let short = guarded.post("/v1/keys", &guarded.admin, body).await.expect(201).json();
    let of_short = token(&guarded, short["api_key"].as_str().expect("a text")).await;
    for token in [&of_revoked, &of_short] {
        let _let_in = guarded.get(WORKSPACES, token).await.expect(200);
    }
    let (id, _) = parts(&revoked);
    let _revoked =
        guarded.post(&format!("/v1/keys/{id}/revoke"), &guarded.admin, json!({})).await.expect(200);
    let _refused = guarded.get(WORKSPACES, &of_revoked).await.expect(401);
    let _let_in = guarded.get(WORKSPACES, &of_short).await.expect(200);
    clock.pass(Millis(60_000));
    let _refused = guarded.get(WORKSPACES, &of_short).await.expect(401);
    let _none = ask(&guarded.harness, &form(&revoked)).await.expect(400);
}

#[tokio::test]
async fn a_token_has_the_role_the_organization_and_the_name_of_its_key() {
    let guarded = Guarded::start().await;
    let viewer = guarded.key("onlooker", "viewer", "default").await;
    let operator = guarded.key("scanner", "operator", "default").await;
    let settings = json!({ "display_name": "invoices", "is_default": true });
    let _workspace = guarded.post("/v1/workspaces", &guarded.admin, settings).await.expect(201);
    let (viewer, operator) = (token(&guarded, &viewer).await, token(&guarded, &operator).await);
    let body = json!({ "context": { "url": URL } });
    let refused = guarded.post(&format!("{TASKS}/process"), &viewer, body.clone()).await.expect(403);
    assert_eq!(refused.json()["code"], "forbidden");
    let created = guarded.post(&format!("{TASKS}/process"), &operator, body).await.expect(200).json();
    let path = format!("{TASKS}/status?taskId={}", created["taskId"]);
    let _shown = guarded.get(&path, &viewer).await.expect(200);
    let task =
        guarded.get(&format!("/v1/tasks/{}", created["taskId"]), &guarded.admin).await.expect(200).json();
    assert_eq!(task["created_by"], "scanner");
}

#[tokio::test]
async fn a_token_opens_this_surface_only_and_a_key_opens_it_too() {
    let guarded = Guarded::start().await;
    let token = token(&guarded, &guarded.admin).await;
    let _by_token = guarded.get(WORKSPACES, &token).await.expect(200);
    let _by_key = guarded.get(WORKSPACES, &guarded.admin).await.expect(200);
    for path in ["/v1/overview", "/v1/keys", "/admin/list", "/metrics"] {
        let _refused = guarded.get(path, &token).await.expect(401);
    }
    let mut changed = token.clone();
    changed.replace_range(10..11, if token.as_bytes()[10] == b'A' { "B" } else { "A" });
    let _refused = guarded.get(WORKSPACES, &changed).await.expect(401);
}

#[tokio::test]
async fn a_client_may_prove_itself_in_the_header_and_is_told_so_when_it_fails_there() {
    use base64::Engine as _;
    let guarded = Guarded::start().await;
    let (id, secret) = parts(&guarded.admin);
    let basic = |pair: String| format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair));
    let send = async |authorization: &str, form: &'static str| {
        let headers = [FORM, ("authorization", authorization)];
        guarded.harness.request("POST", "/connect/token", &headers, form).await
    };
    const REST: &str = "grant_type=client_credentials&scope=WebAPI";
    let granted = send(&basic(format!("{id}:{secret}")), REST).await.expect(200).json();
    assert_eq!(granted["token_type"], "Bearer");
    let wrong = send(&basic(format!("{id}:wrong")), REST).await.expect(401);
    assert_eq!(
        (wrong.header("www-authenticate"), &wrong.json()["error"]),
        ("Basic realm=\"reprise\"", &json!("invalid_client"))
    );
    let _unreadable = send("Basic %%%", REST).await.expect(401);
    let twice =
        send(&basic(format!("{id}:{secret}")), "grant_type=client_credentials&scope=WebAPI&client_secret=x")
            .await;
    assert_eq!(twice.expect(400).json()["error"], "invalid_request");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_for_a_token_is_said_in_the_words_of_oauth() {
    let guarded = Guarded::start().await;
    let (id, secret) = parts(&guarded.admin);
    let client = format!("client_id={id}&client_secret={secret}");
    let grant = "grant_type=client_credentials";
    let long = format!("{grant}&scope=WebAPI&{client}&note={}", "x".repeat(9_000));
    for (form, error) in [
        (format!("{grant}&scope=WebAPI"), "invalid_client"),
        (format!("{grant}&scope=WebAPI&client_id={id}"), "invalid_client"),
        (format!("{grant}&scope=WebAPI&client_id={id}&client_secret=wrong"), "invalid_client"),
        (format!("{grant}&scope=WebAPI&client_id=somebody&client_secret={secret}"), "invalid_client"),
        (format!("{grant}&{client}"), "invalid_scope"),
        (format!("{grant}&scope=webapi&{client}"), "invalid_scope"),
        (format!("{grant}&scope=WebAPI+more&{client}"), "invalid_scope"),
        (format!("scope=WebAPI&{client}"), "invalid_request"),
        (format!("grant_type=password&scope=WebAPI&{client}"), "unsupported_grant_type"),
        (format!("{grant}&{grant}&scope=WebAPI&{client}"), "invalid_request"),
        (String::new(), "invalid_client"),
        (long, "invalid_request"),
    ] {
        let refused = ask(&guarded.harness, &form).await.expect(400);
        assert_eq!(refused.header("cache-control"), "no-store");
        let body = refused.json();
        assert_eq!(body["error"], error, "{form:.200}");
        let description = body["error_description"].as_str().unwrap_or_default();
        assert!(description.len() > 15 && description.ends_with('.'), "{body}");
    }
    let as_json = json!({ "grant_type": "client_credentials" });
    let refused = guarded.harness.post("/connect/token", as_json).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_request");
    let _no_such_method = guarded.harness.get("/connect/token").await.expect(405);
}

#[tokio::test]
async fn the_whole_key_is_taken_for_its_secret_but_only_with_its_own_id() {
    let guarded = Guarded::start().await;
    let other = guarded.key("other", "viewer", "default").await;
    let ask_with = async |id: &str, secret: &str| {
        let form =
            format!("grant_type=client_credentials&scope=WebAPI&client_id={id}&client_secret={secret}");
        ask(&guarded.harness, &form).await
    };
    let (id, _) = parts(&guarded.admin);
    let _granted = ask_with(&id, &guarded.admin).await.expect(200);
    let dashed: uuid::Uuid = id.parse().expect("an id");
    let _granted = ask_with(&dashed.to_string(), &guarded.admin).await.expect(200);
    let _refused = ask_with(&id, &other).await.expect(400);
}

#[tokio::test]
async fn without_any_key_there_are_no_tokens_and_the_answer_says_how_to_make_one() {
    let harness = Setup::without_workers().start().await;
    let form = "grant_type=client_credentials&scope=WebAPI&client_id=a&client_secret=b";
    let refused = ask(&harness, form).await.expect(400).json();
    assert_eq!(refused["error"], "invalid_client");
    assert!(
        refused["error_description"].as_str().unwrap_or_default().contains("reprise keys create"),
        "{refused}"
    );
    let _open = harness.get(WORKSPACES).await.expect(200);
}

#[tokio::test]
async fn a_refused_client_is_recorded_and_its_secret_is_not() {
    let guarded = Guarded::start().await;
    let (id, _) = parts(&guarded.admin);
    let form =
        format!("grant_type=client_credentials&scope=WebAPI&client_id={id}&client_secret=guessed-secret");
    let _refused = ask(&guarded.harness, &form).await.expect(400);
    let events = guarded.events("access", &guarded.admin).await;
    let refused = &events[0]["data"];
    assert_eq!((&refused["cause"], &refused["route"]), (&json!("unknown_key"), &json!("/connect/token")));
    assert!(!json!(events).to_string().contains("guessed-secret"));
}

#[tokio::test]
async fn requests_for_tokens_wait_in_line_like_any_other() {
    let http = HttpSettings { requests_per_second_max: Some(3), ..HttpSettings::default() };
    let guarded = Guarded::of(Setup { http, ..Setup::without_workers() }).await;
    let mut codes = Vec::new();
    for _ in 0..10 {
        codes.push(ask(&guarded.harness, "").await.status.as_u16());
    }
    assert!(codes.contains(&429), "{codes:?}");
}

#[tokio::test]
async fn tasks_batches_and_external_ids_are_each_organizations_own() {
    let guarded = Guarded::start().await;
    let acme = guarded.key("acme", "admin", "acme").await;
    let mut ids = Vec::new();
    for (key, number) in [(&guarded.admin, 1), (&acme, 2)] {
        let settings = json!({ "display_name": "invoices", "is_default": true });
        let workspace = guarded.post("/v1/workspaces", key, settings).await.expect(201).json();
        assert_eq!(workspace["id"], number);
        // The same external id, at no cost to each other; and nothing that names no workspace goes into another's.
        let body = json!({ "externalId": "IN-1", "context": { "url": URL } });
        let created = guarded.post(&format!("{TASKS}/process"), key, body).await.expect(200).json();
        ids.push(created["taskId"].as_u64().expect("a number"));
        let batch = json!({ "displayName": "January" });
        let _batch = guarded.post("/api/v1.0/external/sdbatch", key, batch).await.expect(200);
    }
    let acme = token(&guarded, &acme).await;
    let own = guarded.get(&format!("{TASKS}/status?externalId=IN-1"), &acme).await.expect(200).json();
    assert_eq!((&own["taskId"], &own["workspaceId"]), (&json!(ids[1]), &json!(2)));
    let theirs = ids[0];
    let body = json!({ "externalIntegrationStatus": "sent" });
    for (method, path, body, expected) in [
        ("GET", format!("{TASKS}/status?taskId={theirs}"), Value::Null, 404),
        ("GET", format!("{TASKS}/status?taskId={theirs}&externalId=IN-1"), Value::Null, 404),
        ("PATCH", format!("{TASKS}/restartprocessing?taskId={theirs}"), Value::Null, 404),
        ("PATCH", format!("{TASKS}/externalIntegrationStatus?taskId={theirs}"), body, 404),
        ("GET", "/api/v1.0/external/sdbatch?batchId=1".to_owned(), Value::Null, 404),
        ("POST", format!("{TASKS}/process"), json!({ "workspaceId": 1, "context": { "url": URL } }), 400),
        ("POST", format!("{TASKS}/process"), json!({ "batchId": 1, "context": { "url": URL } }), 400),
        (
            "POST",
            "/api/v1.0/external/sdbatch".to_owned(),
            json!({ "workspaceId": 1, "displayName": "x" }),
            400,
        ),
    ] {
        let reply = guarded.send(method, &path, &acme, &body).await;
        assert_eq!(reply.status.as_u16(), expected, "{method} {path}: {}", reply.text());
    }
    let list =
        guarded.get(&format!("{TASKS}/statuslist?startDate=2026-01-01"), &acme).await.expect(200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(list[0]["taskId"], ids[1]);
    let page =
        guarded.get(&format!("{TASKS}/statuslistpaginated?startDate=2026-01-01"), &acme).await.expect(200);
    assert_eq!(page.json()["totalItems"], 1);
    let workspaces = guarded.get(WORKSPACES, &acme).await.expect(200).json();
    assert_eq!((workspaces.as_array().map(Vec::len), &workspaces[0]["tenantId"]), (Some(1), &json!("acme")));
    let batches = guarded.get("/api/v1.0/external/sdbatch/listpaginated", &acme).await.expect(200).json();
    assert_eq!(batches["totalItems"], 1);
    // Nothing has happened to what is theirs.
    let untouched =
        guarded.get(&format!("{TASKS}/status?taskId={theirs}"), &guarded.admin).await.expect(200).json();
    assert_eq!(
        (&untouched["restartCount"], &untouched["externalIntegrationStatus"]),
        (&Value::Null, &json!("never"))
    );
}
