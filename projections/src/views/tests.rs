//! Given events, then rows.

use domain::aggregate::Aggregate;
use domain::campaign::{self, Canary, CanarySize, Pace, Share, Start, StopWhen, Tally, Target, Then};
use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::Event;
use domain::key_scope::{self, KeyScope};
use domain::names::{Key, WorkerId};
use domain::record::{self, DeletePolicy, Stored, WritePolicy};
use domain::retry::RetryPolicy;
use domain::storage_unit;
use domain::stream::{Position, RecordId, Subject, Version};
use domain::time::Millis;
use domain::work::{self, Phase, Priority, Token};
use proptest::prelude::*;

use super::*;
use crate::fold::fold;
use crate::histories::{History, campaign as campaign_id, create, scope_of, start_campaign, unit};
use crate::view::{Value, View};

fn queue(history: &mut History, key: &str, campaign: u32) {
    let campaign = Some(campaign_id(campaign));
    let queue = work::Command::Queue { campaign, priority: Priority::High };
    history.send(Command::work(scope_of("docs", "ocr", key), queue));
}

fn claim(history: &mut History, key: &str) -> Token {
    let claim = work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms: Millis(1_000) };
    assert_eq!(history.send(Command::work(scope_of("docs", "ocr", key), claim)), 1);
    Token(history.events.last().unwrap().version)
}

fn fail(history: &mut History, key: &str, code: &str, retry: RetryPolicy) {
    let token = claim(history, key);
    let fail = work::Command::Fail { token, code: code.to_owned(), text: "it broke".to_owned(), retry };
    assert_eq!(history.send(Command::work(scope_of("docs", "ocr", key), fail)), 1);
}

fn complete(history: &mut History, key: &str, digest: u8) {
    let token = claim(history, key);
    let complete = work::Command::Complete { token, outputs: Vec::new(), digest: Digest([digest; 32]) };
    assert_eq!(history.send(Command::work(scope_of("docs", "ocr", key), complete)), 2);
}

fn campaign(history: &History, number: u32) -> CampaignRow {
    fold::<Campaigns>(&history.events).remove(&campaign_id(number).to_string()).unwrap()
}

fn key_scope(history: &History, key: &str) -> Option<KeyScopeRow> {
    fold::<KeyScopes>(&history.events).remove(&format!("docs/ocr/{key}"))
}

#[test]
fn a_campaign_counts_what_its_members_went_through() {
    let mut history = History::default();
    history.send(Command::Campaign(campaign_id(0), start_campaign()));
    for key in ["a", "b", "c", "d"] {
        queue(&mut history, key, 0);
    }
    complete(&mut history, "a", 1);
    fail(&mut history, "b", "BROKEN", RetryPolicy::never());
    fail(&mut history, "c", "LATER", RetryPolicy::default());
    history.send(Command::KeyScope(scope_of("docs", "ocr", "d"), key_scope::Command::Withdraw));
    let to = Key::new("e").unwrap();
    let advance = campaign::Command::Advance { from: None, to, keys: 5, asked: 4 };
    history.send(Command::Campaign(campaign_id(0), advance));
    let row = campaign(&history, 0);
    assert_eq!((row.asked, row.finished, row.failed, row.withdrawn), (4, 1, 1, 1));
    assert_eq!((row.keys, row.already_waiting, row.settled()), (5, 1, 3));
    assert_eq!((row.first, row.same, row.changed), (1, 0, 0));
    assert_eq!(row.errors.into_iter().collect::<Vec<_>>(), [("BROKEN".to_owned(), 1)]);
    let failure = &row.first_failures[0];
    assert_eq!((failure.key.as_str(), &*failure.code, &*failure.text), ("b", "BROKEN", "it broke"));
}

#[test]
fn a_request_for_one_more_run_counts_once() {
    let mut history = History::default();
    for number in [0, 1] {
        history.send(Command::Campaign(campaign_id(number), start_campaign()));
    }
    queue(&mut history, "a", 0);
    let token = claim(&mut history, "a");
    queue(&mut history, "a", 1);
    let done = work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) };
    assert_eq!(history.send(Command::work(scope_of("docs", "ocr", "a"), done)), 3);
    assert_eq!((campaign(&history, 0).asked, campaign(&history, 0).finished), (1, 1));
    assert_eq!((campaign(&history, 1).asked, campaign(&history, 1).finished), (1, 0));
    complete(&mut history, "a", 1);
    assert_eq!((campaign(&history, 0).asked, campaign(&history, 0).finished), (1, 1));
    assert_eq!((campaign(&history, 1).asked, campaign(&history, 1).finished), (1, 1));
    assert_eq!(campaign(&history, 1).same, 1);
}

