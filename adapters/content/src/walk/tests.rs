//! The order of the walk against a sorted list.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn folder(base: &Path) -> Folder {
    Folder::open(base, Arc::default()).unwrap()
}

/// Writes the files and says which of them there are: what is a file cannot be a folder as well.
fn write<'a>(base: &Path, paths: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut written = Vec::new();
    for path in paths {
        let file = base.join(path);
        if fs::create_dir_all(file.parent().unwrap()).is_ok() && fs::write(&file, "").is_ok() {
            written.push(path);
        }
    }
    written.sort_unstable();
    written
}

fn steps(mut walk: Walk) -> Vec<Step> {
    let mut steps = Vec::new();
    while steps.last() != Some(&Step::End) {
        steps.push(walk.advance().unwrap());
    }
    steps
}

fn walk(folder: Folder, lead: &str, after: Option<&str>, window_max: usize) -> Vec<String> {
    let walk = Walk::with_window(folder, lead.to_owned(), after.map(str::to_owned), window_max);
    let paths = steps(walk).into_iter().filter_map(|step| match step {
        Step::File(path) => Some(path),
        Step::Folder | Step::End => None,
    });
    paths.collect()
}

fn file(path: &str) -> Step {
    Step::File(path.to_owned())
}

#[test]
fn a_directory_comes_where_its_paths_come() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), ["a0", "a/x", "a-b", "a/x.d/y", "a/x-", "ä"]);
    let expected = ["a-b", "a/x", "a/x-", "a/x.d/y", "a0", "ä"];
    for window_max in 1..4 {
        assert_eq!(walk(folder(base.path()), "", None, window_max), expected);
    }
}

#[test]
fn a_directory_larger_than_the_window_is_listed_completely() {
    let base = tempfile::tempdir().unwrap();
    let expected: Vec<String> = (0..1_000).map(|number| format!("d/{number:04}")).collect();
    write(base.path(), expected.iter().map(String::as_str));
    assert_eq!(walk(folder(base.path()), "", None, 64), expected);
    assert_eq!(walk(folder(base.path()), "", Some("d/0500"), 64), expected[501..]);
}

#[test]
fn a_walk_holds_no_more_names_than_its_window() {
    let base = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    write(base.path(), names.iter().map(String::as_str));
    let mut walk = Walk::with_window(folder(base.path()), String::new(), None, 7);
    while walk.advance().unwrap() != Step::End {
        assert!(walk.levels[0].window.len() < 7);
    }
}

#[test]
fn a_walk_that_starts_later_does_not_enter_what_lies_before() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), ["a/1", "a/2", "b/1", "b/c/1", "b/c/2", "d/1"]);
    let walk = Walk::new(folder(base.path()), String::new(), Some("b/c/1".to_owned()));
    let expected = [Step::Folder, Step::Folder, file("b/c/2"), Step::Folder, file("d/1"), Step::End];
    assert_eq!(steps(walk), expected);
}

#[test]
fn directories_without_wanted_paths_are_not_entered() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), ["in/a/1", "in/ab/2", "in/b/3", "in0", "other/4"]);
    let walk = Walk::new(folder(base.path()), "in/a".to_owned(), None);
    let expected = [Step::Folder, Step::Folder, file("in/a/1"), Step::Folder, file("in/ab/2"), Step::End];
    assert_eq!(steps(walk), expected);
}

#[cfg(unix)]
#[test]
fn links_sockets_strange_names_and_excluded_folders_are_left_out() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let (base, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(elsewhere.path(), ["secret"]);
    write(base.path(), ["a", "data/log", "data2/log"]);
    symlink(elsewhere.path(), base.path().join("linked")).unwrap();
    symlink(base.path().join("a"), base.path().join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(base.path().join("socket")).unwrap();
    fs::write(base.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let excluded = Arc::from([base.path().canonicalize().unwrap().join("data")]);
    let folder = Folder::open(base.path(), excluded).unwrap();
    assert_eq!(walk(folder, "", None, 8), ["a", "data2/log"]);
}

#[test]
fn a_folder_that_vanishes_while_it_is_walked_is_left_out() {
    let base = tempfile::tempdir().unwrap();
    write(base.path(), ["a/1", "b"]);
    let mut walk = Walk::new(folder(base.path()), String::new(), None);
    assert_eq!(walk.advance().unwrap(), Step::Folder);
    fs::remove_dir_all(base.path().join("a")).unwrap();
    assert_eq!(walk.advance().unwrap(), file("b"));
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a.b", "a b", "a-", "a0", "-", "é", "ab", "B", "a%2fb"]);
    prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_is_walked_in_order_and_taken_up_after_any_path(
        paths in prop::collection::btree_set(path(), 1..40),
        window_max in 1..6_usize,
        lead in prop::sample::select(vec!["", "a", "a/", "a/a", "b/a.b/", "x"]),
    ) {
        let base = tempfile::tempdir().unwrap();
        let mut paths = write(base.path(), paths.iter().map(String::as_str));
        paths.retain(|path| path.starts_with(lead));
        prop_assert_eq!(&walk(folder(base.path()), lead, None, window_max), &paths);
        for (index, after) in paths.iter().enumerate() {
            let rest = walk(folder(base.path()), lead, Some(after), window_max);
            prop_assert_eq!(&rest[..], &paths[index + 1..]);
        }
    }

    #[test]
    fn a_walk_can_be_taken_up_after_a_path_that_is_not_there(
        paths in prop::collection::btree_set(path(), 1..20),
        after in path(),
        window_max in 1..6_usize,
    ) {
        let base = tempfile::tempdir().unwrap();
        let mut paths = write(base.path(), paths.iter().map(String::as_str));
        paths.retain(|path| *path > after.as_str());
        prop_assert_eq!(walk(folder(base.path()), "", Some(&after), window_max), paths);
    }
}
