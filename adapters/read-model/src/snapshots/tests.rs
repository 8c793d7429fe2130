//! The rows of any moment are what the events up to it make of them, with snapshots and without, whatever becomes of the
//! file meanwhile.

use std::collections::BTreeMap;
use std::fs;

use projections::fold::fold;
use projections::view::View;
use projections::views::{
    ApiKeys, Batches, Campaigns, Commands, KeyScopes, Records, StorageUnits, System, Tasks, Transactions,
    Workspaces,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::histories::History;
use crate::tests::{all_of, history, run};

type Events = Vec<Arc<RecordedEvent>>;

async fn check_view<V: View>(rows: &dyn ReadModel, events: &[Arc<RecordedEvent>]) {
    let expected = fold::<V>(events);
    let page = rows.list(all_of(V::NAME)).await.unwrap();
    let shown: Vec<_> = page.rows.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(shown, expected.keys().cloned().collect::<Vec<_>>(), "{}", V::NAME);
    let expected: Vec<_> = expected.into_values().collect();
    assert_eq!(page.read::<V, V::Row>().unwrap().rows, expected, "{}", V::NAME);
    for (key, json) in &page.rows {
        assert_eq!(rows.row(V::NAME, key).await.unwrap().as_ref(), Some(json));
    }
    let mut groups = BTreeMap::<String, u64>::new();
    for group in expected.iter().filter_map(V::group) {
        *groups.entry(group).or_default() += 1;
    }
    let counts = rows.counts(V::NAME, "").await.unwrap();
    assert_eq!(counts, groups.into_iter().collect::<Vec<_>>(), "{}", V::NAME);
    let statuses = rows.projections().await.unwrap();
    let status = statuses.into_iter().find(|status| status.name == V::NAME).unwrap();
    assert_eq!(status.rows, expected.len() as u64, "{}", V::NAME);
}

async fn check(rows: &dyn ReadModel, events: &[Arc<RecordedEvent>]) {
    check_view::<StorageUnits>(rows, events).await;
    check_view::<KeyScopes>(rows, events).await;
    check_view::<Campaigns>(rows, events).await;
    check_view::<Records>(rows, events).await;
    check_view::<Transactions>(rows, events).await;
    check_view::<Commands>(rows, events).await;
    check_view::<Tasks>(rows, events).await;
    check_view::<Workspaces>(rows, events).await;
    check_view::<Batches>(rows, events).await;
    check_view::<System>(rows, events).await;
    check_view::<ApiKeys>(rows, events).await;
    let end = events.last().map_or(Position::START, |event| event.position);
    assert_eq!(rows.checkpoint().await.unwrap(), end);
}

/// The rows after the first `count` events, checked, and whether a snapshot was of use.
async fn check_at(snapshots: &SqliteSnapshots, events: &Events, count: usize) -> bool {
    let at = events[..count].last().map_or(Position::START, |event| event.position);
    let rows = snapshots.rows(at).await.unwrap();
    let base = rows.checkpoint().await.unwrap();
    let after: Events = events[..count].iter().filter(|event| event.position > base).cloned().collect();
    for chunk in after.chunks(17) {
        rows.apply(chunk.to_vec()).await.unwrap();
    }
    check(&*rows, &events[..count]).await;
    base > Position::START
}

async fn take(snapshots: &SqliteSnapshots, events: &Events, every: usize, keep: usize) {
    let last = snapshots.last().await.unwrap();
    let new: Events = events.iter().filter(|event| event.position > last).cloned().collect();
    for chunk in new.chunks(every).filter(|chunk| chunk.len() == every) {
        snapshots.take(chunk.to_vec(), keep).await.unwrap();
    }
}

fn damage(folder: &TempDir) {
    let path = folder.path().join(FOLDER).join(FILE);
    let length = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    for leftover in ["db-wal", "db-shm"] {
        let _gone = fs::remove_file(path.with_extension(leftover));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_rows_of_any_moment_are_what_the_events_up_to_it_make_of_them(
        choices in prop::collection::vec(any::<u32>(), 1..160),
        moments in prop::collection::vec(any::<prop::sample::Index>(), 4),
        every in prop::option::of(1_usize..40),
        keep in 1_usize..20,
        reopens in any::<bool>(),
    ) {
        let events = History::of(&choices).events;
        let folder = TempDir::new().unwrap();
        run(async {
            let mut snapshots = SqliteSnapshots::new(folder.path());
            if let Some(every) = every {
                let half: Events = events[..events.len() / 2].to_vec();
                take(&snapshots, &half, every, keep).await;
                if reopens {
                    snapshots = SqliteSnapshots::new(folder.path());
                }
                take(&snapshots, &events, every, keep).await;
            }
            for moment in moments {
                check_at(&snapshots, &events, moment.index(events.len() + 1)).await;
            }
        });
    }
}

#[test]
fn a_snapshot_spares_the_events_before_it_and_the_oldest_ones_are_given_up() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        let snapshots = SqliteSnapshots::new(folder.path());
        assert_eq!(snapshots.last().await.unwrap(), Position::START);
        take(&snapshots, &events, 20, 5).await;
        let taken = events.len() / 20;
        assert_eq!(snapshots.last().await.unwrap(), events[taken * 20 - 1].position);
        assert!(check_at(&snapshots, &events, events.len()).await);
        assert!(check_at(&snapshots, &events, (taken - 4) * 20).await);
        assert!(!check_at(&snapshots, &events, (taken - 4) * 20 - 1).await);
        let events_again = events[..20].to_vec();
        snapshots.take(events_again, 5).await.unwrap();
        assert_eq!(snapshots.last().await.unwrap(), events[taken * 20 - 1].position);
    });
}

