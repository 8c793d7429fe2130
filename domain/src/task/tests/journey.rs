//! From stage to stage.

use super::*;

#[test]
fn a_task_is_queued_by_its_creation_and_creating_it_again_is_free() {
    let given = given(full());
    let names: Vec<_> = given.history.iter().map(Event::name).collect();
    assert_eq!((names, given.status()), (vec!["created", "queued"], TaskStatus::QueuedForPreProcessing));
    assert_eq!(given.decide(&Command::Create(Box::new(payload(full())))), Ok(vec![]));
    let other = Command::Create(Box::new(payload(Plan::default())));
    assert_eq!(given.decide(&other), Err(Refusal::AlreadyExists));
    assert_eq!(Task::Absent.decide(&RESTART, given.now), Err(Refusal::DoesNotExist));
}

#[test]
fn a_full_plan_passes_every_stage_and_ends_in_history() {
    let given = given(full()).leased();
    assert_eq!(given.status(), TaskStatus::PreProcessingInProgress);
    let token = given.token();
    let done = work(Stage::PreProcessing, complete(token));
    assert_eq!(given.names(&done), ["finished", "stage_entered", "queued"]);
    let given = given.when(&done);
    assert_eq!(given.status(), TaskStatus::QueuedForRecognition);
    let given = given.done();
    assert_eq!(given.status(), TaskStatus::ToReview);
    assert_eq!(given.names(&approve("ann")), ["approved", "review_completed", "stage_entered", "queued"]);
    let given = given.when(&approve("ann"));
    assert_eq!(given.present().integration, IntegrationStatus::Queued);
    let given = given.done();
    assert_eq!((given.status(), given.present().screen()), (TaskStatus::Processed, Screen::History));
    assert_eq!(given.present().integration, IntegrationStatus::Succeeded);
    assert_eq!(given.present().outputs.len(), 3);
    assert_eq!(given.present().attempt_count, 3);
}

#[test]
fn a_plan_may_leave_out_everything_but_pre_processing() {
    let nothing = Plan { review: ReviewMode::Automatic, ..Plan::default() };
    let given = given(nothing).done();
    assert_eq!(given.status(), TaskStatus::Processed);
    assert_eq!(given.history.last(), Some(&Event::Archived));
}

#[test]
fn the_code_of_a_failure_says_which_status_it_is() {
    for (code, status) in [
        (DOWNLOAD_FAILED, TaskStatus::PreProcessingDownloadFailed),
        (GET_PAGES_FAILED, TaskStatus::PreProcessingGetPagesFailed),
        ("exit_1", TaskStatus::PreProcessingFailed),
    ] {
        assert_eq!(given(full()).failed(code).status(), status);
    }
    assert_eq!(given(full()).done().failed(DOWNLOAD_FAILED).status(), TaskStatus::RecognitionFailed);
}

#[test]
fn a_failed_attempt_waits_for_its_backoff_as_queued() {
    let given = given(full()).leased();
    let fail = fail(given.token(), "exit_1", RetryPolicy::default());
    let given = given.when(&work(Stage::PreProcessing, fail));
    assert_eq!(given.status(), TaskStatus::QueuedForPreProcessing);
    let retry = work(Stage::PreProcessing, work::Command::Retry);
    assert_eq!(given.decide(&retry), Ok(vec![]));
    assert_eq!(given.after(60).names(&retry), ["queued"]);
}

#[test]
fn a_refused_export_goes_back_to_review_and_its_retry_is_a_new_review() {
    let exporting = given(full()).done().done().when(&approve("ann"));
    let refused = exporting.failed("http_500");
    assert_eq!(refused.status(), TaskStatus::ToReview);
    assert_eq!(refused.present().integration, IntegrationStatus::Failed);
    assert_eq!(refused.when(&approve("ann")).status(), TaskStatus::QueuedForExport);
}

#[test]
fn a_worker_of_an_earlier_stage_comes_too_late_and_changes_nothing() {
    let leased = given(full()).leased();
    let (early, given) = (leased.token(), leased.done_by_itself());
    let again = work(Stage::PreProcessing, complete(early));
    assert_eq!(given.decide(&again), Ok(vec![]), "the same result again is free");
    let other = work(Stage::PreProcessing, fail(early, "late", RetryPolicy::never()));
    assert_eq!(given.names(&other), ["late_result_refused"]);
    let claim = given.decide(&work(Stage::PreProcessing, claim()));
    assert_eq!(claim, Err(Refusal::Work(work::Refusal::NotQueued { phase: "idle" })));
}

#[test]
fn a_stage_is_never_queued_by_itself() {
    let queue = work::Command::Queue { campaign: None, priority: work::Priority::Normal };
    let refused = given(full()).decide(&work(Stage::PreProcessing, queue));
    assert_eq!(refused, Err(Refusal::NotByItself));
}

#[test]
fn what_is_too_large_or_assigned_twice_is_not_created() {
    let mut large = payload(full());
    large.metadata.insert("x".to_owned(), Value::String("x".repeat(JSON_BYTES_MAX)));
    let create = |payload| Task::Absent.decide(&Command::Create(Box::new(payload)), Timestamp::default());
    assert!(matches!(create(large), Err(Refusal::TooLarge { member: "the metadata", .. })));
    let mut twice = payload(full());
    twice.assignment.users = vec![user("ann"), user("ann")];
    let problem = "ann twice".to_owned();
    assert_eq!(create(twice), Err(Refusal::WrongAssignment { problem }));
}

#[test]
fn what_the_stages_made_is_that_of_the_present_run() {
    let given = given(full()).done().done();
    let made = |given: &Given| given.present().made.keys().copied().collect::<Vec<_>>();
    assert_eq!(made(&given), [Stage::PreProcessing, Stage::Recognition]);
    let entered = given.present().stage_version;
    let exporting = given.when(&approve("ann"));
    assert_eq!(exporting.present().reviewed_by, [user("ann")]);
    assert!(exporting.present().stage_version > entered);
    let entered = exporting.present().stage_version;
    let leased = exporting.leased();
    assert_eq!(leased.present().stage_version, entered, "every attempt is one on the same run of the stage");
    let again = leased.when(&RESTART);
    assert_eq!((made(&again), again.present().outputs.len()), (vec![], 2));
    assert!(again.present().reviewed_by.is_empty());
}

#[test]
fn a_review_that_begins_again_forgets_who_approved_before() {
    let refused = given(full()).done().done().when(&approve("ann")).failed("http_500");
    assert!(refused.present().reviewed_by.is_empty());
    assert_eq!(refused.when(&approve("bob")).present().reviewed_by, [user("bob")]);
}

impl Given {
    /// The worker that has the stage does it.
    fn done_by_itself(self) -> Self {
        let (stage, token) = (self.present().stage, self.token());
        self.when(&work(stage, complete(token)))
    }
}
