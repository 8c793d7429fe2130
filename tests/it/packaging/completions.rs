//! `reprise completions`, judged by bash itself.

use std::fs;

use tempfile::TempDir;
use tests::binary::run;

use super::{commands_below, output, said};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

fn script(shell: &str) -> String {
    let folder = TempDir::new().unwrap();
    let ran = run(folder.path(), &["completions", shell]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
}

/// What bash offers for a line whose last word is being typed.
fn offered(words: &[&str]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("reprise.bash");
    fs::write(&path, script("bash")).unwrap();
    let ask = r#"
        source "$0"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        [[ $(complete -p reprise) =~ -F\ ([^ ]+) ]]
        "${BASH_REMATCH[1]}" reprise "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let arguments = ["--norc", "--noprofile", "-euc", ask, path.to_str().unwrap(), "reprise"];
    let answer = output("bash", "bash", &[&arguments[..], words].concat());
    assert!(answer.status.success() && answer.stderr.is_empty(), "{}", said(&answer));
    String::from_utf8(answer.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_accepts_its_script() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("reprise.bash");
    fs::write(&path, script("bash")).unwrap();
    let checked = output("bash", "bash", &["-n", path.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["ser"]), ["serve"]);
    assert_eq!(offered(&["campaign", "res"]), ["resume"]);
    assert_eq!(offered(&["serve", "--work"]), ["--workers"]);
    assert_eq!(offered(&["completions", "f"]), ["fish"]);
}

#[test]
fn every_shell_is_offered_every_command() {
    let commands = commands_below(&[]);
    assert!(commands.len() > 5, "{commands:?}");
    for shell in SHELLS {
        let script = script(shell);
        let missing: Vec<_> = commands.iter().filter(|command| !script.contains(command.as_str())).collect();
        assert!(missing.is_empty(), "{shell}: {missing:?}");
    }
}

#[test]
fn completions_need_no_configuration_that_can_be_read() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("reprise.toml"), "nonsense").unwrap();
    let ran = run(folder.path(), &["completions", "bash"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_shell_that_nobody_knows_is_wrong_usage_that_names_the_known_ones() {
    let folder = TempDir::new().unwrap();
    let ran = run(folder.path(), &["completions", "cmd"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(SHELLS.iter().all(|shell| ran.stderr.contains(shell)), "{}", ran.stderr);
}
