//! Restart, as the seed document says it (`reference/smartdocumentor.md` §4.5).

use super::*;

#[test]
fn a_restart_resets_everything_but_the_payload_and_the_history() {
    let users = Assignment { users: vec![user("ann"), user("bob")], order: ReviewOrder::InSequence };
    let mut given = given(full())
        .done()
        .done()
        .when(&Command::Assign(users.clone()))
        .when(&edit("total", json!(3)))
        .when(&approve("ann"));
    let status = ExternalIntegrationStatus::new("booked").expect("a valid status");
    given = given.when(&Command::SetExternalIntegrationStatus { status });
    assert_eq!(given.names(&RESTART), ["restarted", "queued"]);
    let restarted = given.when(&RESTART);
    let task = restarted.present();
    assert_eq!((task.status(), task.restart_count), (TaskStatus::QueuedForPreProcessing, 1));
    assert!(task.edits.is_empty());
    assert_eq!(task.integration, IntegrationStatus::NotQueued);
    assert_eq!(task.external_integration.as_str(), "never");
    assert_eq!(*task.payload, payload(full()));
    assert_eq!(task.assignment, users);
    assert!(restarted.history.iter().any(|event| matches!(event, Event::Edited(_))), "history keeps edits");
    let reviewing = restarted.done().done();
    let refused = reviewing.decide(&approve("bob"));
    assert_eq!(refused, Err(Refusal::NotTheirTurn { next: user("ann") }), "the order begins again");
}

#[test]
fn a_restart_fences_off_whoever_has_the_task() {
    let leased = given(full()).leased();
    let late = work(Stage::PreProcessing, complete(leased.token()));
    let events = leased.decide(&RESTART).expect("a running task can be restarted");
    let queue = StageQueue { workspace: payload(full()).workspace, stage: Stage::PreProcessing };
    assert_eq!(events[0].withdrawn(), Some(queue));
    let restarted = leased.fold(&events);
    assert_eq!(restarted.names(&late), ["late_result_refused"]);
    let after = restarted.clone().when(&late);
    assert_eq!(after.task, restarted.task);
    let (old, new) = (late, restarted.leased());
    assert_eq!(new.names(&old), ["late_result_refused"], "not even while the new run is under way");
}

#[test]
fn a_task_is_restarted_from_history_but_not_from_the_dead() {
    let archived = given(full()).done().done().when(&approve("ann")).done();
    assert_eq!(archived.when(&RESTART).present().screen(), Screen::Inbox);
    let deleting = given(full()).when(&Command::Delete);
    assert_eq!(deleting.decide(&RESTART), Err(Refusal::Gone { status: TaskStatus::Deleting }));
    let deleted = deleting.when(&Command::ConfirmDeleted);
    assert_eq!(deleted.decide(&RESTART), Err(Refusal::Gone { status: TaskStatus::Deleted }));
}

#[test]
fn one_campaign_restarts_a_task_once() {
    let restart = |number| Command::Restart { campaign: Some(CampaignId(uuid::Uuid::from_u128(number))) };
    let given = given(full()).when(&restart(1));
    assert_eq!(given.decide(&restart(1)), Ok(vec![]));
    let given = given.when(&restart(2)).when(&RESTART);
    assert_eq!(given.present().restart_count, 3);
}

#[test]
fn a_hold_outlives_a_restart() {
    let given = given(full()).when(&Command::Hold).when(&RESTART);
    let refused = given.decide(&work(Stage::PreProcessing, claim()));
    assert_eq!(refused, Err(Refusal::Work(work::Refusal::OnHold)));
    assert_eq!(given.when(&Command::Release).leased().status(), TaskStatus::PreProcessingInProgress);
}
