//! A command as it is posted, and how it becomes an envelope. Does not know what a command does.

use axum::http::StatusCode;
use domain::envelope::{Command, Envelope, Sender};
use domain::event::RecordedCommand;
use domain::names::{Actor, IdempotencyKey};
use domain::stream::Subject;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use uuid::Uuid;

use crate::extract::check_reason;
use crate::problem::Problem;
use crate::request::Caller;
use crate::state::ApiState;

/// A command as it is posted and as it is read back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Posted {
    id: Option<IdempotencyKey>,
    stream: String,
    command: Value,
    actor: Option<Actor>,
    reason: Option<String>,
    causation_id: Option<Uuid>,
    correlation_id: Option<Uuid>,
    /// What is known of it where it was read; of no interest here.
    #[serde(rename = "recorded")]
    _recorded: Option<IgnoredAny>,
}

impl Posted {
    /// What the sender calls it.
    pub(super) fn id(&self) -> Option<String> {
        self.id.as_ref().map(ToString::to_string)
    }

    /// The same under the key of its request, which must not be another than its own.
    pub(super) fn under(self, key: Option<IdempotencyKey>) -> Result<Self, Problem> {
        if let (Some(id), Some(key)) = (&self.id, &key)
            && id != key
        {
            let detail = "the header Idempotency-Key and the member id say the same thing and differ; send one of them";
            return Err(Problem::bad_request(detail));
        }
        Ok(Self { id: self.id.or(key), ..self })
    }

    /// The envelope.
    pub(super) fn envelope(self, state: &ApiState, caller: &Caller) -> Result<Envelope, Problem> {
        let subject: Subject = self
            .stream
            .parse()
            .map_err(|error| Problem::invalid("invalid_body", format!("stream: {error}")))?;
        let command = command(subject, self.command)?;
        check_reason(self.reason.as_deref())?;
        let actor = match (self.actor, caller.check(&command)) {
            (None, Ok(())) => Ok(caller.actor.clone()),
            (Some(actor), Ok(())) => caller.on_behalf_of(actor),
            (_, Err(problem)) => Err(problem),
        };
        let actor = actor.inspect_err(|problem| record(state, caller, problem))?;
        let envelope = caller.envelope(state, command, self.reason.as_deref());
        let envelope = Envelope {
            actor,
            causation_id: self.causation_id,
            correlation_id: self.correlation_id,
            ..envelope
        };
        Ok(match self.id {
            None => envelope,
            Some(key) => envelope.once(key),
        })
    }
}

/// A refused access is recorded, whoever waits for the answer.
fn record(state: &ApiState, caller: &Caller, problem: &Problem) {
    if problem.status == StatusCode::FORBIDDEN {
        let (engine, knock) = (state.engine.clone(), caller.knock("POST", "/v1/commands"));
        tokio::spawn(async move { engine.record_refusal(knock).await });
    }
}

fn command(subject: Subject, json: Value) -> Result<Command, Problem> {
    let posted = RecordedCommand::from(json.clone());
    let invalid = |detail: String| Problem::invalid("invalid_command", detail);
    let command = Command::from_recorded(subject, &posted);
    let command = command.map_err(|error| invalid(format!("correct the member command: {error}")))?;
    let recorded = command.record().map_err(|error| invalid(error.to_string()))?;
    if let Some(path) = left_out(&json, &recorded.json(), "command") {
        let detail = format!("{path} is not known here, or says what holds anyway; leave it out");
        return Err(invalid(detail));
    }
    match command.sender() {
        Sender::Anyone => Ok(command),
        Sender::Workers => Err(reserved(
            &recorded,
            "is sent on behalf of workers, which claim and settle work through /v1/leases",
        )),
        Sender::Engine => Err(reserved(
            &recorded,
            "belongs to something larger that the engine does; docs/http-api.md says under 'Commands' which request does it",
        )),
    }
}

fn reserved(command: &RecordedCommand, why: &str) -> Problem {
    let name = command.name().unwrap_or_default();
    Problem::new(StatusCode::FORBIDDEN, "command_reserved", format!("the command '{name}' {why}"))
}

/// The first member that was posted and is not in what would be recorded: a misspelt one must not be silently lost.
/// One that says nothing is not missed.
fn left_out(posted: &Value, recorded: &Value, path: &str) -> Option<String> {
    let nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match (posted, recorded) {
        (Value::Object(posted), Value::Object(recorded)) => {
            posted.iter().find_map(|(name, value)| match recorded.get(name) {
                Some(recorded) => left_out(value, recorded, &format!("{path}.{name}")),
                None => (!nothing(value)).then(|| format!("{path}.{name}")),
            })
        }
        (Value::Array(posted), Value::Array(recorded)) => {
            let pairs = posted.iter().zip(recorded).enumerate();
            pairs.filter_map(|(index, (it, that))| left_out(it, that, &format!("{path}[{index}]"))).next()
        }
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::left_out;

    #[test]
    fn a_member_that_would_be_lost_is_found_wherever_it_is() {
        let recorded = json!({ "name": "x", "body": { "a": [{ "b": 1 }] } });
        let found = |posted| left_out(&posted, &recorded, "command");
        assert_eq!(found(json!({ "name": "x", "body": { "a": [{ "b": 1 }] } })), None);
        assert_eq!(found(json!({ "name": "x", "body": { "a": [{ "b": 1 }], "c": null } })), None);
        assert_eq!(found(json!({ "name": "x", "colour": 1 })).as_deref(), Some("command.colour"));
        let deep = json!({ "name": "x", "body": { "a": [{ "b": 1, "c": 2 }] } });
        assert_eq!(found(deep).as_deref(), Some("command.body.a[0].c"));
    }
}
