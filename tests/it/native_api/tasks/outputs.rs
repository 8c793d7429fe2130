//! What the stages of a task made: kept by digest, given to the next stage, read back, and erased with the task.

use serde_json::{Value, json};
use tests::harness::{Harness, Reply};

use super::{claim, complete, create, item, status, with_workspace};

/// What `complete` says that the module made.
const MADE: &str = "three pages";

async fn output(harness: &Harness, path: &str, stage: &str) -> Reply {
    harness.get(&format!("{path}/outputs/{stage}")).await
}

fn code(reply: &Reply) -> String {
    reply.json()["code"].as_str().expect("a problem").to_owned()
}

#[tokio::test]
async fn a_stages_output_is_kept_under_its_digest_and_given_to_the_next_stage() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": { "url": "x" }, "metadata": { "from": "mail" } })).await;
    assert_eq!(code(&output(&harness, &path, "pre_processing").await.expect(404)), "output_not_made");
    let lease = claim(&harness).await;
    assert_eq!(lease["task"]["outputs"], json!({}));
    complete(&harness, &lease).await;

    let kept = output(&harness, &path, "pre_processing").await.expect(200);
    assert_eq!((kept.text().as_str(), kept.header("content-type")), (MADE, "application/octet-stream"));
    let tag = kept.header("etag").to_owned();
    let digest = tag.trim_matches('"');
    assert!(digest.starts_with("sha256:"), "{tag}");

    let lease = claim(&harness).await;
    let described = json!({ "module": "fetch", "digest": digest, "size_bytes": MADE.len(), "kept": true });
    assert_eq!(lease["task"]["outputs"]["pre_processing"], described);
    let input = harness.get(lease["input_url"].as_str().unwrap()).await.expect(200).json();
    let whole = &input["outputs"]["pre_processing"];
    assert_eq!((&whole["content"], &input["metadata"]), (&json!(MADE), &json!({ "from": "mail" })));
    assert_eq!(harness.get(&format!("{path}/outputs/review")).await.status.as_u16(), 400);
}

#[tokio::test]
async fn what_is_no_text_is_given_as_base64_and_what_was_not_sent_is_only_described() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let lease = claim(&harness).await;
    let bytes = json!({ "outputs": [{ "module": "fetch", "content_base64": "//4=" }] });
    let _done = harness.post("/v1/leases/complete", item(&lease, bytes)).await.expect(200);
    assert_eq!(output(&harness, &path, "pre_processing").await.expect(200).body, [0xff, 0xfe][..]);
    let lease = claim(&harness).await;
    let input = harness.get(&format!("{path}/input")).await.expect(200).json();
    assert_eq!(input["outputs"]["pre_processing"]["content_base64"], "//4=");

    let digest = format!("sha256:{}", "a".repeat(64));
    let described = json!({ "outputs": [{ "module": "read", "digest": digest, "size_bytes": 5 }] });
    let _done = harness.post("/v1/leases/complete", item(&lease, described)).await.expect(200);
    assert_eq!(code(&output(&harness, &path, "recognition").await.expect(404)), "output_not_kept");
}

#[tokio::test]
async fn a_restart_gives_new_outputs_and_the_old_ones_stay_readable_by_digest() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    complete(&harness, &claim(&harness).await).await;
    let tag = output(&harness, &path, "pre_processing").await.expect(200).header("etag").to_owned();
    let _restarted = harness.post(&format!("{path}/restart"), Value::Null).await.expect(200);
    assert_eq!(code(&output(&harness, &path, "pre_processing").await.expect(404)), "output_not_made");
    let old = format!("{path}/outputs/pre_processing?digest={}", tag.trim_matches('"'));
    assert_eq!(harness.get(&old).await.expect(200).text(), MADE);
    let lease = claim(&harness).await;
    assert_eq!(lease["task"]["outputs"], json!({}));
    let other = json!({ "outputs": [{ "module": "fetch", "content": "four pages" }] });
    let _done = harness.post("/v1/leases/complete", item(&lease, other)).await.expect(200);
    assert_eq!(output(&harness, &path, "pre_processing").await.expect(200).text(), "four pages");
    assert_eq!(harness.get(&old).await.expect(200).text(), MADE);
}

#[tokio::test]
async fn of_a_late_result_nothing_is_kept_and_a_deleted_task_leaves_nothing_behind() {
    let harness = with_workspace().await;
    let path = create(&harness, json!({ "context": {} })).await;
    let old = claim(&harness).await;
    let _restarted = harness.post(&format!("{path}/restart"), Value::Null).await.expect(200);
    let late = json!({ "outputs": [{ "module": "fetch", "content": "late" }] });
    let late = harness.post("/v1/leases/complete", item(&old, late)).await.expect(409);
    assert_eq!(code(&late), "late_result");
    let unkept = format!("{path}/outputs/pre_processing?digest={}", runtime::digest_of(b"late"));
    assert_eq!(code(&harness.get(&unkept).await.expect(404)), "output_not_kept");

    complete(&harness, &claim(&harness).await).await;
    let tag = output(&harness, &path, "pre_processing").await.expect(200).header("etag").to_owned();
    let _deleting = harness.delete(&path).await.expect(202);
    let mut events = harness.engine.store().subscribe(harness.engine.acknowledged()).await.expect("the log");
    while status(&harness, &path).await != "Deleted" {
        let _next = events.next(10).await.expect("the log can be followed");
    }
    let erased = format!("{path}/outputs/pre_processing?digest={}", tag.trim_matches('"'));
    assert_eq!(code(&harness.get(&erased).await.expect(404)), "output_not_kept");
}
