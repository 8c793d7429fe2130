//! `reprise debug` by the real binary in a pseudo terminal: what it shows, that keys move it, that it records nothing, and
//! that it leaves the terminal as it was.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tempfile::TempDir;
use tests::binary::{command, run};

/// How long anything on the screen may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary on a terminal of its own.
struct Screen {
    child: Child,
    /// Our end.
    keys: File,
    shown: Receiver<Vec<u8>>,
    text: String,
    /// Its end, held so that it can be looked at after the end.
    terminal: OwnedFd,
}

impl Screen {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("its other end can be opened");
        let name = ptsname(&ours, Vec::new()).expect("its other end has a name");
        let path = name.to_str().expect("a device's name is ASCII");
        let open = || File::options().read(true).write(true).open(path).expect("its other end opens");
        let terminal: OwnedFd = open().into();
        let size = Winsize { ws_row: 30, ws_col: 110, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("a terminal has a size");
        let child = command(folder, arguments)
            .env("TERM", "xterm")
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .expect("the binary starts");
        let keys = File::from(ours);
        let mut screen = keys.try_clone().expect("our end can be used twice");
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, shown, text: String::new(), terminal }
    }

    /// Waits until a text was written to the screen since the last key. A screen is written where it differs, so the
    /// text has to be new as a whole.
    fn shows(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.text.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.shown.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("{text:?} does not appear in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn press(&mut self, keys: &str) {
        self.text.clear();
        self.keys.write_all(keys.as_bytes()).expect("keys can be pressed");
    }

    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.terminal).expect("a terminal has modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

#[test]
fn the_debugger_steps_through_a_history_and_leaves_log_and_terminal_as_they_were() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/a.txt"), "alpha").unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let before = run(folder.path(), &["--json", "events"]).stdout;

    let mut screen = Screen::start(folder.path(), &["debug", "docs/content/a.txt"]);
    screen.shows("key_scope.finished");
    assert!(!screen.is_cooked());
    screen.press("g");
    screen.shows("key_scope.queued");
    screen.press("l");
    screen.shows("key_scope.held");
    screen.press("\r");
    screen.shows("nothing was recorded");
    screen.press("\u{3}");
    let ended = screen.child.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    assert!(screen.is_cooked());

    assert_eq!(run(folder.path(), &["--json", "events"]).stdout, before);
}

#[test]
fn the_debugger_says_what_it_needs() {
    let folder = TempDir::new().unwrap();
    let nowhere = run(folder.path(), &["debug", "docs/content/a.txt"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("there is no data folder"), "{}", nowhere.stderr);
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/a.txt"), "alpha").unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    let nothing = run(folder.path(), &["debug", "docs/content/b.txt"]);
    assert_eq!(nothing.code, 4, "{}", nothing.stderr);
    let no_terminal = run(folder.path(), &["debug", "docs/content/a.txt"]);
    assert_eq!((no_terminal.code, no_terminal.stderr.contains("needs a terminal")), (2, true));
}
