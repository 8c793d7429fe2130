//! The contract suite over every embedded store, and what only the store in a file has to promise.

mod crash;
mod damage;
mod folder;
mod full;
mod stream_index;

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use domain::ports::EventStore;
use store_memory::MemoryStore;
use store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tests::contract::Subject;

mod memory {
    //! Every rule over the store in memory.
    tests::store_contract!(super::Memory(super::MemoryStore::new()));
}

mod sqlite {
    //! Every rule over the store in a file.
    tests::store_contract!(super::Sqlite::new(super::SqliteOptions::default()));
}

mod sqlite_with_little_memory {
    //! Every rule again, where almost nothing fits into memory: index and file answer instead.
    tests::store_contract!(super::Sqlite::new(super::LITTLE_MEMORY));
}

const LITTLE_MEMORY: SqliteOptions =
    SqliteOptions { log_bytes_max: None, recent_events_max: 3, tail_events_max: 5, readers_max: 1 };

struct Memory(MemoryStore);

impl Subject for Memory {
    fn open(&self) -> Arc<dyn EventStore> {
        Arc::new(self.0.clone())
    }
}

struct Sqlite {
    folder: TempDir,
    options: SqliteOptions,
}

impl Sqlite {
    fn new(options: SqliteOptions) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), options }
    }
}

impl Subject for Sqlite {
    fn open(&self) -> Arc<dyn EventStore> {
        Arc::new(open(self.folder.path(), self.options))
    }
}

fn open(folder: &Path, options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(folder, options).expect("nobody else has the folder")
}

/// Copies the files of a data folder, all but the lock, into a new folder.
fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(folder).expect("a data folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a file name");
        if name != "lock" {
            std::fs::copy(&path, copy.path().join(name)).expect("a copy");
        }
    }
    copy
}

/// Says to a test that it is the other process, and which folder it is to use.
const CHILD_FOLDER: &str = "REPRISE_TEST_CHILD_FOLDER";

/// The folder that this process is to use, when it was started by [`Other::start`].
fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// Another process: this test binary once more, running one test in its other role. Killed when it is dropped.
struct Other {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts the test with this full name in its other role.
    fn start(test: &str, folder: &Path) -> Self {
        let program = std::env::current_exe().expect("the path of this test binary");
        Self::from(Command::new(program), test, folder)
    }

    fn from(mut command: Command, test: &str, folder: &Path) -> Self {
        let mut child = command
            .args(["--exact", test, "--nocapture"])
            .env(CHILD_FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let stdout = child.stdout.take().expect("its output is piped");
        let stdin = child.stdin.take();
        Self { child, stdin, lines: BufReader::new(stdout).lines() }
    }

    /// The next thing that it says; nothing when it has ended. The test harness's own lines are left out.
    fn says(&mut self) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("says ")?.1.to_owned()))
    }

    /// Sends SIGKILL. What it said before can still be heard.
    fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }

    /// Lets it end by itself.
    fn let_go(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().expect("it has ended").success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: says something to the test.
fn say(what: &str) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "says {what}").and_then(|()| stdout.flush()).expect("the test listens");
}

/// In the other process: waits until the test lets go.
fn wait_to_be_let_go() {
    let mut nothing = Vec::new();
    std::io::stdin().lock().read_to_end(&mut nothing).expect("the test holds the other end");
}
