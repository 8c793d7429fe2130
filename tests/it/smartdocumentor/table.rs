//! The table in `docs/http-api.md` that says which test holds which sentence: whatever it names is there, and whatever is in
//! the reference is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How many sentences the page about reprocessing has, as the table numbers them.
const SENTENCES: usize = 20;
/// How many traps there are.
const TRAPS: usize = 9;

fn section() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/http-api.md");
    let document = fs::read_to_string(path).expect("the document can be read");
    let section =
        document.split("\n## SmartDocumentor surface").nth(1).expect("the document has the section");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a readable source");
            let tests = source
                .split("\n#[")
                .filter(|text| text.starts_with("test]") || text.starts_with("tokio::test"));
            names.extend(tests.filter_map(|text| {
                let (_, name) = text.split_once("fn ")?;
                name.split_once('(').map(|(name, _)| name.to_owned())
            }));
        }
    }
}

/// The rows of the table whose first column is a letter and a number: that, and the tests that it names.
fn rows(section: &str, letter: char) -> Vec<(usize, Vec<String>)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number = cells.next()?.strip_prefix(letter)?.parse().ok()?;
        let named = cells.last()?.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((number, named))
    };
    section.lines().filter_map(row).collect()
}

#[test]
fn every_sentence_and_every_trap_of_the_reference_names_a_test_that_is_there() {
    let mut known = BTreeSet::new();
    for folder in ["it/smartdocumentor", "it/access"] {
        tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut known);
    }
    assert!(known.len() > 40, "the tests were found");
    let section = section();
    for (letter, count) in [('S', SENTENCES), ('T', TRAPS)] {
        let rows = rows(&section, letter);
        let numbers: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{letter}: each has a row, in its place");
        for (number, named) in rows {
            assert!(!named.is_empty(), "{letter}{number} names no test");
            for name in named {
                assert!(
                    known.contains(&name),
                    "{letter}{number} names '{name}', which is no test of this surface"
                );
            }
        }
    }
}
