//! Storage units by example.

use super::*;

fn settings() -> Settings {
    let location = Location {
        url: "file:///documents".to_owned(),
        layout: Pattern::new("{key}").expect("a valid pattern"),
        scope: scope("content"),
        include: Some("**/*.md".to_owned()),
    };
    Settings {
        content: Content::Registered(location),
        modules: ModuleTable::default(),
        queue_enabled: true,
        limits: Limits::default(),
    }
}

fn scope(name: &str) -> Scope {
    Scope::new(name).expect("a valid name")
}

fn modules(scopes: usize, per_scope: usize) -> ModuleTable {
    let entry = ModuleEntry {
        module: ModuleName::new("checksum").expect("a valid name"),
        settings: serde_json::Map::new(),
        retry: None,
        output_scope: None,
        input: ModuleInput::Document,
    };
    let modules = (0..scopes).map(|number| (scope(&format!("s{number}")), vec![entry.clone(); per_scope]));
    ModuleTable { modules: modules.collect(), settings: serde_json::Map::new() }
}

fn given(history: &[Event]) -> StorageUnit {
    history
        .iter()
        .fold(StorageUnit::default(), |unit, event| unit.evolve(event).expect("the history is possible"))
}

/// Given a history, when a command arrives, then it ends so; and what it records folds.
#[expect(clippy::needless_pass_by_value, reason = "an example reads better without references")]
fn check(history: &[Event], command: &Command, expected: Result<Vec<Event>, Refusal>) {
    let unit = given(history);
    let outcome = unit.decide(command);
    assert_eq!(outcome, expected, "{command:?}");
    for event in outcome.into_iter().flatten() {
        unit.clone().evolve(&event).expect("what was decided folds");
    }
}

fn created() -> Event {
    Event::Created(settings())
}

/// Every command but `Create` and `ConfirmCleared`.
fn commands_to_a_unit_in_use() -> Vec<Command> {
    vec![
        Command::SetContent(Content::Managed),
        Command::SetModules(modules(1, 1)),
        Command::EnableQueue,
        Command::DisableQueue,
        Command::SetLimits(Limits::default()),
        Command::ResetQueue,
        Command::Drop,
    ]
}

#[test]
fn a_name_is_used_once() {
    check(&[], &Command::Create(settings()), Ok(vec![created()]));
    check(&[created()], &Command::Create(settings()), Err(Refusal::AlreadyExists));
    let dropped = [created(), Event::Dropped];
    check(&dropped, &Command::Create(settings()), Err(Refusal::StillClearing));
    check(&[created(), Event::Dropped, Event::Cleared], &Command::Create(settings()), Ok(vec![created()]));
}

#[test]
fn a_unit_that_is_absent_or_being_cleared_can_only_be_created_or_cleared() {
    for command in commands_to_a_unit_in_use() {
        check(&[], &command, Err(Refusal::DoesNotExist));
        check(&[created(), Event::Dropped], &command, Err(Refusal::DoesNotExist));
        check(&[created(), Event::Dropped, Event::Cleared], &command, Err(Refusal::DoesNotExist));
    }
}

#[test]
fn what_is_set_already_is_not_set_again() {
    check(&[created()], &Command::SetContent(settings().content), Ok(vec![]));
    check(&[created()], &Command::SetModules(settings().modules), Ok(vec![]));
    check(&[created()], &Command::SetLimits(settings().limits), Ok(vec![]));
    check(&[created()], &Command::EnableQueue, Ok(vec![]));
    check(&[created(), Event::QueueDisabled], &Command::DisableQueue, Ok(vec![]));
}

#[test]
fn what_is_new_is_recorded_and_kept() {
    let limits = Limits { in_flight_max: 7, ..Limits::default() };
    check(
        &[created()],
        &Command::SetContent(Content::Managed),
        Ok(vec![Event::ContentSet(Content::Managed)]),
    );
    check(&[created()], &Command::SetModules(modules(1, 1)), Ok(vec![Event::ModulesSet(modules(1, 1))]));
    check(&[created()], &Command::SetLimits(limits), Ok(vec![Event::LimitsSet(limits)]));
    check(&[created()], &Command::DisableQueue, Ok(vec![Event::QueueDisabled]));
    check(&[created(), Event::QueueDisabled], &Command::EnableQueue, Ok(vec![Event::QueueEnabled]));
    let unit = given(&[
        created(),
        Event::ContentSet(Content::Managed),
        Event::ModulesSet(modules(1, 1)),
        Event::LimitsSet(limits),
        Event::QueueDisabled,
    ]);
    let expected =
        Settings { content: Content::Managed, modules: modules(1, 1), queue_enabled: false, limits };
    assert_eq!(unit.settings(), Some(&expected));
}

#[test]
fn a_reset_is_recorded_every_time_and_changes_no_setting() {
    check(&[created()], &Command::ResetQueue, Ok(vec![Event::QueueReset]));
    check(&[created(), Event::QueueReset], &Command::ResetQueue, Ok(vec![Event::QueueReset]));
    assert_eq!(given(&[created(), Event::QueueReset]), given(&[created()]));
}

