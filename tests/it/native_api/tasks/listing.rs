//! Lists and counts of tasks: the words of the filter, the orders, the pages.

use serde_json::{Value, json};
use tests::harness::Harness;

use super::{create, with_workspace};
use crate::native_api::pluck;

/// Five tasks of two batches, of which the third is held and the fourth restarted twice.
async fn with_tasks() -> Harness {
    let harness = with_workspace().await;
    for name in ["March", "April"] {
        let batch = json!({ "workspace": 1, "display_name": name });
        let _created = harness.post("/v1/batches", batch).await.expect(201);
    }
    for (number, name) in
        ["Rechnung Müller", "invoice_1", "50% off", "Invoice 2", "letter"].iter().enumerate()
    {
        let priority = if number == 4 { "high" } else { "low" };
        let batch = 1 + number % 2;
        create(
            &harness,
            json!({
                "display_name": name, "external_id": format!("IN/{number}"), "context": {}, "batch": batch,
                "priority": priority,
            }),
        )
        .await;
    }
    let listed = harness.get("/v1/tasks").await.expect(200).json();
    let ids: Vec<String> =
        listed["items"].as_array().unwrap().iter().map(|task| task["id"].to_string()).collect();
    let _held = harness.post(&format!("/v1/tasks/{}/hold", ids[2]), json!({})).await.expect(200);
    for _ in 0..2 {
        let _again = harness.post(&format!("/v1/tasks/{}/restart", ids[3]), json!({})).await.expect(200);
    }
    let failed = json!({ "outcome": "failed", "text": "unreadable" });
    let _failed = harness.post(&format!("/v1/tasks/{}/resolve", ids[4]), failed).await.expect(200);
    harness
}

async fn names(harness: &Harness, query: &str) -> Vec<String> {
    let listed = harness.get(&format!("/v1/tasks?{query}")).await.expect(200).json();
    pluck(&listed, "display_name")
}

#[tokio::test]
async fn tasks_are_found_by_each_word_of_the_filter() {
    let harness = with_tasks().await;
    let [mueller, invoice_1, off, invoice_2, letter] =
        ["Rechnung Müller", "invoice_1", "50% off", "Invoice 2", "letter"];
    let cases: [(&str, &[&str]); 17] = [
        ("", &[mueller, invoice_1, off, invoice_2, letter]),
        ("status=PreProcessingFailed", &[letter]),
        ("status=QueuedForPreProcessing,32&batch=1", &[mueller, off, letter]),
        ("status=30&text=INVOICE", &[invoice_1, invoice_2]),
        ("text=m%C3%9Cller", &[mueller]),
        ("text=50%25", &[off]),
        ("text=_", &[invoice_1]),
        ("text=in/4", &[letter]),
        ("external_id=IN/1", &[invoice_1]),
        ("batch=2&workspace=1", &[invoice_1, invoice_2]),
        ("held=true", &[off]),
        ("held=false&screen=inbox", &[mueller, invoice_1, invoice_2, letter]),
        ("restart_count_min=2", &[invoice_2]),
        ("stuck=true", &[]),
        ("external_integration_status=never&batch=2", &[invoice_1, invoice_2]),
        ("created_since=2000-01-01T00:00:00Z&created_before=2001-01-01T00:00:00Z", &[]),
        ("updated_since=2000-01-01T00:00:00Z&screen=history", &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(names(&harness, query).await, expected, "{query}");
        let counted = harness.get(&format!("/v1/tasks/counts?{query}")).await.expect(200).json();
        assert_eq!(counted["total"], expected.len(), "{query}");
    }
}

#[tokio::test]
async fn counts_under_a_filter_are_by_status_and_screen() {
    let harness = with_tasks().await;
    let counted = harness.get("/v1/tasks/counts?text=e").await.expect(200).json();
    let items: Vec<(&Value, &Value)> =
        counted["items"].as_array().unwrap().iter().map(|item| (&item["status"], &item["count"])).collect();
    let expected = [(json!("QueuedForPreProcessing"), json!(3)), (json!("PreProcessingFailed"), json!(1))];
    assert_eq!(items, expected.iter().map(|(status, count)| (status, count)).collect::<Vec<_>>());
}

#[tokio::test]
async fn lists_are_sorted_and_their_pages_follow_each_other_in_every_order() {
    let harness = with_tasks().await;
    for (sort, first) in [
        ("created_at", "Rechnung Müller"),
        ("-created_at", "letter"),
        ("-updated_at", "letter"),
        ("-restart_count", "Invoice 2"),
        ("-priority", "letter"),
        ("-status", "letter"),
        ("name", "50% off"),
        ("-name", "Rechnung Müller"),
    ] {
        let all = names(&harness, &format!("sort={sort}")).await;
        assert_eq!(all[0], first, "{sort}");
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = harness.get(&format!("/v1/tasks?sort={sort}&limit=2{after}")).await.expect(200).json();
            seen.extend(pluck(&page, "display_name"));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all, "{sort}");
    }
}

#[tokio::test]
async fn what_is_no_filter_no_order_and_no_cursor_of_this_order_is_refused_with_what_would_be() {
    let harness = with_tasks().await;
    for (query, said) in [
        ("color=red", "unknown field"),
        ("status=Done", "there is no status 'Done'; use one of Deleting"),
        ("status=", "there is no status ''"),
        ("text=", "1 to 256 bytes"),
        ("held=maybe", "held"),
        ("created_since=yesterday", "RFC 3339"),
        ("status=30&status=31", "duplicate field"),
        ("sort=color", "sort must be one of created_at"),
        ("limit=0", "limit"),
    ] {
        let refused = harness.get(&format!("/v1/tasks?{query}")).await.expect(400).json();
        assert!(refused["detail"].as_str().unwrap().contains(said), "{query}: {refused}");
    }
    let page = harness.get("/v1/tasks?limit=1").await.expect(200).json();
    let next = page["next"].as_str().unwrap();
    let _other = harness.get(&format!("/v1/tasks?sort=-created_at&after={next}")).await.expect(400);
    let paged = harness.get("/v1/tasks/counts?limit=1").await.expect(400).json();
    assert!(paged["detail"].as_str().unwrap().contains("unknown field"), "{paged}");
}
