//! Records by example: the version rule and the policies of writes and deletions.

use proptest::prelude::*;

use super::*;

fn given(history: &[Event]) -> Record {
    history.iter().fold(Record::default(), Record::evolve)
}

/// Given a history, when a command arrives, then it ends so.
#[expect(clippy::needless_pass_by_value, reason = "an example reads better without references")]
fn check(history: &[Event], command: &Command, expected: Result<Vec<Event>, Refusal>) {
    assert_eq!(given(history).decide(command), expected, "{command:?}");
}

fn scope(name: &str) -> Scope {
    Scope::new(name).expect("a valid name")
}

const fn stored(byte: u8) -> Stored {
    Stored { digest: Digest([byte; 32]), size_bytes: 3 }
}

fn write(name: &str, version: Option<u64>, policy: WritePolicy) -> Command {
    Command::Write { scope: scope(name), stored: stored(1), version, policy }
}

fn delete(name: Option<&str>, version: Option<u64>, policy: DeletePolicy) -> Command {
    Command::Delete { scope: name.map(scope), version, policy }
}

fn written(name: &str, version: u64) -> Event {
    Event::ScopeWritten(ScopeWritten { scope: scope(name), stored: stored(1), version, overwrote: false })
}

fn overwritten(name: &str, version: u64) -> Event {
    Event::ScopeWritten(ScopeWritten { scope: scope(name), stored: stored(1), version, overwrote: true })
}

fn scope_deleted(name: &str) -> Event {
    Event::ScopeDeleted(ScopeDeleted { scope: scope(name) })
}

fn scopes(record: &Record) -> Vec<&str> {
    record.scopes.keys().map(Scope::as_str).collect()
}

#[test]
fn a_new_record_has_the_version_sent_or_the_default() {
    check(&[], &write("raw", Some(9), WritePolicy::Merge), Ok(vec![written("raw", 9)]));
    check(&[], &write("raw", None, WritePolicy::Merge), Ok(vec![written("raw", VERSION_DEFAULT)]));
}

#[test]
fn a_write_without_version_is_never_too_old() {
    check(&[written("raw", 9)], &write("raw", None, WritePolicy::Merge), Ok(vec![written("raw", 9)]));
}

#[test]
fn an_older_version_is_refused_and_an_equal_one_accepted() {
    let newer = |sent| Err(Refusal::NewerVersionExists { stored: 9, sent });
    check(&[written("raw", 9)], &write("raw", Some(9), WritePolicy::Merge), Ok(vec![written("raw", 9)]));
    check(&[written("raw", 9)], &write("raw", Some(8), WritePolicy::Merge), newer(8));
    check(&[written("raw", 9)], &write("raw", Some(8), WritePolicy::Overwrite), newer(8));
    check(&[written("raw", 9)], &delete(None, Some(8), DeletePolicy::Silent), newer(8));
}

#[test]
fn an_absent_record_has_forgotten_its_version() {
    let history = [written("raw", 9), Event::Deleted];
    check(&history, &write("raw", Some(1), WritePolicy::Merge), Ok(vec![written("raw", 1)]));
}

#[test]
fn new_wants_an_absent_key() {
    check(&[], &write("raw", None, WritePolicy::New), Ok(vec![written("raw", 1)]));
    check(&[written("raw", 1)], &write("ocr", None, WritePolicy::New), Err(Refusal::KeyExists));
}

#[test]
fn merge_keeps_the_other_scopes_and_overwrite_drops_them() {
    let history = [written("raw", 1), written("ocr", 2)];
    check(&history, &write("index", None, WritePolicy::Merge), Ok(vec![written("index", 2)]));
    check(&history, &write("index", None, WritePolicy::Overwrite), Ok(vec![overwritten("index", 2)]));
    let [raw, ocr] = history;
    assert_eq!(scopes(&given(&[raw.clone(), ocr.clone(), written("index", 2)])), ["index", "ocr", "raw"]);
    assert_eq!(scopes(&given(&[raw, ocr, overwritten("index", 2)])), ["index"]);
}

#[test]
fn deleting_nothing_succeeds_silently_or_is_refused() {
    for missing in
        [delete(None, None, DeletePolicy::Silent), delete(Some("raw"), Some(0), DeletePolicy::Silent)]
    {
        check(&[], &missing, Ok(vec![]));
    }
    check(&[], &delete(None, None, DeletePolicy::MustExist), Err(Refusal::NothingToDelete));
    let other = delete(Some("ocr"), None, DeletePolicy::MustExist);
    check(&[written("raw", 1)], &other, Err(Refusal::NothingToDelete));
}

#[test]
fn a_record_without_its_last_scope_is_gone() {
    let both = [written("raw", 1), written("ocr", 1)];
    let scope = delete(Some("raw"), None, DeletePolicy::MustExist);
    check(&both, &scope, Ok(vec![scope_deleted("raw")]));
    check(&[written("raw", 1)], &scope, Ok(vec![Event::Deleted]));
    check(&both, &delete(None, None, DeletePolicy::Silent), Ok(vec![Event::Deleted]));
    assert!(given(&[written("raw", 1), Event::Deleted]).is_absent());
}

#[test]
fn the_scopes_of_a_record_are_bounded() {
    let full: Vec<_> = (0..SCOPES_MAX).map(|number| written(&format!("s{number}"), 1)).collect();
    check(&full, &write("raw", None, WritePolicy::Merge), Err(Refusal::TooManyScopes));
    check(&full, &write("s0", None, WritePolicy::Merge), Ok(vec![written("s0", 1)]));
    check(&full, &write("raw", None, WritePolicy::Overwrite), Ok(vec![overwritten("raw", 1)]));
}

fn command() -> impl Strategy<Value = Command> {
    let version = || prop::option::of(0_u64..6);
    let write_policy =
        prop::sample::select(vec![WritePolicy::New, WritePolicy::Overwrite, WritePolicy::Merge]);
    let delete_policy = prop::sample::select(vec![DeletePolicy::Silent, DeletePolicy::MustExist]);
    prop_oneof![
        3 => ("[a-c]", version(), write_policy).prop_map(|(scope, version, policy)| write(&scope, version, policy)),
        1 => (prop::option::of("[a-c]"), version(), delete_policy)
            .prop_map(|(scope, version, policy)| delete(scope.as_deref(), version, policy)),
    ]
}

proptest! {
    #[test]
    fn the_version_never_decreases_while_the_record_is_there(
        commands in prop::collection::vec(command(), 1..80)
    ) {
        let mut record = Record::default();
        for command in commands {
            let before = record.clone();
            for event in record.decide(&command).unwrap_or_default() {
                record = record.evolve(&event);
            }
            prop_assert!(before.is_absent() || record.is_absent() || before.version <= record.version);
            prop_assert!(!record.is_absent() || record == Record::default());
        }
    }
}
