//! Rows in the file are what the events make of them, through reopening and repetition, and are found again.

mod gathering;
mod orders;
mod upkeep;

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;

use domain::envelope::Command;
use domain::work::{self, Priority};
use projections::fold::fold;
use projections::read_model::{list, row};
use projections::view::{Value, View};
use projections::views::{Campaigns, KeyScopes, Records, Status, StorageUnits, System, Transactions};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::histories::{History, scope_of};
use crate::select::Select;

type Events = Vec<Arc<RecordedEvent>>;

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn open(folder: &TempDir) -> SqliteReadModel {
    SqliteReadModel::open(folder.path()).unwrap()
}

fn tamper(folder: &TempDir, sql: &str) {
    let connection = Connection::open(folder.path().join(file::FILE)).unwrap();
    connection.execute_batch(sql).unwrap();
}

pub(crate) fn history() -> Events {
    let choices: Vec<_> = (1..400_u32).map(|step| step.wrapping_mul(0x85EB_CA6B)).collect();
    History::of(&choices).events
}

/// `count` key-scopes that wait in two scopes of one unit.
fn waiting(count: usize) -> Events {
    let mut history = History::default();
    for number in 0..count {
        let scope = if number % 2 == 0 { "ocr" } else { "a b" };
        let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
        history.send(Command::work(scope_of("docs", scope, &format!("k{number:04}")), queue));
    }
    history.events
}

pub(crate) fn all_of(view: &'static str) -> Query {
    Query { view, ..Query::page(PAGE_ROWS_MAX) }
}

async fn check_view<V: View>(model: &SqliteReadModel, events: &[Arc<RecordedEvent>]) {
    let expected: Vec<_> = fold::<V>(events).into_values().collect();
    let page = list::<V>(model, all_of(V::NAME)).await.unwrap();
    assert_eq!(page.rows, expected, "{}", V::NAME);
    assert_eq!(page.position, events.last().unwrap().position);
    let mut groups = BTreeMap::<String, u64>::new();
    for group in expected.iter().filter_map(V::group) {
        *groups.entry(group).or_default() += 1;
    }
    let counts = model.counts(V::NAME, "").await.unwrap();
    assert_eq!(counts, groups.into_iter().collect::<Vec<_>>(), "{}", V::NAME);
    let statuses = model.projections().await.unwrap();
    let status = statuses.into_iter().find(|status| status.name == V::NAME).unwrap();
    assert_eq!(status.rows, expected.len() as u64, "{}", V::NAME);
}

/// Whether rows, counts and positions are what the events make of them.
async fn check(model: &SqliteReadModel, events: &[Arc<RecordedEvent>]) {
    check_view::<StorageUnits>(model, events).await;
    check_view::<KeyScopes>(model, events).await;
    check_view::<Campaigns>(model, events).await;
    check_view::<Records>(model, events).await;
    check_view::<Transactions>(model, events).await;
    check_view::<System>(model, events).await;
    assert_eq!(model.checkpoint().await.unwrap(), events.last().unwrap().position);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn rows_equal_the_fold_in_memory_though_reopened_and_given_events_twice(
        choices in prop::collection::vec(any::<u32>(), 1..150),
        batch in 1_usize..60,
        reopen_every in 1_usize..6,
    ) {
        let events = History::of(&choices).events;
        let folder = TempDir::new().unwrap();
        run(async {
            let mut model = open(&folder);
            for (number, chunk) in events.chunks(batch).enumerate() {
                if number % reopen_every == 0 {
                    drop(model);
                    model = open(&folder);
                }
                model.apply(chunk.to_vec()).await.unwrap();
                if number % 3 == 0 {
                    model.apply(chunk.to_vec()).await.unwrap();
                }
            }
            check(&model, &events).await;
        });
    }
}

#[test]
fn values_in_columns_are_those_of_the_rows() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        let model = open(&folder);
        for chunk in events.chunks(7) {
            model.apply(chunk.to_vec()).await.unwrap();
        }
        let rows = fold::<KeyScopes>(&events);
        for (index, column) in KeyScopes::COLUMNS.iter().enumerate() {
            for value in rows.values().map(|row| KeyScopes::values(row)[index].clone()) {
                let has_value = |row| KeyScopes::values(row)[index] == value;
                let expected: Vec<_> =
                    rows.iter().filter(|(_, row)| has_value(row)).map(|(key, _)| key).collect();
                let query =
                    Query { filters: vec![(column.name, value.clone().into())], ..all_of(KeyScopes::NAME) };
                let found = model.list(query).await.unwrap().rows;
                assert_eq!(found.iter().map(|(key, _)| key).collect::<Vec<_>>(), expected);
            }
        }
    });
}

