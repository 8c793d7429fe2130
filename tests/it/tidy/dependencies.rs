//! Who may use whom: the dependency table of the house, against what cargo says.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use super::{assert_none, root};

/// A crate of the workspace.
struct Rule {
    /// Its name.
    name: &'static str,
    /// The crates of the workspace that it may use.
    may_use: Edges,
    /// The libraries that must not be anywhere below it, tests aside.
    never: &'static [&'static [&'static str]],
}

enum Edges {
    Only(&'static [&'static str]),
    Everything,
}

const ASYNC_RUNTIME: &[&str] = &["tokio", "async-std", "smol"];
const HTTP_SERVER: &[&str] = &["axum", "hyper", "tower-http"];
const DATABASE: &[&str] =
    &["rusqlite", "libsqlite3-sys", "sqlx", "postgres", "tokio-postgres", "eventstore", "redb"];
/// `iana-time-zone` is what chrono needs to read a clock; without it, it cannot.
const CLOCK_OR_RANDOM: &[&str] = &["iana-time-zone", "getrandom", "rand", "rand_core", "fastrand"];

/// The table of `docs/architecture.md`. A new line or a new edge is a design change: write an ADR about it.
const RULES: &[Rule] = &[
    Rule {
        name: "domain",
        may_use: Edges::Only(&[]),
        never: &[ASYNC_RUNTIME, HTTP_SERVER, DATABASE, CLOCK_OR_RANDOM],
    },
    Rule {
        name: "projections",
        may_use: Edges::Only(&["domain"]),
        never: &[ASYNC_RUNTIME, HTTP_SERVER, DATABASE, CLOCK_OR_RANDOM],
    },
    Rule {
        name: "event-codec",
        may_use: Edges::Only(&["domain"]),
        never: &[ASYNC_RUNTIME, HTTP_SERVER, DATABASE],
    },
    Rule {
        name: "store-memory",
        may_use: Edges::Only(&["domain", "event-codec"]),
        never: &[HTTP_SERVER, DATABASE],
    },
    Rule { name: "store-sqlite", may_use: Edges::Only(&["domain", "event-codec"]), never: &[HTTP_SERVER] },
    Rule { name: "read-model", may_use: Edges::Only(&["domain", "projections"]), never: &[HTTP_SERVER] },
    Rule {
        name: "runtime",
        may_use: Edges::Only(&["domain", "projections"]),
        never: &[HTTP_SERVER, DATABASE],
    },
    // Object stores are reached over HTTP, so a client is allowed here; a server is not.
    Rule { name: "content", may_use: Edges::Only(&["domain"]), never: &[&["axum", "tower-http"], DATABASE] },
    // Services are reached over HTTP, so the same holds here; `hyper` is the client.
    Rule { name: "modules", may_use: Edges::Only(&["domain"]), never: &[&["axum", "tower-http"], DATABASE] },
    Rule {
        name: "http-api",
        may_use: Edges::Only(&["domain", "projections", "runtime"]),
        never: &[DATABASE],
    },
    Rule { name: "cli", may_use: Edges::Everything, never: &[] },
    Rule { name: "tests", may_use: Edges::Everything, never: &[] },
];

fn packages() -> Vec<Package> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo metadata describes the workspace").packages
}

#[test]
fn every_crate_has_a_line_in_the_dependency_table() {
    let have: BTreeSet<String> = packages().iter().map(|package| package.name.to_string()).collect();
    let listed: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(
        have, listed,
        "crates (left) and lines of the table (right) differ; write an ADR, then change tests/it/tidy/dependencies.rs"
    );
}

#[test]
fn no_crate_uses_a_crate_that_it_may_not_use() {
    let packages = packages();
    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut offences = Vec::new();
    for package in &packages {
        let Some(Rule { may_use: Edges::Only(allowed), .. }) = rule(&package.name) else { continue };
        for used in &package.dependencies {
            let used_name = used.name.as_str();
            if names.contains(used_name) && !allowed.contains(&used_name) {
                offences.push(format!("{} uses {used_name} ({})", package.name, kind(used.kind)));
            }
        }
    }
    assert_none(
        &offences,
        "remove the dependency, or write an ADR and change the table in tests/it/tidy/dependencies.rs",
    );
}

fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

const fn kind(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::Development => {
            "tests only; integration tests of several crates live in the tests crate"
        }
        DependencyKind::Build => "build script",
        DependencyKind::Normal | DependencyKind::Unknown => "normal",
    }
}

#[test]
fn no_crate_has_a_forbidden_library_below_it() {
    let mut offences = Vec::new();
    for rule in RULES {
        let forbidden: BTreeSet<&str> = rule.never.iter().copied().flatten().copied().collect();
        if forbidden.is_empty() {
            continue;
        }
        let below = libraries_below(rule.name);
        assert!(below.contains(rule.name), "cargo tree names the crate itself");
        let found = below.iter().filter(|library| forbidden.contains(library.as_str()));
        offences.extend(found.map(|library| {
            format!(
                "{0} has {library} below it; 'cargo tree -p {0} -e normal -i {library}' says why",
                rule.name
            )
        }));
    }
    assert_none(&offences, "take the library out of this crate: it belongs behind a port");
}

/// Everything that is linked into a crate, with the features that this crate alone asks for.
fn libraries_below(name: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["tree", "--package", name, "--edges", "normal", "--prefix", "none"])
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn no_crate_is_named_after_nothing() {
    let vague = ["common", "utils", "util", "helpers", "misc", "core", "shared", "application"];
    let offences: Vec<_> = packages()
        .iter()
        .filter(|package| vague.contains(&package.name.as_str()))
        .map(|package| package.name.to_string())
        .collect();
    assert_none(&offences, "name the crate after what it does, or put its parts where they are used");
}

#[test]
fn an_adapter_is_called_like_its_folder() {
    let offences: Vec<_> = packages()
        .iter()
        .filter(|package| {
            package.manifest_path.parent().and_then(|it| it.file_name()) != Some(package.name.as_str())
        })
        .map(|package| format!("{} lies in {}", package.name, package.manifest_path))
        .collect();
    assert_none(&offences, "give folder and crate the same name");
}
