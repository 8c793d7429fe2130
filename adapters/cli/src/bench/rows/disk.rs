//! What a finished cycle of work takes on disk, once nobody works there any more: which part of the data folder how much.

use crate::bench::Bench;
use crate::bench::figure::Figure;
use crate::bench::place::bytes_of;
use crate::exit::CliError;

/// The project's limit, in bytes.
const CYCLE_BYTES_MAX: f64 = 1_200.0;
/// The parts of a data folder, by what the names of their files begin with.
const PARTS: [(&str, &str); 4] =
    [("log", "events.db"), ("index", "index.db"), ("hashes", "chain."), ("views", "views.db")];

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Figure>, CliError> {
    let history = bench.prepared().await?;
    let per_cycle = |prefix: &str| -> Result<f64, CliError> {
        Ok(bytes_of(&history.folder, prefix)? as f64 / history.cycles as f64)
    };
    let mut figures = vec![Figure::new("per_cycle", per_cycle("")?, "bytes").at_most(CYCLE_BYTES_MAX)];
    for (name, prefix) in PARTS {
        figures.push(Figure::new(name, per_cycle(prefix)?, "bytes"));
    }
    Ok(figures)
}
