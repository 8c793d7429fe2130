//! `POST …/sdtask/process`: adds a task (`reference/smartdocumentor.md` §4.1). Does not know where its id comes from.

use domain::names::{CommandId, DisplayName, ExternalId, UserName};
use domain::task::{Assignment, Priority, ReviewOrder};
use runtime::{Asked, NewTask};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::input::{Members, Sender, batch_id, read, workspace_id};
use super::reply::{Failure, Reply, shown};
use crate::extract::State;
use crate::state::ApiState;

/// The most random letters of a name that nobody gave.
const RANDOM_LETTERS: usize = 12;

/// A task that is to be; members that are not known are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct ProcessBody {
    displayname: Option<String>,
    description: Option<String>,
    workspaceid: Option<i64>,
    batchid: Option<i64>,
    priority: Option<i64>,
    context: Map<String, Value>,
    taskassignment: Option<Map<String, Value>>,
    customformvalues: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    externalid: Option<String>,
}

/// Who is to review. One that is not understood is refused: taken for none, it would let everybody review.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssignmentBody {
    users: Vec<UserName>,
    ordertype: Option<String>,
}

/// The call.
pub(super) async fn process(
    State(state): State<ApiState>,
    sender: Sender,
    Members(body): Members<ProcessBody>,
) -> Reply {
    let asked = sender.asked(&state);
    let task = body.into_task(&asked)?;
    let created = state.engine.create_task(asked, task).await?;
    shown(created.position, &json!({ "taskId": created.id }))
}

impl ProcessBody {
    fn into_task(self, asked: &Asked) -> Result<NewTask, Failure> {
        check_url(&self.context)?;
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let display_name = match given(self.displayname) {
            Some(name) => DisplayName::new(name).map_err(|error| of_member("displayName", &error))?,
            None => random_name(asked.id),
        };
        let external_id = given(self.externalid).map(ExternalId::new).transpose();
        let workspace = self.workspaceid.map(|number| {
            workspace_id(number.into())
                .ok_or_else(|| Failure::invalid(format!("no workspace has the id {number}")))
        });
        let batch = self.batchid.map(|number| {
            batch_id(number.into()).ok_or_else(|| Failure::invalid(format!("no batch has the id {number}")))
        });
        Ok(NewTask {
            workspace: workspace.transpose()?,
            batch: batch.transpose()?,
            external_id: external_id.map_err(|error| of_member("externalId", &error))?,
            display_name: Some(display_name),
            description: given(self.description),
            // There are two levels: 5 is not above 2.
            priority: if self.priority.is_some_and(|priority| priority > 1) {
                Priority::High
            } else {
                Priority::Low
            },
            context: self.context,
            metadata: self.metadata.unwrap_or_default(),
            custom_form_values: self.customformvalues.unwrap_or_default(),
            assignment: self.taskassignment.map(assignment).transpose()?,
        })
    }
}

fn of_member(name: &str, error: &dyn std::error::Error) -> Failure {
    Failure::invalid(format!("correct {name}: {error}"))
}

/// Refuses a context that does not say where the document is.
fn check_url(context: &Map<String, Value>) -> Result<(), Failure> {
    let url = context.get("url").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
    if url.is_some_and(|url| ["http", "https"].contains(&url.scheme())) {
        return Ok(());
    }
    let detail = "say where the document is: context.url must be an http:// or https:// address, good for as long as the \
                  task lives";
    Err(Failure::invalid(detail))
}

/// A name for a task that nobody named; the same again when the same request comes again.
fn random_name(id: CommandId) -> DisplayName {
    let letters = CommandId::following(id.0, "display name").0.simple().to_string();
    let letters: String = letters.chars().take(RANDOM_LETTERS).collect();
    DisplayName::new(format!("task-{letters}")).expect("a word and hexadecimal digits are a valid name")
}

fn assignment(members: Map<String, Value>) -> Result<Assignment, Failure> {
    let AssignmentBody { users, ordertype } = read(members)?;
    let order = match ordertype.map(|order| order.to_ascii_lowercase().replace('_', "")).as_deref() {
        None | Some("any") => ReviewOrder::Any,
        Some("all") => ReviewOrder::All,
        Some("insequence") => ReviewOrder::InSequence,
        Some(_) => {
            let detail = "taskAssignment.orderType must be 'Any' (one of the users), 'All' or 'InSequence'";
            return Err(Failure::invalid(detail));
        }
    };
    Ok(Assignment { users, order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_gave_is_random_and_stays_with_its_request() {
        let name = |number| random_name(CommandId(uuid::Uuid::from_u128(number)));
        assert_eq!(name(1), name(1));
        assert_ne!(name(1), name(2));
        assert_eq!(name(1).as_str().len(), "task-".len() + RANDOM_LETTERS);
    }
}
