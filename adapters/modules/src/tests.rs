//! The module port over real programs.

mod http;
mod stream;
mod tls;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::names::{Key, ModuleName, Scope, StorageUnitName};
use domain::ports::{Job, ModuleFailure, Modules as _};
use domain::retry::RetryPolicy;
use domain::time::Millis;
use tokio::time::timeout;

use super::*;

/// No test waits for this long unless the rule it guards is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn name() -> ModuleName {
    ModuleName::new("m").unwrap()
}

fn shell(line: &str) -> Definition {
    Definition { shell: Some(line.to_owned()), ..Definition::default() }
}

fn command(command: &[&str]) -> Definition {
    Definition { command: command.iter().map(|part| (*part).to_owned()).collect(), ..Definition::default() }
}

fn modules(definition: Definition) -> ConfiguredModules {
    ConfiguredModules::new(BTreeMap::from([(name(), definition)])).unwrap()
}

fn job(input: impl Into<Vec<u8>>) -> Job {
    Job {
        unit: StorageUnitName::new("invoices").unwrap(),
        scope: Scope::new("ocr").unwrap(),
        key: Key::new("a/ü 1.pdf").unwrap(),
        attempt: 2,
        settings: [("language".to_owned(), "pt".into())].into_iter().collect(),
        input: input.into(),
    }
}

async fn run(definition: Definition, input: impl Into<Vec<u8>>) -> Result<Vec<u8>, ModuleFailure> {
    let (modules, name) = (modules(definition), name());
    let run = timeout(PATIENCE, modules.run(&name, job(input)));
    run.await.expect("the module must end by itself").map(|result| result.output)
}

async fn failure(definition: Definition) -> (String, String, bool) {
    let ModuleFailure { code, text, may_pass_later } = run(definition, "").await.unwrap_err();
    (code, text, may_pass_later)
}

fn failing(code: &str, text: &str, may_pass_later: bool) -> (String, String, bool) {
    (code.to_owned(), text.to_owned(), may_pass_later)
}

#[tokio::test]
async fn a_document_goes_in_and_the_result_comes_out() {
    assert_eq!(run(command(&["tr", "a-z", "A-Z"]), "abc").await, Ok(b"ABC".to_vec()));
}

#[tokio::test]
async fn no_shell_looks_at_arguments() {
    assert_eq!(run(command(&["printf", "%s", "$HOME;*"]), "").await, Ok(b"$HOME;*".to_vec()));
}

#[tokio::test]
async fn an_exit_code_other_than_zero_is_a_failure_with_stderr_as_its_text() {
    let definition = shell("echo wrong page >&2; echo half; exit 3");
    assert_eq!(failure(definition).await, failing("exit_3", "wrong page", true));
    let silent = failing("exit_1", "the program ended with exit code 1 and wrote nothing to stderr", true);
    assert_eq!(failure(command(&["false"])).await, silent);
}

#[tokio::test]
async fn an_exit_code_with_a_meaning_is_the_failure_that_it_means() {
    let exit_codes: BTreeMap<_, _> = [("33".to_owned(), "download_failed".to_owned())].into();
    let once = Definition { exit_codes: exit_codes.clone(), ..shell("echo no route >&2; exit 33") };
    assert_eq!(failure(once).await, failing("download_failed", "no route", true));
    let other = Definition { exit_codes: exit_codes.clone(), ..shell("exit 3") };
    assert_eq!(failure(other).await.0, "exit_3");
    let stream =
        Definition { mode: Mode::Stream, exit_codes, ..shell("read -r start; read -r item; exit 33") };
    assert_eq!(failure(stream).await.0, "download_failed");
    for (exit, code) in [("0", "x"), ("256", "x"), ("-1", "x"), ("033", "x"), ("x", "x"), ("3", " ")] {
        let exit_codes = [(exit.to_owned(), code.to_owned())].into();
        let definition = Definition { exit_codes, ..command(&["true"]) };
        let refused = ConfiguredModules::new([(name(), definition)].into()).unwrap_err();
        assert!(matches!(refused.problem, Problem::ExitCode { .. }), "{exit} {code}: {refused}");
    }
}

#[tokio::test]
async fn a_signal_is_a_failure() {
    let text = "the program was ended by signal 9 and wrote nothing to stderr";
    assert_eq!(failure(shell("kill -9 $$")).await, failing("signal_9", text, true));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_failure_that_names_it() {
    let text = "the program 'no-such-program' could not be started: No such file or directory (os error 2)";
    assert_eq!(failure(command(&["no-such-program"])).await, failing("spawn_failed", text, true));
}

#[tokio::test]
async fn a_module_that_is_not_defined_is_a_failure_that_no_retry_mends() {
    let failure = ConfiguredModules::default().run(&name(), job("")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.may_pass_later), ("not_defined", false));
}

