//! How source files look: module docs first, no arm that swallows a new event, nothing from this machine.

use std::path::Path;

use super::{assert_none, files, files_with_extension, text};

#[test]
fn every_source_file_opens_with_its_module_docs() {
    let offences: Vec<_> = files_with_extension(".", "rs")
        .into_iter()
        .filter(|path| !text(path).starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&offences, "begin the file with '//! ': what it is, then what it does not know");
}

// ── Catch-all arms ─────────────────────────────────────────────────────────────────────────────────────────────

/// Adding an event or a command has to be a walk along compiler errors, so an arm has to name what it takes: `_`,
/// `other` and tuples of such are forbidden. `(_, Self::Absent)` names a state and is allowed; so is a name beside
/// literals (`0 => …, more => …`), since that is no enum of ours. Clippy forbids `_` on an enum, but not in a tuple.
#[test]
fn no_arm_in_the_domain_takes_whatever_comes() {
    let mut offences = Vec::new();
    for path in files_with_extension("domain/src", "rs") {
        if !is_test(&path) {
            let source = text(&path);
            let lines = catch_all_arms(&source);
            offences.extend(lines.into_iter().map(|(line, arm)| format!("{}:{line}: {arm}", path.display())));
        }
    }
    assert_none(&offences, "name the events, commands or states that share this arm");
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// The arms with nothing but `_` and names in their pattern: line number, text. Relies on rustfmt: such a short
/// pattern stands on one line, and arms of one match have one indentation.
fn catch_all_arms(source: &str) -> Vec<(usize, String)> {
    let tested = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines: Vec<&str> = tested.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(pattern) = pattern(line) else { continue };
        let before = lines.get(..number).unwrap_or_default();
        if is_catch_all(pattern) && !stands_beside_literals(before, indentation(line)) {
            found.push((number + 1, line.trim().to_owned()));
        }
    }
    found
}

/// The pattern of an arm that begins on this line, without its guard.
fn pattern(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with("//") {
        return None;
    }
    let (pattern, _) = line.split_once(" =>")?;
    Some(pattern.split_once(" if ").map_or(pattern, |(pattern, _)| pattern))
}

fn is_catch_all(pattern: &str) -> bool {
    let mut words =
        pattern.split(|character: char| "(), |&".contains(character)).filter(|word| !word.is_empty());
    let binds = |word: &str| {
        let is_name = word.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_');
        let is_literal = matches!(word, "true" | "false") || word.starts_with(|it: char| it.is_ascii_digit());
        word == ".." || is_name && !is_literal
    };
    words.clone().next().is_some() && words.all(binds)
}

fn stands_beside_literals(before: &[&str], indent: usize) -> bool {
    before
        .iter()
        .rev()
        .take_while(|line| indentation(line) >= indent || line.trim().is_empty())
        .filter(|line| indentation(line) == indent)
        .filter_map(|line| pattern(line))
        .any(|pattern| pattern.starts_with(|it: char| it.is_ascii_digit() || "-\"'".contains(it)))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn the_search_for_catch_all_arms_finds_them_and_nothing_else() {
    for arm in [
        "_ => 1,",
        "other => 1,",
        "(_, _) => 1,",
        "(event, state) if state.held => {",
        "(_, phase) | _ => 1,",
    ] {
        assert_eq!(catch_all_arms(arm).len(), 1, "{arm}");
    }
    for arm in ["(_, Self::Absent) => 1,", "Event::Held => 1,", "(_, true) => 1,", ") => 1,", "Err(_) => 1,"]
    {
        assert_eq!(catch_all_arms(arm), [], "{arm}");
    }
    assert_eq!(catch_all_arms("match n {\n    0 => a,\n    more => b,\n}"), []);
    assert_eq!(catch_all_arms("match n {\n    Event::Held => a,\n    more => b,\n}").len(), 1);
}

// ── Tests ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn no_test_is_left_out() {
    let marker = format!("#[{}", "ignore");
    let offences: Vec<_> = files_with_extension(".", "rs")
        .into_iter()
        .filter(|path| text(path).lines().any(|line| line.trim_start().starts_with(&marker)))
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&offences, "a test that needs something starts it, or fails saying how to get it");
}

// ── This machine ───────────────────────────────────────────────────────────────────────────────────────────────

/// Home folders and work folders of whoever wrote it; a path that begins so works on one machine only.
const MACHINE_FOLDERS: [&[&str]; 3] = [&["/ro", "ot"], &["/wo", "rk"], &["/ho", "me"]];

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let folders: Vec<String> = MACHINE_FOLDERS.iter().map(|parts| parts.concat()).collect();
    let mut offences = Vec::new();
    for path in files(".") {
        let Ok(source) = std::fs::read_to_string(super::root().join(&path)) else { continue };
        for (number, line) in source.lines().enumerate() {
            for folder in folders.iter().filter(|folder| names_folder(line, folder)) {
                offences.push(format!("{}:{}: {folder}", path.display(), number + 1));
            }
        }
    }
    assert_none(&offences, "use a path relative to the repository, or '~' for a home folder");
}

/// Whether a line has `folder` as the beginning of an absolute path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        let continues = |it: char| it.is_alphanumeric() || "_-.~*}>/%".contains(it);
        !before.is_some_and(continues) && after.is_none_or(|it| it == '/' || "\"'` )".contains(it))
    })
}

#[test]
fn the_search_for_machine_folders_finds_beginnings_only() {
    let folder = MACHINE_FOLDERS[1].concat();
    assert!(names_folder(&format!("see {folder}/x"), &folder));
    assert!(names_folder(&format!("\"{folder}\""), &folder));
    assert!(!names_folder(&format!("domain/src{folder}/tests.rs"), &folder));
    assert!(!names_folder(&format!("{folder}ers"), &folder));
}

#[test]
fn every_library_comes_from_the_public_registry() {
    let public = "registry+https://github.com/rust-lang/crates.io-index";
    let offences: Vec<_> = text("Cargo.lock")
        .lines()
        .filter_map(|line| line.strip_prefix("source = ").map(|source| source.trim_matches('"')))
        .filter(|source| *source != public)
        .map(str::to_owned)
        .collect();
    assert_none(
        &offences,
        "Cargo.lock must name the public registry only; undo the replacement and lock again",
    );
    let configured =
        ["cargo/config.toml", "cargo/config"].map(|name| Path::new(".").join(format!(".{name}")));
    let replaced: Vec<_> = configured
        .iter()
        .filter(|path| super::root().join(path).exists() && text(path).contains("replace-with"))
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&replaced, "configure a registry mirror outside the repository");
}
