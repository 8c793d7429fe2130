//! Other schemas, rebuilding, crashes and damage: the rows are mended, and nothing else is lost.

use projections::fold::{Facets, Held};
use projections::view::Column;

use super::*;
use crate::histories::{campaign, start_campaign};

/// A view with another schema.
struct Changed(Arc<dyn ErasedView>);

impl ErasedView for Changed {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn schema(&self) -> u32 {
        self.0.schema() + 1
    }
    fn streams(&self) -> &'static str {
        self.0.streams()
    }
    fn columns(&self) -> &'static [Column] {
        &[]
    }
    fn indexes(&self) -> &'static [&'static [&'static str]] {
        &[]
    }
    fn key(&self, event: &RecordedEvent) -> Option<String> {
        self.0.key(event)
    }
    fn none(&self) -> Held {
        self.0.none()
    }
    fn read(&self, json: &str) -> Result<Held, DamagedRow> {
        self.0.read(json)
    }
    fn evolve(&self, row: &mut Held, event: &RecordedEvent) {
        self.0.evolve(row, event);
    }
    fn json(&self, row: &Held) -> Result<Option<String>, DamagedRow> {
        self.0.json(row)
    }
    fn facets(&self, row: &Held) -> Option<Facets> {
        self.0.facets(row).map(|facets| Facets { values: Vec::new(), ..facets })
    }
}

#[test]
fn a_view_of_another_schema_starts_from_nothing_and_the_others_go_on() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    run(async {
        open(&folder).apply(events.clone()).await.unwrap();
        let changed = |view: Box<dyn ErasedView>| -> Arc<dyn ErasedView> {
            if view.name() == KeyScopes::NAME { Arc::new(Changed(Arc::from(view))) } else { Arc::from(view) }
        };
        let views = projections::fold::all().into_iter().map(changed).collect();
        let model = SqliteReadModel::open_views(folder.path(), views).unwrap();
        assert_eq!(model.checkpoint().await.unwrap(), Position::START);
        assert_eq!(model.counts(KeyScopes::NAME, "").await.unwrap(), []);
        let campaigns = list::<Campaigns>(&model, all_of("")).await.unwrap();
        assert_eq!(campaigns.position, events.last().unwrap().position);
        for chunk in events.chunks(50) {
            model.apply(chunk.to_vec()).await.unwrap();
        }
        check(&model, &events).await;
    });
}

async fn rebuild(model: &SqliteReadModel, view: &str, events: &Events) -> RebuildReport {
    model.rebuild_begin(view).await.unwrap();
    for chunk in events.chunks(30) {
        model.rebuild_apply(view, chunk.to_vec()).await.unwrap();
    }
    model.rebuild_switch(view).await.unwrap()
}

#[test]
fn a_rebuild_finds_what_was_tampered_with_and_mends_it() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    let position = events.last().unwrap().position;
    run(async {
        let model = open(&folder);
        model.apply(events.clone()).await.unwrap();
        let rows = fold::<KeyScopes>(&events).len() as u64;
        let sound = RebuildReport { name: KeyScopes::NAME.to_owned(), position, rows, rows_different: 0 };
        assert_eq!(rebuild(&model, KeyScopes::NAME, &events).await, sound);
        tamper(&folder, "
            UPDATE v_key_scopes SET row = replace(row, '\"held\":', '\"held\" :')
                WHERE key = (SELECT min(key) FROM v_key_scopes);
            UPDATE v_key_scopes SET c_open = 9 WHERE key = (SELECT key FROM v_key_scopes ORDER BY key LIMIT 1 OFFSET 1);
            INSERT INTO v_key_scopes (key, row) VALUES ('zzz', '{}');
            DELETE FROM v_key_scopes WHERE key = (SELECT max(key) FROM v_key_scopes WHERE key < 'zzz');
            UPDATE counts SET rows = 99;");
        assert_eq!(
            rebuild(&model, KeyScopes::NAME, &events).await,
            RebuildReport { rows_different: 4, ..sound }
        );
        rebuild(&model, Records::NAME, &events).await;
        check(&model, &events).await;
        drop(model);
        check(&open(&folder), &events).await;
    });
}

#[test]
fn a_rebuilt_view_goes_on_with_its_indexes() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(40));
    let (before, after) = events.split_at(20);
    run(async {
        let model = open(&folder);
        model.apply(before.to_vec()).await.unwrap();
        for _ in 0..2 {
            rebuild(&model, KeyScopes::NAME, &before.to_vec()).await;
        }
        model.apply(after.to_vec()).await.unwrap();
        check(&model, &events).await;
    });
    let connection = Connection::open(folder.path().join(file::FILE)).unwrap();
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'i_key_scopes_%'";
    assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)), Ok(3));
}

