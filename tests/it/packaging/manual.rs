//! `reprise man`, judged by groff.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tests::binary::run;

use super::{commands_below, output, said};

/// Renders a page, and gives it as plain text.
fn rendered(page: &Path) -> String {
    // -P-c: no escape sequences for bold and underlined, but overstriking, which is taken out below.
    let arguments = ["-man", "-Tutf8", "-ww", "-P-c", page.to_str().unwrap()];
    let groff = output("groff", "groff-base", &arguments);
    assert!(groff.status.success() && groff.stderr.is_empty(), "{}: {}", page.display(), said(&groff));
    let mut plain = String::new();
    for character in String::from_utf8(groff.stdout).unwrap().chars() {
        if character == '\u{8}' {
            plain.pop();
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Every command of the program, as the words that follow its name.
fn every_command() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while let Some(words) = found.get(next).cloned() {
        next += 1;
        let below = commands_below(&words);
        found.extend(below.into_iter().map(|name| [&words[..], &[name]].concat()));
    }
    found
}

#[test]
fn every_command_has_a_page_that_renders_without_a_warning() {
    let folder = TempDir::new().unwrap();
    let ran = run(folder.path(), &["man", "--dir", "share/man1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let pages = folder.path().join("share/man1");
    let written = fs::read_dir(&pages).unwrap();
    let written: BTreeSet<String> =
        written.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let commands = every_command();
    let name =
        |words: &Vec<String>| format!("{}.1", [&["reprise".to_owned()], &words[..]].concat().join("-"));
    assert_eq!(written, commands.iter().map(name).collect());
    for words in &commands {
        let page = rendered(&pages.join(name(words)));
        let parts = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"];
        let missing: Vec<_> = parts.iter().filter(|part| !page.lines().any(|line| line == **part)).collect();
        assert!(missing.is_empty(), "{}: {missing:?} in\n{page}", name(words));
    }
    let program = rendered(&pages.join("reprise.1"));
    assert!(program.contains("EXIT STATUS"), "{program}");
}

#[test]
fn one_page_tells_of_every_command() {
    let folder = TempDir::new().unwrap();
    let ran = run(folder.path(), &["man"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let path = folder.path().join("reprise.1");
    fs::write(&path, ran.stdout).unwrap();
    let page = rendered(&path);
    for words in every_command() {
        // Those that only divide are told of by those that they divide into.
        let heading = format!("reprise {}", words.join(" "));
        let divides = !commands_below(&words).is_empty();
        assert!(divides || page.lines().any(|line| line == heading), "{heading} in\n{page}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let ran = run(folder.path(), &["man", "--dir", "file"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("file") && ran.stderr.contains("--dir"), "{}", ran.stderr);
}
