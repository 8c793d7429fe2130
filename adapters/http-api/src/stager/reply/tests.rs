//! Which error is whose.

use super::*;

fn status_and_code(failure: impl Into<Failure>) -> (u16, Code) {
    let failure = failure.into();
    (failure.status.as_u16(), failure.code)
}

#[test]
fn a_unit_that_is_still_being_cleared_can_be_created_later() {
    assert_eq!(status_and_code(storage_unit::Refusal::StillClearing), (503, Code::Unavailable));
}

#[test]
fn an_engine_that_cannot_answer_now_says_when_to_ask_again() {
    for error in [
        SubmitError::Overloaded { waiting_max: 1 },
        SubmitError::Contended,
        SubmitError::Unavailable("the disk is full".to_owned()),
        SubmitError::Stopping,
    ] {
        let response = Failure::from(error).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), RETRY_AFTER_SECONDS);
    }
}

#[test]
fn damage_is_never_blamed_on_the_caller() {
    assert_eq!(status_and_code(SubmitError::Corrupt(String::new())), (500, Code::InternalError));
    assert_eq!(status_and_code(ReadModelError::Damaged(String::new())), (500, Code::InternalError));
}

#[test]
fn only_an_items_own_fault_lets_the_others_go_on() {
    assert!(Failure::documented(Code::KeyNotFound).is_of_one_item());
    assert!(!Failure::documented(Code::StorageUnitDoesntExist).is_of_one_item());
    assert!(!Failure::unavailable("later").is_of_one_item());
}