#[test]
fn a_rebuild_is_switched_only_at_the_position_of_the_present_rows() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(10));
    run(async {
        let model = open(&folder);
        model.apply(events.clone()).await.unwrap();
        let not_begun = model.rebuild_apply(KeyScopes::NAME, events.clone()).await.unwrap_err();
        assert!(not_begun.to_string().contains("no rebuild of 'key_scopes' has begun"), "{not_begun}");
        model.rebuild_begin(KeyScopes::NAME).await.unwrap();
        model.rebuild_apply(KeyScopes::NAME, events[..9].to_vec()).await.unwrap();
        let too_early = model.rebuild_switch(KeyScopes::NAME).await.unwrap_err();
        assert!(too_early.to_string().contains("bring both to the same position"), "{too_early}");
        check(&model, &events).await;
        model.rebuild_apply(KeyScopes::NAME, events.clone()).await.unwrap();
        assert_eq!(model.rebuild_switch(KeyScopes::NAME).await.unwrap().rows_different, 0);
        let unknown = model.rebuild_begin("nothing").await.unwrap_err();
        assert_eq!(unknown, ReadModelError::UnknownView("nothing".to_owned()));
    });
}

#[test]
fn an_unfinished_rebuild_is_gone_after_reopening() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(10));
    run(async {
        let model = open(&folder);
        model.apply(events.clone()).await.unwrap();
        model.rebuild_begin(KeyScopes::NAME).await.unwrap();
        model.rebuild_apply(KeyScopes::NAME, events.clone()).await.unwrap();
        drop(model);
        let model = open(&folder);
        assert!(model.rebuild_switch(KeyScopes::NAME).await.is_err());
        check(&model, &events).await;
    });
}

#[test]
fn a_row_that_cannot_be_read_says_that_a_rebuild_helps() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(2));
    run(async {
        let model = open(&folder);
        model.apply(events[..1].to_vec()).await.unwrap();
        tamper(&folder, "UPDATE v_key_scopes SET row = 'no row'");
        let error = row::<KeyScopes>(&model, "docs/ocr/k0000").await.unwrap_err();
        assert!(error.to_string().contains("reprise projections rebuild"), "{error}");
    });
}

#[test]
fn a_batch_that_fails_leaves_no_trace() {
    let (folder, mut history) = (TempDir::new().unwrap(), History::default());
    run(async {
        let model = open(&folder);
        history.send(Command::Campaign(campaign(0), start_campaign()));
        model.apply(history.events.clone()).await.unwrap();
        let before = model.checkpoint().await.unwrap();
        tamper(&folder, "UPDATE v_campaigns SET row = 'no row'");
        let queue = work::Command::Queue { campaign: Some(campaign(0)), priority: Priority::Normal };
        history.send(Command::work(scope_of("docs", "ocr", "a"), queue));
        let error = model.apply(history.events.clone()).await.unwrap_err();
        assert!(matches!(error, ReadModelError::Damaged(_)), "{error}");
        assert_eq!(model.counts(KeyScopes::NAME, "").await.unwrap(), []);
        assert!(model.projections().await.unwrap().iter().all(|status| status.position == before));
    });
}

#[test]
fn what_a_crash_leaves_behind_goes_on_where_it_was() {
    let (folder, crashed, events) = (TempDir::new().unwrap(), TempDir::new().unwrap(), history());
    let (before, after) = events.split_at(events.len() / 2);
    run(async {
        let model = open(&folder);
        model.apply(before.to_vec()).await.unwrap();
        // The files as they are while the model is open: nothing was closed or tidied up.
        for name in ["views.db", "views.db-wal"] {
            fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
        }
        let model = open(&crashed);
        check(&model, before).await;
        model.apply(after.to_vec()).await.unwrap();
        check(&model, &events).await;
    });
}

#[test]
fn a_file_that_is_no_read_model_is_moved_aside_and_begun_anew() {
    let (folder, events) = (TempDir::new().unwrap(), history());
    let path = folder.path().join(file::FILE);
    let other_layout = "PRAGMA user_version = 4711";
    let spoil: [&dyn Fn(); 3] = [
        &|| fs::write(&path, b"this is no database, and it is not short either".repeat(400)).unwrap(),
        &|| tamper(&folder, other_layout),
        &|| tamper(&folder, "DROP TABLE tables; CREATE TABLE tables (colour TEXT)"),
    ];
    run(async {
        open(&folder).apply(events.clone()).await.unwrap();
        for spoil in spoil {
            spoil();
            let model = open(&folder);
            assert!(folder.path().join("views.db.damaged").exists());
            assert_eq!(model.checkpoint().await.unwrap(), Position::START);
            model.apply(events.clone()).await.unwrap();
            check(&model, &events).await;
        }
    });
}

#[test]
fn damage_that_is_found_while_reading_is_mended_by_reopening() {
    let (folder, events) = (TempDir::new().unwrap(), waiting(500));
    let path = folder.path().join(file::FILE);
    run(async {
        open(&folder).apply(events.clone()).await.unwrap();
        let mut bytes = fs::read(&path).unwrap();
        // Everything but the first pages, which hold the schema and the positions.
        bytes.iter_mut().skip(40 * 4_096).for_each(|byte| *byte = 0xAA);
        fs::write(&path, bytes).unwrap();
        let model = open(&folder);
        let damaged = model.list(all_of(KeyScopes::NAME)).await.unwrap_err();
        assert!(matches!(damaged, ReadModelError::Damaged(_)), "{damaged}");
        drop(model);
        let model = open(&folder);
        assert_eq!(model.checkpoint().await.unwrap(), Position::START);
        model.apply(events.clone()).await.unwrap();
        check(&model, &events).await;
    });
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, b"").unwrap();
    let error = SqliteReadModel::open(&blocked).err().unwrap();
    assert!(error.to_string().contains(blocked.to_str().unwrap()), "{error}");
}
