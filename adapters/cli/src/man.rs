//! `reprise man`: the manual pages, made from the definition of the command line. Does not know where `man` looks for them;
//! the help of the command says that to people.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::{Args, ManOptions};
use crate::exit::{CliError, Exit};
use crate::output;

/// The manual that the pages belong to, and what they describe.
const MANUAL: &str = "Reprise Manual";
const SOURCE: &str = concat!("reprise ", env!("CARGO_PKG_VERSION"));

pub(crate) fn man(options: &ManOptions) -> Result<Exit, CliError> {
    // `help` is no command that needs a page.
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &options.dir else {
        let page = whole(&command).map_err(|error| CliError::Environment(error.to_string()))?;
        output::bytes(&escaped(&page));
        return Ok(Exit::Done);
    };
    let written = write_pages(&command, folder).map_err(|error| {
        CliError::Environment(format!(
            "the pages cannot be written to {}: {error}; choose another folder with --dir",
            folder.display()
        ))
    })?;
    output::line(&format!("wrote {written} pages to {}", folder.display()));
    Ok(Exit::Done)
}

/// Writes a page for the command, and one for each below it. Gives how many.
fn write_pages(command: &Command, folder: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let commands = every(command);
    for command in &commands {
        let manual = manual((*command).clone());
        std::fs::write(folder.join(manual.get_filename()), escaped(&page(&manual, command)?))?;
    }
    Ok(commands.len())
}

fn manual(command: Command) -> Man {
    Man::new(command).manual(MANUAL).source(SOURCE)
}

/// A command and all below it, as they are listed in the help.
fn every(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    std::iter::once(command).chain(below.flat_map(every)).collect()
}

/// The page of one command.
fn page(manual: &Man, command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    manual.render_title(&mut page)?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    manual.render_description_section(&mut page)?;
    manual.render_options_section(&mut page)?;
    if command.has_subcommands() {
        manual.render_subcommands_section(&mut page)?;
    }
    page.extend(notes(manual, command)?);
    Ok(page)
}

/// One page of everything: the program and its options first, then a section for each command.
fn whole(program: &Command) -> io::Result<Vec<u8>> {
    let manual = manual(program.clone());
    let mut page = Vec::new();
    manual.render_title(&mut page)?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    manual.render_description_section(&mut page)?;
    manual.render_options_section(&mut page)?;
    for command in every(program).into_iter().skip(1).filter(|command| !command.has_subcommands()) {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        page.extend(format!(".SH \"{name}\"\n").into_bytes());
        page.extend(section(command)?);
    }
    page.extend(notes(&manual, program)?);
    Ok(page)
}

/// A command as a section of the page of everything: without the options that every command has.
fn section(command: &Command) -> io::Result<Vec<u8>> {
    let own = command.clone().mut_args(|option| {
        let everywhere = option.is_global_set() || matches!(option.get_id().as_str(), "help" | "version");
        if everywhere { option.hide(true) } else { option }
    });
    let has_options = own.get_arguments().any(|option| !option.is_hide_set());
    let manual = manual(own);
    let mut text = Vec::new();
    manual.render_synopsis_section(&mut text)?;
    manual.render_description_section(&mut text)?;
    if has_options {
        manual.render_options_section(&mut text)?;
    }
    text.extend(notes(&manual, command)?);
    Ok(with_heading(&text, ".SH ", ".SS "))
}

/// What the help says last, under a heading that tells what it is: the exit codes for the program, notes for a command.
fn notes(manual: &Man, command: &Command) -> io::Result<Vec<u8>> {
    if command.get_after_help().is_none() && command.get_after_long_help().is_none() {
        return Ok(Vec::new());
    }
    let mut text = Vec::new();
    manual.render_extra_section(&mut text)?;
    let is_program = command.get_bin_name().is_none_or(|name| name == command.get_name());
    let heading = if is_program { ".SH \"EXIT STATUS\"" } else { ".SH NOTES" };
    Ok(with_heading(&text, ".SH EXTRA", heading))
}

/// The text with one beginning of its heading lines in place of another.
fn with_heading(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let line = |line: &str| match line.strip_prefix(from) {
        Some(rest) => format!("{to}{rest}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

/// The page with everything beyond ASCII in the notation that every reader of such pages knows, whatever it takes the
/// file's encoding for.
fn escaped(page: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for character in String::from_utf8_lossy(page).chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            text += &format!("\\[u{:04X}]", u32::from(character));
        }
    }
    text.into_bytes()
}
