//! What a service manager hears from a server, over a socket as systemd would have given it.

use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;
use tests::crash::server::Server;
use tests::place::PATIENCE;

/// After so many microseconds without a sign of life a server counts as dead.
const WATCHDOG_MICROS: &str = "200000";

/// A service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    /// Starts a server that knows the socket and has this in its environment besides.
    fn start(&self, more: &[(&str, &str)]) -> Server {
        let path = self.folder.path().join("notify");
        let mut environment = vec![("NOTIFY_SOCKET", path.as_os_str())];
        environment.extend(more.iter().map(|(name, value)| (*name, value.as_ref())));
        Server::start_with(self.folder.path(), 0, &environment)
    }

    /// The next message, a line for each thing said.
    fn hears(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("the server says something in time");
        String::from_utf8(message[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_server_says_that_it_is_ready_when_it_answers_and_that_it_stops() {
    let manager = Manager::new();
    let mut server = manager.start(&[]);
    let ready = manager.hears();
    let url = server.listens();
    assert_eq!(ready, ["READY=1".to_owned(), format!("STATUS=listening on {url}")]);
    let (code, _) = server.stop();
    // No sign of life in between: nobody asked for any.
    assert_eq!(manager.hears()[0], "STOPPING=1");
    assert_eq!(code, 0);
}

#[test]
fn a_server_gives_signs_of_life_for_as_long_as_it_lives() {
    let manager = Manager::new();
    let server = manager.start(&[("WATCHDOG_USEC", WATCHDOG_MICROS)]);
    assert_eq!(manager.hears()[0], "READY=1");
    for _ in 0..3 {
        assert_eq!(manager.hears(), ["WATCHDOG=1"]);
    }
    server.kill();
    // What it said before it was killed is still there; nothing comes after it.
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut [0; 64]).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    let limit = std::time::Duration::from_micros(WATCHDOG_MICROS.parse().unwrap());
    manager.socket.set_read_timeout(Some(limit)).unwrap();
    assert!(manager.socket.recv(&mut [0; 64]).is_err(), "a dead server gives no sign of life");
}

#[test]
fn signs_of_life_that_another_process_owes_are_not_given() {
    let manager = Manager::new();
    let server = manager.start(&[("WATCHDOG_USEC", WATCHDOG_MICROS), ("WATCHDOG_PID", "1")]);
    assert_eq!(manager.hears()[0], "READY=1");
    server.stop();
    assert_eq!(manager.hears()[0], "STOPPING=1");
}

#[test]
fn a_service_manager_that_is_gone_stops_no_server() {
    let manager = Manager::new();
    std::fs::remove_file(manager.folder.path().join("notify")).unwrap();
    let mut server = manager.start(&[]);
    server.listens();
    let (code, said) = server.stop();
    assert_eq!(code, 0);
    assert!(said.iter().any(|line| line.contains("NOTIFY_SOCKET")), "{said:?}");
}
