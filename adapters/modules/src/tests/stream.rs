//! Long-lived programs: real processes, well-behaved and otherwise.

use std::time::Instant;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::*;

/// A program that answers with its process id, unless the key says what else it should do.
const OBLIGING: &str = r#"
field() { printf %s "$line" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
while read -r line; do case $line in
    *'"batch_start"'*) echo "began $(field batch)" >&2;;
    *'"batch_end"'*) echo "{\"batch_done\":{\"batch\":\"$(field batch)\"}}";;
    *'"key":"die"'*) echo dying >&2; exit 7;;
    *'"key":"silent"'*) sleep 1000;;
    *'"key":"garbage"'*) echo hello;;
    *'"key":"other"'*) echo '{"result":{"id":"99","output":""}}';;
    *'"key":"typo"'*) echo "{\"result\":{\"id\":\"$(field id)\",\"outputs\":\"\"}}";;
    *'"key":"nothing"'*) echo "{\"result\":{\"id\":\"$(field id)\"}}";;
    *'"key":"endless"'*) exec cat /dev/zero;;
    *'"key":"large"'*) echo "{\"result\":{\"id\":\"$(field id)\",\"output\":\"12345678901\"}}";;
    *'"key":"refuse"'*)
        echo "{\"failure\":{\"id\":\"$(field id)\",\"code\":\"blank\",\"text\":\"no words\",\"may_pass_later\":false}}";;
    *) echo "{\"result\":{\"id\":\"$(field id)\",\"output\":\"$$\"}}";;
esac; done
"#;

fn stream(line: &str) -> Definition {
    Definition { mode: Mode::Stream, ..shell(line) }
}

fn keyed(key: &str) -> Job {
    Job { key: Key::new(key).unwrap(), ..job("text") }
}

type Results = Vec<Result<String, ModuleFailure>>;

async fn batch(modules: &ConfiguredModules, keys: &[&str]) -> Results {
    let jobs = keys.iter().map(|key| keyed(key)).collect();
    let results =
        timeout(PATIENCE, modules.run_batch(&name(), jobs)).await.expect("the batch must end by itself");
    results.into_iter().map(|result| result.map(|it| String::from_utf8(it.output).unwrap())).collect()
}

fn code(result: &Result<String, ModuleFailure>) -> &str {
    result.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "ok")
}

#[tokio::test]
async fn one_process_serves_many_documents_and_batches() {
    let modules = modules(stream(OBLIGING));
    let first = batch(&modules, &["a", "b", "c"]).await;
    assert!(first.iter().all(|result| result.is_ok() && *result == first[0]), "{first:?}");
    assert_eq!(batch(&modules, &["d"]).await, first[..1]);
    assert_eq!(batch(&modules, &[]).await, []);
}

#[tokio::test]
async fn batches_at_the_same_time_have_a_process_each() {
    let modules = modules(stream(OBLIGING));
    let (one, other) = tokio::join!(batch(&modules, &["a"]), batch(&modules, &["b"]));
    assert!(one[0].is_ok() && other[0].is_ok() && one != other, "{one:?} {other:?}");
}

#[tokio::test]
async fn a_process_that_dies_fails_only_the_document_that_it_has_in_hand() {
    let modules = modules(stream(OBLIGING));
    let begun = Instant::now();
    let results = batch(&modules, &["a", "die", "b"]).await;
    let text = "the program ended with exit code 7 before it answered; stderr: dying";
    let failure = ModuleFailure { code: "exit_7".to_owned(), text: text.to_owned(), may_pass_later: true };
    assert_eq!(results[1], Err(failure));
    assert!(results[0].is_ok() && results[2].is_ok() && results[0] != results[2], "{results:?}");
    assert!(begun.elapsed() >= Duration::from_millis(100), "it is started again after a backoff");
}

#[tokio::test]
async fn a_silent_process_fails_only_the_document_that_it_has_in_hand() {
    let modules = modules(Definition { time_limit_ms: Millis(2_000), ..stream(OBLIGING) });
    let results = batch(&modules, &["silent", "a"]).await;
    let text = "the program did not answer within 2000 ms and was killed; stderr: began 1";
    let failure =
        ModuleFailure { code: "time_limit".to_owned(), text: text.to_owned(), may_pass_later: true };
    assert_eq!(results[0], Err(failure));
    assert!(results[1].is_ok(), "{results:?}");
}

