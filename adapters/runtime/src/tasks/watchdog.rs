//! The watchdog: looks for tasks that have been in one status for too long, and asks for what the policy says. Does not
//! know whether it may: the task decides, by the time of the log.

use domain::envelope::{Command, Envelope};
use domain::names::{Actor, CommandId};
use domain::task::{self, Policy, Screen, Seen, Target};
use domain::time::Timestamp;
use projections::read_model::{self, Query};
use projections::view::Value;
use projections::views::{TaskRow, Tasks};

use super::CreateTaskError as WatchError;
use crate::engine::Engine;
use crate::stop::Stop;

/// Rows read at once.
const PAGE_ROWS_MAX: usize = 1_000;

/// Looks again and again, until it is told to stop.
pub(crate) async fn run(engine: Engine, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = tokio::time::sleep(engine.settings().watchdog_interval) => {}
        }
        if let Err(error) = engine.watch_tasks().await {
            tracing::warn!(%error, "stuck tasks could not be looked for; trying again");
        }
    }
}

impl Engine {
    /// Looks once at every task that may be stuck, as far as the views show it, and does what the policy says with those
    /// that are. Gives how many were touched.
    ///
    /// # Errors
    /// When the rows cannot be read, or a command cannot be recorded; then the rest is looked at the next time.
    pub async fn watch_tasks(&self) -> Result<usize, WatchError> {
        let mut touched = 0;
        for policy in &self.settings().watchdog {
            touched += self.watch_status(policy).await?;
        }
        Ok(touched)
    }

    async fn watch_status(&self, policy: &Policy) -> Result<usize, WatchError> {
        let mut touched = 0;
        let mut query = Query {
            filters: vec![
                ("status", Value::Integer(policy.status.number().into()).into()),
                ("screen", Value::Text(Screen::Inbox.name().to_owned()).into()),
            ],
            ..Query::page(PAGE_ROWS_MAX)
        };
        loop {
            let page = read_model::list::<Tasks>(self.read_model(), query.clone()).await?;
            let now = self.clock().now();
            for row in page.rows.iter().filter(|row| is_stuck(row, policy, now)) {
                let accepted = self.submit_patiently(self.put_right(row, policy)).await?;
                touched += usize::from(!accepted.events.is_empty());
            }
            if page.next.is_none() {
                return Ok(touched);
            }
            query.after = page.next;
        }
    }

    fn put_right(&self, row: &TaskRow, policy: &Policy) -> Envelope {
        let Policy { status, threshold_ms, target } = *policy;
        let seen = Seen { status, version: row.status_version, since: row.status_since, threshold_ms };
        let command = match target {
            Target::Status(to) => task::Command::Revert { seen, to },
            Target::History => task::Command::MoveToHistory { seen },
        };
        let reason = format!("{} since {}, longer than allowed", status.text(), row.status_since);
        let id = CommandId(self.fresh_id());
        let envelope = Envelope::new(id, Actor::system(), Command::Task(row.id, command)).because(reason);
        Envelope { organization: Some(row.organization.clone()), ..envelope }
    }
}

/// What is held was meant to stay.
fn is_stuck(row: &TaskRow, policy: &Policy, now: Timestamp) -> bool {
    !row.held && now.since(row.status_since) >= policy.threshold_ms
}
