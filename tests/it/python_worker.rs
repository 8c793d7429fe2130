//! Workers that are processes of their own, against a real server that is killed and started again: the example in Python,
//! and `reprise work`. Everything queued ends finished, and a late result is refused and can be seen.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tests::binary::{command, run};
use tests::crash::server::signal;
use tests::place::PATIENCE;

/// How many times the server is killed.
const KILLS: usize = 4;
/// How many documents are finished between two kills, at least.
const DOCUMENTS_PER_KILL: usize = 12;
const DOCUMENTS: usize = KILLS * DOCUMENTS_PER_KILL + 20;

/// A process that speaks in lines. Killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts a process and hands on what it says on stdout or stderr, line by line.
    fn start(mut command: Command, says: &Sender<String>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = child.stdout.take().expect("its stdout is piped");
        let stderr = child.stderr.take().expect("its stderr is piped");
        let (to_stdout, to_stderr) = (says.clone(), says.clone());
        // Whoever started it may have lost interest.
        let lines = |line: Result<String, _>| line.ok();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(lines).for_each(|line| drop(to_stdout.send(line)));
        });
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(lines).for_each(|line| drop(to_stderr.send(line)));
        });
        Self(child)
    }

    /// Ends it with SIGTERM and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        signal(&self.0, Signal::TERM);
        self.0.wait().expect("it ends").code()
    }
}

/// Waits for a line that is wanted.
fn until(lines: &Receiver<String>, wanted: impl Fn(&str) -> bool) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).expect("what the test waits for is said in time");
        if wanted(&line) {
            return line;
        }
    }
}

/// A folder with documents, and an address where servers over it listen, one after the other.
struct Site {
    folder: TempDir,
    address: String,
}

