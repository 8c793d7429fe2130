//! StageR's reprocess queue: reset, and its switch (`reference/stager.md` §7.2, §7.3 and §7.5).

use domain::envelope::Command;
use domain::work::{self, Phase};
use serde_json::{Value, json};
use tests::harness::{Harness, Setup};

use crate::stager_calls::{
    abc, assert_ok, claim, claim_at_once, create, enable, phases, queued, set_modules, submit,
};

// ── Reset ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn reprocess_reset_takes_every_item_back_before_it_answers_by_get_and_post() {
    let harness = abc(Setup::without_workers()).await;
    enable(&harness, "docs").await;
    assert_ok(&harness.get("/reprocess/keys/docs/s?keys=a,b,c").await);
    for method in ["GET", "POST"] {
        let claims = claim_all(&harness, 3).await;
        let started = work::Command::Start { token: claims[0].token };
        submit(&harness, Command::work(claims[0].id.clone(), started)).await;
        assert_ok(&harness.request(method, "/reprocess/reset/docs", &[], "").await);
        assert_eq!(queued(&harness).await, ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn after_a_reset_the_old_owner_can_no_longer_finish() {
    let harness = abc(Setup::without_workers()).await;
    enable(&harness, "docs").await;
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    let claims = claim_all(&harness, 1).await;
    assert_ok(&harness.get("/reprocess/reset/docs").await);
    let (outputs, digest) = (Vec::new(), domain::digest::Digest([0; 32]));
    let complete = work::Command::Complete { token: claims[0].token, outputs, digest };
    submit(&harness, Command::work(claims[0].id.clone(), complete)).await;
    assert_eq!(queued(&harness).await, ["a"]);
}

#[tokio::test]
async fn reset_of_an_idle_unit_answers_ok() {
    let harness = abc(Setup::without_workers()).await;
    assert_ok(&harness.get("/reprocess/reset/docs").await);
    assert!(queued(&harness).await.is_empty());
}

#[tokio::test]
async fn reset_of_one_unit_leaves_the_others_alone() {
    let harness = abc(Setup::without_workers()).await;
    create(&harness, "other").await;
    enable(&harness, "docs").await;
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    claim_all(&harness, 1).await;
    assert_ok(&harness.get("/reprocess/reset/other").await);
    assert!(matches!(phases(&harness, &["a"]).await[..], [Phase::Assigned(_)]));
}

/// Claims until so many items are claimed.
async fn claim_all(harness: &Harness, count: usize) -> Vec<runtime::Claimed> {
    let mut claims = Vec::new();
    while claims.len() < count {
        let more = claim(harness).await;
        assert!(!more.is_empty(), "only {} of {count} can be claimed", claims.len());
        claims.extend(more);
    }
    claims
}

/// Claims what can be claimed, as of everything that was acknowledged before.
async fn claim_now(harness: &Harness) -> Vec<runtime::Claimed> {
    // A reset looks at the work queue only once that has seen the reset, and so everything before it.
    assert_ok(&harness.get("/reprocess/reset/docs").await);
    claim_at_once(harness).await
}

// ── The queue's switch ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_disabled_queue_accepts_and_holds_and_runs_when_enabled() {
    let harness = abc(Setup::default()).await;
    set_modules(&harness, "docs", json!({ "s": [{ "module": "cat" }] })).await;
    assert_ok(&harness.get("/reprocess/keys/docs/s?keys=a,b").await);
    assert!(claim_now(&harness).await.is_empty());
    assert_eq!(queued(&harness).await, ["a", "b"]);
    enable(&harness, "docs").await;
    harness.settled("docs").await;
    assert_eq!(phases(&harness, &["a", "b", "c"]).await, [Phase::Finished, Phase::Finished, Phase::Idle]);
}

#[tokio::test]
async fn disabling_the_queue_stops_what_was_not_claimed_yet() {
    let harness = abc(Setup::without_workers()).await;
    enable(&harness, "docs").await;
    assert_ok(&harness.get("/reprocess/key/docs/a/s").await);
    claim_all(&harness, 1).await;
    assert_ok(&harness.put("/admin/enableReprocessingQueue/docs/false", Value::Null).await);
    assert_ok(&harness.get("/reprocess/reset/docs").await);
    assert_ok(&harness.get("/reprocess/key/docs/b/s").await);
    assert!(claim_now(&harness).await.is_empty());
    assert_eq!(queued(&harness).await, ["a", "b"]);
}
