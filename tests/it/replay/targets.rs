//! Reissues over HTTP: one instance sends its commands to another that its configuration names, and to nobody else.

use std::sync::Arc;

use async_trait::async_trait;
use domain::names::TargetName;
use domain::ports::{SendError, Sent, Target, Targets};
use runtime::RuntimeSettings;
use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};

/// One target of the name `second`: another instance, or a place where there is none.
struct Second(Option<Arc<Harness>>);

#[async_trait]
impl Targets for Second {
    fn names(&self) -> Vec<TargetName> {
        vec![TargetName::new("second").unwrap()]
    }

    async fn target(&self, name: &TargetName) -> Result<Option<Arc<dyn Target>>, SendError> {
        let target: Arc<dyn Target> = match &self.0 {
            Some(harness) => Arc::new(Other(harness.clone())),
            None => Arc::new(Nobody),
        };
        Ok((name.as_str() == "second").then_some(target))
    }
}

struct Other(Arc<Harness>);

#[async_trait]
impl Target for Other {
    async fn send(&self, lines: Vec<u8>) -> Result<Vec<Sent>, SendError> {
        let headers = [("content-type", "application/x-ndjson")];
        let reply = self.0.request("POST", "/v1/commands?context=recorded", &headers, lines).await;
        let sent = |line: Value| match line["status"].as_str() {
            Some("accepted") => Sent::CarriedOut,
            Some("nothing") => Sent::ThereAlready,
            _ => Sent::Refused(line["problem"]["detail"].to_string()),
        };
        Ok(lines_of(&reply).into_iter().map(sent).collect())
    }
}

struct Nobody;

#[async_trait]
impl Target for Nobody {
    async fn send(&self, _: Vec<u8>) -> Result<Vec<Sent>, SendError> {
        Err(SendError::Unavailable("nobody answers".to_owned()))
    }
}

fn lines_of(reply: &Reply) -> Vec<Value> {
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An instance with a few commands behind it, and a target.
async fn first(second: Option<Arc<Harness>>) -> Harness {
    let first = Setup { targets: Arc::new(Second(second)), ..Setup::without_workers() }.start().await;
    for name in ["a", "b"] {
        let unit = json!({ "name": name, "content": { "kind": "managed" } });
        let _created = first.post("/v1/storage-units", unit).await.expect(201);
    }
    let _created = first.post("/v1/workspaces", json!({ "display_name": "invoices" })).await.expect(201);
    first
}

async fn standby() -> Arc<Harness> {
    let runtime = RuntimeSettings { is_standby: true, ..RuntimeSettings::default() };
    Arc::new(Setup { runtime, ..Setup::without_workers() }.start().await)
}

async fn reissue(harness: &Harness, more: Value) -> Reply {
    let mut body = json!({ "mode": "reissue", "reissue": { "target": "second" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    harness.post("/v1/replays", body).await
}

#[tokio::test]
async fn a_reissue_makes_the_other_instance_the_same_and_a_second_one_changes_nothing() {
    let second = standby().await;
    let first = first(Some(second.clone())).await;
    let reply = reissue(&first, json!({})).await.expect(200);
    let report = lines_of(&reply).pop().unwrap()["report"].take();
    let carried_out = report["reissue"]["carried_out"].as_u64().unwrap();
    assert!(carried_out >= 3 && report["commands"] == carried_out, "{report}");
    for path in ["/v1/events", "/v1/commands", "/v1/storage-units", "/v1/workspaces"] {
        assert_eq!(first.get(path).await.text(), second.get(path).await.text(), "{path}");
    }
    let kept = first.get(reply.header("location")).await.json();
    assert_eq!((&kept["state"], &kept["report"]), (&json!("done"), &report), "{kept}");
    let paced = json!({ "reissue": { "target": "second", "pace": { "per_second": 100_000 } } });
    let again = lines_of(&reissue(&first, paced).await.expect(200));
    let expected = json!({ "carried_out": 0, "there_already": carried_out });
    assert_eq!(again.last().unwrap()["report"]["reissue"], expected, "{again:?}");
}

#[tokio::test]
async fn a_reissue_sends_what_its_filter_chooses() {
    let second = standby().await;
    let first = first(Some(second.clone())).await;
    let only = json!({ "filter": { "types": ["storage_unit"], "streams": "*-b" } });
    let lines = lines_of(&reissue(&first, only).await.expect(200));
    assert_eq!(lines.last().unwrap()["report"]["reissue"]["carried_out"], 1, "{lines:?}");
    let units = second.get("/v1/storage-units").await.json();
    assert_eq!(units["items"].as_array().map(Vec::len), Some(1), "{units}");
}

#[tokio::test]
async fn the_first_refused_command_is_a_finding_and_the_end() {
    let busy = Arc::new(Setup::without_workers().start().await);
    let first = first(Some(busy.clone())).await;
    let lines = lines_of(&reissue(&first, json!({})).await.expect(200));
    let finding = &lines[lines.len() - 2]["finding"];
    assert_eq!((&finding["kind"], &finding["stream"]), (&json!("refused"), &json!("storage_unit-a")));
    assert!(finding["text"].as_str().unwrap().contains("--standby"), "{finding}");
    let report = &lines.last().unwrap()["report"];
    assert_eq!((&report["findings"], &report["reissue"]["carried_out"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(busy.get("/v1/events").await.text(), "");
}

#[tokio::test]
async fn a_target_that_does_not_answer_ends_the_reissue_with_the_reason() {
    let first = first(None).await;
    let reply = reissue(&first, json!({})).await.expect(200);
    let problem = lines_of(&reply).pop().unwrap()["problem"].take();
    assert_eq!(problem["code"], "target_unavailable", "{problem}");
    let kept = first.get(reply.header("location")).await.json();
    assert_eq!(kept["state"], "failed", "{kept}");
    assert!(kept["problem"].as_str().unwrap().contains("nobody answers"), "{kept}");
}

#[tokio::test]
async fn nothing_is_sent_but_to_a_target_of_the_configuration() {
    let first = first(None).await;
    for (target, word) in [
        (json!({ "target": "third" }), "the configuration has second"),
        (json!({ "target": "http://127.0.0.1:7272" }), "a target's name"),
        (json!({ "target": "second", "url": "http://127.0.0.1:7272" }), "url"),
        (json!({ "target": "second", "pace": { "per_second": 0 } }), "between 1 and 1000000"),
        (Value::Null, "needs reissue"),
    ] {
        let refused = reissue(&first, json!({ "reissue": target })).await;
        assert!([400, 422].contains(&refused.status.as_u16()), "{target}: {}", refused.text());
        assert!(refused.text().contains(word), "{target}: {}", refused.text());
    }
    for mode in ["verify", "what_if"] {
        let refused = reissue(&first, json!({ "mode": mode })).await.expect(422);
        assert!(refused.text().contains("eissue is for the mode reissue"), "{}", refused.text());
    }
}
