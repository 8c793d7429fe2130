//! The content port over folders and memory.

mod has;

use std::fs;
use std::path::Path;

use domain::layout::Pattern;
use url::Url;

use super::*;

const MAX: u64 = 1 << 20;

fn unit(name: &str) -> StorageUnitName {
    StorageUnitName::new(name).unwrap()
}

fn key(text: impl AsRef<str>) -> Key {
    Key::new(text).unwrap()
}

fn scope(text: &str) -> Scope {
    Scope::new(text).unwrap()
}

fn url(folder: &Path) -> String {
    Url::from_directory_path(folder).unwrap().to_string()
}

fn location(url: &str, layout: &str) -> Location {
    Location {
        url: url.to_owned(),
        layout: Pattern::new(layout).unwrap(),
        scope: scope("raw"),
        include: None,
    }
}

fn in_memory() -> Content {
    Content::new("memory://managed").unwrap()
}

/// A folder that holds `units/` with these files, beside it `secret`, and the content of an engine.
fn with_files(paths: &[&str]) -> (tempfile::TempDir, Content, Location) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    let base = folder.path().join("units");
    fs::create_dir(&base).unwrap();
    for path in paths {
        let file = base.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }
    let content = Content::new(&url(&folder.path().join("managed"))).unwrap();
    (folder, content, location(&url(&base), "{key}"))
}

async fn with_objects(paths: &[&str]) -> (Content, Location) {
    let content = in_memory();
    for path in paths {
        content.put_in_memory("memory://units/base", path, path.as_bytes().to_vec()).await.unwrap();
        content.put_in_memory("memory://units/base-2", path, b"other".to_vec()).await.unwrap();
    }
    (content, location("memory://units/base", "{key}"))
}

async fn read(content: &Content, location: &Location, name: &str) -> Result<Vec<u8>, ContentError> {
    let place = Place::Registered(location.clone());
    content.read(&unit("u"), &key(name), &location.scope, &place, MAX).await
}

async fn keys(content: &Content, location: &Location, limit: usize, after: Option<&str>) -> Vec<String> {
    let after = after.map(key);
    let mut listing = content.keys(location, &location.scope, after.as_ref()).await.unwrap();
    let mut keys = Vec::new();
    loop {
        let found = listing.next(limit).await.unwrap();
        assert!(found.len() <= limit);
        if found.is_empty() {
            return keys;
        }
        keys.extend(found.into_iter().map(|key| key.to_string()));
    }
}

async fn scopes(content: &Content, location: &Location, name: &str) -> Vec<String> {
    let scopes = content.scopes(location, &key(name)).await.unwrap();
    scopes.into_iter().map(|scope| scope.to_string()).collect()
}

// ── Registered locations ───────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_document_is_read_where_its_layout_says() {
    let (_folder, content, location) = with_files(&["a/b 1.txt", "100%", "a%20b", "c#1"]);
    for path in ["a/b 1.txt", "100%", "a%20b", "c#1"] {
        assert_eq!(read(&content, &location, path).await, Ok(path.as_bytes().to_vec()));
    }
    assert_eq!(read(&content, &location, "no").await, Err(ContentError::NotFound { path: "no".to_owned() }));
    assert_eq!(read(&content, &location, "a").await, Err(ContentError::NotFound { path: "a".to_owned() }));
    let (content, location) = with_objects(&["a/b 1.txt", "100%", "a%20b"]).await;
    for path in ["a/b 1.txt", "100%", "a%20b"] {
        assert_eq!(read(&content, &location, path).await, Ok(path.as_bytes().to_vec()));
    }
    assert!(matches!(read(&content, &location, "no").await, Err(ContentError::NotFound { .. })));
}

