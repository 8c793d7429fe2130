//! The debugger without a terminal: keys by name, and the screen as text.

use std::sync::Arc;

use domain::aggregate::Aggregate;
use domain::envelope::Command;
use domain::event::{Metadata, RecordedEvent};
use domain::names::{Actor, CommandId, OrganizationId};
use domain::retry::RetryPolicy;
use domain::stream::{ExpectedVersion, Position, Subject};
use domain::time::{Millis, Timestamp};
use domain::work::{self, Priority, Token};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use uuid::Uuid;

use super::model::{Mode, Model};
use super::update::{Key, Next, update};
use super::view::view;
use crate::thing::Thing;

/// A document that was asked for, leased, begun, and then failed.
fn model() -> Model {
    let Thing(subject) = "docs/raw/a.txt".parse().unwrap();
    let Subject::KeyScope(id) = subject.clone() else { panic!("a key-scope") };
    let start: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
    let (mut state, mut events): (_, Vec<Arc<RecordedEvent>>) = (Aggregate::initial(&subject), Vec::new());
    let token = Token(domain::stream::Version(1));
    let (code, text) = ("no_text".to_owned(), "nothing was read".to_owned());
    let commands = [
        work::Command::Queue { campaign: None, priority: Priority::Normal },
        work::Command::Claim { worker: "w".parse().unwrap(), lease_ms: Millis(60_000) },
        work::Command::Start { token },
        work::Command::Fail { token, code, text, retry: RetryPolicy::never() },
    ];
    for (number, command) in (0_u32..).zip(commands) {
        let now = start.plus(Millis(u64::from(number) * 1_000));
        let command = Command::work(id.clone(), command);
        let command_id = CommandId(Uuid::from_u128(u128::from(number)));
        let metadata = Arc::new(Metadata {
            recorded_at: now,
            command_id,
            idempotency_key: None,
            command: command.record().ok(),
            actor: Actor::new("mara").unwrap(),
            reason: (number == 0).then(|| "another try".to_owned()),
            causation_id: None,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        });
        for event in state.decide(&command, now).unwrap() {
            let version = ExpectedVersion::after(events.last().map(|event| event.version)).next();
            state = state.evolve(&event, version).unwrap();
            events.push(Arc::new(RecordedEvent {
                position: Position::row(version.0 + 1),
                stream: subject.stream(),
                version,
                id: command_id.event_id(0),
                event,
                metadata: Arc::clone(&metadata),
            }));
        }
    }
    Model::new(subject, "folder data".to_owned(), events, start.plus(Millis(60_000)))
}

fn press(model: Model, keys: &[Key]) -> Model {
    keys.iter().fold(model, |model, key| match update(model, *key) {
        Next::Go(model) => *model,
        Next::End => panic!("{key:?} ended it"),
    })
}

fn typed(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

/// The screen as text, without blanks at the ends of lines.
fn screen(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(100, 14)).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(100).map(|cells| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The screen is the reviewed one, `tests/NAME.txt`.
#[track_caller]
fn assert_screen(model: &Model, name: &str) {
    let path = format!("{}/src/debug/tests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let reviewed = std::fs::read_to_string(&path).unwrap();
    let screen = screen(model);
    assert_eq!(screen, reviewed.trim_end_matches('\n'), "\n{path} should be:\n{screen}\n");
}

#[test]
fn it_opens_at_the_last_event_with_what_that_changed() {
    assert_screen(&model(), "opened");
}

#[test]
fn a_step_back_shows_the_thing_as_it_was_and_the_command_behind_it() {
    let model = press(model(), &[Key::Home, Key::Tab]);
    assert_screen(&model, "state");
    let model = press(model, &[Key::Char('3')]);
    assert_screen(&model, "command");
}

#[test]
fn a_long_state_is_scrolled_and_another_step_begins_at_its_top() {
    let model = press(model(), &[Key::Char('2'), Key::PageDown]);
    assert_eq!(model.scroll, 10);
    assert_eq!(press(model.clone(), &[Key::Up]).scroll, 0);
    assert_eq!(press(model, &[Key::PageUp, Key::PageUp]).scroll, 0);
}

#[test]
fn the_cursor_stays_inside_the_history() {
    let model = press(model(), &[Key::Down, Key::Char('j'), Key::End]);
    assert_eq!((model.cursor, model.steps.len()), (3, 4));
    assert_eq!(press(model, &[Key::Home, Key::Up, Key::Char('k')]).cursor, 0);
}

#[test]
fn a_legal_command_is_tried_after_any_event_and_nothing_is_recorded() {
    let model = press(model(), &[Key::Home, Key::Char('l')]);
    assert_screen(&model, "legal");
    let model = press(model, &[Key::Enter]);
    assert_screen(&model, "tried");
    let model = press(model, &[Key::Escape]);
    assert_eq!((model.cursor, model.steps.len()), (0, 4));
}

#[test]
fn a_command_is_written_tried_and_corrected() {
    let model = press(model(), &[Key::Char('t')]);
    let Mode::Typing { text } = &model.mode else { panic!("{:?}", model.mode) };
    assert!(text.contains("\"name\":\"fail\""), "the command behind the event is a beginning: {text}");
    let erased = vec![Key::Backspace; text.len()];
    let model = press(model, &erased);
    let model = press(model, &typed(r#"{"name":"release"}"#));
    let looked = press(model, &[Key::Enter]);
    let Mode::Looking { outcome: Ok(tried), .. } = &looked.mode else { panic!("{:?}", looked.mode) };
    assert_eq!(tried.events, []);
    let model = press(looked, &[Key::Char('e'), Key::Backspace, Key::Enter]);
    let Mode::Looking { outcome: Err(why), .. } = &model.mode else { panic!("{:?}", model.mode) };
    assert!(why.starts_with("this is no JSON"), "{why}");
}

#[test]
fn a_refused_command_says_why() {
    let model = press(model(), &[Key::Char('t')]);
    let Mode::Typing { text } = &model.mode else { panic!("{:?}", model.mode) };
    let erased = vec![Key::Backspace; text.len()];
    let model = press(model, &erased);
    let claim = r#"{"name":"claim","body":{"worker":"w","lease_ms":1000}}"#;
    let model = press(model, &[typed(claim), vec![Key::Enter]].concat());
    let Mode::Looking { outcome: Err(why), .. } = &model.mode else { panic!("{:?}", model.mode) };
    assert_eq!(why, "it is failed, and only queued work can be claimed");
}

#[test]
fn it_ends_with_q_escape_and_ctrl_c_wherever_one_is() {
    for key in [Key::Char('q'), Key::Escape, Key::Interrupt] {
        assert!(matches!(update(model(), key), Next::End), "{key:?}");
    }
    let typing = press(model(), &[Key::Char('t')]);
    assert!(matches!(update(typing.clone(), Key::Interrupt), Next::End));
    assert!(matches!(press(typing, &[Key::Char('q')]).mode, Mode::Typing { .. }));
}
