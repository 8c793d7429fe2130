//! What happened to tasks and what belongs to them, in words: one sentence each, for people who know no documentation.

use domain::task::{Event, Resolution, ReviewCause};
use domain::{batch, external_id, ids, workspace};

use super::{QUOTE_BYTES_MAX, work};
use crate::views::bounded;

pub(super) fn task(event: &Event) -> String {
    match event {
        Event::Created(payload) => {
            format!("created as '{}' in workspace {}", payload.display_name, payload.workspace)
        }
        Event::Work(queue, event) => format!("{}: {}", queue.stage.name().replace('_', "-"), work(event)),
        Event::StageEntered(entered) => format!("{} begins", entered.stage.name().replace('_', "-")),
        Event::ReviewOpened(opened) => match opened.cause {
            ReviewCause::StagesDone => "it is to be reviewed".to_owned(),
            ReviewCause::ExportFailed => "its export was refused, so it is to be reviewed again".to_owned(),
            ReviewCause::Reopened => "its review was opened again".to_owned(),
        },
        Event::Approved(approved) => format!("approved by {}", approved.user),
        Event::ReviewCompleted(completed) if completed.automatic => "reviewed automatically".to_owned(),
        Event::ReviewCompleted(_) => "reviewed: every approval is there".to_owned(),
        Event::Archived => "processed, and moved to history".to_owned(),
        Event::Edited(edited) => {
            let shown = |value: &serde_json::Value| bounded(&value.to_string(), QUOTE_BYTES_MAX);
            format!("{} changed from {} to {}", edited.path, shown(&edited.before), shown(&edited.after))
        }
        Event::UsersAssigned(assignment) if assignment.users.is_empty() => {
            "assigned to nobody, so whoever likes may review it".to_owned()
        }
        Event::UsersAssigned(assignment) => {
            let users: Vec<_> = assignment.users.iter().map(ToString::to_string).collect();
            format!("assigned to {}; the review begins again", users.join(", "))
        }
        Event::Restarted(restarted) => {
            let fenced = match restarted.withdrawn {
                Some(_) => "; what was open of the earlier run is taken away",
                None => "",
            };
            format!("begun again from its first payload, restart {}{fenced}", restarted.restart_count)
        }
        Event::Resolved(resolved) => {
            let outcome = match resolved.outcome {
                Resolution::Finished => "finished",
                Resolution::Failed => "failed",
            };
            let text = bounded(&resolved.text, QUOTE_BYTES_MAX);
            format!("settled by hand as {outcome}, now {}: {text}", resolved.status.text())
        }
        Event::Reverted(reverted) => format!(
            "stuck as {} since {}, so it was put back to {}; nothing was started",
            reverted.from.text(),
            reverted.since,
            reverted.to.text()
        ),
        Event::MovedToHistory(moved) => {
            format!("stuck as {} since {}, so it was moved to history", moved.from.text(), moved.since)
        }
        Event::ExternalIntegrationStatusSet(set) => {
            format!("the client's side is '{}'", set.status.as_str())
        }
        Event::DeletionRequested(_) => "it is being deleted".to_owned(),
        Event::Deleted => "deleted, and moved to history".to_owned(),
    }
}

pub(super) fn workspace(event: &workspace::Event) -> String {
    match event {
        workspace::Event::Created(settings) => format!("created as '{}'", settings.display_name),
        workspace::Event::Configured(_) => "settings replaced; tasks that exist keep their plan".to_owned(),
    }
}

pub(super) fn batch(event: &batch::Event) -> String {
    let batch::Event::Created(described) = event;
    format!("created as '{}' in workspace {}", described.display_name, described.workspace)
}

pub(super) fn external_id(event: &external_id::Event) -> String {
    let external_id::Event::Claimed(claimed) = event;
    format!("taken by task {}", claimed.task)
}

pub(super) fn ids(event: &ids::Event) -> String {
    let ids::Event::BlockAllocated(block) = event;
    format!("{} ids given out, from {} on", block.size, block.first)
}
