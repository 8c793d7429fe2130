//! `POST /v1/tasks/restart`: restarts the tasks of a list, each on its own. Does not know when a task may be restarted. Those
//! that match a filter are restarted by a campaign.

use domain::envelope::Command;
use domain::names::TaskId;
use domain::stream::Position;
use domain::task;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::{PartialSchema as _, ToSchema};

use crate::description::names;
use crate::description::problems::{ProblemDetails, TaskRestartRefusals};
use crate::extract::{State, Write};
use crate::native::{Reply, ok};
use crate::problem::{Problem, ProblemBody};
use crate::request::carry_out;
use crate::state::ApiState;

/// The most tasks of one list; more are restarted by a campaign.
const TASKS_MAX: usize = 1_000;

/// Which tasks are to be restarted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TasksRestart)]
pub(super) struct RestartBody {
    /// Their ids, each once.
    #[schema(schema_with = ids)]
    tasks: Vec<TaskId>,
}

/// Each of them once.
fn ids() -> ArrayBuilder {
    let ids = ArrayBuilder::new().items(names::TaskId::schema()).unique_items(true);
    ids.min_items(Some(1)).max_items(Some(TASKS_MAX))
}

type RestartWrite = Write<RestartBody>;

/// What became of the tasks of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = TasksRestarted)]
struct Restarted<'a> {
    /// One for each task, in the order of the list.
    items: Vec<Outcome<'a>>,
    #[schema(value_type = names::Position)]
    position: Position,
}

/// What became of one of them.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskRestartOutcome)]
struct Outcome<'a> {
    #[schema(value_type = names::TaskId)]
    id: TaskId,
    outcome: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = names::Position, required = false)]
    position: Option<Position>,
    /// Of one that was refused or failed: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ProblemDetails, required = false)]
    problem: Option<ProblemBody<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TaskRestartWord)]
enum Word {
    /// It begins again.
    Restarted,
    /// It may not be restarted; it will not be otherwise later.
    Refused,
    /// It could not be restarted now; send it again.
    Failed,
}

/// Restart tasks
///
/// Each on its own, in any order: what is wrong with one does not stop the others.
#[utoipa::path(
    post, path = "/v1/tasks/restart", operation_id = "restart_tasks", tag = "tasks",
    params(Write<RestartBody>),
    request_body = RestartWrite,
    responses((status = 200, description = "What became of each", body = Restarted<'static>), TaskRestartRefusals),
)]
pub(super) async fn restart(State(state): State<ApiState>, write: Write<RestartBody>) -> Reply {
    let (RestartBody { tasks }, write) = write.split();
    check(&tasks)?;
    let restart = async |id: TaskId| {
        let command = Command::Task(id, task::Command::Restart { campaign: None });
        (id, carry_out(&state, write.envelope(&state, command)).await)
    };
    let restarted = join_all(tasks.into_iter().map(restart)).await;
    let position = |(_, restarted): &(_, Result<runtime::Accepted, Problem>)| {
        restarted.as_ref().map(|accepted| accepted.position).ok()
    };
    let last = restarted.iter().filter_map(position).max();
    let items = restarted.iter().map(outcome).collect();
    let position = last.unwrap_or_else(|| state.engine.acknowledged());
    ok(position, &Restarted { items, position })
}

fn check(tasks: &[TaskId]) -> Result<(), Problem> {
    if !(1..=TASKS_MAX).contains(&tasks.len()) {
        let detail = format!(
            "a list has 1 to {TASKS_MAX} tasks, this one {}; restart more by a campaign, POST /v1/campaigns",
            tasks.len()
        );
        return Err(Problem::invalid("wrong_number_of_items", detail));
    }
    let mut sorted: Vec<TaskId> = tasks.to_vec();
    sorted.sort_unstable();
    let twice = sorted.array_windows().find(|[first, second]| first == second);
    match twice {
        None => Ok(()),
        Some([id, _]) => {
            let detail = format!("task {id} is listed more than once; list it once");
            Err(Problem::invalid("listed_twice", detail))
        }
    }
}

fn outcome((id, restarted): &(TaskId, Result<runtime::Accepted, Problem>)) -> Outcome<'_> {
    let id = *id;
    match restarted {
        Ok(accepted) => {
            Outcome { id, outcome: Word::Restarted, position: Some(accepted.position), problem: None }
        }
        Err(problem) => {
            let outcome = if problem.status.is_server_error() { Word::Failed } else { Word::Refused };
            Outcome { id, outcome, position: None, problem: Some(problem.body()) }
        }
    }
}
