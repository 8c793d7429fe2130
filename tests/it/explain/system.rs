//! Why nobody is given work at all, and what goes on with it.

use serde_json::json;

use super::{carry_out, causes, claimed, explain, queue, somebody_works, with_unit};

const SYSTEM: &str = "/v1/system";

#[tokio::test]
async fn a_paused_system_says_since_when_and_by_whom_and_is_resumed() {
    let harness = with_unit(&["a"]).await;
    queue(&harness, &["a"]).await;
    let before = explain(&harness, SYSTEM).await;
    assert_eq!((causes(&before), &before["state"]), (vec!["at_rest"], &json!("dispatching")));
    let pause = [("content-type", "application/json"), ("reprise-actor", "mara")];
    let body = json!({ "reason": "the disk is full" }).to_string();
    let _paused = harness.request("POST", "/v1/system/pause", &pause, body).await.expect(200);
    somebody_works(&harness).await;
    let explained = explain(&harness, SYSTEM).await;
    let why = &explained["causes"][0];
    assert_eq!((causes(&explained), &explained["state"]), (vec!["system_paused"], &json!("paused")));
    assert_eq!((&why["event"]["event"], &why["event"]["actor"]), (&json!("system.paused"), &json!("mara")));
    assert_eq!((&why["reason"], &why["event"]["at"]), (&json!("the disk is full"), &explained["since"]));
    let _resumed = carry_out(&harness, &explained).await;
    assert_eq!(claimed(&harness, "docs").await, ["a"]);
    assert_eq!(causes(&explain(&harness, SYSTEM).await), ["at_rest"]);
}
