//! Each call of `reference/smartdocumentor.md` §2 to §4: what it takes, what it answers.

use domain::event::{Event, RecordedEvent};
use domain::task;
use domain::time::Millis;
use serde_json::{Value, json};
use tests::harness::Setup;
use tests::place::until;

use super::{TASKS, URL, each, native, patch, process, restarted, site, status, steer, to_review, workspace};
use crate::native_api::tasks::{claim, item};

const WORKSPACES: &str = "/api/v1.0/external/sdworkspace/CurrentWorkspaces";
const BATCHES: &str = "/api/v1.0/external/sdbatch";

// ── §4.1 process ───────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn process_takes_every_documented_field_and_answers_the_task_id() {
    let (harness, _clock) = site().await;
    let batch = harness.post(BATCHES, json!({ "displayName": "January" })).await.expect(200).json();
    let body = json!({
        "displayName": "Invoice 7", "description": "from ada", "workspaceId": 1, "batchId": batch["batchId"], "priority": 3,
        "context": { "url": URL, "transcriptLanguage": "pt" },
        "taskAssignment": { "users": ["ada", "ben"], "orderType": "All" },
        "customFormValues": { "cost centre": 12 }, "metadata": { "case": "C-1" }, "externalId": "IN-7",
    });
    let created = harness.post(&format!("{TASKS}/process"), body).await.expect(200);
    let id = created.json()["taskId"].as_u64().expect("a number");
    assert_eq!(created.json(), json!({ "taskId": id }));
    assert!(!created.header("reprise-position").is_empty());
    let task = native(&harness, id).await;
    assert_eq!((&task["priority"], &task["metadata"]), (&json!("high"), &json!({ "case": "C-1" })));
    assert_eq!(task["assignment"], json!({ "users": ["ada", "ben"], "order": "all" }));
    let lease = claim(&harness).await;
    assert_eq!(lease["task"]["context"], json!({ "url": URL, "transcriptLanguage": "pt" }));
    let events = harness.get(&format!("/v1/events?stream_prefix=task-{id}")).await.expect(200).text();
    assert!(events.contains("cost centre"), "{events}");
}

#[tokio::test]
async fn process_takes_what_is_absent_null_or_blank_for_not_given() {
    let (harness, _clock) = site().await;
    let blank = json!({ "displayName": "", "description": " ", "externalId": "", "workspaceId": null, "batchId": null,
        "priority": null, "taskAssignment": null, "customFormValues": null, "metadata": null });
    let mut names = Vec::new();
    for members in [json!({}), blank] {
        let id = process(&harness, members).await;
        let shown = status(&harness, id).await;
        assert_eq!((&shown["workspaceId"], &shown["batchId"]), (&json!(1), &Value::Null));
        assert_eq!((&shown["externalId"], &shown["description"]), (&Value::Null, &Value::Null));
        names.push(shown["displayName"].as_str().expect("a text").to_owned());
    }
    // A random name each.
    assert!(names.iter().all(|name| name.starts_with("task-")) && names[0] != names[1], "{names:?}");
}

#[tokio::test]
async fn process_matches_member_names_whatever_their_case_and_leaves_what_is_inside_as_it_is() {
    let (harness, _clock) = site().await;
    let body = json!({ "Context": { "url": URL, "Case": 1, "case": 2 }, "DISPLAYNAME": "loud", "externalid": "x", "surprise": 1 });
    let created = harness.post(&format!("{TASKS}/process"), body).await.expect(200).json();
    let shown = status(&harness, created["taskId"].as_u64().expect("a number")).await;
    assert_eq!((&shown["displayName"], &shown["externalId"]), (&json!("loud"), &json!("x")));
    assert_eq!(claim(&harness).await["task"]["context"], json!({ "url": URL, "Case": 1, "case": 2 }));
}

