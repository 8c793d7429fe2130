//! Rows that wait in memory: they show with the next apply, are given again after a crash, and nobody is deceived by them.

use super::*;

/// Gives the events from the checkpoint on, the last of them so that all show.
async fn catch_up(model: &SqliteReadModel, events: &[Arc<RecordedEvent>], page: usize) {
    let seen = model.checkpoint().await.unwrap();
    let new: Vec<_> = events.iter().filter(|event| event.position > seen).cloned().collect();
    for page in new.chunks(page) {
        model.gather(page.to_vec()).await.unwrap();
    }
    model.apply(Vec::new()).await.unwrap();
}

fn indexes(folder: &TempDir) -> i64 {
    let connection = Connection::open(folder.path().join(file::FILE)).unwrap();
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'i_%'";
    connection.query_row(count, [], |row| row.get(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_that_were_gathered_equal_the_fold_in_memory_though_a_crash_came_between(
        choices in prop::collection::vec(any::<u32>(), 1..200),
        page in 1_usize..60,
        applied in any::<prop::sample::Index>(),
        lost in any::<prop::sample::Index>(),
    ) {
        let (folder, events) = (TempDir::new().unwrap(), History::of(&choices).events);
        let (applied, lost) = (applied.index(events.len() + 1), lost.index(events.len() + 1));
        run(async {
            let model = open(&folder);
            let all = indexes(&folder);
            catch_up(&model, &events[..applied], page).await;
            for page in events[applied.min(lost)..lost].chunks(page) {
                model.gather(page.to_vec()).await.unwrap();
            }
            drop(model);
            let model = open(&folder);
            assert_eq!(indexes(&folder), all);
            catch_up(&model, &events, page).await;
            check(&model, &events).await;
            assert_eq!(indexes(&folder), all);
        });
    }
}

#[test]
fn what_is_gathered_shows_with_the_next_apply() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(10));
    run(async {
        let model = open(&folder);
        model.gather(events[..9].to_vec()).await.unwrap();
        assert_eq!(model.checkpoint().await.unwrap(), Position::START);
        assert_eq!(model.counts(KeyScopes::NAME, "").await.unwrap(), []);
        model.apply(events[9..].to_vec()).await.unwrap();
        check(&model, &events).await;
    });
}

#[test]
fn what_is_gathered_is_taken_in_again_when_somebody_else_wrote_to_the_file() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(10));
    run(async {
        let model = open(&folder);
        model.apply(events[..3].to_vec()).await.unwrap();
        model.gather(events[3..9].to_vec()).await.unwrap();
        tamper(&folder, "CREATE TABLE other (colour TEXT)");
        let error = model.apply(events[9..].to_vec()).await.unwrap_err();
        assert!(matches!(error, ReadModelError::Unavailable(_)), "{error}");
        catch_up(&model, &events, 2).await;
        check(&model, &events).await;
    });
}

#[test]
fn a_rebuild_waits_until_what_is_gathered_is_written() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(10));
    run(async {
        let model = open(&folder);
        model.apply(events[..5].to_vec()).await.unwrap();
        model.rebuild_begin(KeyScopes::NAME).await.unwrap();
        model.rebuild_apply(KeyScopes::NAME, events[..5].to_vec()).await.unwrap();
        model.gather(events[5..].to_vec()).await.unwrap();
        let error = model.rebuild_switch(KeyScopes::NAME).await.unwrap_err();
        assert!(error.to_string().contains("catching up"), "{error}");
        model.apply(Vec::new()).await.unwrap();
        model.rebuild_apply(KeyScopes::NAME, events[5..].to_vec()).await.unwrap();
        assert_eq!(model.rebuild_switch(KeyScopes::NAME).await.unwrap().rows_different, 0);
        check(&model, &events).await;
    });
}

#[test]
fn many_rows_are_written_without_indexes_and_found_by_them_afterwards() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(100));
    run(async {
        let model = open(&folder);
        let all = indexes(&folder);
        model.gather(events[..50].to_vec()).await.unwrap();
        assert!(model.checkpoint().await.unwrap() > Position::START);
        assert!(indexes(&folder) < all);
        model.apply(events[50..].to_vec()).await.unwrap();
        assert_eq!(indexes(&folder), all);
        check(&model, &events).await;
    });
}
