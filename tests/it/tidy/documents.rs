//! Documents: their links lead somewhere, decisions are numbered, every library has its reason.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{assert_none, files_with_extension, root, text};

// ── Links ──────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut offences = Vec::new();
    for path in documents() {
        let source = text(&path);
        for target in links(&source) {
            if let Some(problem) = problem(&path, &target) {
                offences.push(format!("{}: {target}: {problem}", path.display()));
            }
        }
    }
    assert_none(&offences, "correct the link, or write what it promises");
}

fn documents() -> Vec<PathBuf> {
    files_with_extension(".", "md")
}

/// The targets of Markdown links, code blocks aside.
fn links(source: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in source.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            found.extend(targets.map(str::to_owned));
        }
    }
    found
}

fn problem(document: &Path, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => document.to_owned(),
        _ => document.parent().unwrap_or(Path::new("")).join(file),
    };
    if !root().join(&path).exists() {
        return Some("no such file");
    }
    let leads_nowhere = !heading.is_empty() && !anchors(&text(&path)).contains(heading);
    leads_nowhere.then_some("no such heading")
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(source: &str) -> BTreeSet<String> {
    let headings = source.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
            kept.map(|it| if it == ' ' { '-' } else { it }).collect()
        })
        .collect()
}

// ── Decisions ──────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn decisions_are_numbered_without_gap_and_have_their_five_parts() {
    let mut offences = Vec::new();
    let decisions = files_with_extension("docs/adr", "md");
    for (number, path) in (1..).zip(&decisions) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let title = name.strip_prefix(&format!("{number:04}-")).and_then(|rest| rest.strip_suffix(".md"));
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        if !title.is_some_and(|title| !title.is_empty() && title.chars().all(is_plain)) {
            offences.push(format!("{name}: should be called {number:04}-title-in-lower-case.md"));
        }
        let source = text(path);
        for part in ["Status", "Context", "Options", "Decision", "Consequences"] {
            if !source.lines().any(|line| line == format!("## {part}")) {
                offences.push(format!("{name}: has no heading '## {part}'"));
            }
        }
    }
    assert!(!decisions.is_empty(), "docs/adr holds the decisions");
    assert_none(&offences, "name and divide decisions as the others are");
}

// ── Lists that must be complete ────────────────────────────────────────────────────────────────────────────────

#[test]
fn every_library_has_a_line_that_says_what_for() {
    let manifest = text("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("the manifest has the section");
    let declared: BTreeSet<&str> = section
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.contains("path = "))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.trim()))
        .collect();
    let document = text("docs/dependencies.md");
    let explained: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .collect();
    let without_line =
        declared.difference(&explained).map(|name| format!("{name} has no line; write what for"));
    let without_library = explained.difference(&declared).map(|name| format!("{name} is used no longer"));
    let offences: Vec<_> = without_line.chain(without_library).collect();
    assert_none(
        &offences,
        "docs/dependencies.md explains what Cargo.toml names, in the form '| `name` | what for |'",
    );
}

#[test]
fn every_stored_event_type_is_in_the_glossary() {
    let glossary = text("docs/glossary.md");
    let missing: Vec<_> = event_codec::stored_types()
        .map(|(name, _)| name)
        .filter(|name| !glossary.contains(&format!("`{name}`")))
        .map(str::to_owned)
        .collect();
    assert_none(&missing, "add the event to the table in docs/glossary.md");
}
