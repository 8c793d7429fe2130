//! Folding in batches, erased or not, is folding at once; what was seen is not folded again.

use domain::names::{BatchId, WorkspaceId};
use domain::stream::Subject;
use proptest::prelude::*;

use super::*;
use crate::histories::History;

/// Rows as a store of rows would keep them: JSON, folded batch by batch.
fn stored<V: View>(batches: &[&[Arc<RecordedEvent>]]) -> BTreeMap<String, String> {
    let view = erase::<V>();
    let (mut rows, mut seen) = (BTreeMap::<String, String>::new(), Position::START);
    for batch in batches {
        let mut touched = BTreeMap::<String, Vec<&RecordedEvent>>::new();
        for event in unseen(batch, seen) {
            if let Some(key) = view.key(event) {
                touched.entry(key).or_default().push(event);
            }
        }
        seen = batch.last().map_or(seen, |event| seen.max(event.position));
        for (key, events) in touched {
            match view.fold(rows.get(&key).map(String::as_str), &events).unwrap().after {
                Some((json, facets)) => {
                    assert_eq!(facets.values.len(), view.columns().len());
                    rows.insert(key, json);
                }
                None => drop(rows.remove(&key)),
            }
        }
    }
    rows
}

fn check<V: View>(events: &[Arc<RecordedEvent>], batch: usize) {
    let batches: Vec<_> = events.chunks(batch).collect();
    let twice: Vec<_> = batches.iter().flat_map(|batch| [*batch, *batch]).collect();
    let expected: BTreeMap<_, _> =
        fold::<V>(events).into_iter().map(|(key, row)| (key, serde_json::to_string(&row).unwrap())).collect();
    assert_eq!(stored::<V>(&batches), expected, "{}", V::NAME);
    assert_eq!(stored::<V>(&twice), expected, "{}", V::NAME);
    let mut fold = Fold::<V>::default();
    twice.iter().for_each(|batch| fold.apply(batch));
    assert_eq!(fold.rows, super::fold::<V>(events), "{}", V::NAME);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn folding_stored_rows_in_batches_even_twice_is_folding_at_once(
        choices in prop::collection::vec(any::<u32>(), 0..150),
        batch in 1_usize..40,
    ) {
        let events = History::of(&choices).events;
        check::<StorageUnits>(&events, batch);
        check::<KeyScopes>(&events, batch);
        check::<Campaigns>(&events, batch);
        check::<Records>(&events, batch);
        check::<Transactions>(&events, batch);
        check::<System>(&events, batch);
    }
}

#[test]
fn an_event_that_comes_twice_in_one_batch_is_seen_once() {
    let events = History::of(&[1, 2, 3, 4, 5]).events;
    let doubled: Vec<_> = events.iter().flat_map(|event| [Arc::clone(event), Arc::clone(event)]).collect();
    assert!(!events.is_empty());
    assert_eq!(unseen(&doubled, Position::START).count(), events.len());
    assert_eq!(unseen(&doubled, events.last().unwrap().position).count(), 0);
}

#[test]
fn a_row_of_another_view_is_damaged() {
    let error = erase::<KeyScopes>().fold(Some(r#"{"unit":"docs"}"#), &[]).unwrap_err();
    assert_eq!(error.to_string(), "a row of key_scopes cannot be read");
}

#[test]
fn every_view_can_be_kept_in_a_table() {
    let names: Vec<_> = all().iter().map(|view| view.name()).collect();
    assert_eq!(
        names,
        [
            "storage_units",
            "key_scopes",
            "campaigns",
            "records",
            "transactions",
            "commands",
            "tasks",
            "workspaces",
            "batches",
            "system",
            "api_keys"
        ]
    );
    for view in all() {
        let columns: Vec<_> = view.columns().iter().map(|column| column.name).collect();
        assert!(view.indexes().iter().flat_map(|index| index.iter()).all(|name| columns.contains(name)));
        assert!(!columns.contains(&"key") && !columns.contains(&"row"), "{columns:?}");
    }
}

#[test]
fn random_histories_reach_every_event() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400_u32 {
        let choices: Vec<_> =
            (1..100_u32).map(|step| (seed * 100 + step).wrapping_mul(0x85EB_CA6B)).collect();
        seen.extend(
            History::of(&choices).events.iter().map(|event| crate::timeline::event_name(&event.event)),
        );
    }
    let of = |kind: &str| seen.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!(of("key_scope."), 13, "{seen:?}");
    assert_eq!(of("record."), 3, "{seen:?}");
    assert_eq!(of("task."), 25, "all but requeue_requested and lease_extended: {seen:?}");
    assert_eq!(of("campaign."), 14, "all but pace_set: {seen:?}");
    assert_eq!(of("storage_unit."), 6, "all but content_set, modules_set and queue_reset: {seen:?}");
}

fn is_in_its_streams<V: View>(event: &RecordedEvent) {
    let is_concerned = V::key(event).is_some();
    assert!(!is_concerned || event.stream.as_str().starts_with(V::STREAMS), "{}: {}", V::NAME, event.stream);
}

proptest! {
    #[test]
    fn every_event_that_concerns_a_row_is_in_the_streams_of_its_view(
        choices in prop::collection::vec(any::<u32>(), 0..150),
    ) {
        for event in History::of(&choices).events {
            is_in_its_streams::<StorageUnits>(&event);
            is_in_its_streams::<KeyScopes>(&event);
            is_in_its_streams::<Campaigns>(&event);
            is_in_its_streams::<Records>(&event);
            is_in_its_streams::<Transactions>(&event);
            is_in_its_streams::<Commands>(&event);
            is_in_its_streams::<Tasks>(&event);
            is_in_its_streams::<System>(&event);
            is_in_its_streams::<ApiKeys>(&event);
        }
    }
}

#[test]
fn streams_of_things_that_random_histories_do_not_have_are_those_of_their_views() {
    let workspace = Subject::Workspace(WorkspaceId::new(7).unwrap()).stream();
    assert!(workspace.as_str().starts_with(Workspaces::STREAMS), "{workspace}");
    let batch = Subject::Batch(BatchId::new(7).unwrap()).stream();
    assert!(batch.as_str().starts_with(Batches::STREAMS), "{batch}");
}