#[test]
fn a_campaign_remembers_a_bounded_number_of_codes_and_failures() {
    let mut history = History::default();
    history.send(Command::Campaign(campaign_id(0), start_campaign()));
    for number in 0..40 {
        let key = format!("k{number}");
        queue(&mut history, &key, 0);
        fail(&mut history, &key, &format!("E{number}"), RetryPolicy::never());
    }
    let row = campaign(&history, 0);
    assert_eq!((row.errors.len(), row.errors_other), (campaigns::ERROR_CODES_MAX, 8));
    assert_eq!(row.first_failures.len(), campaigns::FIRST_FAILURES_MAX);
    assert_eq!(row.failed, 40);
}

#[test]
fn whoever_pauses_a_campaign_says_why_until_it_is_resumed() {
    let mut history = History::default();
    history.send(Command::Campaign(campaign_id(0), start_campaign()));
    history.send(Command::Campaign(campaign_id(0), campaign::Command::Pause));
    let row = campaign(&history, 0);
    assert_eq!((row.state, row.reason.as_deref()), (CampaignState::Paused, Some("command 2")));
    history.send(Command::Campaign(campaign_id(0), campaign::Command::Resume));
    let row = campaign(&history, 0);
    assert_eq!((row.state, row.reason, row.ended_at), (CampaignState::Active, None, None));
    history.send(Command::Campaign(campaign_id(0), campaign::Command::Cancel));
    let row = campaign(&history, 0);
    assert_eq!((row.state, row.ended_at), (CampaignState::Cancelled, Some(row.updated_at)));
}

#[test]
fn a_campaign_says_why_its_keys_cannot_be_listed_until_they_can() {
    let mut history = History::default();
    history.send(Command::Campaign(campaign_id(0), start_campaign()));
    let report = campaign::Command::ReportListingFailure { problem: "the folder is gone".to_owned() };
    history.send(Command::Campaign(campaign_id(0), report));
    assert_eq!(campaign(&history, 0).problem.as_deref(), Some("the folder is gone"));
    history.send(Command::Campaign(campaign_id(0), campaign::Command::Exhaust));
    assert_eq!(campaign(&history, 0).problem, None);
}

#[test]
fn a_key_scope_shows_its_lease_while_leased_and_its_error_until_it_succeeds() {
    let mut history = History::default();
    queue(&mut history, "a", 0);
    let token = claim(&mut history, "a");
    let row = key_scope(&history, "a").unwrap();
    assert_eq!((row.status, row.token, row.attempt_count), (Status::Assigned, Some(token), 1));
    let fail = work::Command::Fail {
        token,
        code: "C".repeat(500),
        text: "ß".repeat(5_000),
        retry: RetryPolicy::default(),
    };
    history.send(Command::work(scope_of("docs", "ocr", "a"), fail));
    let row = key_scope(&history, "a").unwrap();
    assert_eq!((row.status, row.token, row.worker.clone()), (Status::Retrying, None, None));
    assert!(row.retry_at.is_some());
    let error = row.last_error.unwrap();
    assert!(error.code.len() <= ERROR_CODE_BYTES_MAX && error.text.len() <= ERROR_TEXT_BYTES_MAX);
    assert!(error.text.ends_with("ß…"));
    history.pass(Millis(60_000));
    history.send(Command::work(scope_of("docs", "ocr", "a"), work::Command::Retry));
    let row = key_scope(&history, "a").unwrap();
    assert_eq!((row.status, row.retry_at, row.queued_position), (Status::Queued, None, row.position));
    assert!(row.queued_at > row.first_queued_at);
    complete(&mut history, "a", 1);
    let row = key_scope(&history, "a").unwrap();
    assert_eq!((row.status, row.last_error, row.failures), (Status::Finished, None, 1));
    assert_eq!(row.change, Some(work::Change::First));
}

