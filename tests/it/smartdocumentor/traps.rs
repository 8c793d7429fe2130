//! The fidelity traps of SmartDocumentor, one test for each point of the list (`reference/smartdocumentor.md` §11).

use serde_json::{Value, json};

use super::{TASKS, URL, each, patch, process, restart, restarted, site, status};
use crate::native_api::tasks::claim;

#[tokio::test]
async fn trap_1_restart_count_is_absent_and_not_0_before_the_first_restart() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let list = format!("{TASKS}/statuslist?startDate=2026-01-31");
    let page = format!("{TASKS}/statuslistpaginated?startDate=2026-01-31");
    for object in [
        status(&harness, id).await,
        harness.get(&list).await.expect(200).json()[0].clone(),
        harness.get(&page).await.expect(200).json()["items"][0].clone(),
    ] {
        assert_eq!(object["taskId"], id);
        assert!(!object.as_object().expect("an object").contains_key("restartCount"), "{object}");
    }
    restarted(&harness, id).await;
    assert_eq!(status(&harness, id).await["restartCount"], 1);
}

#[tokio::test]
async fn trap_2_status_restart_and_external_status_need_an_identifier_and_are_a_bad_request_without() {
    let (harness, _clock) = site().await;
    let body = json!({ "externalIntegrationStatus": "sent" });
    for (method, call, body) in [
        ("GET", "status", Value::Null),
        ("PATCH", "restartprocessing", Value::Null),
        ("PATCH", "externalIntegrationStatus", body),
    ] {
        let ask = async |query: &str| {
            let path = format!("{TASKS}/{call}{query}");
            let reply = if method == "GET" {
                harness.get(&path).await
            } else {
                patch(&harness, &path, body.clone()).await
            };
            reply.status.as_u16()
        };
        assert_eq!(ask("").await, 400, "{call}");
        assert_eq!(ask("?taskId=&externalId=").await, 400, "{call}");
        assert_eq!(ask("?taskId=4711").await, 404, "{call}");
        assert_eq!(ask("?externalId=nobodys").await, 404, "{call}");
    }
}

#[tokio::test]
async fn trap_3_whatever_a_restart_is_answered_has_no_body() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    for (query, expected) in
        [(format!("?taskId={id}"), 204), ("?taskId=4711".to_owned(), 404), (String::new(), 400)]
    {
        let reply = restart(&harness, &query).await.expect(expected);
        assert!(reply.body.is_empty() && reply.header("content-type").is_empty(), "{query}");
    }
    // Also where the request did not get as far as the call.
    let path = format!("{TASKS}/restartprocessing?taskId={id}");
    let _closed = harness.post("/v1/keys", json!({ "name": "first", "role": "admin" })).await.expect(201);
    let refused = restart(&harness, &format!("?taskId={id}")).await.expect(401);
    assert!(refused.body.is_empty() && refused.header("content-type").is_empty());
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    let headers = [("authorization", "Bearer rpt_made-up")];
    let refused = harness.request("PATCH", &path, &headers, "").await.expect(401);
    assert!(refused.body.is_empty());
}

#[tokio::test]
async fn trap_4_there_are_two_priorities_and_5_is_not_above_2() {
    let (harness, _clock) = site().await;
    let mut ids = Vec::new();
    for priority in [json!({}), json!({ "priority": 1 }), json!({ "priority": 2 }), json!({ "priority": 5 })]
    {
        ids.push(process(&harness, priority).await);
    }
    let mut claimed = Vec::new();
    for _task in &ids {
        claimed.push(claim(&harness).await["key"].as_str().expect("a text").to_owned());
    }
    // The high ones in the order of their creation, then the low ones in theirs.
    let expected: Vec<String> = [2, 3, 0, 1].iter().map(|at: &usize| ids[*at].to_string()).collect();
    assert_eq!(claimed, expected);
}

