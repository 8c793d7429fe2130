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
use store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tests::binary::{command, run};

/// How long anything on the screen may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// How large the terminal is.
const ROWS: u16 = 30;
const COLUMNS: u16 = 110;

/// The binary on a terminal of its own.
struct Screen {
    child: Child,
    /// Our end.
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// Everything that was written to the screen.
    written: Vec<u8>,
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
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
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
        Self { child, keys, shown, written: Vec::new(), terminal }
    }

    /// Waits until a text is on the screen.
    fn shows(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !picture(&self.written).contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.shown.recv_timeout(left);
            let bytes = bytes.unwrap_or_else(|_| panic!("{text:?} is not in\n{}", picture(&self.written)));
            self.written.extend(bytes);
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys can be pressed");
    }

    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.terminal).expect("a terminal has modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

/// What a terminal shows after what was written to it, as far as the debugger makes use of one: it says where it writes, and
/// then what. Colours and modes show nothing.
fn picture(written: &[u8]) -> String {
    let mut cells = vec![vec![' '; usize::from(COLUMNS)]; usize::from(ROWS)];
    let (mut row, mut column) = (0, 0);
    let text = String::from_utf8_lossy(written);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            if let Some(cell) = cells.get_mut(row).and_then(|line| line.get_mut(column)) {
                *cell = character;
            }
            column += 1;
            continue;
        }
        // A control sequence ends with a letter; that of a place is `row;columnH`, counted from 1.
        let mut sequence = String::new();
        for part in characters.by_ref() {
            sequence.push(part);
            if part.is_ascii_alphabetic() {
                break;
            }
        }
        let place = sequence.strip_prefix('[').and_then(|rest| rest.strip_suffix('H'));
        if let Some((to_row, to_column)) = place.and_then(|place| place.split_once(';')) {
            let number = |text: &str| text.parse().map_or(0, |number: usize| number - 1);
            (row, column) = (number(to_row), number(to_column));
        }
    }
    let lines: Vec<String> = cells.into_iter().map(String::from_iter).collect();
    lines.join("\n")
}

/// A folder in which one document was processed.
fn processed() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/a.txt"), "alpha").unwrap();
    assert_eq!(run(folder.path(), &["run", "docs", "--", "cat"]).code, 0);
    folder
}

/// Looks at the document's history, and tries a command, which is done by reading only.
fn look(folder: &Path, source: &str) {
    let mut screen = Screen::start(folder, &["debug", "docs/content/a.txt"]);
    screen.shows("key_scope.finished");
    screen.shows(source);
    screen.press("g");
    screen.shows("> v0 queued");
    screen.press("l");
    screen.shows("> hold (anyone) → key_scope.held");
    screen.press("\r");
    screen.shows("nothing was recorded");
    screen.press("\u{3}");
    let ended = screen.child.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    assert!(screen.is_cooked());
}

#[test]
fn the_debugger_steps_through_an_export_without_a_data_folder() {
    let (source, elsewhere) = (processed(), TempDir::new().unwrap());
    for name in ["log.ndjson", "log.ndjson.zst"] {
        let file = source.path().join(name);
        let file = file.to_str().expect("a path of ASCII");
        assert_eq!(run(source.path(), &["export", "-o", file]).code, 0);
        let mut screen = Screen::start(elsewhere.path(), &["debug", "--export", file, "docs/content/a.txt"]);
        screen.shows("key_scope.finished");
        screen.press("g");
        screen.shows("> v0 queued");
        screen.press("q");
        assert!(screen.child.wait().expect("it ends").success());
        assert!(screen.is_cooked());
    }
    assert!(!elsewhere.path().join("reprise-data").exists(), "nothing was made");

    let file = source.path().join("log.ndjson");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let file = file.to_str().expect("a path of ASCII");
    let cut_off = run(elsewhere.path(), &["debug", "--export", file, "docs/content/a.txt"]);
    assert!(cut_off.code == 4 && cut_off.stderr.contains("cut off"), "{cut_off:?}");
    let both = ["--server", "http://127.0.0.1:9", "debug", "--export", file, "docs"];
    assert_eq!(run(elsewhere.path(), &both).code, 2);
}

#[test]
fn the_debugger_reads_a_data_folder_that_a_process_without_a_server_has() {
    let folder = processed();
    let data = folder.path().join("reprise-data");
    let held = SqliteStore::open(&data, SqliteOptions::default()).expect("the folder is free");
    let in_use = run(folder.path(), &["events"]);
    assert_eq!(in_use.code, 3, "{in_use:?}");
    look(folder.path(), "which another process has");
    drop(held);
    look(folder.path(), "folder reprise-data");
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
    screen.shows("> v0 queued");
    screen.press("l");
    screen.shows("> hold (anyone) → key_scope.held");
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
