//! Deleted tasks: what their stages made is erased, then the deletion is confirmed. Does not know who asked.

use std::time::Duration;

use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId, TaskId};
use domain::stream::Version;
use domain::task::{self, Screen, TaskStatus};
use projections::read_model::{self, Query, ReadModelError};
use projections::view::Value;
use projections::views::Tasks;
use uuid::Uuid;

use crate::engine::Engine;

/// Rows read at once.
const PAGE_ROWS_MAX: usize = 1_000;
/// The wait after a failure before the next try.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Why everything here is done.
const REASON: &str = "what its stages made is erased";

/// Erases what is kept of a task and confirms that it is deleted; `request` is the id of the event by which that was asked
/// for. Erasing twice is harmless.
pub(crate) async fn confirm(engine: Engine, id: TaskId, request: Uuid) {
    while let Err(error) = engine.erase_task_outputs(id).await {
        tracing::warn!(%error, task = %id, "what is kept of a deleted task could not be erased; trying again");
        tokio::time::sleep(RETRY_DELAY).await;
    }
    let command = Command::Task(id, task::Command::ConfirmDeleted);
    let command_id = CommandId::following(request, "confirm deleted");
    let envelope = Envelope::new(command_id, Actor::system(), command).because(REASON);
    if let Err(error) = engine.submit_patiently(envelope).await {
        tracing::warn!(%error, task = %id, "a deleted task could not be confirmed; it is when the engine starts again");
    }
}

/// Goes on with what an earlier process left undone.
pub(crate) async fn confirm_interrupted(engine: &Engine) -> Result<(), ReadModelError> {
    let mut query = Query {
        filters: vec![
            ("status", Value::Integer(TaskStatus::Deleting.number().into()).into()),
            ("screen", Value::Text(Screen::Inbox.name().to_owned()).into()),
        ],
        ..Query::page(PAGE_ROWS_MAX)
    };
    loop {
        let page = read_model::list::<Tasks>(engine.read_model(), query.clone()).await?;
        for row in &page.rows {
            let Version(version) = row.status_version;
            let request = CommandId::following(Uuid::nil(), &format!("delete {} {version}", row.id)).0;
            engine.spawn_sender(confirm(engine.clone(), row.id, request)).await;
        }
        if page.next.is_none() {
            return Ok(());
        }
        query.after = page.next;
    }
}
