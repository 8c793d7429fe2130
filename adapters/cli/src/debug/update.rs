//! What a key does. Does not know terminals: it is told keys by name.

use super::model::{Mode, Model, Pane};

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
    Enter,
    Escape,
    Backspace,
    /// A letter, digit or mark.
    Char(char),
    /// Ctrl-C.
    Interrupt,
}

/// What follows from a key.
#[derive(Debug)]
pub(super) enum Next {
    /// To go on with this.
    Go(Box<Model>),
    /// To end.
    End,
}

/// How many lines a page key scrolls.
const PAGE_LINES: u16 = 10;
/// The longest command that can be written, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The model after a key.
pub(super) fn update(model: Model, key: Key) -> Next {
    if key == Key::Interrupt {
        return Next::End;
    }
    match model.mode.clone() {
        Mode::Stepping => stepping(model, key),
        Mode::Picking { legal, selected } => {
            let last = legal.len().saturating_sub(1);
            let moved = |selected| Mode::Picking { legal: legal.clone(), selected };
            let text = || legal.get(selected).map(|legal| legal.command.to_string());
            let mode = match (key, text()) {
                (Key::Up | Key::Char('k'), _) => moved(selected.saturating_sub(1)),
                (Key::Down | Key::Char('j'), _) => moved((selected + 1).min(last)),
                (Key::Enter, Some(text)) => looking(&model, text),
                (Key::Char('e'), Some(text)) => Mode::Typing { text },
                (Key::Escape | Key::Char('q'), _) => Mode::Stepping,
                (_, _) => moved(selected),
            };
            go(model, mode)
        }
        Mode::Typing { text } => typing(model, text, key),
        Mode::Looking { text, outcome } => {
            let mode = match key {
                Key::Char('e') => Mode::Typing { text },
                Key::Escape | Key::Enter | Key::Char('q') => Mode::Stepping,
                Key::Up
                | Key::Down
                | Key::PageUp
                | Key::PageDown
                | Key::Home
                | Key::End
                | Key::Tab
                | Key::Backspace
                | Key::Char(_)
                | Key::Interrupt => Mode::Looking { text, outcome },
            };
            go(model, mode)
        }
    }
}

fn go(model: Model, mode: Mode) -> Next {
    Next::Go(Box::new(Model { mode, ..model }))
}

fn stepping(model: Model, key: Key) -> Next {
    let (cursor, scroll, pane) = (model.cursor, model.scroll, model.pane);
    let shown = |pane: Pane, model: Model| Model { pane, scroll: 0, ..model };
    let model = match key {
        Key::Up | Key::Char('k') => model.at(cursor.saturating_sub(1)),
        Key::Down | Key::Char('j') => model.at(cursor + 1),
        Key::Home | Key::Char('g') => model.at(0),
        Key::End | Key::Char('G') => model.at(usize::MAX),
        Key::PageUp => Model { scroll: scroll.saturating_sub(PAGE_LINES), ..model },
        Key::PageDown => Model { scroll: scroll.saturating_add(PAGE_LINES), ..model },
        Key::Tab => shown(pane.next(), model),
        Key::Char('1') => shown(Pane::Change, model),
        Key::Char('2') => shown(Pane::State, model),
        Key::Char('3') => shown(Pane::Command, model),
        Key::Char('l') => {
            let mode = Mode::Picking { legal: model.legal(), selected: 0 };
            Model { mode, ..model }
        }
        Key::Char('t') => {
            let command = model.step().and_then(|step| step.command.as_ref());
            let text = command.map_or_else(|| r#"{"name":""}"#.to_owned(), ToString::to_string);
            Model { mode: Mode::Typing { text }, ..model }
        }
        Key::Escape | Key::Char('q') | Key::Interrupt => return Next::End,
        Key::Enter | Key::Backspace | Key::Char(_) => model,
    };
    Next::Go(Box::new(model))
}

fn typing(model: Model, mut text: String, key: Key) -> Next {
    let mode = match key {
        Key::Enter => looking(&model, text),
        Key::Escape => Mode::Stepping,
        Key::Char(character) => {
            if text.len() < TEXT_BYTES_MAX {
                text.push(character);
            }
            Mode::Typing { text }
        }
        Key::Backspace => {
            text.pop();
            Mode::Typing { text }
        }
        Key::Up
        | Key::Down
        | Key::PageUp
        | Key::PageDown
        | Key::Home
        | Key::End
        | Key::Tab
        | Key::Interrupt => Mode::Typing { text },
    };
    go(model, mode)
}

fn looking(model: &Model, text: String) -> Mode {
    let outcome = model.tried(&text);
    Mode::Looking { text, outcome }
}
