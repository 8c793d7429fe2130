//! Which tasks match a filter, in which order, and how many of each status. Every condition is one on a column, so the rows
//! themselves are never asked. Does not know who asks.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::filter::TaskFilter;
use domain::task::{Screen, TaskStatus};
use serde::{Deserialize, Serialize};

use crate::read_model::{
    self, Direction, Order, Page, Picked, Query, ReadModel, ReadModelError, RowCounts, Test,
};
use crate::view::{Value, View as _};
use crate::views::{TaskRow, Tasks};

/// By what tasks are sorted; those that are equal there come by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When they were created.
    #[default]
    CreatedAt,
    /// When something happened to them last.
    UpdatedAt,
    /// How many times they were restarted.
    RestartCount,
    /// Who goes first: low, then high.
    Priority,
    /// The number of their status.
    Status,
    /// What people call them, by the characters in lower case.
    Name,
}

impl SortBy {
    /// Everything by which tasks can be sorted.
    pub const ALL: [Self; 6] =
        [Self::CreatedAt, Self::UpdatedAt, Self::RestartCount, Self::Priority, Self::Status, Self::Name];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::RestartCount => "restart_count",
            Self::Priority => "priority",
            Self::Status => "status",
            Self::Name => "name",
        }
    }

    /// The order of the rows; every task has a value there.
    #[must_use]
    pub const fn order(self, direction: Direction) -> Order {
        let column = match self {
            Self::CreatedAt => "created_us",
            Self::UpdatedAt => "updated_us",
            Self::RestartCount => "restart_count",
            Self::Priority => "priority",
            Self::Status => "status",
            Self::Name => "text",
        };
        Order::by(column, direction)
    }
}

/// The question for the tasks that match.
#[must_use]
pub fn query(filter: &TaskFilter, order: Order, limit: usize) -> Query {
    Query { view: Tasks::NAME, filters: tests_of(filter), order, ..Query::page(limit) }
}

/// A page of the tasks that match.
///
/// # Errors
/// As [`ReadModel::list`].
pub async fn list(
    model: &dyn ReadModel,
    filter: &TaskFilter,
    order: Order,
    (after, limit): (Option<String>, usize),
) -> Result<Page<TaskRow>, ReadModelError> {
    read_model::list::<Tasks>(model, Query { after, ..query(filter, order, limit) }).await
}

/// The ids of the tasks that match, as texts, at most so many, all of one state of the view.
///
/// # Errors
/// As [`ReadModel::pick`].
pub async fn ids(model: &dyn ReadModel, filter: &TaskFilter, limit: usize) -> Result<Picked, ReadModelError> {
    let order = SortBy::default().order(Direction::Ascending);
    let pick = |key: &str, _: &str| Ok(Some(key.trim_start_matches('0').to_owned()));
    model.pick(query(filter, order, limit), Arc::new(pick)).await
}

/// How many tasks that match have each status on each screen.
///
/// # Errors
/// As [`ReadModel::count_by`], or [`ReadModelError::Damaged`] when a row has no known status.
pub async fn counts(
    model: &dyn ReadModel,
    filter: &TaskFilter,
) -> Result<RowCounts<(Screen, TaskStatus)>, ReadModelError> {
    let found = model.count_by(query(filter, Order::default(), 0), &["screen", "status"]).await?;
    let counts = found.counts.into_iter().map(|(values, count)| Ok((counted(&values)?, count)));
    Ok(RowCounts { counts: counts.collect::<Result<_, _>>()?, position: found.position })
}

fn counted(values: &[Value]) -> Result<(Screen, TaskStatus), ReadModelError> {
    let known = match values {
        [Value::Text(screen), Value::Integer(number)] => {
            let screen = [Screen::Inbox, Screen::History].into_iter().find(|known| known.name() == screen);
            let status = u16::try_from(*number).ok().and_then(TaskStatus::from_number);
            screen.zip(status)
        }
        _ => None,
    };
    known.ok_or_else(|| ReadModelError::Damaged(format!("a task has the screen and status {values:?}")))
}

fn tests_of(filter: &TaskFilter) -> Vec<(&'static str, Test)> {
    let TaskFilter { status: _, screen, workspace, batch, external_id, text, worker, error_code, .. } =
        filter;
    let TaskFilter { campaign, held, stuck, external_integration_status: external, .. } = filter;
    let TaskFilter {
        created_since, created_before, updated_since, updated_before, restart_count_min, ..
    } = filter;
    let of_text = |text: &str| Test::Is(Value::Text(text.to_owned()));
    let flag = |is_set: &bool| if *is_set { Test::Is(Value::Integer(1)) } else { Test::Is(Value::Absent) };
    let instant = |at: &domain::time::Timestamp| Value::Integer(at.as_micros());
    let asked = [
        ("status", statuses(filter)),
        ("screen", Some(screen.map_or_else(screens, |screen| of_text(screen.name())))),
        ("workspace", workspace.map(|id| Test::Is(Value::Integer(id.get().into())))),
        ("batch", batch.map(|id| Test::Is(Value::Integer(id.get().cast_signed())))),
        ("external_id", external_id.as_ref().map(|id| of_text(id.as_str()))),
        ("text", text.as_ref().map(|text| Test::Contains(text.as_str().to_lowercase()))),
        ("worker", worker.as_ref().map(|worker| of_text(worker.as_str()))),
        ("error_code", error_code.as_deref().map(of_text)),
        ("campaign", campaign.map(|id| of_text(&id.to_string()))),
        ("held", held.as_ref().map(flag)),
        ("warned", stuck.as_ref().map(flag)),
        ("external_integration", external.as_ref().map(|status| of_text(status.as_str()))),
        ("created_us", created_since.as_ref().map(|at| Test::From(instant(at)))),
        ("created_us", created_before.as_ref().map(|at| Test::Before(instant(at)))),
        ("updated_us", updated_since.as_ref().map(|at| Test::From(instant(at)))),
        ("updated_us", updated_before.as_ref().map(|at| Test::Before(instant(at)))),
        ("restart_count", restart_count_min.map(|least| Test::From(Value::Integer(least.into())))),
    ];
    asked.into_iter().filter_map(|(column, test)| Some((column, test?))).collect()
}

/// Within a workspace or a batch, tasks are found by status: any means all of them.
fn statuses(filter: &TaskFilter) -> Option<Test> {
    let is_of_one_place = filter.workspace.is_some() || filter.batch.is_some();
    let statuses: &[TaskStatus] = match filter.status.as_slice() {
        [] if is_of_one_place => &TaskStatus::ALL,
        [] => return None,
        statuses => statuses,
    };
    let number = |status: &TaskStatus| Value::Integer(status.number().into());
    Some(match statuses {
        [status] => Test::Is(number(status)),
        statuses => Test::OneOf(statuses.iter().map(number).collect()),
    })
}

/// Tasks are found by screen when nothing narrows them more: any means both.
fn screens() -> Test {
    let both = [Screen::Inbox, Screen::History].map(|screen| Value::Text(screen.name().to_owned()));
    Test::OneOf(both.to_vec())
}
