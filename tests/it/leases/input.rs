//! Wrong input: always a 4xx with a sentence that says what to do, and nothing is leased or lost by it.

use serde_json::{Value, json};
use tests::harness::Reply;

use super::{claim_one, item, waiting_for_work};

fn says_what_to_do(reply: &Reply) -> bool {
    let detail = reply.json()["detail"].as_str().unwrap_or_default().to_owned();
    reply.header("content-type") == "application/problem+json" && detail.ends_with('.') && detail.len() > 20
}

#[tokio::test]
async fn a_wrong_claim_is_a_4xx_with_a_sentence() {
    let harness = waiting_for_work(&["a"]).await;
    let many: Vec<Value> = (0..1_001).map(|_| json!({ "unit": "docs" })).collect();
    let cases = [
        json!({}),
        json!({ "worker": 7 }),
        json!({ "worker": "" }),
        json!({ "worker": "a\nb" }),
        json!({ "worker": "x".repeat(300) }),
        json!({ "worker": "w", "unknown": 1 }),
        json!({ "worker": "w", "max": 0 }),
        json!({ "worker": "w", "max": 1_001 }),
        json!({ "worker": "w", "max": -1 }),
        json!({ "worker": "w", "lease_ms": 0 }),
        json!({ "worker": "w", "lease_ms": 86_400_001 }),
        json!({ "worker": "w", "wait_ms": 30_001 }),
        json!({ "worker": "w", "wait_ms": u64::MAX }),
        json!({ "worker": "w", "version": "v".repeat(129) }),
        json!({ "worker": "w", "queues": "docs" }),
        json!({ "worker": "w", "queues": [{}] }),
        json!({ "worker": "w", "queues": [{ "unit": "a/b" }] }),
        json!({ "worker": "w", "queues": [{ "unit": "docs", "key": "a" }] }),
        json!({ "worker": "w", "queues": many }),
    ];
    for case in cases {
        let reply = harness.post("/v1/leases", case.clone()).await.expect(422);
        assert!(says_what_to_do(&reply), "{case}: {}", reply.text());
    }
    claim_one(&harness, "w").await;
}

#[tokio::test]
async fn a_wrong_report_is_a_4xx_with_a_sentence() {
    let harness = waiting_for_work(&["a"]).await;
    let lease = claim_one(&harness, "w").await;
    let output = |output: Value| ("complete", item(&lease, json!({ "outputs": [output] })));
    let digest = format!("sha256:{}", "0".repeat(64));
    let many: Vec<Value> = (0..1_001).map(|_| item(&lease, json!({}))).collect();
    let outputs: Vec<Value> = (0..101).map(|_| json!({ "module": "cat", "content": "" })).collect();
    let cases = [
        ("start", json!({})),
        ("start", json!({ "items": [] })),
        ("start", json!({ "items": {} })),
        ("start", json!({ "items": many })),
        ("start", json!({ "items": [], "unit": "docs" })),
        ("start", item(&lease, json!({ "token": -1 }))),
        ("start", item(&lease, json!({ "token": "1" }))),
        ("start", item(&lease, json!({ "key": "" }))),
        ("start", item(&lease, json!({ "worker": 7 }))),
        ("start", item(&lease, json!({ "unknown": 7 }))),
        ("extend", item(&lease, json!({ "lease_ms": 0 }))),
        ("extend", item(&lease, json!({ "lease_ms": "1s" }))),
        ("release", item(&lease, json!({ "code": "x" }))),
        ("fail", item(&lease, json!({}))),
        ("fail", item(&lease, json!({ "code": "" }))),
        ("fail", item(&lease, json!({ "code": "x".repeat(257) }))),
        ("fail", item(&lease, json!({ "code": "x", "text": "x".repeat(70_000) }))),
        ("fail", item(&lease, json!({ "code": "x", "retry": 3 }))),
        ("complete", item(&lease, json!({ "outputs": {} }))),
        ("complete", item(&lease, json!({ "outputs": outputs }))),
        output(json!({})),
        output(json!({ "module": "cat" })),
        output(json!({ "module": "cat", "digest": digest })),
        output(json!({ "module": "cat", "size_bytes": 1 })),
        output(json!({ "module": "cat", "digest": "md5:1", "size_bytes": 1 })),
        output(json!({ "module": "cat", "content": "a", "content_base64": "YQ==" })),
        output(json!({ "module": "cat", "content_base64": "no Base64" })),
        output(json!({ "module": "cat", "content": "a", "digest": digest })),
        output(json!({ "module": "cat", "content": "a", "size_bytes": 2 })),
        output(json!({ "module": "cat", "content": "a", "scope": "x/y" })),
    ];
    for (word, case) in cases {
        let reply = harness.post(&format!("/v1/leases/{word}"), case.clone()).await.expect(422);
        assert!(says_what_to_do(&reply), "{word} {case:.200}: {}", reply.text());
    }
    assert_eq!(super::row(&harness, "a").await["version"], 1, "nothing of it was recorded");
}

#[tokio::test]
async fn a_lease_that_never_was_is_gone() {
    let harness = waiting_for_work(&["a"]).await;
    for (unit, key) in [("none", "a"), ("docs", "a"), ("docs", "never")] {
        for word in ["start", "extend", "complete", "fail", "release"] {
            let mut body = json!({ "unit": unit, "scope": "raw", "key": key, "token": 3 });
            match word {
                "fail" => body["code"] = json!("x"),
                "extend" => body["lease_ms"] = json!(1_000),
                _ => {}
            }
            let reply = harness.post(&format!("/v1/leases/{word}"), body).await.expect(409);
            assert_eq!(reply.json()["code"], "lease_gone", "{word}");
        }
    }
    assert_eq!(super::events(&harness, "a").await, ["queued"]);
}

#[tokio::test]
async fn a_document_that_is_not_there_is_a_404_and_one_that_is_too_large_a_413() {
    let harness = waiting_for_work(&["a"]).await;
    for path in ["/v1/documents/none/raw/a", "/v1/documents/docs/raw/none", "/v1/documents/docs/none/a"] {
        let reply = harness.get(path).await.expect(404);
        assert!(says_what_to_do(&reply), "{}", reply.text());
    }
    let _bad = harness.get("/v1/documents/docs/raw/a?x=1").await.expect(400);
    let limits = json!({ "input_bytes_max": 3 });
    let _set = harness.put("/v1/storage-units/docs/limits", limits).await.expect(200);
    let _large = harness.get("/v1/documents/docs/raw/a").await.expect(413);
}