#[tokio::test]
async fn too_much_output_ends_an_endless_program() {
    let definition = Definition { output_bytes_max: 100_000, ..command(&["cat", "/dev/zero"]) };
    let text = "the program wrote more than 100000 bytes and was killed";
    assert_eq!(failure(definition).await, failing("output_limit", text, false));
}

#[tokio::test]
async fn exactly_the_allowed_output_is_not_too_much() {
    let definition = Definition { output_bytes_max: 3, ..command(&["cat"]) };
    assert_eq!(run(definition, "abc").await, Ok(b"abc".to_vec()));
}

#[tokio::test]
async fn settings_that_no_environment_holds_are_a_failure_that_no_retry_mends() {
    let mut job = job("");
    job.settings.insert("words".to_owned(), "w".repeat(200_000).into());
    let failure = modules(command(&["cat"])).run(&name(), job).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.may_pass_later), ("spawn_failed", false));
}

#[tokio::test]
async fn a_program_sees_its_environment_and_nothing_else() {
    let definition = Definition {
        env: BTreeMap::from([
            ("LANG".to_owned(), "C".to_owned()),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ]),
        ..command(&["env"])
    };
    let seen = String::from_utf8(run(definition, "").await.unwrap()).unwrap();
    let mut seen: Vec<&str> = seen.lines().collect();
    seen.sort_unstable();
    let expected = [
        "LANG=C",
        "PATH=/usr/bin:/bin",
        "REPRISE_ATTEMPT=2",
        "REPRISE_KEY=a/ü 1.pdf",
        "REPRISE_SCOPE=ocr",
        "REPRISE_SETTINGS={\"language\":\"pt\"}",
        "REPRISE_UNIT=invoices",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_program_inherits_the_environment_only_when_asked_to() {
    let home = |inherit_env| Definition { inherit_env, ..shell("printf %s \"${CARGO_MANIFEST_DIR-unset}\"") };
    assert_eq!(run(home(false), "").await, Ok(b"unset".to_vec()));
    assert_eq!(run(home(true), "").await, Ok(env!("CARGO_MANIFEST_DIR").as_bytes().to_vec()));
}

#[tokio::test]
async fn a_program_runs_in_its_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.txt"), "words").unwrap();
    let definition = Definition { dir: Some(folder.path().to_owned()), ..command(&["cat", "words.txt"]) };
    assert_eq!(run(definition, "").await, Ok(b"words".to_vec()));
}

#[tokio::test]
async fn of_much_stderr_the_beginning_and_the_end_are_kept() {
    let definition = Definition {
        stderr_bytes_max: 20,
        ..shell("{ echo beginning; head -c 3000000 /dev/zero; printf '\\377the end'; } >&2; exit 1")
    };
    let (code, text, _) = failure(definition).await;
    assert_eq!(code, "exit_1");
    assert_eq!(text, "beginning\n\n… 2999998 bytes left out …\n\0\0\\xffthe end");
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    let input = vec![b'x'; 4 << 20];
    assert_eq!(run(command(&["printf", "done"]), input.clone()).await, Ok(b"done".to_vec()));
    assert_eq!(run(shell("exec <&-; printf done"), input).await, Ok(b"done".to_vec()));
}

#[tokio::test]
async fn a_program_may_write_a_lot_before_it_reads() {
    let input = vec![b'x'; 4 << 20];
    let definition = shell("head -c 4194304 /dev/zero; head -c 1000000 /dev/zero >&2; cat");
    let output = run(definition, input).await.unwrap();
    assert_eq!(output.len(), 8 << 20);
    assert_eq!(output.last(), Some(&b'x'));
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_up_its_result() {
    assert_eq!(run(shell("sleep 1000 & printf done"), "").await, Ok(b"done".to_vec()));
}

/// A named pipe: its reader sees the end when the last process that has it open for writing is gone.
fn pipe(folder: &Path) -> PathBuf {
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// A program whose grandchild writes its id, and that of the program, to the pipe and then holds it open.
fn with_grandchild(pipe: &Path, time_limit_ms: Millis) -> Definition {
    let line = "(echo $$; exec sleep 1000) > \"$PIPE\" & echo waiting >&2; wait";
    let env = BTreeMap::from([("PIPE".to_owned(), pipe.to_str().unwrap().to_owned())]);
    Definition { env, time_limit_ms, ..shell(line) }
}

#[tokio::test]
async fn the_time_limit_ends_a_program_and_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let definition = with_grandchild(&pipe, Millis(2_000));
    let watcher = tokio::task::spawn_blocking(move || {
        let mut seen = String::new();
        std::fs::File::open(pipe).unwrap().read_to_string(&mut seen).unwrap();
        seen
    });
    let text = "the program did not end within 2000 ms and was killed; stderr: waiting";
    assert_eq!(failure(definition).await, failing("time_limit", text, true));
    let id = timeout(PATIENCE, watcher).await.expect("the grandchild must be gone").unwrap();
    assert!(!Path::new("/proc").join(id.trim()).exists(), "the program was killed but not reaped");
}

#[tokio::test]
async fn dropping_the_run_ends_a_program_and_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let (modules, name) = (modules(with_grandchild(&pipe, TIME_LIMIT_MS)), name());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let watcher = tokio::task::spawn_blocking(move || {
        let mut pipe = BufReader::new(std::fs::File::open(pipe).unwrap());
        let mut id = String::new();
        pipe.read_line(&mut id).unwrap();
        started.send(()).unwrap();
        pipe.read_to_string(&mut id).unwrap();
    });
    tokio::select! {
        result = modules.run(&name, job("")) => panic!("the module must still run: {result:?}"),
        started = has_started => started.unwrap(),
    }
    timeout(PATIENCE, watcher).await.expect("program and grandchild must be gone").unwrap();
}

#[test]
fn a_definition_is_read_with_its_defaults() {
    let definition: Definition = serde_json::from_str(r#"{"command": ["ocr", "-q"]}"#).unwrap();
    assert_eq!(definition, command(&["ocr", "-q"]));
    assert_eq!(definition.time_limit_ms, Millis(300_000));
    assert_eq!(definition.output_bytes_max, 67_108_864);
    assert_eq!(definition.stderr_bytes_max, 16_384);
    let error = serde_json::from_str::<Definition>(r#"{"comand": ["ocr"]}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `comand`"), "{error}");
}

#[test]
fn a_definition_that_cannot_run_is_refused_with_what_to_do() {
    let env = |name: &str| Definition {
        env: BTreeMap::from([(name.to_owned(), String::new())]),
        ..command(&["cat"])
    };
    let never = RetryPolicy { attempts_max: 0, ..RetryPolicy::default() };
    let cases = [
        (Definition::default(), Problem::NoProgram),
        (command(&[""]), Problem::NoProgram),
        (shell(""), Problem::NoProgram),
        (Definition { shell: Some("cat".to_owned()), ..command(&["cat"]) }, Problem::TwoPrograms),
        (command(&["cat", "a\0b"]), Problem::NulInCommand),
        (env("A=B"), Problem::Variable { name: "A=B".to_owned() }),
        (env("REPRISE_KEY"), Problem::ReservedVariable { name: "REPRISE_KEY".to_owned() }),
        (
            Definition { time_limit_ms: Millis(0), ..command(&["cat"]) },
            Problem::LimitOutOfRange { name: "time_limit_ms", value: 0, min: 1, max: 86_400_000 },
        ),
        (
            Definition { retry: never, ..command(&["cat"]) },
            Problem::LimitOutOfRange { name: "retry.attempts_max", value: 0, min: 1, max: 4_294_967_295 },
        ),
    ];
    for (definition, problem) in cases {
        let error = ConfiguredModules::new(BTreeMap::from([(name(), definition)])).unwrap_err();
        assert_eq!(error, DefinitionError { module: name(), problem });
    }
}

#[test]
fn a_missing_program_is_known_before_anything_runs() {
    let missing = |definition| modules(definition).missing_programs().pop().map(|error| error.to_string());
    assert_eq!(missing(command(&["sh"])), None);
    assert_eq!(missing(shell("no-such-program")), None);
    assert_eq!(missing(command(&["/bin/sh"])), None);
    let expected = "module 'm': there is no program 'no-such-program' that can be run; install it, or write its full path";
    assert_eq!(missing(command(&["no-such-program"])).as_deref(), Some(expected));
    assert!(missing(command(&["/etc/passwd"])).is_some(), "a file without the right to run it is no program");
    let elsewhere = Definition { dir: Some("/no/such/folder".into()), ..command(&["sh"]) };
    assert!(missing(elsewhere).unwrap().contains("working directory"));
}

#[test]
fn a_profile_says_what_the_definition_says() {
    let definition = Definition { output_scope: Some(Scope::new("text").unwrap()), ..command(&["cat"]) };
    let profile = modules(definition).profile(&name()).unwrap();
    assert_eq!(profile.retry, RetryPolicy::default());
    assert_eq!(profile.output_scope.unwrap().as_str(), "text");
    assert_eq!(ConfiguredModules::default().profile(&name()), None);
}