#[tokio::test]
async fn process_refuses_what_cannot_be_and_creates_nothing() {
    let (harness, _clock) = site().await;
    let letters =
        harness.post("/v1/workspaces", json!({ "display_name": "letters" })).await.expect(201).json();
    let batch = json!({ "displayName": "January", "workspaceId": letters["id"] });
    let batch = harness.post(BATCHES, batch).await.expect(200).json();
    for (members, code) in [
        (json!({ "workspaceId": 99 }), "workspace_not_found"),
        (json!({ "batchId": 99 }), "batch_not_found"),
        (json!({ "batchId": batch["batchId"] }), "batch_of_another_workspace"),
        (json!({ "taskAssignment": { "users": ["ada", "ada"] } }), "wrong_assignment"),
    ] {
        let mut body = members.clone();
        body["context"] = json!({ "url": URL });
        let refused = harness.post(&format!("{TASKS}/process"), body).await.expect(400).json();
        assert_eq!(refused["code"], code, "{members}");
    }
    let list = harness.get(&format!("{TASKS}/statuslist?startDate=2026-01-31")).await.expect(200).json();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn process_under_an_idempotency_key_creates_one_task() {
    let (harness, _clock) = site().await;
    let body = json!({ "context": { "url": URL } }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "order 7")];
    let path = format!("{TASKS}/process");
    let first = harness.request("POST", &path, &headers, body.clone()).await.expect(200).json();
    let again = harness.request("POST", &path, &headers, body).await.expect(200).json();
    assert_eq!(first, again);
    let path = format!("{TASKS}/restartprocessing?taskId={}", first["taskId"]);
    for _ in 0..3 {
        let _once =
            harness.request("PATCH", &path, &[("idempotency-key", "restart 7")], "").await.expect(204);
    }
    assert_eq!(status(&harness, first["taskId"].as_u64().expect("a number")).await["restartCount"], 1);
}

// ── §3 and §4.2 status ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn status_shows_a_task_as_documented() {
    let (harness, clock) = site().await;
    let id = process(&harness, json!({ "displayName": "Invoice 7", "externalId": "IN-7" })).await;
    let expected = json!({
        "taskId": id, "workspaceId": 1, "batchId": null, "taskNumber": null, "externalId": "IN-7",
        "displayName": "Invoice 7", "description": null, "createdOn": "2026-01-31T12:00:00.000000Z",
        "taskStatus": 30, "taskStatusText": "Queued for Pre-Processing",
        "integrationStatus": 0, "integrationStatusText": "Not Queued", "externalIntegrationStatus": "never",
        "totalPages": 0, "preProcessingStartedOn": "2026-01-31T12:00:00.000000Z",
    });
    assert_eq!(status(&harness, id).await, expected);
    clock.pass(Millis(1_500));
    restarted(&harness, id).await;
    let again = status(&harness, id).await;
    assert_eq!(
        (&again["restartCount"], &again["preProcessingStartedOn"]),
        (&json!(1), &json!("2026-01-31T12:00:01.500000Z"))
    );
}

#[tokio::test]
async fn status_finds_by_either_identifier_whatever_the_case_of_the_parameter() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "externalId": "IN-7" })).await;
    let other = process(&harness, json!({})).await;
    for query in [
        format!("taskId={id}"),
        format!("taskid={id}"),
        format!("TASKID=%20{id}"),
        "externalId=IN-7".to_owned(),
        "EXTERNALID=IN-7&unknown=1".to_owned(),
        format!("taskId={id}&externalId=IN-7"),
    ] {
        let shown = harness.get(&format!("{TASKS}/status?{query}")).await.expect(200).json();
        assert_eq!(shown["taskId"], id, "{query}");
    }
    // The value is compared as it is; and two identifiers must mean the same task.
    for query in ["externalId=in-7".to_owned(), format!("taskId={other}&externalId=IN-7")] {
        let absent = harness.get(&format!("{TASKS}/status?{query}")).await.expect(404).json();
        assert_eq!(absent["code"], "task_not_found", "{query}");
    }
}