#[tokio::test]
async fn what_is_no_reply_to_the_document_fails_it_and_ends_the_process() {
    let modules = modules(stream(OBLIGING));
    for (key, what) in [
        ("garbage", "its line is no reply"),
        ("other", "it answered for item \"99\" while it had item \"2\""),
        ("typo", "unknown field `outputs`"),
    ] {
        let results = batch(&modules, &["a", key, "b"]).await;
        let failure = results[1].clone().unwrap_err();
        assert_eq!(failure.code, "protocol");
        assert!(failure.text.contains(what) && failure.text.contains("docs/modules.md"), "{failure}");
        assert!(results[0].is_ok() && results[2].is_ok() && results[0] != results[2], "{results:?}");
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_used_fails_its_document_and_nothing_else() {
    let modules = modules(Definition { output_bytes_max: 10, ..stream(OBLIGING) });
    let results = batch(&modules, &["a", "nothing", "large", "refuse", "b"]).await;
    assert_eq!(
        results.iter().map(code).collect::<Vec<_>>(),
        ["ok", "protocol", "output_limit", "blank", "ok"]
    );
    assert_eq!(results[0], results[4], "the process lives on");
    let refused =
        ModuleFailure { code: "blank".to_owned(), text: "no words".to_owned(), may_pass_later: false };
    assert_eq!(results[3], Err(refused));
}

#[tokio::test]
async fn an_endless_line_ends_the_process() {
    let modules = modules(Definition { output_bytes_max: 10, ..stream(OBLIGING) });
    let results = batch(&modules, &["endless", "a"]).await;
    let text = "the program wrote a line of more than 65556 bytes and was killed; stderr: began 1";
    let failure =
        ModuleFailure { code: "output_limit".to_owned(), text: text.to_owned(), may_pass_later: false };
    assert_eq!(results[0], Err(failure));
    assert!(results[1].is_ok(), "{results:?}");
}

#[tokio::test]
async fn a_process_that_ended_between_two_batches_is_replaced_without_a_failure() {
    let modules = modules(stream(OBLIGING));
    let first = batch(&modules, &["a"]).await;
    let pid = Pid::from_raw(first[0].clone().unwrap().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let second = batch(&modules, &["a"]).await;
    assert!(second[0].is_ok() && second != first, "{second:?}");
}

#[tokio::test]
async fn the_end_of_a_batch_that_goes_wrong_leaves_its_results() {
    let line = r#"while read -r line; do case $line in
        *'"batch_end"'*) exit 1;;
        *'"item"'*) echo '{"result":{"id":"1","output_base64":"aGk="}}';;
    esac; done"#;
    let modules = modules(stream(line));
    for _ in 0..2 {
        assert_eq!(batch(&modules, &["a"]).await, [Ok("hi".to_owned())]);
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_fails_the_whole_batch_at_once() {
    let modules = modules(Definition { mode: Mode::Stream, ..command(&["no-such-program"]) });
    let results = batch(&modules, &["a", "b"]).await;
    assert_eq!(results.iter().map(code).collect::<Vec<_>>(), ["spawn_failed", "spawn_failed"]);
}

#[tokio::test]
async fn the_end_closes_stdin_and_kills_who_does_not_end_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let polite = stream(&format!("{OBLIGING}\necho ended > {}", mark.display()));
    let stubborn = Definition { end_limit_ms: Millis(50), ..stream(&format!("{OBLIGING}\nsleep 1000")) };
    for (definition, says_goodbye) in [(polite, true), (stubborn, false)] {
        let modules = modules(definition);
        let pid = batch(&modules, &["a"]).await.remove(0).unwrap();
        timeout(PATIENCE, modules.end()).await.expect("the end comes");
        assert!(!Path::new("/proc").join(&pid).exists(), "the program is still there");
        assert_eq!(std::fs::remove_file(&mark).is_ok(), says_goodbye);
    }
}

#[tokio::test]
async fn dropping_a_batch_ends_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let (modules, name) =
        (modules(stream(&format!("exec 3> {}; echo on >&3; sleep 1000", pipe.display()))), name());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let watcher = tokio::task::spawn_blocking(move || {
        let mut pipe = BufReader::new(std::fs::File::open(pipe).unwrap());
        let mut line = String::new();
        pipe.read_line(&mut line).unwrap();
        started.send(()).unwrap();
        pipe.read_to_string(&mut line).unwrap();
    });
    tokio::select! {
        results = modules.run_batch(&name, vec![job("")]) => panic!("the module must still run: {results:?}"),
        started = has_started => started.unwrap(),
    }
    timeout(PATIENCE, watcher).await.expect("the program must be gone").unwrap();
}

#[tokio::test]
async fn the_example_counts_words_and_refuses_what_is_no_text() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/module_words.py");
    let definition = Definition { mode: Mode::Stream, ..command(&["python3", example.to_str().unwrap()]) };
    let modules = modules(definition);
    let settings: serde_json::Map<_, _> = [("words_min".to_owned(), 2.into())].into_iter().collect();
    let inputs = [&b"to be or not to be"[..], b"\xff\xfe", b"be", "\"ü\"\n\u{1}".as_bytes()];
    let jobs = inputs.map(|input| Job { settings: settings.clone(), ..job(input) });
    let results = timeout(PATIENCE, modules.run_batch(&name(), jobs.into())).await.unwrap();
    let said: Vec<_> = results
        .into_iter()
        .map(|result| result.map_or_else(|failure| failure.code, |it| String::from_utf8(it.output).unwrap()))
        .collect();
    let counted = |words, distinct| format!("{{\"words\": {words}, \"distinct\": {distinct}}}");
    assert_eq!(said, [counted(6, 4), "not_text".to_owned(), "too_short".to_owned(), counted(2, 2)]);
    modules.end().await;
}
