//! Stored forms that were written once must load for ever, so their fixtures never change.

use std::collections::BTreeMap;
use std::fs;

use sha2::{Digest, Sha256};

use super::{files, root, text};

const FIXTURES: &str = "adapters/event-codec/fixtures";
/// One line per fixture: SHA-256 in hexadecimal, two spaces, file name; `sha256sum` writes the same.
const SUMS: &str = "tests/it/tidy/fixtures.sha256";

#[test]
fn a_fixture_never_changes_once_it_has_landed() {
    let listed: BTreeMap<String, String> = text(SUMS)
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect();
    let present: BTreeMap<String, String> = files(FIXTURES)
        .into_iter()
        .map(|path| {
            let bytes = fs::read(root().join(&path)).expect("a readable fixture");
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
        })
        .collect();
    let mut offences = Vec::new();
    for (name, sum) in &listed {
        match present.get(name) {
            None => offences.push(format!("{name} is gone; bring it back")),
            Some(now) if now != sum => offences.push(format!(
                "{name} has changed; undo that, raise the schema version and add a fixture and an upcaster"
            )),
            Some(_) => {}
        }
    }
    for (name, sum) in &present {
        if !listed.contains_key(name) {
            offences.push(format!("{name} is new; add this line to {SUMS}:\n{sum}  {name}"));
        }
    }
    assert!(!present.is_empty(), "{FIXTURES} holds the fixtures");
    super::assert_none(&offences, "fixtures stay as they were written");
}