#[tokio::test]
async fn status_has_the_documented_numbers() {
    let (harness, _clock) = site().await;
    let shown = async |id: u64| {
        let shown = status(&harness, id).await;
        (
            shown["taskStatus"].as_u64().expect("a number"),
            shown["taskStatusText"].as_str().expect("a text").to_owned(),
        )
    };
    let is = |number: u64, text: &str| (number, text.to_owned());
    let never = json!({ "attempts_max": 1, "backoff_ms": 1, "backoff_ms_max": 1 });
    for (code, expected) in [
        ("any", is(32, "Pre-Processing Failed")),
        ("download_failed", is(33, "Pre-Processing Download Failed")),
        ("get_pages_failed", is(35, "Pre-Processing Get Pages Failed")),
    ] {
        let id = process(&harness, json!({})).await;
        assert_eq!(shown(id).await, is(30, "Queued for Pre-Processing"));
        let lease = claim(&harness).await;
        assert_eq!(shown(id).await, is(31, "Pre-Processing in Progress"));
        let failure = item(&lease, json!({ "code": code, "retry": never }));
        let _failed = harness.post("/v1/leases/fail", failure).await.expect(200);
        assert_eq!(shown(id).await, expected);
    }
    let id = process(&harness, json!({})).await;
    let _deleted = harness.delete(&format!("/v1/tasks/{id}")).await.expect(202);
    let is_deleted = |event: &RecordedEvent| event.event == Event::Task(task::Event::Deleted);
    until(harness.engine.store(), is_deleted).await;
    assert_eq!(shown(id).await, is(20, "Deleted"));
    // What the documents give no number for has one of ours, and those are from 1000 on.
    let statuses = task::TaskStatus::ALL;
    assert!(statuses.iter().all(
        |status| [19, 20, 30, 31, 32, 33, 34, 35].contains(&status.number()) || status.number() >= 1_000
    ));
}

// ── §4.3 and §4.4 lists ────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn statuslist_needs_a_start_or_an_end_and_both_ends_belong_to_it() {
    let (harness, clock) = site().await;
    let mut ids = Vec::new();
    for _hour in 12..15 {
        ids.push(process(&harness, json!({})).await);
        clock.pass(Millis::from_secs(3_600));
    }
    for call in ["statuslist", "statuslistpaginated"] {
        let list = async |query: &str| {
            let list = harness.get(&format!("{TASKS}/{call}?{query}")).await.expect(200).json();
            let list = if list.is_array() { list } else { list["items"].clone() };
            each(&list, "taskId").into_iter().map(|id| id.as_u64().expect("a number")).collect::<Vec<_>>()
        };
        for (query, expected) in [
            ("startDate=2026-01-31T13:00:00Z", &ids[1..]),
            ("endDate=2026-01-31T13:00:00Z", &ids[..2]),
            ("startDate=2026-01-31T13:00:00&ENDDATE=2026-01-31T15:00:00%2B02:00", &ids[1..2]),
            ("startdate=2026-01-31&endDate=2026-02-01", &ids[..]),
            ("startDate=2026-02-01", &[]),
            ("startDate=2026-02-01&endDate=2026-01-01", &[]),
        ] {
            assert_eq!(list(query).await, expected, "{call}?{query}");
        }
        for query in ["", "taskStatus=30", "startDate=", "startDate=yesterday"] {
            let _refused = harness.get(&format!("{TASKS}/{call}?{query}")).await.expect(400);
        }
    }
}