#[test]
fn a_withdrawn_key_scope_has_no_row_and_a_late_result_brings_none() {
    let mut history = History::default();
    queue(&mut history, "a", 0);
    let token = claim(&mut history, "a");
    history.send(Command::KeyScope(scope_of("docs", "ocr", "a"), key_scope::Command::Withdraw));
    let late = work::Command::Complete { token, outputs: Vec::new(), digest: Digest([1; 32]) };
    assert_eq!(history.send(Command::work(scope_of("docs", "ocr", "a"), late)), 1);
    assert_eq!(key_scope(&history, "a"), None);
}

#[test]
fn prefixes_and_groups_are_those_of_the_stream() {
    let id = scope_of("docs", "a b", "x/y");
    assert_eq!(KeyScopes::row_key(&id), "docs/a%20b/x%2Fy");
    assert_eq!(KeyScopes::scope_prefix(&id), "docs/a%20b/");
    let mut history = History::default();
    let queue = work::Command::Queue { campaign: None, priority: Priority::Normal };
    history.send(Command::work(id.clone(), queue));
    let rows = fold::<KeyScopes>(&history.events);
    let row = &rows[&KeyScopes::row_key(&id)];
    assert_eq!(KeyScopes::group(row).as_deref(), Some("docs/a%20b/queued"));
    assert_eq!(KeyScopes::values(row).len(), KeyScopes::COLUMNS.len());
    assert_eq!(KeyScopes::values(row)[6], Value::Integer(1));
}

#[test]
fn a_dropped_unit_is_clearing_until_its_name_is_free() {
    let mut history = History::default();
    history.send(Command::StorageUnit(unit("docs"), create()));
    history.send(Command::StorageUnit(unit("docs"), storage_unit::Command::DisableQueue));
    let row = fold::<StorageUnits>(&history.events).remove("docs").unwrap();
    assert_eq!((row.state, row.queue_enabled, row.version), (UnitState::Active, false, Version(1)));
    history.send(Command::StorageUnit(unit("docs"), storage_unit::Command::Drop));
    let row = fold::<StorageUnits>(&history.events).remove("docs").unwrap();
    assert_eq!(row.state, UnitState::Clearing);
    history.send(Command::StorageUnit(unit("docs"), storage_unit::Command::ConfirmCleared));
    assert!(fold::<StorageUnits>(&history.events).is_empty());
}

#[test]
fn transactions_are_counted_until_the_unit_is_cleared() {
    let mut history = History::default();
    history.send(Command::StorageUnit(unit("docs"), create()));
    let id = RecordId { unit: unit("docs"), key: Key::new("a/b").unwrap() };
    let stored = Stored { digest: Digest([1; 32]), size_bytes: 3 };
    for scope in ["raw", "ocr"] {
        let scope = domain::names::Scope::new(scope).unwrap();
        let policy = WritePolicy::Merge;
        let write = record::Command::Write { scope, stored, version: None, policy };
        history.send(Command::Record(id.clone(), write));
    }
    let records = fold::<Records>(&history.events);
    assert_eq!(records[&Records::row_key(&id)].scopes.len(), 2);
    let delete = record::Command::Delete { scope: None, version: None, policy: DeletePolicy::MustExist };
    history.send(Command::Record(id, delete));
    assert!(fold::<Records>(&history.events).is_empty());
    let last = history.events.last().unwrap().position;
    let row = fold::<Transactions>(&history.events).remove("docs").unwrap();
    assert_eq!((row.transactions, row.latest_position), (3, last));
    for command in [storage_unit::Command::Drop, storage_unit::Command::ConfirmCleared] {
        history.send(Command::StorageUnit(unit("docs"), command));
    }
    assert!(fold::<Transactions>(&history.events).is_empty());
}

/// Failures of the run, priority and whether it was asked for once more, where the phase has them.
fn run(scope: &KeyScope) -> Option<(u32, Priority, bool)> {
    match &scope.work.phase {
        Phase::Queued { failures, priority, requeue } => Some((*failures, *priority, requeue.is_some())),
        Phase::Assigned(lease) | Phase::Running(lease) => {
            Some((lease.failures, lease.priority, lease.requeue.is_some()))
        }
        Phase::Failed { failures, priority, .. } => Some((*failures, *priority, false)),
        Phase::Idle | Phase::Finished => None,
    }
}

