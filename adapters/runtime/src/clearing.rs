//! The clearing driver: after a storage unit was dropped, withdraws its work, deletes its records and its content, and
//! sets its name free. Goes on after a restart where it was, since what is left to do is what is still there.

use std::time::Duration;

use domain::names::StorageUnitName;
use domain::process::clearing;
use domain::stream::{Position, RecordId};
use projections::read_model::{self, Query, ReadModelError};
use projections::view::Value;
use projections::views::{CampaignState, Campaigns, KeyScopeRow, KeyScopes, Records};
use uuid::Uuid;

use crate::engine::Engine;
use crate::pipeline::SubmitError;

/// How many key-scopes or records are cleared at once.
const CHUNK_MAX: usize = 1_000;
/// The wait after a failure before the next try.
const RETRY_DELAY: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
enum ClearingError {
    #[error(transparent)]
    Read(#[from] ReadModelError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Content(#[from] domain::ports::ContentError),
    /// What the views do not show yet could be left behind.
    #[error("the views are behind the log")]
    ViewsBehind,
}

/// Clears a unit that was dropped by the event `drop` at the position `at`.
pub(crate) async fn run(engine: Engine, unit: StorageUnitName, drop: Uuid, at: Position) {
    loop {
        match clear(&engine, &unit, drop, at).await {
            Ok(()) => return,
            Err(ClearingError::Submit(SubmitError::Stopping)) => return,
            Err(error) => tracing::warn!(%error, %unit, "the dropped unit is not cleared yet; trying again"),
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

async fn clear(
    engine: &Engine,
    unit: &StorageUnitName,
    drop: Uuid,
    at: Position,
) -> Result<(), ClearingError> {
    see(engine, at).await?;
    wait_for_campaigns(engine, unit).await?;
    loop {
        let page =
            read_model::list::<KeyScopes>(engine.read_model(), of_unit(KeyScopes::unit_prefix(unit))).await?;
        let ids = page.rows.iter().map(KeyScopeRow::id);
        let commands: Vec<_> = ids.map(|id| clearing::withdraw(drop, id)).collect();
        if !carry_out(engine, commands).await? {
            break;
        }
    }
    loop {
        let page =
            read_model::list::<Records>(engine.read_model(), of_unit(Records::unit_prefix(unit))).await?;
        let ids = page.rows.into_iter().map(|row| RecordId { unit: row.unit, key: row.key });
        let commands: Vec<_> = ids.map(|id| clearing::delete(drop, id)).collect();
        if !carry_out(engine, commands).await? {
            break;
        }
    }
    engine.content().clear(unit).await?;
    engine.submit_patiently(clearing::confirm(drop, unit.clone())).await?;
    Ok(())
}

/// Waits until no campaign asks for keys of the unit any longer: each ends by itself once it sees that the unit is gone,
/// but may be in the middle of a chunk.
async fn wait_for_campaigns(engine: &Engine, unit: &StorageUnitName) -> Result<(), ClearingError> {
    loop {
        let mut moved = engine.views_watch();
        moved.mark_unchanged();
        see(engine, engine.acknowledged()).await?;
        if !has_campaign(engine, unit).await? {
            return Ok(());
        }
        if moved.changed().await.is_err() {
            return Err(SubmitError::Stopping.into());
        }
    }
}

async fn has_campaign(engine: &Engine, unit: &StorageUnitName) -> Result<bool, ReadModelError> {
    for state in CampaignState::UNDER_WAY {
        let filters = vec![
            ("unit", Value::Text(unit.to_string()).into()),
            ("state", Value::Text(state.name().to_owned()).into()),
        ];
        let query = Query { filters, limit: 1, ..of_unit(String::new()) };
        if !read_model::list::<Campaigns>(engine.read_model(), query).await?.rows.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until the views show a position.
async fn see(engine: &Engine, position: Position) -> Result<(), ClearingError> {
    if engine.wait_for_views(position).await { Ok(()) } else { Err(ClearingError::ViewsBehind) }
}

/// Carries the commands out and waits until the views show it; says whether there were any.
async fn carry_out(
    engine: &Engine,
    commands: Vec<domain::envelope::Envelope>,
) -> Result<bool, ClearingError> {
    if commands.is_empty() {
        return Ok(false);
    }
    let results =
        futures::future::join_all(commands.into_iter().map(|command| engine.submit_patiently(command)));
    let mut last = Position::START;
    for result in results.await {
        last = last.max(result?.position);
    }
    see(engine, last).await?;
    Ok(true)
}

fn of_unit(key_prefix: String) -> Query {
    Query { key_prefix, ..Query::page(CHUNK_MAX) }
}
