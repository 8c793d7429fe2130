//! External ids under concurrent creation: each is one task's, whoever asks at the same time, whatever breaks off in between,
//! and on however many nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::Event;
use domain::ports::EventStore;
use domain::task;
use serde_json::{Value, json};
use store_memory::MemoryStore;
use tests::faults::{Fault, FaultyStore};
use tests::harness::{Harness, Reply, Setup};
use tokio::task::JoinSet;

use super::{TASKS, URL, workspace};

/// How many ask at the same time.
const ASKING: usize = 24;

async fn node(store: Arc<dyn EventStore>) -> Arc<Harness> {
    Arc::new(Setup { store, ..Setup::without_workers() }.start().await)
}

/// Asks for a task that its client calls so.
async fn ask(harness: &Harness, external_id: &str) -> Reply {
    let body = json!({ "workspaceId": 1, "externalId": external_id, "context": { "url": URL } });
    harness.post(&format!("{TASKS}/process"), body).await
}

/// Everybody asks at once, each on one of the nodes and for one of the external ids. Gives what each was answered.
async fn ask_at_once(nodes: &[Arc<Harness>], external_ids: &[&str]) -> Vec<(String, Reply)> {
    let mut asking = JoinSet::new();
    for number in 0..ASKING {
        let node = nodes[number % nodes.len()].clone();
        let external_id = external_ids[number % external_ids.len()].to_owned();
        asking.spawn(async move {
            let reply = ask(&node, &external_id).await;
            (external_id, reply)
        });
    }
    asking.join_all().await
}

/// The tasks that there are: what their clients call them, and their ids.
async fn tasks(harness: &Harness) -> Vec<(String, u64)> {
    let head = harness.engine.store().head().await.expect("the log can be read");
    assert!(harness.engine.wait_for_views(head).await);
    let list = harness.get("/v1/tasks?limit=1000").await.expect(200).json();
    let items = list["items"].as_array().expect("an array");
    let task = |item: &Value| {
        (item["external_id"].as_str().expect("a text").to_owned(), item["id"].as_u64().expect("a number"))
    };
    items.iter().map(task).collect()
}