#[tokio::test]
async fn no_key_leads_out_of_its_location() {
    let (_folder, files, folder) = with_files(&["a/b"]);
    let (objects, prefix) = with_objects(&["a/b"]).await;
    for name in [
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "a//b",
        "./a/b",
        "a/",
        "..\\secret",
        "a\\..\\..\\secret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "%252e%252e%252fsecret",
        "%2fetc%2fpasswd",
        "a%00",
        "..%5csecret",
        "../base-2/a/b",
    ] {
        let refused = Err(ContentError::Outside(name.to_owned()));
        assert_eq!(read(&files, &folder, name).await, refused);
        assert_eq!(read(&objects, &prefix, name).await, refused);
        assert!(matches!(files.scopes(&folder, &key(name)).await, Err(ContentError::Outside(_))));
        let by_scope = location(&folder.url, "{key}/{scope}");
        assert!(matches!(files.scopes(&by_scope, &key(name)).await, Err(ContentError::Outside(_))));
        let after = files.keys(&folder, &scope("raw"), Some(&key(name))).await;
        assert!(matches!(after.map(drop), Err(ContentError::Outside(_))));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_may_lead_inside_but_not_outside() {
    use std::os::unix::fs::symlink;

    let (folder, content, location) = with_files(&["a/b"]);
    let base = folder.path().join("units");
    symlink(folder.path().join("secret"), base.join("file")).unwrap();
    symlink(folder.path(), base.join("folder")).unwrap();
    symlink(base.join("a"), base.join("inside")).unwrap();
    symlink(base.join("nowhere"), base.join("broken")).unwrap();
    for name in ["file", "folder/secret"] {
        assert_eq!(read(&content, &location, name).await, Err(ContentError::Outside(name.to_owned())));
        assert!(scopes(&content, &location, name).await.is_empty());
    }
    assert_eq!(read(&content, &location, "inside/b").await, Ok(b"a/b".to_vec()));
    assert!(matches!(read(&content, &location, "broken").await, Err(ContentError::NotFound { .. })));
    assert_eq!(keys(&content, &location, 10, None).await, ["a/b"]);
}

#[tokio::test]
async fn the_engines_own_data_belongs_to_no_location() {
    let (folder, content, _) = with_files(&["a", "data/log"]);
    let content = content.excluding([folder.path().join("units/data")]).unwrap();
    let everything = location(&url(folder.path()), "{key}");
    content.write(&unit("u"), &key("k"), &scope("raw"), b"bytes".to_vec()).await.unwrap();
    assert_eq!(keys(&content, &everything, 10, None).await, ["secret", "units/a"]);
    assert!(matches!(
        read(&content, &everything, "units/data/log").await,
        Err(ContentError::NotFound { .. })
    ));
    let own = location(&url(&folder.path().join("managed")), "{key}");
    assert!(content.check(&own).await.unwrap_err().to_string().contains("lies inside the engine's own data"));
}

#[tokio::test]
async fn a_document_that_is_too_large_is_not_loaded() {
    let (_folder, files, folder) = with_files(&["12345"]);
    let (objects, prefix) = with_objects(&["12345"]).await;
    for (content, location) in [(&files, folder), (&objects, prefix)] {
        let read = |max| {
            let place = Place::Registered(location.clone());
            async move { content.read(&unit("u"), &key("12345"), &scope("raw"), &place, max).await }
        };
        assert_eq!(read(5).await, Ok(b"12345".to_vec()));
        assert_eq!(read(4).await, Err(ContentError::TooLarge { size_bytes: 5, size_bytes_max: 4 }));
    }
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_paths_and_can_be_taken_up_after_any() {
    let paths = ["a b.md", "a-b.md", "a.md", "a.txt", "a/b.md", "a/c/d.md", "b.md", "ä.md"];
    let expected = ["a b", "a-b", "a", "a/b", "a/c/d", "b", "ä"];
    let (_folder, files, folder) = with_files(&paths);
    let (objects, prefix) = with_objects(&paths).await;
    for (content, url) in [(&files, folder.url), (&objects, prefix.url)] {
        let location = location(&url, "{key}.md");
        for limit in [1, 2, 100] {
            assert_eq!(keys(content, &location, limit, None).await, expected);
        }
        for (index, after) in expected.iter().enumerate() {
            assert_eq!(keys(content, &location, 3, Some(after)).await, expected[index + 1..]);
        }
    }
}

#[tokio::test]
async fn only_keys_of_the_scope_that_match_the_glob_are_listed() {
    let paths = ["in/ocr/a", "in/ocr/b.txt", "in/raw/a", "in/raw/b/c.txt", "in/raw/d.txt", "out/raw/a.txt"];
    let (_folder, files, folder) = with_files(&paths);
    let (objects, prefix) = with_objects(&paths).await;
    for (content, url) in [(&files, folder.url), (&objects, prefix.url)] {
        let location =
            Location { include: Some("**/*.txt".to_owned()), ..location(&url, "in/{scope}/{key}") };
        assert_eq!(keys(content, &location, 10, None).await, ["b/c.txt", "d.txt"]);
        assert!(read(content, &location, "a").await.is_err(), "what the glob leaves out is not there");
        let fixed = Location { layout: Pattern::new("in/raw/{key}").unwrap(), ..location };
        let mut other = content.keys(&fixed, &scope("ocr"), None).await.unwrap();
        assert_eq!(other.next(10).await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn a_key_has_the_scopes_that_are_stored() {
    let paths =
        ["a/raw", "a/ocr", "a/b/raw", "s1/a/b", "s2/a/b", "s3/a", "x.a", "x.b", "x.c/d", "xy.e", "one"];
    let (_folder, files, folder) = with_files(&paths);
    let (objects, prefix) = with_objects(&paths).await;
    for (content, url) in [(&files, folder.url), (&objects, prefix.url)] {
        assert_eq!(scopes(content, &location(&url, "{key}/{scope}"), "a").await, ["ocr", "raw"]);
        assert_eq!(scopes(content, &location(&url, "{key}/{scope}"), "no").await, [""; 0]);
        assert_eq!(scopes(content, &location(&url, "{key}/{scope}"), "one").await, [""; 0]);
        assert_eq!(scopes(content, &location(&url, "{scope}/{key}"), "a/b").await, ["s1", "s2"]);
        assert_eq!(scopes(content, &location(&url, "{key}.{scope}"), "x").await, ["a", "b"]);
        assert_eq!(scopes(content, &location(&url, "{key}"), "one").await, ["raw"]);
        assert_eq!(scopes(content, &location(&url, "{key}"), "two").await, [""; 0]);
        let included = Location { include: Some("t*".to_owned()), ..location(&url, "{key}") };
        assert_eq!(scopes(content, &included, "one").await, [""; 0]);
    }
}

#[tokio::test]
async fn a_listing_that_was_given_up_in_the_middle_loses_nothing() {
    let paths = ["1", "2", "3"];
    let (_folder, content, location) = with_files(&paths);
    let mut listing = content.keys(&location, &location.scope, None).await.unwrap();
    assert_eq!(listing.next(1).await.unwrap(), [key("1")]);
    // Polled once and dropped: the step is under way on another thread and its answer is thrown away.
    let given_up = futures::poll!(listing.next(1));
    let mut found: Vec<Key> = match given_up {
        std::task::Poll::Ready(found) => found.unwrap(),
        std::task::Poll::Pending => Vec::new(),
    };
    while let Some(key) = listing.next(1).await.unwrap().pop() {
        found.push(key);
    }
    assert_eq!(found, [key("2"), key("3")]);
}

#[tokio::test]
async fn a_location_that_cannot_be_used_says_why() {
    let (_folder, content, good) = with_files(&["file"]);
    assert_eq!(content.check(&good).await, Ok(()));
    assert_eq!(content.check(&location("memory:///", "{key}")).await, Ok(()));
    let file = good.url.clone() + "file";
    for (url, layout, include, why) in [
        ("folder", "{key}", None, "is not a URL such as file:///folder"),
        ("ftp://host/x", "{key}", None, "'ftp://' is not known"),
        ("file:///no/such/folder", "{key}", None, "does not exist; create it"),
        ("file://host/folder", "{key}", None, "not a folder of this machine"),
        ("file:///tmp/a#1", "{key}", None, "must be written %3F or %23"),
        (file.as_str(), "{key}", None, "is not a folder"),
        (good.url.as_str(), "a//{key}", None, "remove empty parts"),
        (good.url.as_str(), "{key}", Some("a[b"), "the glob of included paths is wrong"),
    ] {
        let location = Location { include: include.map(str::to_owned), ..location(url, layout) };
        let error = content.check(&location).await.unwrap_err();
        assert!(matches!(error, ContentError::Location(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(why), "{url}: {error}");
    }
}

#[cfg(not(any(feature = "s3", feature = "gcs", feature = "azure")))]
#[tokio::test]
async fn a_store_that_is_not_built_in_says_how_to_build_it() {
    for (url, feature) in [("s3://b/x", "'s3'"), ("gs://b/x", "'gcs'"), ("az://b/x", "'azure'")] {
        let error = in_memory().check(&location(url, "{key}")).await.unwrap_err();
        assert!(error.to_string().contains(&format!("build it with the cargo feature {feature}")), "{error}");
    }
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_gets_one_client_for_all_its_locations() {
    let stores = Stores::default();
    let open = |url| stores.objects(&base::parse(url).unwrap()).unwrap();
    let (first, second) = (open("s3://bucket/a/b%20c"), open("s3://bucket"));
    assert_eq!((first.prefix.as_ref(), second.prefix.as_ref()), ("a/b c", ""));
    assert!(Arc::ptr_eq(&first.store, &second.store));
    assert!(!Arc::ptr_eq(&first.store, &open("s3://other").store));
}

#[tokio::test]
async fn only_memory_can_be_filled_from_outside() {
    let (_folder, content, location) = with_files(&[]);
    let refused = content.put_in_memory(&location.url, "a", Vec::new()).await;
    assert!(matches!(refused, Err(ContentError::Location(_))));
}

// ── The engine's own content ───────────────────────────────────────────────────────────────────────────────────

fn strange_keys() -> Vec<Key> {
    let (long_ascii, long_unicode) = ("k".repeat(1024), "€".repeat(341));
    let nearly_the_same = "k".repeat(1023) + "l";
    ["a", "a/b", "../../a", "a/..", "/a", "http://x", "a%2fb", "%2e%2e", "~", ".a", "a b", "ü", "A"]
        .into_iter()
        .chain([long_ascii.as_str(), long_unicode.as_str(), nearly_the_same.as_str()])
        .map(key)
        .collect()
}

#[tokio::test]
async fn any_key_has_a_place_of_its_own_inside() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("deep/content");
    for content in [Content::new(&url(&base)).unwrap(), in_memory()] {
        let strange_scope = scope(&"%é".repeat(42));
        let mut stored = Vec::new();
        for key in strange_keys() {
            let bytes = key.as_str().as_bytes().to_vec();
            stored.push(content.write(&unit("u"), &key, &strange_scope, bytes).await.unwrap());
        }
        for (key, stored) in strange_keys().into_iter().zip(stored) {
            assert_eq!(stored.size_bytes, key.as_str().len() as u64);
            let place = Place::Managed(stored.digest);
            let bytes = content.read(&unit("u"), &key, &strange_scope, &place, MAX).await.unwrap();
            assert_eq!(bytes, key.as_str().as_bytes());
            let elsewhere = content.read(&unit("v"), &key, &strange_scope, &place, MAX).await;
            assert!(matches!(elsewhere, Err(ContentError::NotFound { .. })));
        }
    }
    let beside = fs::read_dir(folder.path().join("deep")).unwrap().count();
    assert_eq!(beside, 1, "nothing was written beside the content");
    assert_eq!(fs::read_dir(base.join("u")).unwrap().count(), strange_keys().len());
}

#[tokio::test]
async fn writing_the_same_again_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    for content in [Content::new(&url(folder.path())).unwrap(), in_memory()] {
        let write = async || content.write(&unit("u"), &key("k"), &scope("s"), b"bytes".to_vec()).await;
        let stored = write().await.unwrap();
        assert_eq!(stored, Stored { digest: digest(b"bytes"), size_bytes: 5 });
        assert_eq!(write().await, Ok(stored));
    }
    let files = fs::read_dir(folder.path().join("u/k/s")).unwrap();
    let names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, [hexadecimal(digest(b"bytes"))], "nothing but the content is left");
}

fn hexadecimal(digest: Digest) -> String {
    digest.to_string().replace("sha256:", "")
}

#[tokio::test]
async fn content_survives_reopening_and_damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Content::new(&url(folder.path())).unwrap();
    let stored = open().write(&unit("u"), &key("k"), &scope("s"), b"bytes".to_vec()).await.unwrap();
    let place = Place::Managed(stored.digest);
    let read = || async { open().read(&unit("u"), &key("k"), &scope("s"), &place, MAX).await };
    assert_eq!(read().await, Ok(b"bytes".to_vec()));
    fs::write(folder.path().join("u/k/s").join(hexadecimal(stored.digest)), b"bytez").unwrap();
    assert!(read().await.unwrap_err().to_string().contains("is damaged"));
}

#[tokio::test]
async fn removing_and_clearing_take_away_only_what_they_name() {
    let folder = tempfile::tempdir().unwrap();
    for content in [Content::new(&url(folder.path())).unwrap(), in_memory()] {
        let mut stored = Vec::new();
        for (name, bytes) in [("u", "1"), ("u", "2"), ("u-2", "1")] {
            let bytes = bytes.as_bytes().to_vec();
            stored.push(content.write(&unit(name), &key("k"), &scope("s"), bytes).await.unwrap().digest);
        }
        let has = async |name: &str, digest: Digest| {
            let place = Place::Managed(digest);
            content.read(&unit(name), &key("k"), &scope("s"), &place, MAX).await.is_ok()
        };
        for _ in 0..2 {
            content.remove(&unit("u"), &key("k"), &scope("s"), stored[0]).await.unwrap();
        }
        assert!(!has("u", stored[0]).await && has("u", stored[1]).await && has("u-2", stored[2]).await);
        for _ in 0..2 {
            content.clear(&unit("u")).await.unwrap();
        }
        assert!(!has("u", stored[1]).await && has("u-2", stored[2]).await);
    }
}

#[tokio::test]
async fn the_units_of_tasks_lie_beside_a_storage_unit_of_the_name_task_and_are_cleared_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = Content::new(&url(folder.path())).unwrap();
    for content in [in_folder, in_memory()] {
        let tasks = StorageUnitName::of_queue("task/7").unwrap();
        let units = [(unit("task"), "7"), (tasks.clone(), "7"), (tasks.clone(), "70")];
        let mut digest = None;
        for (unit, name) in &units {
            digest = content.write(unit, &key(*name), &scope("s"), b"bytes".to_vec()).await.ok();
        }
        let place = Place::Managed(digest.unwrap().digest);
        let (content, place) = (&content, &place);
        let there = || async {
            let mut there = Vec::new();
            for (unit, name) in &units {
                there.push(content.read(unit, &key(*name), &scope("s"), place, MAX).await.is_ok());
            }
            there
        };
        for _ in 0..2 {
            content.clear_key(&tasks, &key("7")).await.unwrap();
        }
        assert_eq!(there().await, [true, false, true]);
        content.clear(&unit("task")).await.unwrap();
        assert_eq!(there().await, [false, false, true]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_beside_removals_of_their_neighbours_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let content = Arc::new(Content::new(&url(folder.path())).unwrap());
    let turn = |number: usize| {
        let content = Arc::clone(&content);
        async move {
            let key = key(format!("k/{number}"));
            for _ in 0..20 {
                let stored = content.write(&unit("u"), &key, &scope("s"), b"bytes".to_vec()).await.unwrap();
                content.remove(&unit("u"), &key, &scope("s"), stored.digest).await.unwrap();
            }
        }
    };
    let turns: Vec<_> = (0..4).map(|number| tokio::spawn(turn(number))).collect();
    for turn in turns {
        turn.await.unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "empty folders go with their content");
}
