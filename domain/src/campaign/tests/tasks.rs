//! Campaigns over tasks: always pinned, without a canary, and each of their commands is a restart.

use uuid::Uuid;

use super::*;
use crate::envelope::Command as AnyCommand;
use crate::filter::TaskFilter;
use crate::names::{CampaignId, CommandId};
use crate::process::campaign::ask;
use crate::task;

const DIGEST: Digest = Digest([7; 32]);

fn over_tasks() -> Start {
    Start::over(Target::Tasks(TaskFilter { stuck: Some(true), ..TaskFilter::default() }), FAST)
}

fn pinned() -> Event {
    let (start, target) = (CommandId(Uuid::from_u128(1)), over_tasks().target);
    Event::TargetsPinned(TargetsPinned {
        start,
        target,
        keys: vec![key("7"), key("8")],
        digest: Some(DIGEST),
    })
}

fn started() -> Event {
    let pinned = Some(Pinned { keys: 2, digest: DIGEST });
    Event::Started(Started { target: over_tasks().target, pace: FAST, canary: None, pinned })
}

#[test]
fn a_campaign_over_tasks_begins_once_all_of_them_are_pinned() {
    check(&[], &Command::Start(over_tasks()), Err(Refusal::NotPinned));
    check(&[pinned()], &Command::Start(over_tasks()), Ok(vec![started()]));
}

#[test]
fn a_campaign_over_tasks_takes_no_canary() {
    let canary = Canary { size: CanarySize::Keys(1), stop_when: StopWhen::default(), then: Then::Continue };
    let start = Start { canary: Some(canary), ..over_tasks() };
    check(&[pinned()], &Command::Start(start), Err(Refusal::CanaryOverTasks));
}

#[test]
fn what_is_asked_for_a_task_is_a_restart_by_the_campaign() {
    let begun = given(&[pinned(), started()]);
    let progress = begun.progress().expect("under way");
    let id = CampaignId(Uuid::from_u128(9));
    let asked = ask(id, progress, &key("7")).expect("a task's id");
    let restart = task::Command::Restart { campaign: Some(id) };
    assert_eq!(asked.command, AnyCommand::Task("7".parse().unwrap(), restart));
    assert_eq!(
        asked.id,
        ask(id, progress, &key("7")).expect("a task's id").id,
        "asked twice it is one command"
    );
    assert_eq!(ask(id, progress, &key("seven")), None);
}

#[test]
fn a_target_is_a_units_keys_or_tasks_and_survives_its_json() {
    for json in [
        r#"{"unit":"docs","scope":"raw"}"#,
        r#"{"unit":"docs","scope":"raw","filter":{"held":true}}"#,
        r#"{"tasks":{}}"#,
        r#"{"tasks":{"status":["ToReview"],"stuck":true}}"#,
    ] {
        let target: Target = serde_json::from_str(json).expect("a target");
        assert_eq!(serde_json::to_string(&target).expect("a target is JSON"), json);
    }
    for json in [
        r#"{}"#,
        r#"{"unit":"docs"}"#,
        r#"{"tasks":{},"filter":{}}"#,
        r#"{"unit":"docs","scope":"raw","tasks":{}}"#,
    ] {
        let error = serde_json::from_str::<Target>(json).expect_err("no target").to_string();
        assert!(error.contains("either a unit and a scope"), "{json}: {error}");
    }
}