#[test]
fn a_drop_is_over_once_cleared() {
    check(&[created()], &Command::Drop, Ok(vec![Event::Dropped]));
    check(&[created(), Event::Dropped], &Command::ConfirmCleared, Ok(vec![Event::Cleared]));
    check(&[], &Command::ConfirmCleared, Ok(vec![]));
    check(&[created()], &Command::ConfirmCleared, Ok(vec![]));
    check(&[created(), Event::Dropped, Event::Cleared], &Command::ConfirmCleared, Ok(vec![]));
}

#[test]
fn a_module_table_is_bounded() {
    let largest = modules(SCOPES_MAX, MODULES_PER_SCOPE_MAX);
    check(&[created()], &Command::SetModules(largest.clone()), Ok(vec![Event::ModulesSet(largest)]));
    for table in [modules(SCOPES_MAX + 1, 1), modules(1, MODULES_PER_SCOPE_MAX + 1)] {
        check(&[created()], &Command::SetModules(table.clone()), Err(Refusal::TooManyModules));
        let create = Command::Create(Settings { modules: table, ..settings() });
        check(&[], &create, Err(Refusal::TooManyModules));
    }
}

#[test]
fn only_a_module_with_another_before_it_can_be_given_what_that_one_made() {
    let with_inputs = |inputs: [ModuleInput; 2]| {
        let mut table = modules(1, 2);
        let entries = table.modules.values_mut().flatten();
        entries.zip(inputs).for_each(|(entry, input)| entry.input = input);
        table
    };
    let chain = with_inputs([ModuleInput::Document, ModuleInput::Previous]);
    check(&[created()], &Command::SetModules(chain.clone()), Ok(vec![Event::ModulesSet(chain)]));
    let headless = with_inputs([ModuleInput::Previous, ModuleInput::Document]);
    let scope = headless.modules.keys().next().unwrap().clone();
    check(&[created()], &Command::SetModules(headless), Err(Refusal::NothingBeforeFirst { scope }));
}

#[test]
fn an_entry_without_an_input_is_given_the_document_and_is_written_without_one() {
    let entry: ModuleEntry = serde_json::from_str(r#"{"module":"ocr"}"#).unwrap();
    assert_eq!(entry.input, ModuleInput::Document);
    assert_eq!(serde_json::to_string(&entry).unwrap(), r#"{"module":"ocr"}"#);
    let chained = ModuleEntry { input: ModuleInput::Previous, ..entry };
    let written = r#"{"module":"ocr","input":"previous"}"#;
    assert_eq!(serde_json::to_string(&chained).unwrap(), written);
    assert_eq!(serde_json::from_str::<ModuleEntry>(written).unwrap(), chained);
}

#[test]
fn a_limit_is_neither_zero_nor_beyond_what_is_possible() {
    let refused = |name, max| Err(Refusal::LimitOutOfRange { name, max });
    let limits = Limits::default();
    let cases = [
        (Limits { in_flight_max: 0, ..limits }, refused("in_flight_max (items)", u64::from(u32::MAX))),
        (Limits { input_bytes_max: 0, ..limits }, refused("input_bytes_max (bytes)", 1 << 40)),
        (Limits { input_bytes_max: (1 << 40) + 1, ..limits }, refused("input_bytes_max (bytes)", 1 << 40)),
        (Limits { lease_ms: Millis(0), ..limits }, refused("lease_ms (milliseconds)", 86_400_000)),
        (Limits { lease_ms: Millis(86_400_001), ..limits }, refused("lease_ms (milliseconds)", 86_400_000)),
    ];
    for (limits, expected) in cases {
        check(&[created()], &Command::SetLimits(limits), expected.clone());
        check(&[], &Command::Create(Settings { limits, ..settings() }), expected);
    }
}

#[test]
fn only_what_can_have_happened_folds() {
    let events = [
        created(),
        Event::ContentSet(Content::Managed),
        Event::ModulesSet(modules(1, 1)),
        Event::QueueEnabled,
        Event::QueueDisabled,
        Event::LimitsSet(Limits::default()),
        Event::QueueReset,
        Event::Dropped,
        Event::Cleared,
    ];
    let follow = |history: &[Event]| -> Vec<&str> {
        let unit = given(history);
        events.iter().filter(|event| unit.clone().evolve(event).is_ok()).map(Event::name).collect()
    };
    assert_eq!(follow(&[]), ["created"]);
    assert_eq!(
        follow(&[created()]),
        [
            "content_set",
            "modules_set",
            "queue_enabled",
            "queue_disabled",
            "limits_set",
            "queue_reset",
            "dropped"
        ]
    );
    assert_eq!(follow(&[created(), Event::Dropped]), ["cleared"]);
}

#[test]
fn where_content_lives_is_said_in_words() {
    let read = |json: &str| serde_json::from_str::<Content>(json);
    assert_eq!(read(r#"{"kind":"managed"}"#).ok(), Some(Content::Managed));
    for wrong in [r#"{"kind":0}"#, r#"{"kind":null}"#, r#"{"kind":"elsewhere"}"#, "{}", "0"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
