//! `reprise completions`: what a shell needs to complete the command line, made from its definition. Does not know where a
//! shell looks for it; the help of the command says that to people.

use clap::CommandFactory as _;

use crate::args::{Args, CompletionsOptions};
use crate::exit::Exit;
use crate::output;

pub(crate) fn completions(options: &CompletionsOptions) -> Exit {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, name, &mut script);
    output::bytes(&script);
    Exit::Done
}
