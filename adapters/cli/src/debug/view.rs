//! How the debugger looks: the events on the left, the step on the right, the keys below. Does not know what a key does.

use projections::difference::Difference;
use projections::explain::SentBy;
use projections::fork::{Step, Tried};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, List, ListState, Paragraph, Wrap};
use serde_json::Value;

use super::model::{Mode, Model, Pane};

/// How wide the list of events is, in columns.
const EVENTS_COLUMNS: u16 = 34;

/// Draws a model.
pub(super) fn view(model: &Model, frame: &mut Frame<'_>) {
    let [heading, body, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(3), Constraint::Length(1)])
            .areas(frame.area());
    let [events, detail] =
        Layout::horizontal([Constraint::Length(EVENTS_COLUMNS), Constraint::Min(20)]).areas(body);
    let title = format!(
        "{}: event {} of {}, from {}",
        model.subject.stream(),
        model.cursor + 1,
        model.steps.len(),
        model.source
    );
    frame.render_widget(Line::from(title).style(Style::new().add_modifier(Modifier::BOLD)), heading);
    draw_events(model, frame, events);
    draw_detail(model, frame, detail);
    frame.render_widget(Line::from(keys_of(&model.mode)), keys);
}

/// What the keys do now.
const fn keys_of(mode: &Mode) -> &'static str {
    match mode {
        Mode::Stepping => {
            "↑↓ step  g G ends  Tab 1-3 pane  PgUp PgDn scroll  l legal commands  t try one  q quit"
        }
        Mode::Picking { .. } => "↑↓ choose  Enter try it here  e edit it first  Esc back",
        Mode::Typing { .. } => "write a command as JSON  Enter try it here  Esc back",
        Mode::Looking { .. } => "nothing was recorded  e edit it  Esc back",
    }
}

fn draw_events(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let item = |step: &Step| {
        let name = step.entry.event.split_once('.').map_or(step.entry.event.as_str(), |(_, name)| name);
        format!("v{} {name}", step.entry.version)
    };
    let list = List::new(model.steps.iter().map(item))
        .block(Block::bordered().title("events"))
        .highlight_symbol("> ")
        .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = ListState::default().with_selected(Some(model.cursor));
    frame.render_stateful_widget(list, area, &mut state);
}

fn draw_detail(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    match &model.mode {
        Mode::Stepping => {
            let lines = model.step().map_or_else(Vec::new, |step| step_lines(step, model.pane));
            draw_text(frame, area, &panes(model.pane), lines, model.scroll);
        }
        Mode::Picking { legal, selected } => {
            let item = |legal: &projections::explain::Legal| {
                let records: Vec<&str> = legal.records.iter().map(|it| it.event.as_str()).collect();
                let name = legal.command.get("name").and_then(Value::as_str).unwrap_or_default();
                format!("{name} ({}) → {}", sent_by(legal.sender), records.join(", "))
            };
            let list = List::new(legal.iter().map(item))
                .block(Block::bordered().title("legal after this event"))
                .highlight_symbol("> ")
                .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
            let mut state = ListState::default().with_selected(Some(*selected));
            frame.render_stateful_widget(list, area, &mut state);
        }
        Mode::Typing { text } => {
            draw_text(frame, area, "try after this event", vec![format!("{text}▏")], 0);
        }
        Mode::Looking { text, outcome } => {
            let title = format!("tried at {}", model.moment());
            draw_text(frame, area, &title, outcome_lines(text, outcome), 0);
        }
    }
}

const fn sent_by(sender: SentBy) -> &'static str {
    match sender {
        SentBy::Anyone => "anyone",
        SentBy::Workers => "workers",
        SentBy::Engine => "engine",
    }
}

fn panes(shown: Pane) -> String {
    let name = |pane: Pane| if pane == shown { format!("[{}]", pane.name()) } else { pane.name().to_owned() };
    Pane::ALL.map(name).join(" ")
}

fn draw_text(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<String>, scroll: u16) {
    let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    let text = Paragraph::new(lines)
        .block(Block::bordered().title(title.to_owned()))
        .wrap(Wrap { trim: false })
        .scroll((scroll, 0));
    frame.render_widget(text, area);
}

fn step_lines(step: &Step, pane: Pane) -> Vec<String> {
    match pane {
        Pane::Change => {
            let mut lines =
                vec![step.entry.event.clone(), step.entry.at.to_string(), step.entry.summary.clone()];
            lines.push(String::new());
            lines.extend(step.entry.changes.iter().map(changed));
            lines
        }
        Pane::State => pretty(&step.state),
        Pane::Command => {
            let entry = &step.entry;
            let mut lines = vec![format!("by {}", entry.actor)];
            lines.extend(entry.reason.iter().map(|reason| format!("because {reason}")));
            lines.push(format!("command {}", entry.command_id));
            lines.extend(entry.causation_id.iter().map(|id| format!("caused by {id}")));
            lines.extend(entry.correlation_id.iter().map(|id| format!("belongs to {id}")));
            lines.push(String::new());
            match &step.command {
                Some(command) => lines.extend(pretty(command)),
                None => lines.push("the log does not have the command".to_owned()),
            }
            lines
        }
    }
}

fn changed(change: &Difference) -> String {
    format!("{}: {} → {}", change.path, change.before, change.after)
}

fn pretty(value: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn outcome_lines(text: &str, outcome: &Result<Tried, String>) -> Vec<String> {
    let mut lines = vec![text.to_owned(), String::new()];
    match outcome {
        Err(why) => lines.push(format!("refused: {why}")),
        Ok(Tried { events, .. }) if events.is_empty() => lines.push("there is nothing to do".to_owned()),
        Ok(Tried { events, changes }) => {
            lines.extend(events.iter().map(|(name, summary)| format!("{name}: {summary}")));
            lines.push(String::new());
            lines.extend(changes.iter().map(changed));
        }
    }
    lines
}
