//! The server under test: `reprise serve` of this program as a child process, over a folder of the run.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use tokio::process::{Child, Command};

use super::failed;
use super::http::Connection;
use super::machine::field;
use super::place::{Place, bytes_in};
use crate::assemble::folder_url;
use crate::exit::CliError;
use crate::serve::ServerFile;

/// The unit of every row.
pub(super) const UNIT: &str = "bench";
/// The scope that is reprocessed.
pub(super) const SCOPE: &str = "content";
/// How many documents lie in one folder.
const DOCUMENTS_PER_FOLDER: u64 = 1_000;
/// How long a server may take until it is ready.
const READY_WAIT_MAX: Duration = Duration::from_secs(300);
/// How often a server that starts is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(2);
/// How many parts of a second the system counts processor time in: the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    pub(super) address: SocketAddr,
    /// From its start until it was ready.
    pub(super) ready_after: Duration,
}

/// What a process has used since it was started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// The memory that it has, in bytes.
    pub(super) memory_bytes: u64,
    /// The most memory that it had at any moment, in bytes.
    pub(super) memory_peak_bytes: u64,
    /// Processor time, in seconds.
    pub(super) cpu_s: f64,
}

impl Usage {
    /// What a process has used; nothing where the system does not say.
    pub(super) fn of(process: u32) -> Self {
        let read =
            |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        let status = read("status");
        let bytes = |name: &str| {
            let size = field(&status, name);
            let kib = size.and_then(|size| size.split_whitespace().next()?.parse::<u64>().ok());
            kib.unwrap_or(0) << 10
        };
        // The program's name comes before and may have blanks in it. Then user and system time are the 12th and 13th.
        let stat = read("stat");
        let ticks = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        let (memory_bytes, memory_peak_bytes) = (bytes("VmRSS"), bytes("VmHWM"));
        Self { memory_bytes, memory_peak_bytes, cpu_s: ticks / TICKS_PER_SECOND }
    }

    /// What this process has used: the one that makes the load.
    pub(super) fn of_load() -> Self {
        Self::of(std::process::id())
    }
}

impl Server {
    /// Starts a server over the folder `data` of the run, which may be there already. Content may be registered below
    /// the run's folder `documents`.
    pub(super) async fn start(place: &Place) -> Result<Self, CliError> {
        Self::start_over(place, place.folder("data")?, "").await
    }

    /// Starts a server over another folder, with more lines in its configuration.
    pub(super) async fn start_over(place: &Place, folder: PathBuf, more: &str) -> Result<Self, CliError> {
        let documents = folder_url(&place.folder("documents")?)?;
        let config = place.path().join("reprise.toml");
        let lines = format!("[content]\nregistered_bases = [\"{documents}\"]\n{more}");
        std::fs::write(&config, lines).map_err(|error| failed("write a configuration", &error))?;
        // That of a server that was killed would be taken for this one's.
        let _none_there = std::fs::remove_file(ServerFile::path(&folder));
        let program = std::env::current_exe().map_err(|error| failed("find its own program", &error))?;
        let mut command = Command::new(program);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REPRISE_"))
        {
            command.env_remove(name);
        }
        command.env("REPRISE_LOG", "error").arg("--config").arg(&config).arg("--data-dir").arg(&folder);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| failed("start a server", &error))?;
        let mut server = Self {
            child,
            folder,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ready_after: Duration::ZERO,
        };
        while !server.is_ready().await {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(failed("go on", &format!("the server ended at its start: {status}")));
            }
            if started.elapsed() > READY_WAIT_MAX {
                return Err(failed("go on", &"the server does not get ready"));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    async fn is_ready(&mut self) -> bool {
        let Some(file) = ServerFile::read(&self.folder) else { return false };
        let address = file.url.strip_prefix("http://").and_then(|address| address.parse().ok());
        let Some(address) = address else { return false };
        self.address = address;
        let Ok(mut connection) = Connection::open(address).await else { return false };
        connection.send(Method::GET, "/readyz", Bytes::new()).await.is_ok()
    }

    pub(super) async fn connect(&self) -> Result<Connection, CliError> {
        Connection::open(self.address).await
    }

    /// Makes the unit, over the documents of the run.
    pub(super) async fn create_unit(&self, place: &Place) -> Result<(), CliError> {
        let url = folder_url(&place.folder("documents")?)?;
        let content = json!({ "kind": "registered", "url": url.as_str(), "layout": "{key}", "scope": SCOPE });
        let limits = json!({ "in_flight_max": 100_000, "input_bytes_max": 1 << 20, "lease_ms": 600_000 });
        let unit = json!({ "name": UNIT, "content": content, "limits": limits });
        let _created: serde_json::Value = self.connect().await?.post("/v1/storage-units", &unit).await?;
        Ok(())
    }

    /// What it has used; nothing where the system does not say.
    pub(super) fn usage(&self) -> Usage {
        self.child.id().map_or_else(Usage::default, Usage::of)
    }

    /// What lies in its data folder, in bytes.
    pub(super) fn disk_bytes(&self) -> Result<u64, CliError> {
        bytes_in(&self.folder)
    }

    /// Ends it in the middle of whatever it does.
    pub(super) async fn kill(mut self) -> Result<(), CliError> {
        self.child.kill().await.map_err(|error| failed("end a server", &error))
    }
}

/// Makes documents with the keys `0000/0000000.txt` and so on.
pub(super) async fn make_documents(folder: &Path, count: u64) -> Result<(), CliError> {
    // Folder by folder, so that a run that is broken off does not make all of them first.
    for first in (0..count).step_by(DOCUMENTS_PER_FOLDER as usize) {
        let folder = folder.to_owned();
        let numbers = first..count.min(first + DOCUMENTS_PER_FOLDER);
        let made = tokio::task::spawn_blocking(move || make_some(&folder, numbers)).await;
        let made = made.map_err(|error| failed("make documents", &error))?;
        made.map_err(|error| failed("make documents", &error))?;
    }
    Ok(())
}

fn make_some(folder: &Path, numbers: Range<u64>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join(folder_of(numbers.start)))?;
    let first = folder.join(key(numbers.start));
    std::fs::File::create(&first)?;
    for number in numbers.skip(1) {
        // Further names of one file cost the file system much less than files, and are the same to who lists and reads.
        std::fs::hard_link(&first, folder.join(key(number)))?;
    }
    Ok(())
}

fn folder_of(number: u64) -> String {
    format!("{:04}", number / DOCUMENTS_PER_FOLDER)
}

/// The key of a document.
pub(super) fn key(number: u64) -> String {
    format!("{}/{number:07}.txt", folder_of(number))
}
