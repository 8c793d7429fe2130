//! `reprise explain`, and the lines that it suggests, by the real binary in a folder of its own.

use serde_json::Value;
use tempfile::TempDir;
use tests::binary::run;

/// A folder whose data folder has a unit with one document, which waits.
fn waiting() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.txt"), "alpha").unwrap();
    for arguments in [
        ["unit", "create", "docs", "--content", "in"].as_slice(),
        &["reprocess", "key", "docs", "a.txt", "content"],
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
    }
    folder
}

fn explain(folder: &TempDir) -> Value {
    run(folder.path(), &["--json", "explain", "docs/content/a.txt"]).json()
}

/// The words of a suggested line, of which the tests have none that a shell would quote but JSON.
fn words(line: &str) -> Vec<String> {
    let (plain, quoted) = line.split_once(" '").unwrap_or((line, ""));
    let json = quoted.strip_suffix('\'').map(str::to_owned);
    plain.split(' ').map(str::to_owned).chain(json).skip(1).collect()
}

#[test]
fn the_lines_that_explain_suggests_do_what_they_say() {
    let folder = waiting();
    let hold = run(
        folder.path(),
        &["api", "post", "/v1/key-scopes/docs/content/a.txt/hold", r#"{"reason":"wait"}"#],
    );
    assert_eq!(hold.code, 0, "{}", hold.stderr);
    let disable = run(folder.path(), &["unit", "disable", "docs"]);
    assert_eq!(disable.code, 0, "{}", disable.stderr);
    for expected in ["held", "queue_disabled"] {
        let explained = explain(&folder);
        assert_eq!(explained["causes"][0]["cause"], expected);
        let line = explained["suggestions"][0]["command"].as_str().unwrap();
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = run(folder.path(), &words);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
    }
    assert_eq!(explain(&folder)["causes"][0]["cause"], "no_worker");
}

#[test]
fn explain_says_in_words_what_keeps_a_thing_and_what_frees_it() {
    let folder = waiting();
    let told = run(folder.path(), &["explain", "docs/content/a.txt"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for expected in [
        "queued since ",
        "no worker that serves the queue docs/content was heard of lately",
        "key_scope.queued at ",
        "queue docs/content: 0 ahead; 0 of 100000 in flight; served by nobody",
        "what frees it: start a worker that serves docs/content",
        "  reprise work --queue docs/content",
        "  hold (anyone) records key_scope.held",
    ] {
        assert!(told.stdout.contains(expected), "{expected:?} is not in\n{}", told.stdout);
    }
    let absent = run(folder.path(), &["explain", "docs/content/b.txt"]);
    assert_eq!(absent.code, 4, "{}", absent.stdout);
    let wrong = run(folder.path(), &["explain", "docs/content"]);
    assert_eq!((wrong.code, wrong.stderr.contains("task/ID")), (2, true), "{}", wrong.stderr);
}