fn status(scope: &KeyScope) -> Option<Status> {
    match &scope.work.phase {
        Phase::Idle => None,
        Phase::Queued { .. } => Some(Status::Queued),
        Phase::Assigned(_) => Some(Status::Assigned),
        Phase::Running(_) => Some(Status::Running),
        Phase::Finished => Some(Status::Finished),
        Phase::Failed { retry_at: Some(_), .. } => Some(Status::Retrying),
        Phase::Failed { retry_at: None, .. } => Some(Status::Failed),
    }
}

/// Whether the aggregate was ever leased since its row came into being: a row counts its own attempts only.
fn was_leased(history: &History, subject: &Subject) -> bool {
    let stream = subject.stream();
    let own = history.events.iter().filter(|event| event.stream == stream);
    own.fold(false, |leased, event| match &event.event {
        Event::KeyScope(key_scope::Event::Withdrawn(_)) => false,
        Event::KeyScope(key_scope::Event::Work(work::Event::Assigned(_))) => true,
        Event::StorageUnit(_)
        | Event::KeyScope(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::Task(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => leased,
    })
}

/// What became of each campaign's requests, told by the state of each key-scope before and after each of its events and
/// not by what the events say of campaigns. Starts from the campaign's beginning.
fn tallies(history: &History) -> std::collections::BTreeMap<String, Tally> {
    let mut tallies = std::collections::BTreeMap::<String, Tally>::new();
    let mut states = std::collections::HashMap::new();
    for event in &history.events {
        if let Event::Campaign(campaign::Event::Started(_)) = &event.event {
            tallies.insert(stream_key(&event.stream).unwrap(), Tally::default());
        }
        let Event::KeyScope(happened) = &event.event else { continue };
        let before: KeyScope = states.remove(&event.stream).unwrap_or_default();
        let after = before.clone().evolve(happened, event.version).unwrap();
        let waiting = |scope: &KeyScope| match (&scope.work.phase, scope.work.lease()) {
            (Phase::Queued { requeue, .. }, _) => *requeue,
            (_, Some(lease)) => lease.requeue,
            (_, None) => None,
        };
        let (asked_before, asked_after) = (waiting(&before), waiting(&after));
        let mut count = |campaign: Option<domain::names::CampaignId>, what: fn(&mut Tally)| {
            campaign.and_then(|id| tallies.get_mut(&id.to_string())).map(what);
        };
        if asked_before.is_none() && asked_after.is_some() {
            count(asked_after.and_then(|requeue| requeue.campaign), |tally| tally.asked += 1);
        }
        let is_open = (before.work.is_open(), after.work.is_open());
        let follows_request =
            matches!(happened, key_scope::Event::Work(work::Event::Restarted(it)) if it.requeued);
        if is_open == (false, true) && !follows_request {
            count(after.work.campaign, |tally| tally.asked += 1);
        }
        if is_open == (true, false) {
            let campaign = before.work.campaign;
            match (&after.work.phase, before.work.outputs) {
                (Phase::Finished, None) => count(campaign, |tally| tally.finished += 1),
                (Phase::Finished, outputs) if outputs == after.work.outputs => count(campaign, |tally| {
                    tally.finished += 1;
                    tally.same += 1;
                }),
                (Phase::Finished, _) => count(campaign, |tally| {
                    tally.finished += 1;
                    tally.changed += 1;
                }),
                (Phase::Failed { .. }, _) => count(campaign, |tally| tally.failed += 1),
                (Phase::Idle | Phase::Queued { .. } | Phase::Assigned(_) | Phase::Running(_), _) => {
                    count(campaign, |tally| tally.withdrawn += 1);
                }
            }
        }
        states.insert(event.stream.clone(), after);
    }
    tallies
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_key_scope_row_agrees_with_its_aggregate(choices in prop::collection::vec(any::<u32>(), 0..200)) {
        let history = History::of(&choices);
        let rows = fold::<KeyScopes>(&history.events);
        for (subject, (state, version)) in &history.aggregates {
            let (Subject::KeyScope(id), Aggregate::KeyScope(scope)) = (subject, state) else { continue };
            let row = rows.get(&KeyScopes::row_key(id));
            prop_assert_eq!(row.map(|row| row.status), status(scope));
            let Some(row) = row else { continue };
            let lease = scope.work.lease();
            prop_assert_eq!(row.id(), id.clone());
            prop_assert_eq!(Some(row.version), *version);
            prop_assert_eq!(row.held, scope.work.held);
            prop_assert_eq!(row.restart_count, scope.work.restart_count);
            prop_assert_eq!(row.campaign, scope.work.campaign);
            prop_assert_eq!(row.digest, scope.work.outputs);
            prop_assert_eq!(row.token, lease.map(|lease| lease.token));
            prop_assert_eq!(row.lease_until, lease.map(|lease| lease.until));
            prop_assert_eq!(row.worker.as_ref(), lease.map(|lease| &lease.worker));
            prop_assert_eq!(row.status.is_open(), scope.work.is_open());
            if let Some(run) = run(scope) {
                prop_assert_eq!((row.failures, row.priority, row.requeue_requested), run);
            }
            let attempts = if was_leased(&history, subject) { scope.work.attempt_count } else { 0 };
            prop_assert_eq!(row.attempt_count, attempts);
        }
    }

    /// The members' own histories, read one by one, say the same as the campaign's row.
    #[test]
    fn the_counts_of_a_campaign_never_disagree_with_its_members(
        choices in prop::collection::vec(any::<u32>(), 0..300), cut in any::<prop::sample::Index>()
    ) {
        let mut history = History::of(&choices);
        let cut = cut.index(history.events.len() + 1);
        history.events.truncate(cut);
        let rows = fold::<Campaigns>(&history.events);
        let mut told = tallies(&history);
        for (id, row) in &rows {
            let members = told.remove(id).unwrap_or_default();
            // Counting begins with the campaign.
            prop_assert_eq!(row.tally(), members, "{:?}", row);
            prop_assert_eq!(row.first + row.same + row.changed, row.finished);
            let mut report = CampaignReport::of(row.clone(), row.updated_at);
            prop_assert_eq!(report.errors.iter().map(|group| group.count).sum::<u64>() + report.errors_other, row.failed);
            prop_assert!(report.errors.iter().all(|group| group.example.is_some()));
            let sorted = report.errors.clone();
            report.errors.sort_by_key(|group| std::cmp::Reverse(group.count));
            prop_assert_eq!(sorted, report.errors);
        }
    }

    #[test]
    fn a_campaign_never_counts_more_ends_than_requests(choices in prop::collection::vec(any::<u32>(), 0..200)) {
        for row in fold::<Campaigns>(&History::of(&choices).events).values() {
            prop_assert!(row.settled() <= row.asked, "{:?}", row);
            prop_assert_eq!(row.first + row.same + row.changed, row.finished);
            prop_assert_eq!(row.errors.values().sum::<u64>() + row.errors_other, row.failed);
            prop_assert!(row.position > Position::START);
        }
    }
}

#[test]
fn a_campaign_says_why_it_stands_still_and_what_its_canary_came_to() {
    let mut history = History::default();
    let stop_when = StopWhen { failed_share_max: Share::new(0.1).ok(), changed_share_max: None };
    let canary = Some(Canary { size: CanarySize::Percent(10), stop_when, then: Then::Wait });
    let target = Target::all(unit("docs"), domain::names::Scope::new("ocr").unwrap());
    let start = Start { canary, ..Start::over(target, Pace::default()) };
    let mut send = |command| history.send(Command::Campaign(campaign_id(0), command));
    send(campaign::Command::Start(start));
    send(campaign::Command::CountTargets { keys: 20 });
    let to = Key::new("b").unwrap();
    send(campaign::Command::Advance { from: None, to, keys: 2, asked: 2 });
    for key in ["a", "b"] {
        queue(&mut history, key, 0);
        fail(&mut history, key, "BROKEN", RetryPolicy::never());
    }
    let row = campaign(&history, 0);
    let canary = row.canary.clone().unwrap();
    assert_eq!((row.total, canary.keys, canary.state), (Some(20), Some(2), CanaryState::Running));
    history.send(Command::Campaign(campaign_id(0), campaign::Command::JudgeCanary(row.tally())));
    let row = campaign(&history, 0);
    assert_eq!(row.state, CampaignState::Stopped);
    let why = row.stands_still().unwrap();
    assert!(why.contains("2 of 2 failed, and at most a share of 0.1 may"), "{why}");
    assert_eq!(row.canary.unwrap().tally.unwrap().failed, 2);
    history.send(Command::Campaign(campaign_id(0), campaign::Command::Resume));
    let row = campaign(&history, 0);
    assert_eq!((row.state, row.stands_still()), (CampaignState::Active, None));
    let report = CampaignReport::of(row, history.events.last().unwrap().metadata.recorded_at);
    assert_eq!(report.canary.unwrap().state, CanaryState::Overruled);
    let group = ErrorGroup { code: "BROKEN".to_owned(), count: 2, example: Key::new("a").ok() };
    assert_eq!(report.errors, [group]);
}

#[test]
fn a_row_of_a_campaign_reads_back_as_it_was_written() {
    for seed in 0..40_u32 {
        let choices: Vec<u32> = (1..200_u32).map(|step| (step + seed).wrapping_mul(0x85EB_CA6B)).collect();
        for row in fold::<Campaigns>(&History::of(&choices).events).into_values() {
            let json = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<CampaignRow>(&json).unwrap(), row);
        }
    }
}

#[test]
fn a_command_that_has_a_key_is_found_where_its_events_begin() {
    let choices: Vec<u32> = (1..100_u32).map(|step| step.wrapping_mul(0x85EB_CA6B)).collect();
    let history = History::of(&choices);
    let rows = fold::<Commands>(&history.events);
    let keyed: Vec<_> =
        history.events.iter().filter(|event| event.metadata.idempotency_key.is_some()).collect();
    assert!(!keyed.is_empty() && keyed.len() < history.events.len());
    for event in keyed {
        let row = &rows[&Commands::row_key(event.metadata.command_id)];
        assert_eq!(row.stream(), event.stream);
        assert!(row.version <= event.version && row.position <= event.position);
    }
    let keyed = history.events.iter().filter(|event| event.metadata.idempotency_key.is_some());
    let commands: std::collections::BTreeSet<_> = keyed.map(|event| event.metadata.command_id).collect();
    assert_eq!(rows.len(), commands.len(), "nothing is written for commands without a key");
}

#[test]
fn the_system_says_since_when_it_is_paused_and_why() {
    let mut history = History::default();
    let row = |history: &History| fold::<System>(&history.events).remove(&System::row_key());
    assert_eq!(row(&history), None);
    let pause = |reason: &str| Command::System(domain::system::Command::Pause { reason: reason.to_owned() });
    history.pass(Millis(1_000));
    history.send(pause("lunch"));
    let paused = row(&history).unwrap();
    assert_eq!((paused.paused, paused.reason.as_deref()), (true, Some("lunch")));
    assert_eq!(paused.since, history.events[0].metadata.recorded_at);
    history.pass(Millis(1_000));
    history.send(Command::System(domain::system::Command::Resume));
    let resumed = row(&history).unwrap();
    assert_eq!((resumed.paused, resumed.reason.as_deref()), (false, Some("command 2")));
    assert!(resumed.since > paused.since);
}

#[test]
fn a_key_keeps_its_place_when_it_is_rotated_and_when_it_is_revoked() {
    let id = domain::names::ApiKeyId(crate::histories::uuid(7));
    let mut history = History::default();
    let issued = domain::api_key::Issued {
        name: domain::names::KeyName::new("nightly").unwrap(),
        role: domain::api_key::Role::Worker,
        secret: Digest([1; 32]),
        expires_at: None,
    };
    history.send(Command::ApiKey(id, domain::api_key::Command::Issue(issued)));
    let rotate = domain::api_key::Command::Rotate { secret: Digest([2; 32]), grace_ms: Millis(0) };
    history.send(Command::ApiKey(id, rotate));
    let row = fold::<ApiKeys>(&history.events).remove(&id.to_string()).unwrap();
    assert_eq!((row.state, row.secret, row.previous), (KeyState::Active, Digest([2; 32]), None));
    assert!(row.rotated_at.is_some() && row.revoked_at.is_none());
    history.send(Command::ApiKey(id, domain::api_key::Command::Revoke));
    let row = fold::<ApiKeys>(&history.events).remove(&id.to_string()).unwrap();
    assert_eq!((row.state, row.name.as_str()), (KeyState::Revoked, "nightly"));
    assert!(row.revoked_at.is_some());
}
