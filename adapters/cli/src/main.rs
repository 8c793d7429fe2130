//! The `reprise` binary: reads the command line and the configuration, wires the adapters together, and speaks to people.
//!
//! `run` and `serve` own an engine; every other command is a client of the native HTTP API, in this process when nobody
//! else has the data folder, over the network when a server has it. `replay` reads the log itself when nobody has it. No rule lives here.

mod archive;
mod args;
mod assemble;
mod bench;
mod client;
mod commands;
mod completions;
mod config;
mod copied;
mod debug;
mod exit;
mod man;
mod output;
mod progress;
mod replay;
mod run;
mod serve;
mod telemetry;
mod thing;
mod work;
mod world;

use clap::Parser as _;

use args::{Args, Command};
use config::Config;
use exit::{CliError, Exit};
use telemetry::Telemetry;

/// Chosen by measurement, see `docs/performance.md`. SQLite allocates from it as well. Without huge pages, which cost a
/// server a third more memory and gained nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    let outcome = start(args);
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&error);
            error.exit().into()
        }
    }
}

fn start(args: Args) -> Result<Exit, CliError> {
    // What only describes the command line works whatever the configuration looks like.
    let only_describes = matches!(args.command, Command::Completions(_) | Command::Man(_));
    let config = if only_describes { Config::default() } else { Config::load(&args.global)? };
    let _telemetry = Telemetry::start(&args, args.global.log_format.unwrap_or(config.log_format))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::Environment(format!("no threads can be started: {error}")))?;
    let outcome = runtime.block_on(dispatch(args, config));
    // What is left are reads that nobody waits for.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(args: Args, config: Config) -> Result<Exit, CliError> {
    let Args { global, command } = args;
    match command {
        Command::Run(options) => run::run(&global, &config, options).await,
        Command::Serve(options) => serve::serve(&config, options).await,
        Command::Work(options) => work::work(&global, &config, options).await,
        Command::Unit(command) => commands::unit::run(&global, &config, command).await,
        Command::Reprocess(command) => commands::reprocess::run(&global, &config, command).await,
        Command::Campaign(command) => commands::campaign::run(&global, &config, command).await,
        Command::Task(command) => commands::task::run(&global, &config, command).await,
        Command::Workspace(command) => commands::workspace::run(&global, &config, command).await,
        Command::Batch(command) => commands::workspace::batch(&global, &config, command).await,
        Command::System(command) => commands::system::run(&global, &config, command).await,
        Command::Keys(command) => commands::keys::run(&global, &config, command).await,
        Command::Status(options) => commands::status::run(&global, &config, options).await,
        Command::History(options) => commands::history::run(&global, &config, options).await,
        Command::Explain(options) => commands::explain::run(&global, &config, options).await,
        Command::Debug(options) => debug::debug(&global, &config, options).await,
        Command::Diff(options) => commands::diff::run(&global, &config, options).await,
        Command::Events(options) => commands::log::events(&global, &config, options).await,
        Command::Commands(options) => commands::log::commands(&global, &config, options).await,
        Command::Export(options) => archive::export(&global, &config, options).await,
        Command::Import(options) => archive::import(&global, &config, options).await,
        Command::Backup(options) => archive::backup(&global, &config, options).await,
        Command::Restore(options) => archive::restore(&global, &config, options).await,
        Command::VerifyLog(options) => archive::verify_log(&global, &config, options).await,
        Command::Integrity(command) => archive::integrity(&global, &config, command).await,
        Command::Proof(options) => archive::proof(&global, &config, options).await,
        Command::VerifyProof(options) => archive::verify_proof(&global, &options),
        Command::Replay(command) => replay::run(&global, &config, command).await,
        Command::Projections(command) => commands::projections::run(&global, &config, command).await,
        Command::Api(options) => commands::api::run(&global, &config, options).await,
        Command::Openapi => {
            output::json(&http_api::document());
            Ok(Exit::Done)
        }
        Command::Health(options) => commands::health::run(&global, &config, options).await,
        Command::Completions(options) => Ok(completions::completions(&options)),
        Command::Man(options) => man::man(&options),
        Command::Bench(options) => bench::bench(&global, options).await,
        Command::BenchEcho => bench::echo_server().await,
    }
}
