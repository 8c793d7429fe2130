//! The life of a task that got stuck, was restarted, reviewed and exported, as `reprise task show` tells it.

use std::path::Path;

use serde_json::json;
use tests::binary::{Ran, run};
use tests::crash::server::Server;
use tests::place::PATIENCE;

use super::SECRET;
use super::receiver::Receiver;

/// Writes the configuration: with a watchdog that takes anything under way for stuck at once, or with none.
fn configure(folder: &Path, is_watched: bool) {
    let watchdog = if is_watched {
        "watchdog_interval_ms = 10\n[[tasks.watchdog]]\nstatus = \"PreProcessingInProgress\"\nthreshold_ms = 1\n\
         target = \"PreProcessingFailed\"\n"
    } else {
        "watchdog = []\n"
    };
    let configuration =
        format!("[webhooks]\nhosts = [\"127.0.0.1\"]\n[secrets]\nerp = \"{SECRET}\"\n[tasks]\n{watchdog}");
    std::fs::write(folder.join("reprise.toml"), configuration).expect("a file can be written");
}

fn done(folder: &Path, arguments: &[&str]) -> Ran {
    let ran = run(folder, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran
}

/// Sends a request by the command line, and gives the reply.
fn api(folder: &Path, path: &str, body: &serde_json::Value) -> serde_json::Value {
    done(folder, &["--json", "api", "POST", path, &body.to_string()]).json()
}

/// Claims the one piece of work that there is, and says where it is.
fn claim(folder: &Path) -> serde_json::Value {
    let claim = json!({ "worker": "w", "queues": [{ "unit": "task/1" }], "wait_ms": 30_000 });
    let lease = &api(folder, "/v1/leases", &claim)["leases"][0];
    let member = |name: &str| lease[name].clone();
    json!({
        "worker": "w", "unit": member("unit"), "scope": member("scope"), "key": member("key"), "token": member("token"),
    })
}

fn until_shown(folder: &Path, text: &str) -> String {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let shown = done(folder, &["task", "show", "1"]).stdout;
        if shown.contains(text) {
            return shown;
        }
        assert!(std::time::Instant::now() < end, "{text:?} does not come up in {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_a_stuck_restarted_reviewed_and_exported_task_is_told_in_words() {
    let mut receiver = Receiver::start(Vec::new()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    configure(path, true);
    let mut server = Server::start_with(path, 1, &[]);
    let _url = server.listens();
    let workspace = json!({
        "display_name": "invoices", "is_default": true, "plan": { "export": true },
        "webhook": { "url": receiver.url(), "secret": "erp" },
    });
    let _workspace = api(path, "/v1/workspaces", &workspace);
    done(path, &["task", "create", "--display-name", "Invoice 7", "--context", "{}"]);
    // Whoever has it does nothing with it.
    let _stuck = claim(path);
    let shown = until_shown(path, "was stuck in PreProcessingInProgress");
    assert!(shown.contains("Pre-Processing Failed since"), "{shown}");
    assert!(shown.contains("what can be done:"), "{shown}");
    assert_eq!(server.stop().0, 0);

    configure(path, false);
    let mut server = Server::start_with(path, 1, &[]);
    let _url = server.listens();
    done(path, &["task", "restart", "1", "--reason", "better scans"]);
    let mut again = claim(path);
    again["outputs"] = json!([{ "module": "fetch", "content": "three pages" }]);
    let _completed = api(path, "/v1/leases/complete", &again);
    done(path, &["task", "approve", "1", "--user", "mara"]);
    let _delivered = receiver.next().await;
    let shown = until_shown(path, "processed, and moved to history");
    let told = [
        "task 1 'Invoice 7'",
        "Processed since",
        "what happened so far:",
        "created as 'Invoice 7' in workspace 1",
        "stuck as Pre-Processing in Progress since",
        "so it was put back to Pre-Processing Failed; nothing was started",
        "begun again from its first payload, restart 1",
        "because better scans",
        "approved by mara",
        "reviewed: every approval is there",
        "processed, and moved to history",
    ];
    let mut rest = shown.as_str();
    for text in told {
        let (_, after) = rest.split_once(text).unwrap_or_else(|| panic!("{text:?} is not told in {shown}"));
        rest = after;
    }
    assert_eq!(server.stop().0, 0);
}