impl Site {
    fn with_documents(count: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let documents = folder.path().join("documents");
        fs::create_dir(&documents).unwrap();
        for number in 0..count {
            fs::write(documents.join(format!("{number:03}")), format!("text of {number}")).unwrap();
        }
        let configuration = format!(
            "[content]\nregistered_bases = [\"file://{}\"]\n[modules.upper]\nshell = \"tr a-z A-Z\"\noutput_scope = \"upper\"\n",
            documents.display()
        );
        fs::write(folder.path().join("reprise.toml"), configuration).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap().to_string();
        Self { folder, address }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts a server without workers and waits until it listens.
    fn serve(&self) -> Process {
        let (says, lines) = channel();
        let mut serve = command(self.path(), &["serve", "--listen", &self.address]);
        serve.env("NO_COLOR", "1");
        let server = Process::start(serve, &says);
        until(&lines, |line| line.contains("listening"));
        server
    }

    /// Asks the server by the command line.
    fn ask(&self, arguments: &[&str]) -> Value {
        let url = self.url();
        let ran = run(self.path(), &[&["--json", "--server", &url], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()
    }

    /// Makes the unit and asks for every document. A lease whose answer a kill swallowed has to run out, so leases are
    /// short.
    fn queue_everything(&self, lease_ms: u64) {
        let documents = self.path().join("documents");
        let content = format!("file://{}", documents.display());
        self.ask(&["unit", "create", "docs", "--content", &content]);
        self.ask(&["unit", "modules", "docs", "content=upper"]);
        set_lease(self, lease_ms);
        self.ask(&["reprocess", "all", "docs", "content"]);
    }

    /// The example, running a line of the shell.
    fn python(&self, name: &str, line: &str) -> Command {
        let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/worker.py");
        let mut python = Command::new("python3");
        python.arg(example).args([&self.url(), name, "docs/content", "upper", "sh", "-c", line]);
        python.current_dir(self.path()).stdin(Stdio::null());
        python
    }

    /// The statuses of all documents, each with whether its result is there and is the right one.
    fn check_everything_finished(&self, count: usize) {
        let list = self.ask(&["status", "docs", "--limit", "1000"]);
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), count);
        for item in items {
            assert_eq!((&item["status"], &item["scope"]), (&"finished".into(), &"content".into()), "{item}");
            assert_eq!(item["digest"], items_digest(item), "{item}");
        }
    }
}

/// The digest of what a document becomes.
fn items_digest(item: &Value) -> String {
    let number: usize = item["key"].as_str().unwrap().parse().unwrap();
    runtime::digest_of(format!("TEXT OF {number}").as_bytes()).to_string()
}

#[test]
fn whatever_kills_the_server_everything_queued_ends_finished_by_the_python_example() {
    let site = Site::with_documents(DOCUMENTS);
    let mut server = site.serve();
    site.queue_everything(2_000);
    let (says, lines) = channel();
    let _workers = ["first", "second"].map(|name| Process::start(site.python(name, "tr a-z A-Z"), &says));
    let mut finished = BTreeSet::new();
    let mut kills = 0;
    while finished.len() < DOCUMENTS {
        let line = until(&lines, |_| true);
        // A lease whose answer was lost in a kill has run out: its result comes from another attempt.
        let (outcome, key) = line.split_once(' ').unwrap_or((&line, ""));
        assert!(matches!(outcome, "complete" | "late_result"), "{line}");
        if outcome == "complete" {
            finished.insert(key.to_owned());
        }
        if kills < KILLS && finished.len() >= (kills + 1) * DOCUMENTS_PER_KILL {
            kills += 1;
            // Dropping it is SIGKILL.
            drop(server);
            server = site.serve();
        }
    }
    assert_eq!(kills, KILLS);
    site.check_everything_finished(DOCUMENTS);
    assert_eq!(server.stop(), Some(0), "workers that wait do not keep the server");
}

#[test]
fn a_result_of_a_python_worker_that_slept_through_its_lease_is_refused_and_can_be_seen() {
    let site = Site::with_documents(1);
    let _server = site.serve();
    site.queue_everything(300);
    // The first to come waits at a gate; whoever comes later goes on.
    let line = "if mkdir once 2>/dev/null; then echo > reached; read _ < gate; fi; tr a-z A-Z";
    for pipe in ["gate", "reached"] {
        assert!(Command::new("mkfifo").arg(site.path().join(pipe)).status().unwrap().success());
    }
    let (says, lines) = channel();
    let sleeper = Process::start(site.python("sleeper", line), &says);
    // Opening and reading ends once the program has reached the gate.
    fs::read(site.path().join("reached")).unwrap();
    signal(&sleeper.0, Signal::STOP);
    let _other = Process::start(site.python("other", line), &says);
    assert_eq!(until(&lines, |_| true), "complete 000");
    fs::write(site.path().join("gate"), "go on\n").unwrap();
    signal(&sleeper.0, Signal::CONT);
    assert_eq!(until(&lines, |_| true), "late_result 000");
    site.check_everything_finished(1);
    let history = site.ask(&["history", "docs/content/000"]);
    let late = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["event"] == "key_scope.late_result_refused");
    assert_eq!(late.expect("it is in the history")["actor"], "sleeper");
}

