//! Assignment, approvals, edits.

use super::*;

fn reviewed_by(names: &[&str], order: ReviewOrder) -> Given {
    let users = names.iter().map(|name| user(name)).collect();
    given(full()).done().done().when(&Command::Assign(Assignment { users, order }))
}

#[test]
fn without_assigned_users_whoever_likes_may_approve() {
    assert_eq!(given(full()).done().done().when(&approve("zoe")).status(), TaskStatus::QueuedForExport);
}

#[test]
fn only_assigned_users_approve() {
    let given = reviewed_by(&["ann"], ReviewOrder::Any);
    assert_eq!(given.decide(&approve("zoe")), Err(Refusal::NotAssigned { user: user("zoe") }));
}

#[test]
fn any_needs_one_and_all_needs_everybody_in_whatever_order() {
    let any = reviewed_by(&["ann", "bob"], ReviewOrder::Any).when(&approve("bob"));
    assert_eq!(any.status(), TaskStatus::QueuedForExport);
    let all = reviewed_by(&["ann", "bob"], ReviewOrder::All).when(&approve("bob"));
    assert_eq!(all.status(), TaskStatus::ToReview);
    assert_eq!(all.decide(&approve("bob")), Ok(vec![]), "approving twice is approving once");
    assert_eq!(all.when(&approve("ann")).status(), TaskStatus::QueuedForExport);
}

#[test]
fn in_sequence_needs_everybody_in_turn() {
    let given = reviewed_by(&["ann", "bob"], ReviewOrder::InSequence);
    assert_eq!(given.decide(&approve("bob")), Err(Refusal::NotTheirTurn { next: user("ann") }));
    let given = given.when(&approve("ann"));
    assert_eq!(given.status(), TaskStatus::ToReview);
    assert_eq!(given.when(&approve("bob")).status(), TaskStatus::QueuedForExport);
}

#[test]
fn another_assignment_and_a_reopened_review_take_approvals_back() {
    let given = reviewed_by(&["ann", "bob"], ReviewOrder::All).when(&approve("ann"));
    let reopened = given.clone().when(&Command::ReopenReview).when(&approve("bob"));
    assert_eq!(reopened.status(), TaskStatus::ToReview);
    assert_eq!(reopened.when(&Command::ReopenReview).decide(&Command::ReopenReview), Ok(vec![]));
    let order = ReviewOrder::All;
    let assigned = given.when(&Command::Assign(Assignment { users: vec![user("ann"), user("eve")], order }));
    assert_eq!(assigned.when(&approve("eve")).status(), TaskStatus::ToReview);
}

#[test]
fn a_reopened_review_takes_the_export_back() {
    let exporting = given(full()).done().done().when(&approve("ann")).leased();
    let late = work(Stage::Export, complete(exporting.token()));
    let reopened = exporting.when(&Command::ReopenReview);
    assert_eq!(reopened.present().integration, IntegrationStatus::NotQueued);
    assert_eq!(reopened.names(&late), ["late_result_refused"]);
}

#[test]
fn an_edit_tells_what_was_there_before() {
    let given = given(full()).done().done().when(&edit("total", json!(1)));
    let events = given.decide(&edit("total", json!(2))).expect("it is in review");
    let Some(Event::Edited(edited)) = events.first() else { panic!("{events:?}") };
    assert_eq!((&edited.before, &edited.after), (&json!(1), &json!(2)));
    assert_eq!(given.decide(&edit("total", json!(1))), Ok(vec![]));
    assert!(given.when(&edit("total", Value::Null)).present().edits.is_empty());
}

#[test]
fn edits_are_for_tasks_in_review_and_bounded() {
    let refused = given(full()).decide(&edit("total", json!(1)));
    assert_eq!(refused, Err(Refusal::NotInReview { status: TaskStatus::QueuedForPreProcessing }));
    let reviewing = given(full()).done().done();
    let large = edit("total", Value::String("x".repeat(EDIT_BYTES_MAX)));
    assert!(matches!(reviewing.decide(&large), Err(Refusal::TooLarge { member: "the edit", .. })));
    let full =
        (0..EDITS_MAX).fold(reviewing, |given, number| given.when(&edit(&number.to_string(), json!(1))));
    assert_eq!(full.decide(&edit("one more", json!(1))), Err(Refusal::TooManyEdits));
    assert!(full.decide(&edit("0", json!(2))).is_ok());
}