/// Of each external id exactly one creation won, all others were told who has it, and there is that one task and no other.
async fn assert_one_each(harness: &Harness, external_ids: &[&str], replies: Vec<(String, Reply)>) {
    let mut winners: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (external_id, reply) in replies {
        let body = reply.json();
        match reply.status.as_u16() {
            200 => winners.entry(external_id).or_default().push(body["taskId"].as_u64().expect("a number")),
            409 => assert_eq!(body["code"], "external_id_taken", "{body}"),
            other => panic!("{other}: {body}"),
        }
    }
    let mut expected = Vec::new();
    for (external_id, ids) in winners {
        assert_eq!(ids.len(), 1, "{external_id} was won by {ids:?}");
        let shown = harness.get(&format!("{TASKS}/status?externalId={external_id}")).await.expect(200).json();
        assert_eq!(shown["taskId"], ids[0]);
        expected.push((external_id, ids[0]));
    }
    let mut there = tasks(harness).await;
    there.sort();
    assert_eq!(there, expected);
    assert_eq!(expected.len(), external_ids.len(), "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_create_the_same_external_id_at_once_exactly_one_wins() {
    let nodes = [node(Arc::new(MemoryStore::new())).await];
    workspace(&nodes[0], json!({})).await;
    for external_ids in [&["a"][..], &["b", "c"], &["d", "e", "f", "g", "h"]] {
        let before = tasks(&nodes[0]).await.len();
        let replies = ask_at_once(&nodes, external_ids).await;
        let won = replies.iter().filter(|(_, reply)| reply.status == 200).count();
        assert_eq!(won, external_ids.len());
        assert_eq!(tasks(&nodes[0]).await.len(), before + external_ids.len());
        for (external_id, reply) in replies {
            let shown =
                nodes[0].get(&format!("{TASKS}/status?externalId={external_id}")).await.expect(200).json();
            let body = reply.json();
            match reply.status.as_u16() {
                200 => assert_eq!(shown["taskId"], body["taskId"]),
                _ => assert_eq!(body["code"], "external_id_taken", "{body}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_nodes_over_one_log_an_external_id_is_one_tasks_as_well() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new());
    let nodes = [node(store.clone()).await, node(store).await];
    workspace(&nodes[0], json!({})).await;
    let external_ids = ["a", "b", "c"];
    let replies = ask_at_once(&nodes, &external_ids).await;
    assert_one_each(&nodes[0], &external_ids, replies).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_broke_off_after_its_claim_is_taken_up_by_exactly_one_other() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let nodes = [node(store.clone()).await];
    workspace(&nodes[0], json!({})).await;
    store.refuse(|_, event| matches!(event.event, Event::Task(task::Event::Created(_))));
    let broken = ask_at_once(&nodes, &["a", "b"]).await;
    assert!(broken.iter().all(|(_, reply)| reply.status == 503), "{broken:?}");
    assert_eq!(tasks(&nodes[0]).await, []);
    let claims = nodes[0].get("/v1/events?kind=external_id").await.expect(200).text();
    assert_eq!(claims.lines().count(), 2, "each was claimed once: {claims}");
    store.refuse_nothing();
    let replies = ask_at_once(&nodes, &["a", "b"]).await;
    assert_one_each(&nodes[0], &["a", "b"], replies).await;
    // The task is the one for which the external id was claimed.
    for (_, id) in tasks(&nodes[0]).await {
        assert!(claims.contains(&format!("\"task\":{id}")), "{id}: {claims}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_in_the_middle_of_a_creation_neither_loses_nor_doubles_it() {
    let store = FaultyStore::over(Arc::new(MemoryStore::new()));
    let nodes = [node(store.clone()).await];
    workspace(&nodes[0], json!({})).await;
    store.gate.close();
    let leaving = tokio::spawn({
        let node = nodes[0].clone();
        async move { ask(&node, "a").await }
    });
    store.gate.somebody_waits().await;
    leaving.abort();
    let _gone = leaving.await;
    store.gate.open();
    let replies = ask_at_once(&nodes, &["a"]).await;
    let won = replies.iter().filter(|(_, reply)| reply.status == 200).count();
    assert!(won <= 1, "{replies:?}");
    let there = tasks(&nodes[0]).await;
    assert_eq!(there.len(), 1, "{there:?}");
    for (_, reply) in replies {
        assert!(reply.status == 200 || reply.status == 409, "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_log_does_an_external_id_is_never_two_tasks() {
    let troubles = [Fault::Nothing, Fault::Unavailable, Fault::LostOnTheWay, Fault::LostOnTheWayBack];
    for seed in 0..8_usize {
        let store = FaultyStore::over(Arc::new(MemoryStore::new()));
        let nodes = [node(store.clone()).await];
        workspace(&nodes[0], json!({})).await;
        let trouble = |number: usize| troubles[(seed * 7 + number * 5 + number / 3) % troubles.len()].clone();
        store.next_writes((0..12).map(trouble));
        let external_ids = ["a", "b", "c"];
        let mut replies = ask_at_once(&nodes, &external_ids).await;
        replies.extend(ask_at_once(&nodes, &external_ids).await);
        // Whoever was turned away asks again until there is an answer; the trouble ends after so many writes.
        for external_id in external_ids {
            let reply = loop {
                let reply = ask(&nodes[0], external_id).await;
                if reply.status != 503 {
                    break reply;
                }
            };
            replies.push((external_id.to_owned(), reply));
        }
        let mut won: BTreeMap<String, usize> = BTreeMap::new();
        for (external_id, reply) in replies {
            match reply.status.as_u16() {
                200 => *won.entry(external_id).or_default() += 1,
                409 | 503 => {}
                other => panic!("seed {seed}: {other}: {}", reply.text()),
            }
        }
        assert!(won.values().all(|count| *count == 1), "seed {seed}: {won:?}");
        // After the trouble each is there, once.
        let mut there: Vec<String> = tasks(&nodes[0]).await.into_iter().map(|(name, _)| name).collect();
        there.sort();
        assert_eq!(there, external_ids, "seed {seed}");
    }
}