#[tokio::test]
async fn trap_5_several_values_repeat_the_parameter_and_are_no_comma_list() {
    let (harness, _clock) = site().await;
    let (leased, waiting) =
        (process(&harness, json!({ "priority": 2 })).await, process(&harness, json!({})).await);
    let _held = claim(&harness).await;
    for call in ["statuslist", "statuslistpaginated"] {
        let path = format!("{TASKS}/{call}?startDate=2026-01-31");
        let list = harness.get(&format!("{path}&taskStatus=30&taskStatus=31")).await.expect(200).json();
        let list = if list.is_array() { list } else { list["items"].clone() };
        assert_eq!(each(&list, "taskId"), [&json!(leased), &json!(waiting)], "{call}");
        let _refused = harness.get(&format!("{path}&taskStatus=30,31")).await.expect(400);
        let _refused = harness.get(&format!("{path}&workspaceId=1,2")).await.expect(400);
    }
}

#[tokio::test]
async fn trap_6_a_list_is_a_bare_array_and_a_page_an_envelope() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({})).await;
    let list = harness.get(&format!("{TASKS}/statuslist?startDate=2026-01-31")).await.expect(200).json();
    let page =
        harness.get(&format!("{TASKS}/statuslistpaginated?startDate=2026-01-31")).await.expect(200).json();
    assert_eq!(list, json!([status(&harness, id).await]));
    let expected =
        json!({ "items": list, "pageNumber": 1, "pageSize": 10, "totalPages": 1, "totalItems": 1 });
    assert_eq!(page, expected);
}

#[tokio::test]
async fn trap_7_pages_are_numbered_from_1_and_have_10_items() {
    let (harness, _clock) = site().await;
    let mut ids = Vec::new();
    for _ in 0..25 {
        ids.push(json!(process(&harness, json!({})).await));
    }
    let path = format!("{TASKS}/statuslistpaginated?endDate=2026-02-01");
    let mut seen = Vec::new();
    for (number, query) in [(1, ""), (2, "&pageNumber=2"), (3, "&pageNumber=3"), (4, "&pageNumber=4")] {
        let page = harness.get(&format!("{path}{query}")).await.expect(200).json();
        assert_eq!((&page["pageNumber"], &page["pageSize"]), (&json!(number), &json!(10)));
        assert_eq!((&page["totalPages"], &page["totalItems"]), (&json!(3), &json!(25)));
        seen.extend(each(&page["items"], "taskId").into_iter().cloned());
    }
    assert_eq!(seen, ids);
    for wrong in ["pageNumber=0", "pageNumber=-1", "pageSize=0", "pageSize=1001"] {
        let _refused = harness.get(&format!("{path}&{wrong}")).await.expect(400);
    }
}

#[tokio::test]
async fn trap_8_a_recovery_never_counts_as_a_restart_and_starts_no_paid_work() {
    let (harness, clock) = site().await;
    let id = process(&harness, json!({})).await;
    restarted(&harness, id).await;
    let _held = claim(&harness).await;
    clock.pass(domain::time::Millis::from_secs(7 * 3_600));
    assert!(harness.engine.wait_for_views(harness.engine.acknowledged()).await);
    assert_eq!(harness.engine.watch_tasks().await, Ok(1));
    let shown = status(&harness, id).await;
    assert_eq!((&shown["taskStatus"], &shown["restartCount"]), (&json!(32), &json!(1)));
    assert!(super::nothing_to_claim(&harness).await);
}

#[tokio::test]
async fn trap_9_a_restart_uses_the_first_payload_whatever_was_set_since() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "taskAssignment": { "users": ["ada"] } })).await;
    let settings = json!({ "display_name": "letters", "assignment": { "users": ["ben"] } });
    let _configured = harness.put("/v1/workspaces/1", settings).await.expect(200);
    restarted(&harness, id).await;
    let lease = claim(&harness).await;
    assert_eq!(lease["task"]["context"], json!({ "url": URL }));
    let task = super::native(&harness, id).await;
    assert_eq!(task["assignment"]["users"], json!(["ada"]));
    assert_eq!(task["plan"]["recognition"], true);
}
