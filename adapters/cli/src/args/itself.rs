//! The options of the commands that describe the command line itself, and where people put what these write. Does not know
//! how it is written.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
#[command(after_help = COMPLETIONS_PLACES)]
pub(crate) struct CompletionsOptions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Where each shell looks for completions. An empty line after each, so that the manual keeps them apart.
const COMPLETIONS_PLACES: &str = "\
bash: reprise completions bash > ~/.local/share/bash-completion/completions/reprise

zsh: reprise completions zsh > FOLDER/_reprise, with a folder of your $fpath, then start a new shell

fish: reprise completions fish > ~/.config/fish/completions/reprise.fish

elvish: reprise completions elvish > ~/.config/elvish/lib/reprise.elv, and 'use reprise' in rc.elv

powershell: reprise completions powershell >> $PROFILE

For everybody on a machine: /usr/share/bash-completion/completions/reprise, \
/usr/local/share/zsh/site-functions/_reprise, /usr/share/fish/vendor_completions.d/reprise.fish";

#[derive(Debug, ClapArgs)]
#[command(after_help = MAN_PLACES)]
pub(crate) struct ManOptions {
    /// Write a page for each command into this folder instead, such as reprise-serve.1; made if it is not there
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// Where `man` looks for pages.
const MAN_PLACES: &str = "\
To read it at once: reprise man | man -l -

For yourself: reprise man --dir ~/.local/share/man/man1

For everybody on a machine: reprise man --dir /usr/local/share/man/man1";