fn set_lease(site: &Site, lease_ms: u64) {
    use std::io::{Read as _, Write as _};
    let body = format!("{{\"lease_ms\":{lease_ms}}}");
    let mut socket = std::net::TcpStream::connect(&site.address).unwrap();
    let head = "PUT /v1/storage-units/docs/limits HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json";
    write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn reprise_work_processes_what_is_queued_at_a_server_and_survives_its_end() {
    const COUNT: usize = 30;
    let site = Site::with_documents(COUNT);
    let server = site.serve();
    let url = site.url();
    let (says, lines) = channel();
    let mut work = command(
        site.path(),
        &["-v", "--server", &url, "work", "--name", "mine", "--queue", "docs", "--jobs", "2"],
    );
    work.env("NO_COLOR", "1");
    let work = Process::start(work, &says);
    until(&lines, |line| line.contains("working"));
    site.queue_everything(2_000);
    drop(server);
    let _server = site.serve();
    wait_for_campaign(&site);
    site.check_everything_finished(COUNT);
    let attempts = site.ask(&["history", "docs/content/000", "--attempts"]);
    let last = attempts["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["worker"], &last["outputs"][0]["scope"]),
        (&"mine".into(), &"upper".into()),
        "{attempts}"
    );
    assert_eq!(work.stop(), Some(0));
}

/// Asks until the one campaign is completed.
fn wait_for_campaign(site: &Site) {
    let end = std::time::Instant::now() + PATIENCE;
    while site.ask(&["campaign", "list"])["items"][0]["state"] != "completed" {
        assert!(std::time::Instant::now() < end, "the campaign is completed in time");
    }
}

/// A long-lived program that notes what it was told and makes capitals of documents; it cannot do the third.
const SHOUT: &str = r#"
import json, sys
seen = open("seen", "a")
for line in sys.stdin:
    message = json.loads(line)
    kind = next(iter(message))
    print(kind, file=seen, flush=True)
    if kind == "item":
        item = message["item"]
        if item["key"] == "003":
            reply = {"failure": {"id": item["id"], "code": "no", "text": "not this one", "may_pass_later": False}}
        else:
            reply = {"result": {"id": item["id"], "output": item["content"].upper()}}
        print(json.dumps(reply), flush=True)
    elif kind == "batch_end":
        print(json.dumps({"batch_done": {"batch": message["batch_end"]["batch"]}}), flush=True)
"#;

#[test]
fn reprise_work_hands_a_long_lived_module_what_waits_together_as_one_batch() {
    const COUNT: usize = 10;
    const BATCH_ITEMS_MAX: usize = 6;
    let site = Site::with_documents(COUNT);
    fs::write(site.path().join("shout.py"), SHOUT).unwrap();
    let configuration = fs::read_to_string(site.path().join("reprise.toml")).unwrap();
    let module = format!(
        "[modules.upper]\nmode = \"stream\"\ncommand = [\"python3\", \"shout.py\"]\n\
         output_scope = \"upper\"\nbatch_items_max = {BATCH_ITEMS_MAX}\n"
    );
    let (before, _) = configuration.split_once("[modules.upper]").unwrap();
    fs::write(site.path().join("reprise.toml"), format!("{before}{module}")).unwrap();
    let _server = site.serve();
    site.queue_everything(60_000);
    // Everything waits before anybody works, so that batches are as large as they may be.
    let queued = |status: &Value| status["totals"]["queued"] == COUNT;
    let end = std::time::Instant::now() + PATIENCE;
    while !queued(&site.ask(&["status"])) {
        assert!(std::time::Instant::now() < end, "everything is queued in time");
    }
    let (says, lines) = channel();
    let url = site.url();
    let mut work = command(site.path(), &["-v", "--server", &url, "work", "--name", "mine", "--jobs", "1"]);
    work.env("NO_COLOR", "1");
    let work = Process::start(work, &says);
    until(&lines, |line| line.contains("working"));
    wait_for_campaign(&site);
    assert_eq!(work.stop(), Some(0));

    let seen = fs::read_to_string(site.path().join("seen")).unwrap();
    let batches = seen.split("batch_start").skip(1).map(|batch| batch.matches("item").count());
    assert_eq!(batches.collect::<Vec<_>>(), [BATCH_ITEMS_MAX, COUNT - BATCH_ITEMS_MAX], "{seen}");
    let list = site.ask(&["status", "docs", "--limit", "1000"]);
    for item in list["items"].as_array().unwrap() {
        if item["key"] == "003" {
            assert_eq!((&item["status"], &item["last_error"]["code"]), (&"failed".into(), &"no".into()));
        } else {
            assert_eq!((&item["status"], &item["digest"]), (&"finished".into(), &items_digest(item).into()));
        }
    }
    let attempts = site.ask(&["history", "docs/content/000", "--attempts"]);
    assert_eq!(attempts["items"][0]["outputs"][0]["scope"], "upper", "{attempts}");
}