#[test]
fn rows_whose_snapshot_is_given_up_say_so_instead_of_showing_less() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        let snapshots = SqliteSnapshots::new(folder.path());
        take(&snapshots, &events[..100].to_vec(), 20, 2).await;
        let rows = snapshots.rows(events[99].position).await.unwrap();
        check(&*rows, &events[..100]).await;
        take(&snapshots, &events, 20, 2).await;
        let late = rows.list(all_of(KeyScopes::NAME)).await;
        assert!(matches!(late, Err(ReadModelError::Unavailable(_))), "{late:?}");
    });
}

#[test]
fn a_file_that_is_deleted_or_damaged_or_of_another_schema_is_done_without_and_begun_anew() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    let path = folder.path().join(FOLDER).join(FILE);
    run(async {
        let mut snapshots = SqliteSnapshots::new(folder.path());
        take(&snapshots, &events, 30, 100).await;
        fs::remove_dir_all(folder.path().join(FOLDER)).unwrap();
        assert!(!check_at(&snapshots, &events, 90).await);
        take(&snapshots, &events, 30, 100).await;
        assert!(check_at(&snapshots, &events, 90).await);

        drop(snapshots);
        damage(&folder);
        snapshots = SqliteSnapshots::new(folder.path());
        assert!(!check_at(&snapshots, &events, 90).await);
        take(&snapshots, &events, 30, 100).await;
        assert!(check_at(&snapshots, &events, 90).await);

        drop(snapshots);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("UPDATE views SET schema = schema + 1 WHERE name = 'tasks'").unwrap();
        drop(connection);
        snapshots = SqliteSnapshots::new(folder.path());
        assert!(!check_at(&snapshots, &events, 90).await);
        take(&snapshots, &events, 30, 100).await;
        assert!(check_at(&snapshots, &events, 90).await);

        snapshots.clear().await.unwrap();
        assert!(!path.exists());
        assert!(!check_at(&snapshots, &events, 90).await);
    });
}

#[test]
fn a_damaged_row_is_found_when_it_is_read_and_the_file_is_begun_anew() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        let snapshots = SqliteSnapshots::new(folder.path());
        take(&snapshots, &events[..90].to_vec(), 30, 100).await;
        let connection = Connection::open(folder.path().join(FOLDER).join(FILE)).unwrap();
        connection.execute_batch("UPDATE h_key_scopes SET row = 'x'").unwrap();
        drop(connection);
        let rows = snapshots.rows(events[89].position).await.unwrap();
        let touched = rows.apply(events[90..].to_vec()).await;
        assert!(matches!(touched, Err(ReadModelError::Unavailable(_))), "{touched:?}");
        assert!(!check_at(&snapshots, &events, 90).await);
        take(&snapshots, &events, 30, 100).await;
        assert!(check_at(&snapshots, &events, 90).await);
    });
}

#[test]
fn rows_of_the_past_are_found_in_the_order_of_their_keys_without_sorting() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        let snapshots = SqliteSnapshots::new(folder.path());
        take(&snapshots, &events, 30, 100).await;
        let base = snapshots.inner.base(events[89].position).unwrap();
        let rows = PastRows::new(&snapshots.inner.views, Some(base), Arc::default()).unwrap();
        // Of a unit, and of any.
        for which in ["c_unit = 'docs'", "c_open = 1"] {
            let plan = rows.plan(&format!(
                "SELECT key, row FROM v_key_scopes WHERE {which} AND c_status = 'queued' ORDER BY key"
            ));
            assert!(plan.iter().any(|step| step.starts_with("MERGE")), "{plan:?}");
            assert!(
                !plan.iter().any(|step| step.contains("TEMP B-TREE") || step.starts_with("SCAN")),
                "{plan:?}"
            );
        }
    });
}
