//! How a remedy is asked for: as a request to this API, and as a line for a shell. Does not know when one helps.

use domain::campaign::{Pace, Target};
use domain::envelope::Command;
use domain::names::{Scope, StorageUnitName};
use domain::storage_unit::Settings;
use domain::stream::{KeyScopeId, Subject};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use projections::explain::Remedy;
use serde::Serialize;
use serde_json::{Value, json};

/// Everything but letters, digits, `.`, `_` and `-` is percent-encoded in a path's parts.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');
/// The name under which a suggested claim claims; whoever sends it may put its own there.
const WORKER: &str = "a-worker";

/// A request as it is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

fn post(path: String) -> Request {
    Request { method: "POST", path, body: None }
}

fn with(method: &'static str, path: String, body: Value) -> Request {
    Request { method, path, body: Some(body) }
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("settings, limits and paces have text keys only")
}

impl Request {
    pub(super) fn of(remedy: &Remedy) -> Self {
        match remedy {
            Remedy::ResumeSystem => post("/v1/system/resume".to_owned()),
            Remedy::Ask(id) => post(format!("{}/reprocess", key_scope(id))),
            Remedy::RunNow(id) => post(format!("/v1/tasks/{id}/run-now")),
            Remedy::Restart(id) => post(format!("/v1/tasks/{id}/restart")),
            Remedy::Approve(id, user) => {
                with("POST", format!("/v1/tasks/{id}/approve"), json!({ "user": user }))
            }
            Remedy::Release(Subject::KeyScope(id)) => post(format!("{}/release", key_scope(id))),
            Remedy::Release(Subject::Task(id)) => post(format!("/v1/tasks/{id}/release")),
            Remedy::EnableQueue(unit) => {
                with("PUT", format!("{}/queue", unit_path(unit)), json!({ "enabled": true }))
            }
            Remedy::SetLimits(unit, limits) => {
                with("PUT", format!("{}/limits", unit_path(unit)), written(limits))
            }
            Remedy::Configure(id, settings) => with("PUT", format!("/v1/workspaces/{id}"), written(settings)),
            Remedy::Work { unit, scope, max } => {
                with("POST", "/v1/leases".to_owned(), claim(unit, scope, *max))
            }
            Remedy::ResumeCampaign(id) => post(format!("/v1/campaigns/{id}/resume")),
            Remedy::CancelCampaign(id) => post(format!("/v1/campaigns/{id}/cancel")),
            Remedy::LiftPace(id) => {
                with("PUT", format!("/v1/campaigns/{id}/pace"), written(&Pace::default()))
            }
            Remedy::StartAgain(target, pace) => {
                with("POST", "/v1/campaigns".to_owned(), campaign(target, *pace))
            }
            Remedy::CreateUnit(name, settings) => {
                with("POST", "/v1/storage-units".to_owned(), unit(name, settings))
            }
            Remedy::TakeBack(_) | Remedy::Release(_) => through_commands(remedy.command()),
        }
    }
}

/// A command without a route of its own goes through the door of all commands.
fn through_commands(command: Option<Command>) -> Request {
    let body = command.map(|command| {
        let recorded = command.record().map(|recorded| recorded.json()).unwrap_or_default();
        json!({ "stream": command.subject().stream().as_str(), "command": recorded })
    });
    Request { method: "POST", path: "/v1/commands".to_owned(), body }
}

fn key_scope(KeyScopeId { unit, scope, key }: &KeyScopeId) -> String {
    format!("/v1/key-scopes/{}/{}/{}", part(unit.as_str()), part(scope.as_str()), part(key.as_str()))
}

fn unit_path(unit: &StorageUnitName) -> String {
    format!("/v1/storage-units/{}", part(unit.as_str()))
}

fn claim(unit: &StorageUnitName, scope: &Scope, max: usize) -> Value {
    json!({ "worker": WORKER, "queues": [{ "unit": unit, "scope": scope }], "max": max })
}

fn campaign(target: &Target, pace: Pace) -> Value {
    let mut body = written(target);
    if let Value::Object(members) = &mut body
        && pace != Pace::default()
    {
        members.insert("pace".to_owned(), written(&pace));
    }
    body
}

fn unit(name: &StorageUnitName, settings: &Settings) -> Value {
    let Settings { content, modules, queue_enabled, limits } = settings;
    json!({
        "name": name,
        "content": content,
        "modules": modules.modules,
        "settings": modules.settings,
        "queue_enabled": queue_enabled,
        "limits": limits,
    })
}

// ── For a shell ────────────────────────────────────────────────────────────────────────────────────────────────

/// The line that does the same in a shell. What has no command of its own is sent by `reprise api`.
pub(super) fn command_line(remedy: &Remedy, request: &Request) -> String {
    let words = match remedy {
        Remedy::ResumeSystem => vec!["system".to_owned(), "resume".to_owned()],
        Remedy::EnableQueue(unit) => words(&["unit", "enable", unit.as_str()]),
        Remedy::Work { unit, scope, .. } if unit.workspace().is_none() => {
            words(&["work", "--queue", &format!("{unit}/{scope}")])
        }
        Remedy::Ask(KeyScopeId { unit, scope, key }) => {
            words(&["reprocess", "key", unit.as_str(), key.as_str(), scope.as_str()])
        }
        Remedy::ResumeCampaign(id) => words(&["campaign", "resume", &id.to_string()]),
        Remedy::CancelCampaign(id) => words(&["campaign", "cancel", &id.to_string()]),
        Remedy::Release(_)
        | Remedy::SetLimits(..)
        | Remedy::Configure(..)
        | Remedy::Work { .. }
        | Remedy::TakeBack(_)
        | Remedy::RunNow(_)
        | Remedy::Restart(_)
        | Remedy::Approve(..)
        | Remedy::LiftPace(_)
        | Remedy::StartAgain(..)
        | Remedy::CreateUnit(..) => {
            let body = request.body.as_ref().map(Value::to_string);
            let api = ["api".to_owned(), request.method.to_owned(), request.path.clone()];
            api.into_iter().chain(body).collect()
        }
    };
    let quoted = words.iter().map(|word| quoted(word));
    std::iter::once("reprise".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:%=,@".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_quoted_only_when_a_shell_would_read_it_otherwise() {
        for plain in ["docs/raw/a.txt", "--queue", "10%2E"] {
            assert_eq!(quoted(plain), plain);
        }
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
