//! Why the work of a storage unit does not move, and what frees it.

use serde_json::{Value, json};

use super::{carry_out, causes, claimed, explain, happened, keys, queue, somebody_works, with_unit};

const UNIT: &str = "/v1/storage-units/docs";

#[tokio::test]
async fn a_disabled_queue_is_enabled() {
    let harness = with_unit(&["a"]).await;
    somebody_works(&harness).await;
    queue(&harness, &["a"]).await;
    let _disabled = harness.put(&format!("{UNIT}/queue"), json!({ "enabled": false })).await.expect(200);
    let explained = explain(&harness, UNIT).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["queue_disabled"], &json!("active")));
    let _enabled = carry_out(&harness, &explained).await;
    assert_eq!(causes(&explain(&harness, UNIT).await), ["queues_open"]);
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
}

#[tokio::test]
async fn a_queue_that_nobody_serves_is_served() {
    let harness = with_unit(&["a"]).await;
    assert_eq!(causes(&explain(&harness, UNIT).await), ["queues_open"]);
    queue(&harness, &["a"]).await;
    let explained = explain(&harness, UNIT).await;
    assert_eq!((causes(&explained), &explained["causes"][0]["scope"]), (vec!["no_worker"], &json!("raw")));
    let given = carry_out(&harness, &explained).await.json();
    assert_eq!(keys(&given), ["a"]);
}

#[tokio::test]
async fn a_dropped_unit_is_created_as_it_was() {
    let harness = with_unit(&[]).await;
    let before = harness.get(UNIT).await.expect(200).json();
    let _dropped = harness.delete(UNIT).await;
    happened(&harness, "cleared").await;
    let explained = explain(&harness, UNIT).await;
    assert_eq!((causes(&explained), &explained["state"]), (vec!["unit_gone"], &json!("absent")));
    let _created = carry_out(&harness, &explained).await;
    let after = harness.get(UNIT).await.expect(200).json();
    for member in ["content", "modules", "queue_enabled", "limits"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_ne!(after["content"], Value::Null);
}