#[tokio::test]
async fn statuslist_filters_alternatives_within_a_parameter_and_restricts_by_each() {
    let (harness, _clock) = site().await;
    let letters =
        harness.post("/v1/workspaces", json!({ "display_name": "letters" })).await.expect(201).json();
    let reviewed = to_review(&harness, json!({})).await;
    let waiting = process(&harness, json!({})).await;
    let letter = process(&harness, json!({ "workspaceId": letters["id"] })).await;
    let path = format!("{TASKS}/externalIntegrationStatus?taskId={letter}");
    let _set = patch(&harness, &path, json!({ "externalIntegrationStatus": "sent" })).await.expect(204);
    let expected: [(&str, &[u64]); 10] = [
        ("", &[reviewed, waiting, letter]),
        ("&taskStatus=30", &[waiting, letter]),
        ("&taskStatus=1050&taskStatus=30", &[reviewed, waiting, letter]),
        ("&taskStatus=toreview", &[reviewed]),
        ("&taskStatus=4", &[]),
        ("&taskStatus=30&workspaceId=1", &[waiting]),
        ("&workspaceId=2&workspaceId=7", &[letter]),
        ("&integrationStatus=0&externalIntegrationStatus=never", &[reviewed, waiting]),
        ("&externalIntegrationStatus=sent", &[letter]),
        ("&integrationStatus=1&integrationStatus=2", &[]),
    ];
    for (query, ids) in expected {
        let list = format!("{TASKS}/statuslist?startDate=2026-01-31{query}");
        let list = harness.get(&list).await.expect(200).json();
        assert_eq!(json!(each(&list, "taskId")), json!(ids), "{query}");
        let page = format!("{TASKS}/statuslistpaginated?startDate=2026-01-31{query}");
        let page = harness.get(&page).await.expect(200).json();
        assert_eq!((&page["items"], &page["totalItems"]), (&list, &json!(ids.len())), "{query}");
    }
}

#[tokio::test]
async fn statuslist_is_sorted_by_creation_or_by_what_is_asked_for() {
    let (harness, clock) = site().await;
    let mut ids = Vec::new();
    for name in ["b", "c", "a"] {
        ids.push(process(&harness, json!({ "displayName": name })).await);
        clock.pass(Millis(1));
    }
    restarted(&harness, ids[1]).await;
    let expected: [(&str, [usize; 3]); 7] = [
        ("", [0, 1, 2]),
        ("&sort=createdOn", [0, 1, 2]),
        ("&sort=-CREATEDON", [2, 1, 0]),
        ("&sort=displayName", [2, 0, 1]),
        ("&sort=-displayname", [1, 0, 2]),
        ("&sort=-taskId", [2, 1, 0]),
        ("&sort=-restartCount&pageSize=1", [1, 2, 0]),
    ];
    for (query, order) in expected {
        let list = format!("{TASKS}/statuslist?startDate=2026-01-31{query}");
        let list = harness.get(&list).await.expect(200).json();
        let wanted: Vec<u64> = order.iter().map(|at| ids[*at]).collect();
        assert_eq!(json!(each(&list, "taskId")), json!(wanted), "{query}");
        let page = format!("{TASKS}/statuslistpaginated?startDate=2026-01-31{query}");
        let page = harness.get(&page).await.expect(200).json();
        assert_eq!(page["items"][0]["taskId"], wanted[0], "{query}");
    }
    let _refused =
        harness.get(&format!("{TASKS}/statuslist?startDate=2026-01-31&sort=colour")).await.expect(400);
}

// ── §4.6 external integration status ───────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn an_external_integration_status_is_1_to_32_characters_and_not_blank() {
    let (harness, _clock) = site().await;
    let id = process(&harness, json!({ "externalId": "IN-7" })).await;
    let path = format!("{TASKS}/externalIntegrationStatus?externalId=IN-7");
    let longest = "ß".repeat(32);
    for text in ["sent", "S", &longest] {
        let set = patch(&harness, &path, json!({ "ExternalIntegrationStatus": text })).await.expect(204);
        assert!(set.body.is_empty());
        assert_eq!(status(&harness, id).await["externalIntegrationStatus"], *text);
    }
    for wrong in [json!(null), json!(""), json!("  "), json!("x".repeat(33)), json!(7)] {
        let _refused =
            patch(&harness, &path, json!({ "externalIntegrationStatus": wrong })).await.expect(400);
    }
    let _refused = patch(&harness, &path, json!({})).await.expect(400);
    assert_eq!(status(&harness, id).await["externalIntegrationStatus"], longest);
}

