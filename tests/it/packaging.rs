//! What comes along with the binary: completions, the manual, the image, the service, and what watches over a server. The
//! real programs judge where they can; what they cannot judge is compared with the defaults of the code.

mod completions;
mod container;
mod health;
mod manual;
mod service;
mod service_manager;

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::binary::run;

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies below the workspace")
}

/// The text of a file of the workspace.
fn text(path: &str) -> String {
    let read = std::fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"));
    read.expect("a readable text file")
}

/// What a program of the machine says; a machine without it is told how to get it.
fn output(program: &str, package: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; apt-get install {package} brings it"))
}

/// What stdout and stderr of a run say together.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The help of a command, given by its words.
fn help(words: &[String]) -> String {
    let folder = TempDir::new().unwrap();
    let words = words.iter().map(String::as_str).chain(["--help"]);
    let ran = run(folder.path(), &words.collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout
}

/// The commands below a command, as its help lists them.
fn commands_below(words: &[String]) -> Vec<String> {
    let help = help(words);
    let section = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = section.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        // A line that goes on with the one before it is indented further.
        let name = line.strip_prefix("  ")?.split_whitespace().next()?;
        (!line.starts_with("   ") && name != "help").then(|| name.to_owned())
    });
    names.collect()
}