#[test]
fn one_row_is_found_by_its_key() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(3));
    run(async {
        let model = open(&folder);
        model.apply(events).await.unwrap();
        let found = row::<KeyScopes>(&model, "docs/a%20b/k0001").await.unwrap().unwrap();
        assert_eq!((found.key.as_str(), found.status), ("k0001", Status::Queued));
        assert_eq!(row::<KeyScopes>(&model, "docs/ocr/k0001").await.unwrap(), None);
        let unknown = model.row("nothing", "key").await.unwrap_err();
        assert_eq!(unknown, ReadModelError::UnknownView("nothing".to_owned()));
    });
}

#[test]
fn pages_follow_each_other_by_cursor_without_gap_or_repeat() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(50));
    run(async {
        let model = open(&folder);
        model.apply(events).await.unwrap();
        let is = |text: &str| Value::Text(text.to_owned()).into();
        let filters = || vec![("status", is("queued")), ("unit", is("docs"))];
        let (mut after, mut keys, mut pages) = (None, Vec::new(), 0);
        loop {
            let key_prefix = "docs/ocr/".to_owned();
            let query = Query { filters: filters(), key_prefix, after, limit: 10, ..all_of("") };
            let page = list::<KeyScopes>(&model, query).await.unwrap();
            keys.extend(page.rows.into_iter().map(|row| row.key.to_string()));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..50).step_by(2).map(|number| format!("k{number:04}")).collect();
        assert_eq!((keys, pages), (expected, 3));
        let counts = model.counts(KeyScopes::NAME, "docs/ocr/").await.unwrap();
        assert_eq!(counts, [("docs/ocr/queued".to_owned(), 25)]);
    });
}

#[test]
fn a_cursor_of_another_list_and_an_unknown_column_are_refused() {
    let folder = TempDir::new().unwrap();
    run(async {
        let model = open(&folder);
        let after = Some("docs/z".to_owned());
        let query = Query { key_prefix: "docs/ocr/".to_owned(), after, ..all_of(KeyScopes::NAME) };
        assert_eq!(model.list(query).await.unwrap_err(), ReadModelError::BadCursor);
        let query = Query { filters: vec![("colour", Value::Integer(1).into())], ..all_of(KeyScopes::NAME) };
        let unknown = ReadModelError::UnknownView("key_scopes.colour".to_owned());
        assert_eq!(model.list(query).await.unwrap_err(), unknown);
    });
}

#[test]
fn a_list_uses_the_index_that_its_filters_name_and_never_sorts() {
    let folder = TempDir::new().unwrap();
    let model = open(&folder);
    let plan = |names: &[&'static str], key_prefix: &str| {
        let filters = names.iter().map(|name| (*name, Value::Text("x".to_owned()).into())).collect();
        let query = Query { filters, key_prefix: key_prefix.to_owned(), ..all_of(KeyScopes::NAME) };
        let select = Select::new(model.inner.live(KeyScopes::NAME).unwrap(), &query, 10).unwrap();
        let reader = file::open_reader(&model.inner.path).unwrap();
        let mut statement = reader.prepare(&format!("EXPLAIN QUERY PLAN {}", select.sql)).unwrap();
        let values = vec!["x"; select.values.len()];
        let lines = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
        lines.collect::<Result<Vec<String>, _>>().unwrap().join("; ")
    };
    let by_status = plan(&["unit", "status"], "x/y/");
    assert_eq!(
        by_status,
        "SEARCH v_key_scopes USING INDEX i_key_scopes_0 (c_unit=? AND c_status=? AND key>? AND key<?)"
    );
    assert!(plan(&["campaign", "status", "held"], "").contains("INDEX i_key_scopes_1"));
    assert!(plan(&["open"], "").contains("INDEX i_key_scopes_2"));
    for names in [vec![], vec!["unit"], vec!["campaign"], vec!["unit", "open", "campaign"], vec!["held"]] {
        assert!(!plan(&names, "x/").contains("TEMP B-TREE"), "{names:?}");
    }
    assert!(plan(&["unit"], "x/").ends_with("(key>? AND key<?)"));
}

#[test]
fn pages_are_bounded() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(3));
    run(async {
        let model = open(&folder);
        model.apply(events).await.unwrap();
        let query = Query { limit: usize::MAX, ..all_of(KeyScopes::NAME) };
        let select = Select::new(model.inner.live(KeyScopes::NAME).unwrap(), &query, PAGE_ROWS_MAX).unwrap();
        assert_eq!(select.values.last(), Some(&Value::Integer(10_000)));
        assert_eq!(model.list(query).await.unwrap().rows.len(), 3);
        let page = model.list(Query { limit: 0, ..all_of(KeyScopes::NAME) }).await.unwrap();
        assert_eq!((page.rows.len(), page.next), (0, None));
    });
}
