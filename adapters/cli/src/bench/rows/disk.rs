//! What a finished cycle of work takes on disk, once nobody works there any more: which part of the data folder how much.

use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::exit::CliError;

/// The project's limit, in bytes.
const CYCLE_BYTES_MAX: f64 = 1_200.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let figure = |(name, bytes): &(&'static str, u64)| {
        let figure = Figure::new(name, *bytes as f64 / history.cycles as f64, "bytes");
        if *name == "per_cycle" { figure.at_most(CYCLE_BYTES_MAX) } else { figure }
    };
    Ok(history.parts.iter().map(figure).collect())
}
