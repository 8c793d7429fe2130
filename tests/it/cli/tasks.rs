//! Tasks, workspaces and batches on the command line.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use tests::binary::{Ran, run};

/// A folder with a default workspace.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let created = done(&folder, &["workspace", "create", "invoices", "--default", "--recognition"]);
    assert_eq!(created.stdout, "created workspace 1\n");
    folder
}

fn done(folder: &TempDir, arguments: &[&str]) -> Ran {
    let ran = run(folder.path(), arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["display_name"].as_str().unwrap()).collect()
}

#[test]
fn tasks_of_a_file_are_created_and_its_wrong_lines_named() {
    let folder = folder();
    let lines = "{\"external_id\": \"IN-1\", \"context\": {}}\n\nno json\n{\"display_name\": \"b\", \"context\": {}}\n";
    fs::write(folder.path().join("tasks.ndjson"), lines).unwrap();
    let ran = run(folder.path(), &["task", "create", "--from", "tasks.ndjson"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("tasks.ndjson:3: the line is no JSON object"), "{ran:?}");
    assert!(ran.stderr.contains("2 created, 1 refused"), "{ran:?}");
    let listed = done(&folder, &["--json", "task", "list", "--sort=-name"]).json();
    assert_eq!(names(&listed), ["IN-1", "b"]);
    let one = done(&folder, &["--json", "task", "list", "--text", "in-"]).json();
    assert_eq!(names(&one), ["IN-1"]);
}

#[test]
fn tasks_are_restarted_by_their_ids_or_exactly_those_that_a_dry_run_named() {
    let folder = folder();
    // Of one process, since each takes a block of ids of its own.
    fs::write(folder.path().join("tasks.ndjson"), "{\"context\": {}}\n".repeat(3)).unwrap();
    done(&folder, &["task", "create", "--from", "tasks.ndjson"]);
    for id in ["1", "2"] {
        done(&folder, &["task", "resolve", id, "--outcome", "failed", "--text", "unreadable"]);
    }
    let failed = ["--status", "PreProcessingFailed"];
    let preview = done(&folder, &[&["--json", "task", "restart", "--dry-run"][..], &failed].concat());
    let head: Value = serde_json::from_str(preview.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(head["total"], 2);
    let shown = done(&folder, &[&["task", "restart", "--dry-run"][..], &failed].concat());
    let shown: BTreeSet<&str> = shown.stdout.lines().collect();
    assert_eq!(shown, BTreeSet::from(["1", "2"]));
    let restarted = done(&folder, &["task", "restart", "2", "3", "--reason", "better scans"]);
    assert_eq!(restarted.stdout, "task 2 restarted\ntask 3 restarted\n");
    let digest = head["digest"].as_str().unwrap();
    let moved = run(folder.path(), &[&["task", "restart", "--expect", digest][..], &failed].concat());
    assert_eq!(moved.code, 4, "{moved:?}");
    let begun = done(&folder, &[&["task", "restart"][..], &failed].concat());
    assert!(begun.stdout.contains("restarts 1 tasks"), "{begun:?}");
    let everything = run(folder.path(), &["task", "restart"]);
    assert_eq!(everything.code, 2, "{everything:?}");
}

#[test]
fn a_task_is_shown_counted_and_deleted() {
    let folder = folder();
    done(&folder, &["batch", "create", "1", "March"]);
    done(&folder, &["task", "create", "--context", "{}", "--batch", "1", "--high"]);
    let shown = done(&folder, &["task", "show", "1"]).stdout;
    assert!(shown.contains("Queued for Pre-Processing since"), "{shown}");
    let counted = done(&folder, &["--json", "task", "count", "--batch", "1"]).json();
    assert_eq!(counted["total"], 1);
    assert_eq!(run(folder.path(), &["task", "delete", "1"]).code, 2);
    done(&folder, &["task", "delete", "1", "--yes"]);
    let history = done(&folder, &["task", "history", "1"]).stdout;
    assert!(history.contains("task.deletion_requested"), "{history}");
    let batches = done(&folder, &["--json", "batch", "list"]).json();
    assert_eq!(batches["items"][0]["counts"]["total"], 1);
}
