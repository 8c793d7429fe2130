//! Commands in process, from decision to acknowledgement: many producers, each with one command at a time, over an engine
//! without views and, in turns, one that keeps them.

use std::sync::Arc;
use std::time::Instant;

use crate::bench::Bench;
use crate::bench::engine::{Running, Views};
use crate::bench::figure::Figure;
use crate::bench::quantiles::median;
use crate::exit::CliError;

/// How many producers there are.
const PRODUCERS: usize = 256;
/// How often the two engines take turns.
const TURNS: u32 = 3;
/// The project's limit.
const COMMANDS_PER_SECOND_MIN: f64 = 150_000.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let without = Running::start(&bench.place.folder("without")?, Views::None).await?;
    let with = Running::start(&bench.place.folder("with")?, Views::Kept).await?;
    let (mut bare, mut full, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let (mut next_bare, mut next_full) = (0, 0);
    for _ in 0..TURNS {
        bare.push(turn(bench, &without, &mut next_bare).await?.0);
        let (acknowledged, visible) = turn(bench, &with, &mut next_full).await?;
        full.push(acknowledged);
        shown.push(visible);
    }
    without.stop().await?;
    with.stop().await?;
    let rate = Figure::new("commands_per_second", median(bare), "commands/s");
    Ok(vec![
        rate.at_least(COMMANDS_PER_SECOND_MIN).against("append.store_64"),
        Figure::new("with_views", median(full), "commands/s"),
        Figure::new("until_views_show_it", median(shown), "commands/s"),
    ])
}

/// How many commands per second were acknowledged, and how many until every view showed them.
async fn turn(bench: &Bench, running: &Arc<Running>, next: &mut u64) -> Result<(f64, f64), CliError> {
    let begun = Instant::now();
    let until = begun + bench.scale.probe();
    let (commands, came_to) = running.cycles(PRODUCERS, *next..u64::MAX, Some(until)).await?;
    *next = came_to;
    let acknowledged = commands as f64 / begun.elapsed().as_secs_f64();
    running.views_reached().await;
    Ok((acknowledged, commands as f64 / begun.elapsed().as_secs_f64()))
}
