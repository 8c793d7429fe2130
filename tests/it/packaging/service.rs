//! The systemd unit, judged by systemd's own programs, and its limits against those of the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use runtime::RuntimeSettings;
use tempfile::TempDir;
use tests::binary::reprise;

use super::{output, root, said, text};

const UNIT: &str = "packaging/systemd/reprise.service";

/// How exposed the service may be by systemd's own measure, in tenths of its points; 100 is no protection at all.
const EXPOSURE_MAX: &str = "20";

/// The unit with the binary where it is on this machine, in a folder of its own.
fn installed() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("reprise.service");
    let unit = text(UNIT);
    let command = "ExecStart=/usr/local/bin/reprise serve\n";
    assert!(unit.contains(command), "{unit}");
    fs::write(&path, unit.replace(command, &format!("ExecStart={} serve\n", reprise().display()))).unwrap();
    (folder, path)
}

/// The unit's settings. Each stands once.
fn settings() -> BTreeMap<String, String> {
    let unit = text(UNIT);
    let settings = unit.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let mut found = BTreeMap::new();
    for (name, value) in settings {
        let before = found.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{name} stands twice");
    }
    found
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let (_folder, path) = installed();
    let verified = output("systemd-analyze", "systemd", &["verify", "--man=no", path.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", said(&verified));
    // An unknown setting is a warning only. Warnings about other units of the machine are none of ours.
    let warnings: Vec<_> =
        said(&verified).lines().filter(|line| line.contains("reprise")).map(str::to_owned).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn systemd_finds_the_service_well_protected() {
    let (_folder, path) = installed();
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let path = path.to_str().unwrap();
    let judged = output("systemd-analyze", "systemd", &["security", "--offline=yes", &threshold, path]);
    assert!(judged.status.success(), "{}", said(&judged));
}

#[test]
fn the_user_of_the_service_can_be_made() {
    let path = root().join("packaging/sysusers.d/reprise.conf");
    let made = output("systemd-sysusers", "systemd", &["--dry-run", path.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    let made = text("packaging/sysusers.d/reprise.conf");
    let user = made.lines().find_map(|line| line.strip_prefix("u ")?.split_whitespace().next());
    assert_eq!(user, settings().get("User").map(String::as_str));
}

#[test]
fn a_stop_waits_longer_than_the_server_may_take_and_leaves_programs_their_document() {
    let settings = settings();
    let seconds = settings["TimeoutStopSec"].strip_suffix('s').unwrap().parse().unwrap();
    // Requests in flight may take as long as the work in hand after them.
    let server = RuntimeSettings::default().shutdown_max * 2;
    assert!(Duration::from_secs(seconds) > server, "{seconds} s, and the server may take {server:?}");
    assert_eq!((settings["KillSignal"].as_str(), settings["KillMode"].as_str()), ("SIGTERM", "mixed"));
}

#[test]
fn the_data_folder_is_the_one_that_systemd_makes() {
    let settings = settings();
    let folder = format!("/var/lib/{}", settings["StateDirectory"]);
    assert_eq!(settings["Environment"], format!("REPRISE_DATA_DIR={folder}"));
    assert_eq!(settings["WorkingDirectory"], format!("/etc/{}", settings["ConfigurationDirectory"]));
}