// ── §4.8 workspaces and batches ────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn current_workspaces_are_a_bare_array_with_one_default() {
    let harness = Setup::without_workers().start().await;
    assert_eq!(harness.get(WORKSPACES).await.expect(200).json(), json!([]));
    workspace(&harness, json!({})).await;
    let second = json!({ "display_name": "letters", "is_default": true });
    let _second = harness.post("/v1/workspaces", second).await.expect(201);
    let object = |id: u32, name: &str, description: Value, is_default: bool| {
        json!({
            "workspaceId": id, "tenantId": "default", "workspaceName": name, "workspaceDescription": description,
            "isDefault": is_default, "taskType": 0, "workspaceType": 0, "templateType": 0,
        })
    };
    let expected =
        [object(1, "invoices", json!("what we have to pay"), true), object(2, "letters", Value::Null, false)];
    assert_eq!(harness.get(WORKSPACES).await.expect(200).json(), json!(expected));
    // Where a task goes that names none is where it says.
    assert_eq!(status(&harness, process(&harness, json!({})).await).await["workspaceId"], 1);
}

#[tokio::test]
async fn a_batch_counts_its_tasks_and_those_in_history() {
    let (harness, _clock) = site().await;
    let body = json!({ "displayName": "January", "description": "the first" });
    let created = harness.post(BATCHES, body).await.expect(200).json();
    let id = created["batchId"].as_u64().expect("a number");
    let expected = json!({
        "batchId": id, "workspaceId": 1, "displayName": "January", "description": "the first",
        "createdOn": "2026-01-31T12:00:00.000000Z", "totalTasks": 0, "totalTasksInHistory": 0,
    });
    assert_eq!(created, expected);
    let show = async || harness.get(&format!("{BATCHES}?BatchId={id}")).await.expect(200).json();
    assert_eq!(show().await, expected);
    let first = to_review(&harness, json!({ "batchId": id })).await;
    let _second = process(&harness, json!({ "batchId": id })).await;
    let _outside = process(&harness, json!({})).await;
    assert_eq!((&show().await["totalTasks"], &show().await["totalTasksInHistory"]), (&json!(2), &json!(0)));
    steer(&harness, first, "approve", json!({ "user": "ada" })).await;
    assert_eq!((&show().await["totalTasks"], &show().await["totalTasksInHistory"]), (&json!(2), &json!(1)));
    let _unnamed = harness.get(BATCHES).await.expect(400);
    for absent in ["99", "0", "-1"] {
        let _absent = harness.get(&format!("{BATCHES}?batchId={absent}")).await.expect(404);
    }
}

#[tokio::test]
async fn batches_come_in_pages_of_all_workspaces_or_of_some() {
    let (harness, _clock) = site().await;
    let _letters = harness.post("/v1/workspaces", json!({ "display_name": "letters" })).await.expect(201);
    for number in 0..12 {
        let body = json!({ "displayName": format!("b{number}"), "workspaceId": 1 + number % 2 });
        let _batch = harness.post(BATCHES, body).await.expect(200);
    }
    let page =
        async |query: &str| harness.get(&format!("{BATCHES}/listpaginated{query}")).await.expect(200).json();
    let first = page("").await;
    assert_eq!((each(&first["items"], "displayName").len(), &first["totalPages"]), (10, &json!(2)));
    let second = page("?pageNumber=2").await;
    assert_eq!(json!(each(&second["items"], "displayName")), json!(["b10", "b11"]));
    let of_letters = page("?workspaceId=2&pageSize=3&pageNumber=2").await;
    assert_eq!(json!(each(&of_letters["items"], "displayName")), json!(["b7", "b9", "b11"]));
    assert_eq!(of_letters["totalItems"], 6);
    assert_eq!(page("?workspaceId=1&workspaceId=2").await["totalItems"], 12);
}

#[tokio::test]
async fn without_any_workspace_nothing_can_be_processed_and_the_answer_says_how_to_make_one() {
    let harness = Setup::without_workers().start().await;
    let refused =
        harness.post(&format!("{TASKS}/process"), json!({ "context": { "url": URL } })).await.expect(400);
    assert!(
        refused.json()["detail"].as_str().unwrap_or_default().contains("is_default"),
        "{}",
        refused.text()
    );
    let _refused = harness.post(BATCHES, json!({ "displayName": "January" })).await.expect(400);
}
