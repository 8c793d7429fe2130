//! The stream of events over a socket of the real binary: cut at random, the server killed in between, and stopped
//! while somebody listens.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::binary::command;

const CUTS: usize = 200;
/// The server is killed and started again after so many cuts.
const CUTS_PER_LIFE: usize = 50;
/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of the real binary, which is killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let file = folder.join("reprise-data/server.json");
        // What a killed server left behind says where that one was.
        drop(std::fs::remove_file(&file));
        let mut serve = command(folder, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("the binary starts");
        let until = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let found: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(url) = found["url"].as_str() {
                return Self { child, address: url.trim_start_matches("http://").to_owned() };
            }
            assert!(Instant::now() < until && child.try_wait().expect("a child").is_none(), "no server");
            std::thread::yield_now();
        }
    }

    fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        stream.write_all(request.as_bytes()).expect("the server reads");
        stream
    }

    /// The head and the body of a reply.
    fn ask(&self, request: &str) -> (String, String) {
        let mut reply = String::new();
        self.connect(request).read_to_string(&mut reply).expect("a whole reply");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.0 200"), "{reply}");
        (head.to_owned(), body.to_owned())
    }

    /// Records one event for each name, and gives the position of the last.
    fn record(&self, names: &[String]) -> u64 {
        let lines = names.iter().map(|name| {
            let body = json!({ "content": { "kind": "managed" }, "modules": {}, "queue_enabled": true, "limits": {} });
            let create = json!({ "name": "create", "body": body });
            format!("{}\n", json!({ "stream": format!("storage_unit-{name}"), "command": create }))
        });
        let lines: String = lines.collect();
        let head = format!(
            "POST /v1/commands HTTP/1.0\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            lines.len()
        );
        let (_, results) = self.ask(&(head + &lines));
        let last: Value = serde_json::from_str(results.lines().last().expect("a result")).expect("JSON");
        assert_eq!(last["status"], "accepted", "{last}");
        last["position"].as_str().expect("a position").parse().expect("a number")
    }

    /// The whole log, page by page.
    fn log(&self) -> Vec<String> {
        let (mut log, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let (head, body) = self.ask(&format!("GET /v1/events?limit=300&after={after} HTTP/1.0\r\n\r\n"));
            log.extend(body.lines().map(str::to_owned));
            let next = head.lines().find_map(|line| line.strip_prefix("reprise-next: "));
            match next {
                Some(next) => after = next.to_owned(),
                None => return log,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a client has received whole.
#[derive(Default)]
struct Client {
    last_id: Option<u64>,
    data: Vec<String>,
}

impl Client {
    fn connect(&self, server: &Server) -> TcpStream {
        let resume = self.last_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        server.connect(&format!("GET /v1/events HTTP/1.0\r\nAccept: text/event-stream\r\n{resume}\r\n"))
    }

    /// Reads until the stream is cut after so many bytes, or has shown everything up to the head of the log.
    fn read(&mut self, mut stream: TcpStream, bytes_max: usize, head: u64) {
        let (mut received, mut buffer) = (Vec::new(), [0_u8; 1_024]);
        while received.len() < bytes_max && whole(&received).last().is_none_or(|(id, _)| *id < head) {
            let count = stream.read(&mut buffer).expect("something comes in time");
            assert!(count > 0, "the stream does not end by itself");
            received.extend_from_slice(&buffer[..count]);
        }
        received.truncate(bytes_max);
        for (id, data) in whole(&received) {
            self.last_id = Some(id);
            self.data.push(data);
        }
    }
}

/// The messages with data that have arrived whole.
fn whole(received: &[u8]) -> Vec<(u64, String)> {
    let text = String::from_utf8_lossy(received);
    let Some((_, body)) = text.split_once("\r\n\r\n") else { return Vec::new() };
    let end = body.rfind("\n\n").unwrap_or(0);
    let messages = body[..end].split("\n\n").filter_map(|message| {
        let data = message.lines().find_map(|line| line.strip_prefix("data: "))?;
        let id = message.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id");
        Some((id.parse().expect("a position"), data.to_owned()))
    });
    messages.collect()
}

/// A random number below `end`.
fn random(seed: &mut u64, end: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % end
}

#[test]
fn a_client_that_is_cut_off_200_times_ends_with_exactly_the_log() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let first_seed = u64::try_from(now.as_micros()).expect("a small number") | 1;
    let mut seed = first_seed;
    let folder = TempDir::new().expect("a folder");
    let mut server = Server::start(folder.path());
    let mut client = Client::default();
    let mut head = 0;
    for cut in 0..CUTS {
        if cut % CUTS_PER_LIFE == CUTS_PER_LIFE - 1 {
            drop(server);
            server = Server::start(folder.path());
        }
        let count = 1 + random(&mut seed, 6);
        let names: Vec<String> = (0..count).map(|number| format!("u{cut}-{number}")).collect();
        // Half of the time the reader is there first, and sees the events come.
        let early = random(&mut seed, 2) == 0;
        let stream = early.then(|| client.connect(&server));
        head = server.record(&names);
        let stream = stream.unwrap_or_else(|| client.connect(&server));
        let bytes_max = usize::try_from(random(&mut seed, 4_000)).expect("a small number");
        client.read(stream, bytes_max, head);
    }
    client.read(client.connect(&server), usize::MAX, head);
    let log = server.log();
    assert_eq!(client.data.len(), log.len(), "seed {first_seed}");
    assert_eq!(client.data, log, "seed {first_seed}");
}

#[test]
fn a_server_that_is_stopped_ends_its_streams_and_itself() {
    let folder = TempDir::new().expect("a folder");
    let mut server = Server::start(folder.path());
    let head = server.record(&["docs".to_owned()]);
    let mut client = Client::default();
    let mut listening = client.connect(&server);
    client.read(listening.try_clone().expect("a second handle"), usize::MAX, head);
    let stopping = Instant::now();
    let told = std::process::Command::new("kill").arg(server.child.id().to_string()).status();
    assert!(told.expect("kill runs").success());
    let mut rest = Vec::new();
    listening.read_to_end(&mut rest).expect("the stream ends");
    assert!(server.child.wait().expect("a child").success(), "it ends well");
    // The limit after which it would have been cut off is 10 seconds.
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
}
