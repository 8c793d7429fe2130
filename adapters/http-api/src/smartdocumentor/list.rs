//! Lists of tasks (`reference/smartdocumentor.md` §4.3, §4.4): which are meant, in which order, all at once or by pages that
//! have numbers. Does not know how a task is shown.

use domain::task::{ExternalIntegrationStatus, IntegrationStatus, TaskStatus};
use domain::time::Timestamp;
use projections::read_model::{self, Direction, Order, Query, Test};
use projections::view::{Value, View as _};
use projections::views::Tasks;

use super::input::{Parameters, column_number};
use super::pages::{Page, page_of};
use super::reply::{Failure, Reply, see_everything, shown};
use super::status::TaskObject;
use crate::extract::State;
use crate::state::ApiState;

/// The most tasks of a list that is no page.
const LIST_TASKS_MAX: usize = 10_000;

/// `GET …/sdtask/statuslist`: a bare array.
pub(super) async fn list(State(state): State<ApiState>, parameters: Parameters) -> Reply {
    let query = query(&parameters, LIST_TASKS_MAX)?;
    see_everything(&state).await?;
    let page = read_model::list::<Tasks>(state.engine.read_model(), query).await?;
    if page.next.is_some() {
        let detail = format!(
            "more than {LIST_TASKS_MAX} tasks are meant; narrow startDate and endDate, or ask statuslistpaginated"
        );
        return Err(Failure::invalid(detail));
    }
    let tasks: Vec<TaskObject> = page.rows.into_iter().map(TaskObject::from).collect();
    shown(page.position, &tasks)
}

/// `GET …/sdtask/statuslistpaginated`.
pub(super) async fn paginated(State(state): State<ApiState>, parameters: Parameters) -> Reply {
    let page = Page::read(&parameters, &state)?;
    let query = query(&parameters, page.size())?;
    see_everything(&state).await?;
    let found = page_of::<Tasks>(&state, query, page).await?;
    shown(found.position, &page.filled(found.rows.into_iter().map(TaskObject::from).collect(), found.total))
}

// ── Which, and in which order ──────────────────────────────────────────────────────────────────────────────────

/// The question that the parameters ask. Values of one parameter are alternatives, parameters restrict each other.
fn query(parameters: &Parameters, limit: usize) -> Result<Query, Failure> {
    let mut filters = created(parameters)?;
    let statuses = numbers(parameters, "taskStatus", |name| {
        TaskStatus::ALL
            .into_iter()
            .find(|status| status.name().eq_ignore_ascii_case(name))
            .map(TaskStatus::number)
    })?;
    let integration = numbers(parameters, "integrationStatus", |name| {
        let mut known = IntegrationStatus::ALL.into_iter();
        known.find(|status| status.name().eq_ignore_ascii_case(name)).map(IntegrationStatus::number)
    })?;
    let workspaces = numbers(parameters, "workspaceId", |_| None)?;
    // The indexes that have the time of creation have the status before it.
    let any = || TaskStatus::ALL.into_iter().map(|status| Value::Integer(status.number().into())).collect();
    let statuses = statuses.or_else(|| Some(Test::OneOf(any())));
    let several = [("status", statuses), ("integration", integration), ("workspace", workspaces)];
    filters.extend(several.into_iter().filter_map(|(column, test)| Some((column, test?))));
    if let Some(text) = parameters.one("externalIntegrationStatus")? {
        let status =
            ExternalIntegrationStatus::new(text).map_err(|error| Failure::invalid(error.to_string()))?;
        filters.push(("external_integration", Value::Text(status.as_str().to_owned()).into()));
    }
    Ok(Query { view: Tasks::NAME, filters, order: order(parameters)?, ..Query::page(limit) })
}

/// When the tasks were created: both ends belong to it, and one of them is needed.
fn created(parameters: &Parameters) -> Result<Vec<(&'static str, Test)>, Failure> {
    const COLUMN: &str = "created_us";
    let (start, end) = (parameters.instant("startDate")?, parameters.instant("endDate")?);
    if start.is_none() && end.is_none() {
        return Err(Failure::invalid("say when the tasks were created: give startDate, endDate or both"));
    }
    let micros = |instant: Timestamp| Value::Integer(instant.as_micros());
    let next = |instant: Timestamp| Value::Integer(instant.as_micros().saturating_add(1));
    let from = start.map(|start| (COLUMN, Test::From(micros(start))));
    let until = end.map(|end| (COLUMN, Test::Before(next(end))));
    Ok(from.into_iter().chain(until).collect())
}

/// That a column has one of the numbers that a parameter is given, each by itself or by its name. A number that nothing can
/// have is none that something has.
fn numbers(
    parameters: &Parameters,
    parameter: &str,
    by_name: impl Fn(&str) -> Option<u16>,
) -> Result<Option<Test>, Failure> {
    let mut wanted = Vec::new();
    for text in parameters.all(parameter) {
        wanted.push(match by_name(text.trim()) {
            Some(number) => Value::Integer(number.into()),
            None => column_number(parameter, text)?,
        });
    }
    Ok((!wanted.is_empty()).then_some(Test::OneOf(wanted)))
}

/// The properties by which tasks can be sorted: those that each task has, and the columns that have them. `text` begins with
/// the name, in small letters.
const SORTED_BY: [(&str, Option<&str>); 8] = [
    ("createdOn", Some("created_us")),
    ("taskId", None),
    ("workspaceId", Some("workspace")),
    ("displayName", Some("text")),
    ("taskStatus", Some("status")),
    ("integrationStatus", Some("integration")),
    ("externalIntegrationStatus", Some("external_integration")),
    ("restartCount", Some("restart_count")),
];

fn order(parameters: &Parameters) -> Result<Order, Failure> {
    let text = parameters.one("sort")?.unwrap_or("createdOn").trim();
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    let known = SORTED_BY.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, by)| Order { by, direction }).ok_or_else(|| {
        let names: Vec<&str> = SORTED_BY.into_iter().map(|(known, _)| known).collect();
        let detail = format!("sort by one of {}; a '-' in front turns the order around", names.join(", "));
        Failure::invalid(detail)
    })
}
