//! What can be asked for a task that is there: that it is processed again, and how far the client's own side is
//! (`reference/smartdocumentor.md` §4.5, §4.6). Does not know what follows from it.

use domain::envelope::Command;
use domain::task::{self, ExternalIntegrationStatus};
use serde::Deserialize;

use super::input::{Members, Parameters, Sender, task};
use super::reply::{Reply, accepted};
use crate::extract::State;
use crate::request::submit;
use crate::state::ApiState;

/// `PATCH …/sdtask/restartprocessing`. Has no body, and whatever it answers has none either.
pub(super) async fn restart(State(state): State<ApiState>, sender: Sender, parameters: Parameters) -> Reply {
    send(&state, &sender, &parameters, task::Command::Restart { campaign: None }).await
}

#[derive(Debug, Deserialize)]
pub(super) struct ExternalStatusBody {
    externalintegrationstatus: ExternalIntegrationStatus,
}

/// `PATCH …/sdtask/externalIntegrationStatus`.
pub(super) async fn set_external_status(
    State(state): State<ApiState>,
    sender: Sender,
    parameters: Parameters,
    Members(body): Members<ExternalStatusBody>,
) -> Reply {
    let status = body.externalintegrationstatus;
    send(&state, &sender, &parameters, task::Command::SetExternalIntegrationStatus { status }).await
}

async fn send(state: &ApiState, sender: &Sender, parameters: &Parameters, command: task::Command) -> Reply {
    let id = task(state, &sender.identity, parameters).await?;
    let done = submit(state, sender.envelope(state, Command::Task(id, command))).await?;
    accepted(done.position)
}
