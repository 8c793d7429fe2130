//! What a claim gives, to whom, and what everybody can see of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::harness::Setup;

use super::{ask, claim, claim_one, item, say, unit, waiting_for_work};

fn keys(leases: &[Value]) -> Vec<&str> {
    leases.iter().map(|lease| lease["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_lease_says_everything_that_a_worker_needs() {
    let harness = waiting_for_work(&["deep/a b.txt"]).await;
    let lease = claim_one(&harness, "w").await;
    assert_eq!(
        (&lease["unit"], &lease["scope"], &lease["key"], &lease["attempt"], &lease["lease_ms"]),
        (&json!("docs"), &json!("raw"), &json!("deep/a b.txt"), &json!(1), &json!(60_000))
    );
    assert_eq!(lease["modules"], json!([{ "module": "cat", "settings": { "a": 1, "b": 2 } }]));
    assert_eq!(lease["input_url"], "/v1/documents/docs/raw/deep%2Fa%20b.txt");
    let document = harness.get(lease["input_url"].as_str().unwrap()).await.expect(200);
    assert_eq!(
        (document.text().as_str(), document.header("content-type")),
        ("content of deep/a b.txt", "application/octet-stream")
    );
    assert!(lease["token"].is_u64() && lease["until"].is_string(), "{lease}");
}

#[tokio::test]
async fn a_claim_gives_at_most_what_was_asked_for_and_nothing_twice() {
    let harness = waiting_for_work(&["a", "b", "c"]).await;
    let (two, one) = (claim(&harness, "w", 2).await, claim(&harness, "v", 2).await);
    assert_eq!((two.len(), one.len()), (2, 1));
    let all: BTreeSet<&str> = keys(&two).into_iter().chain(keys(&one)).collect();
    assert_eq!(all, ["a", "b", "c"].into());
    let nothing = harness.post("/v1/leases", json!({ "worker": "w" })).await.expect(200).json();
    assert_eq!(nothing["leases"], json!([]));
}

#[tokio::test]
async fn a_claim_takes_only_from_the_queues_that_it_names() {
    let harness = waiting_for_work(&["a"]).await;
    unit(&harness, "other", json!([{ "module": "cat" }])).await;
    ask(&harness, "other", &["b"]).await;
    let of = |queues: Value| json!({ "worker": "w", "max": 9, "queues": queues });
    for queues in [json!([{ "unit": "none" }]), json!([{ "unit": "docs", "scope": "cooked" }])] {
        let reply = harness.post("/v1/leases", of(queues)).await.expect(200).json();
        assert_eq!(reply["leases"], json!([]));
    }
    let reply = harness.post("/v1/leases", of(json!([{ "unit": "other", "scope": "raw" }]))).await;
    assert_eq!(keys(reply.expect(200).json()["leases"].as_array().unwrap()), ["b"]);
    let reply = harness.post("/v1/leases", of(json!([{ "unit": "other" }, { "unit": "docs" }]))).await;
    assert_eq!(keys(reply.expect(200).json()["leases"].as_array().unwrap()), ["a"]);
}

#[tokio::test]
async fn a_claim_may_say_how_long_its_leases_last() {
    let harness = waiting_for_work(&["a"]).await;
    let body = json!({ "worker": "w", "lease_ms": 5_000 });
    let reply = harness.post("/v1/leases", body).await.expect(200).json();
    assert_eq!(reply["leases"][0]["lease_ms"], 5_000);
    let row = super::row(&harness, "a").await;
    assert_eq!(row["lease_until"], reply["leases"][0]["until"]);
}

#[tokio::test]
async fn everybody_can_see_who_works_here_and_on_what() {
    let harness = waiting_for_work(&["a", "b"]).await;
    let queues = json!([{ "unit": "docs", "scope": "raw" }]);
    let body = json!({ "worker": "first", "version": "1.2", "queues": queues, "max": 1 });
    let held = harness.post("/v1/leases", body).await.expect(200).json()["leases"][0].clone();
    let second = claim_one(&harness, "second").await;
    let _done = say(&harness, "complete", &second, json!({ "worker": "second" })).await.expect(200);
    let workers = harness.get("/v1/workers").await.expect(200).json();
    let items = workers["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{workers}");
    let first = &items[0];
    assert_eq!(
        (&first["name"], &first["version"], &first["queues"]),
        (&json!("first"), &json!("1.2"), &queues)
    );
    assert_eq!((&first["holding"], &first["leases"][0]["key"]), (&json!(1), &held["key"]));
    assert_eq!(first["leases"][0]["token"], held["token"]);
    assert_eq!((&items[1]["name"], &items[1]["holding"]), (&json!("second"), &json!(0)));
    assert!(items.iter().all(|worker| worker["last_seen"].is_string()));
    // One after the other.
    let page = harness.get("/v1/workers?limit=1").await.expect(200).json();
    let next = page["next"].as_str().unwrap();
    let rest = harness.get(&format!("/v1/workers?limit=1&after={next}")).await.expect(200).json();
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&json!("second"), &Value::Null));
}

#[tokio::test]
async fn workers_inside_the_server_are_seen_as_well() {
    let harness = Setup { workers: 1, ..Setup::default() }.start().await;
    unit(&harness, "docs", json!([{ "module": "cat" }])).await;
    ask(&harness, "docs", &["a"]).await;
    harness.settled("docs").await;
    let workers = harness.get("/v1/workers").await.expect(200).json();
    assert!(workers["items"][0]["name"].as_str().unwrap().starts_with("built-in/1@"), "{workers}");
}

#[tokio::test]
async fn a_name_of_a_worker_inside_the_server_is_refused() {
    let harness = waiting_for_work(&["a"]).await;
    let body = json!({ "worker": "built-in/1@me" });
    assert_eq!(harness.post("/v1/leases", body).await.expect(422).json()["code"], "reserved_worker");
    let lease = claim_one(&harness, "w").await;
    let refused = harness.post("/v1/leases/start", item(&lease, json!({ "worker": "built-in/2" }))).await;
    assert_eq!(refused.expect(422).json()["code"], "reserved_worker");
}
