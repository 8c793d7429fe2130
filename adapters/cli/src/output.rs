//! What people see: tables, JSON, complaints. The only file that prints.

use std::io::Write as _;

use crate::exit::CliError;

/// Prints a line to stdout. A reader who has gone away ends the printing, not the program.
pub(crate) fn line(text: &str) {
    let _gone = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a finished text to stdout, as it is.
pub(crate) fn bytes(text: &[u8]) {
    let _gone = std::io::stdout().lock().write_all(text);
}

/// Prints a line to stderr.
pub(crate) fn note(text: &str) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error.
pub(crate) fn complain(error: &CliError) {
    note(&format!("reprise: {error}"));
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => note(&format!("reprise: the result cannot be written as JSON: {error}")),
    }
}

/// Prints rows under headings, columns aligned.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    line(&aligned(&headings, &widths));
    for row in rows {
        line(&aligned(row, &widths));
    }
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
