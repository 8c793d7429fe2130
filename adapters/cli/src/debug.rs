//! `reprise debug`: one thing's history step by step, in the terminal. What it was, what each event changed, which command was
//! behind it, and what another command would have done there. Nothing is ever recorded.
//!
//! `model` is what is shown, `update` what a key does to it, `view` how it looks; none of them knows a terminal. Here is the
//! terminal. Does not know the rules: commands are tried on a copy.

mod model;
mod source;
#[cfg(test)]
mod tests;
mod update;
mod view;

use std::io::IsTerminal as _;

use domain::ports::Clock as _;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};

use crate::args::{DebugOptions, Global};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::world::SystemClock;
use model::Model;
use update::{Key, Next, update};

pub(crate) async fn debug(global: &Global, config: &Config, options: DebugOptions) -> Result<Exit, CliError> {
    let DebugOptions { subject, export } = options;
    let subject = subject.0;
    let history = source::load(global, config, &subject, export).await?;
    if history.events.is_empty() {
        return Err(CliError::Refused(format!("nothing ever happened to {}", subject.stream())));
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "the debugger needs a terminal; 'reprise history' prints the same events".to_owned(),
        ));
    }
    let model = Model::new(subject, history.source, history.events, SystemClock.now());
    // Keys are waited for on a thread that may wait.
    let shown = tokio::task::spawn_blocking(move || show(model)).await;
    let shown = shown.map_err(|error| CliError::Environment(format!("the debugger broke off: {error}")))?;
    shown.map_err(|error| CliError::Environment(format!("the terminal cannot be used: {error}")))?;
    Ok(Exit::Done)
}

/// Shows a model and does what keys say, until one says to end. The terminal is left as it was.
fn show(model: Model) -> std::io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = show_on(&mut terminal, model);
    let restored = ratatui::try_restore();
    shown.and(restored)
}

fn show_on(terminal: &mut DefaultTerminal, mut model: Model) -> std::io::Result<()> {
    loop {
        terminal.draw(|frame| view::view(&model, frame))?;
        let Some(key) = key(&read()?) else { continue };
        match update(model, key) {
            Next::Go(next) => model = *next,
            Next::End => return Ok(()),
        }
    }
}

/// The key of an event; nothing for what is no key here, such as a resize, after which the screen is drawn again.
fn key(event: &Event) -> Option<Key> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press | KeyEventKind::Repeat, .. }) =
        event
    else {
        return None;
    };
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (*code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    let keys = [
        (KeyCode::Up, Key::Up),
        (KeyCode::Down, Key::Down),
        (KeyCode::PageUp, Key::PageUp),
        (KeyCode::PageDown, Key::PageDown),
        (KeyCode::Home, Key::Home),
        (KeyCode::End, Key::End),
        (KeyCode::Tab, Key::Tab),
        (KeyCode::Enter, Key::Enter),
        (KeyCode::Esc, Key::Escape),
        (KeyCode::Backspace, Key::Backspace),
    ];
    if let KeyCode::Char(character) = code {
        return Some(Key::Char(*character));
    }
    keys.into_iter().find(|(known, _)| known == code).map(|(_, key)| key)
}
