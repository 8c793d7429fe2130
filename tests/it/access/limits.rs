//! Limits: headers, requests per second, requests at once.

use http_api::HttpSettings;
use serde_json::json;
use tests::harness::{Harness, Setup};

use super::Guarded;

fn limited(http: HttpSettings) -> Setup {
    Setup { http, ..Setup::without_workers() }
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let harness = limited(HttpSettings { headers_bytes_max: 100, ..HttpSettings::default() }).start().await;
    let long = "x".repeat(100);
    let refused = harness.request("GET", "/v1/overview", &[("x-note", &long)], "").await.expect(431);
    assert_eq!(refused.json()["code"], "headers_too_large");
    let _small = harness.get("/v1/overview").await.expect(200);
}

#[tokio::test]
async fn a_key_that_sends_too_many_requests_is_told_when_to_come_again_and_others_are_not_held_up() {
    let http = HttpSettings { requests_per_second_max: Some(3), ..HttpSettings::default() };
    let guarded = Guarded::of(limited(http)).await;
    let other = guarded.key("other", "viewer", "default").await;
    let mut codes = Vec::new();
    for _ in 0..10 {
        let reply = guarded.get("/v1/overview", &guarded.admin).await;
        if reply.status == 429 {
            assert_eq!(
                (reply.header("retry-after"), reply.json()["code"].as_str()),
                ("1", Some("too_many_requests"))
            );
        }
        codes.push(reply.status.as_u16());
    }
    assert!(codes.contains(&429), "{codes:?}");
    let _other = guarded.get("/v1/overview", &other).await.expect(200);
    let stager = guarded.get("/admin/list", &guarded.admin).await;
    assert!(stager.status == 200 || stager.json()["message"] == "TOO_MANY_REQUESTS", "{}", stager.text());
}

#[tokio::test]
async fn more_requests_at_once_than_are_taken_are_turned_away_and_health_is_still_answered() {
    let http = HttpSettings { requests_at_once_max: 1, ..HttpSettings::default() };
    let harness: Harness = limited(http).start().await;
    let waiting = harness.post("/v1/leases", json!({ "worker": "w", "wait_ms": 30_000 }));
    let refused = async {
        loop {
            let reply = harness.get("/v1/overview").await;
            if reply.status == 503 {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        early = waiting => panic!("nothing is there to claim: {}", early.text()),
        refused = refused => {
            assert_eq!((refused.header("retry-after"), refused.json()["code"].as_str()), ("1", Some("too_many_at_once")));
        }
    }
    let _alive = harness.get("/healthz").await.expect(200);
    let _freed = harness.get("/v1/overview").await.expect(200);
}
