//! Recorded commands: what was written down can be read back and decided again.

use super::*;
use crate::digest::Digest;
use crate::filter::Filter;
use crate::layout::Pattern;
use crate::names::{DisplayName, EditPath, Key, ModuleName, Scope, SecretName, UserName, WorkerId};
use crate::record::{DeletePolicy, Stored, WritePolicy};
use crate::retry::RetryPolicy;
use crate::storage_unit::{Content, Limits, Location, ModuleEntry, ModuleInput, ModuleTable, Settings};
use crate::stream::Version;
use crate::time::Millis;
use crate::work::{Output, Priority, Token, UnassignCause};

fn scope(name: &str) -> Scope {
    Scope::new(name).expect("a valid name")
}

fn key() -> Key {
    Key::new("2026/März/a b.pdf").expect("a valid key")
}

fn unit() -> StorageUnitName {
    StorageUnitName::new("invoices").expect("a valid name")
}

const CAMPAIGN: CampaignId = CampaignId(Uuid::from_u128(7));
const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(8));

fn settings() -> Settings {
    let location = Location {
        url: "s3://bucket/prefix".to_owned(),
        layout: Pattern::new("{scope}/{key}").expect("a valid pattern"),
        scope: scope("content"),
        include: Some("**/*.pdf".to_owned()),
    };
    Settings {
        content: Content::Registered(location),
        modules: modules(),
        queue_enabled: false,
        limits: Limits { in_flight_max: 3, input_bytes_max: 1 << 33, lease_ms: Millis(1_500) },
    }
}

fn modules() -> ModuleTable {
    let settings = serde_json::json!({ "language": "pt", "dpi": 300, "nested": [1.5, null, true] });
    let entry = ModuleEntry {
        module: ModuleName::new("ocr").expect("a valid name"),
        settings: settings.as_object().expect("an object").clone(),
        retry: Some(RetryPolicy::never()),
        output_scope: Some(scope("text")),
        input: ModuleInput::Document,
    };
    let settings = serde_json::json!({ "tenant": "a" });
    ModuleTable {
        modules: [(scope("raw"), vec![entry])].into(),
        settings: settings.as_object().expect("an object").clone(),
    }
}

fn storage_unit_commands() -> Vec<storage_unit::Command> {
    use storage_unit::Command;
    vec![
        Command::Create(settings()),
        Command::SetContent(Content::Managed),
        Command::SetContent(settings().content),
        Command::SetModules(modules()),
        Command::SetModules(ModuleTable::default()),
        Command::EnableQueue,
        Command::DisableQueue,
        Command::SetLimits(Limits::default()),
        Command::ResetQueue,
        Command::Drop,
        Command::ConfirmCleared,
    ]
}

fn work_commands() -> Vec<work::Command> {
    use work::Command;
    let token = Token(Version(4));
    let digest = Digest([0xab; 32]);
    let output = |scope| {
        let module = ModuleName::new("ocr").expect("a valid name");
        Output { module, digest, size_bytes: u64::MAX, scope }
    };
    vec![
        Command::Queue { campaign: None, priority: Priority::Normal },
        Command::Queue { campaign: Some(CAMPAIGN), priority: Priority::High },
        Command::Claim { worker: WorkerId::new("Wörker 1").expect("a valid name"), lease_ms: Millis(1) },
        Command::Start { token },
        Command::ExtendLease { token, lease_ms: Millis(60_000) },
        Command::Complete { token, outputs: vec![output(None), output(Some(scope("text")))], digest },
        Command::Fail {
            token,
            code: "exit_1".into(),
            text: "a\n\"b\"".into(),
            retry: RetryPolicy::default(),
        },
        Command::ReleaseLease { token },
        Command::Unassign { cause: UnassignCause::WorkerGone },
        Command::ExpireLease,
        Command::Retry,
        Command::Hold,
        Command::Release,
    ]
}

fn record_commands() -> Vec<record::Command> {
    use record::Command;
    let stored = Stored { digest: Digest([1; 32]), size_bytes: 0 };
    let write = |version, policy| Command::Write { scope: scope("raw"), stored, version, policy };
    vec![
        write(None, WritePolicy::New),
        write(Some(u64::MAX), WritePolicy::Overwrite),
        write(Some(0), WritePolicy::Merge),
        Command::Delete { scope: None, version: None, policy: DeletePolicy::Silent },
        Command::Delete { scope: Some(scope("raw")), version: Some(3), policy: DeletePolicy::MustExist },
    ]
}

fn campaign_commands() -> Vec<campaign::Command> {
    use campaign::{
        Canary, CanarySize, Command, Pace, PinTargets, Share, Start, StopWhen, Tally, Target, Then,
    };
    let pace = Pace { keys_per_second_max: Some(5), in_flight_max: None };
    let filter = Filter { held: Some(true), error_code: Some("exit_1".to_owned()), ..Filter::default() };
    let chosen = Target::matching(unit(), scope("raw"), filter);
    let digest = Digest([7; 32]);
    let failed_share_max = Some(Share::new(0.05).expect("a share"));
    let stop_when = StopWhen { failed_share_max, changed_share_max: None };
    let canary = Canary { size: CanarySize::Percent(5), stop_when, then: Then::Wait };
    let start = CommandId(Uuid::from_u128(8));
    vec![
        Command::PinTargets(PinTargets {
            start,
            target: chosen.clone(),
            from: 0,
            keys: vec![key()],
            digest: None,
        }),
        Command::PinTargets(PinTargets {
            start,
            target: chosen.clone(),
            from: 1,
            keys: Vec::new(),
            digest: Some(digest),
        }),
        Command::AbandonTargets,
        Command::Start(Start::over(Target::all(unit(), scope("raw")), pace)),
        Command::Start(Start { target: chosen, pace, canary: Some(canary), expect: Some(digest) }),
        Command::CountTargets { keys: u64::MAX },
        Command::Advance { from: None, to: key(), keys: 1_000, asked: 0 },
        Command::Advance { from: Some(key()), to: key(), keys: 1, asked: 1 },
        Command::Exhaust,
        Command::ReportListingFailure { problem: "the folder is gone".to_owned() },
        Command::JudgeCanary(Tally { asked: 3, finished: 2, failed: 1, changed: 2, ..Tally::default() }),
        Command::SetPace(Pace::default()),
        Command::Pause,
        Command::Resume,
        Command::Cancel,
        Command::Complete,
    ]
}

fn task_id() -> TaskId {
    TaskId::new((1 << 53) - 1).expect("the largest id")
}

fn payload() -> task::Payload {
    let map = |json: serde_json::Value| json.as_object().expect("an object").clone();
    task::Payload {
        workspace: WorkspaceId::new(7).expect("not 0"),
        batch: BatchId::new(9).ok(),
        external_id: ExternalId::new("IN/1 ä").ok(),
        display_name: DisplayName::new("Rechnung 1").expect("a valid name"),
        description: Some("two pages".to_owned()),
        priority: task::Priority::High,
        context: map(serde_json::json!({ "url": "https://example.org/a.pdf" })),
        metadata: map(serde_json::json!({ "case": [1, null] })),
        custom_form_values: map(serde_json::json!({ "colour": "red" })),
        assignment: assignment(),
        plan: task::Plan {
            recognition: true,
            review: task::ReviewMode::Automatic,
            export: true,
            retry: [(Stage::Export, RetryPolicy::never())].into(),
        },
    }
}

fn assignment() -> task::Assignment {
    let users = vec![UserName::new("ann@example.org").expect("a valid name")];
    task::Assignment { users, order: task::ReviewOrder::InSequence }
}

fn task_commands() -> Vec<task::Command> {
    use task::Command;
    let seen = task::Seen {
        status: task::TaskStatus::Processed,
        version: Version(3),
        since: Timestamp::from_micros(1),
        threshold_ms: Millis(5),
    };
    let edit = |value| Command::Edit { path: EditPath::new("invoice/total").expect("a valid path"), value };
    vec![
        Command::Create(Box::new(payload())),
        Command::Restart { campaign: None },
        Command::Restart { campaign: Some(CAMPAIGN) },
        edit(serde_json::json!({ "net": 1.5 })),
        edit(serde_json::Value::Null),
        Command::Assign(assignment()),
        Command::Approve { user: UserName::new("ann").expect("a valid name") },
        Command::ReopenReview,
        Command::Hold,
        Command::Release,
        Command::RunNow,
        Command::Resolve { outcome: task::Resolution::Failed, text: "by hand".to_owned() },
        Command::SetExternalIntegrationStatus { status: task::ExternalIntegrationStatus::default() },
        Command::Revert { seen, to: task::TaskStatus::ToReview },
        Command::MoveToHistory { seen },
        Command::Delete,
        Command::ConfirmDeleted,
    ]
}

fn settings_of_a_workspace() -> workspace::Settings {
    workspace::Settings {
        display_name: DisplayName::new("Invoices").expect("a valid name"),
        description: Some("of the north".to_owned()),
        is_default: true,
        plan: payload().plan,
        assignment: assignment(),
        webhook: Some(workspace::Webhook {
            url: "https://example.org/hook".to_owned(),
            secret: SecretName::new("north").ok(),
            time_limit_ms: Millis(5),
        }),
        modules: [(Stage::Recognition, modules().modules.remove(&scope("raw")).unwrap_or_default())].into(),
        limits: Limits::default(),
    }
}

/// What concerns tasks, the work of their stages included.
fn commands_about_tasks() -> Vec<Command> {
    let id = task_id();
    let work = work_commands()
        .into_iter()
        .map(|command| Command::Task(id, task::Command::Work { stage: Stage::Recognition, command }));
    let tasks = task_commands().into_iter().map(|command| Command::Task(id, command));
    let workspace = WorkspaceId::new(7).expect("not 0");
    let described = batch::Described {
        workspace,
        display_name: DisplayName::new("March").expect("a valid name"),
        description: None,
    };
    let others = [
        Command::Workspace(workspace, workspace::Command::Create(settings_of_a_workspace())),
        Command::Workspace(workspace, workspace::Command::Configure(settings_of_a_workspace())),
        Command::Batch(BatchId::new(9).expect("not 0"), batch::Command::Create(described)),
        Command::ExternalId(
            OrganizationId::new("a-b").expect("a valid name"),
            ExternalId::new("IN/1").expect("a valid id"),
            external_id::Command::Claim { task: id },
        ),
        Command::Ids(IdKind::Task, ids::Command::AllocateBlock { size: 5 }),
    ];
    work.chain(tasks).chain(others).collect()
}

fn system_commands() -> Vec<system::Command> {
    use system::Command;
    vec![Command::Pause { reason: "the \"disk\" is full".to_owned() }, Command::Resume]
}

fn api_key_commands() -> Vec<api_key::Command> {
    use api_key::{Command, Issued, Role};
    let name = crate::names::KeyName::new("nightly").expect("a valid name");
    let secret = Digest([2; 32]);
    let issued = |role, expires_at| Command::Issue(Issued { name: name.clone(), role, secret, expires_at });
    vec![
        issued(Role::Viewer, None),
        issued(Role::Admin, Some(Timestamp::from_micros(7))),
        Command::Rotate { secret, grace_ms: Millis(0) },
        Command::Rotate { secret, grace_ms: Millis(60_000) },
        Command::Revoke,
    ]
}

fn access_commands() -> Vec<access::Command> {
    let refused = |cause, key, address| {
        access::Command::RecordRefusal(access::Refused {
            cause,
            key,
            address,
            method: "GET".to_owned(),
            route: "/v1/campaigns/{id}".to_owned(),
            count: std::num::NonZeroU32::MIN,
        })
    };
    let address = Some(std::net::IpAddr::from([10, 0, 0, 1]));
    vec![refused(access::Cause::NoKey, None, address), refused(access::Cause::NoRight, Some(KEY), None)]
}

/// Every command in every shape that is written differently.
fn commands() -> Vec<Command> {
    let id = || KeyScopeId { unit: unit(), scope: scope("raw"), key: key() };
    let record = || RecordId { unit: unit(), key: key() };
    let units = storage_unit_commands().into_iter().map(|command| Command::StorageUnit(unit(), command));
    let work = work_commands().into_iter().map(|command| Command::work(id(), command));
    let withdraw = Command::KeyScope(id(), key_scope::Command::Withdraw);
    let records = record_commands().into_iter().map(|command| Command::Record(record(), command));
    let campaigns = campaign_commands().into_iter().map(|command| Command::Campaign(CAMPAIGN, command));
    let system = system_commands().into_iter().map(Command::System);
    let keys = api_key_commands().into_iter().map(|command| Command::ApiKey(KEY, command));
    let day = || AccessDay {
        organization: OrganizationId::new("acme").expect("a valid name"),
        day: "2026-01-31".parse().expect("a day"),
    };
    let refusals = access_commands().into_iter().map(|command| Command::Access(day(), command));
    let work =
        units.chain(work).chain([withdraw]).chain(records).chain(campaigns).chain(commands_about_tasks());
    work.chain(system).chain(keys).chain(refusals).collect()
}

fn recorded_name(command: &Command) -> String {
    let json = command.record().expect("every command can be recorded").json();
    json["name"].as_str().expect("every command has a name").to_owned()
}

#[test]
fn a_recorded_command_reads_back_as_what_it_was() {
    for command in commands() {
        let recorded = command.record().expect("every command can be recorded");
        let text = serde_json::to_string(&recorded).expect("JSON can be written");
        let reread = serde_json::from_str(&text).expect("JSON can be read");
        let subject = Subject::try_from(&command.subject().stream()).expect("the stream names its subject");
        let back = Command::from_recorded(subject, &reread).expect("a recorded command can be read");
        assert_eq!(back, command, "{text}");
    }
}

#[test]
fn a_command_is_called_in_counts_what_it_is_called_in_the_log() {
    for command in commands() {
        assert_eq!(command.name(), recorded_name(&command), "{command:?}");
        let stream = command.subject().stream();
        assert!(stream.as_str().starts_with(command.kind()), "{stream} is no {}", command.kind());
    }
}

#[test]
fn every_command_is_recorded_under_its_stored_name() {
    let mut names: Vec<_> = commands().iter().map(recorded_name).collect();
    names.dedup();
    let units = [
        "create",
        "set_content",
        "set_modules",
        "enable_queue",
        "disable_queue",
        "set_limits",
        "reset_queue",
        "drop",
        "confirm_cleared",
    ];
    let work = [
        "queue",
        "claim",
        "start",
        "extend_lease",
        "complete",
        "fail",
        "release_lease",
        "unassign",
        "expire_lease",
        "retry",
        "hold",
        "release",
        "withdraw",
    ];
    let records = ["write", "delete"];
    let campaigns = [
        "pin_targets",
        "abandon_targets",
        "start",
        "count_targets",
        "advance",
        "exhaust",
        "report_listing_failure",
        "judge_canary",
        "set_pace",
        "pause",
        "resume",
        "cancel",
        "complete",
    ];
    let tasks = [
        "create",
        "restart",
        "edit",
        "assign",
        "approve",
        "reopen_review",
        "hold",
        "release",
        "run_now",
        "resolve",
        "set_external_integration_status",
        "revert",
        "move_to_history",
        "delete",
        "confirm_deleted",
    ];
    // A stage's work is asked as any work is, but for the withdrawing, which is a key-scope's.
    let stage = &work[..work.len() - 1];
    let others = ["create", "configure", "create", "claim", "allocate_block"];
    let system = ["pause", "resume"];
    let access = ["issue", "rotate", "revoke", "record_refusal"];
    let expected =
        [&units[..], &work, &records, &campaigns, stage, &tasks, &others, &system, &access].concat();
    assert_eq!(names, expected);
}

#[test]
fn a_command_of_the_lifecycle_calls_itself_what_it_is_recorded_as() {
    for command in work_commands() {
        let name = command.name();
        let id = KeyScopeId { unit: unit(), scope: scope("raw"), key: key() };
        assert_eq!(recorded_name(&Command::work(id, command)), name);
    }
}

#[test]
fn a_recorded_command_of_another_kind_is_not_read() {
    let hold = RecordedCommand::from(serde_json::json!({ "name": "hold" }));
    assert!(Command::from_recorded(Subject::StorageUnit(unit()), &hold).is_err());
    let unknown = RecordedCommand::from(serde_json::json!({ "name": "explode" }));
    let id = KeyScopeId { unit: unit(), scope: scope("raw"), key: key() };
    assert!(Command::from_recorded(Subject::KeyScope(id), &unknown).is_err());
}

#[test]
fn nobody_but_the_engine_and_workers_sends_what_needs_something_else_to_be_done() {
    let names = |sender| {
        let mut names: Vec<_> =
            commands().iter().filter(|command| command.sender() == sender).map(recorded_name).collect();
        names.dedup();
        names
    };
    let units =
        ["create", "set_content", "set_modules", "enable_queue", "disable_queue", "set_limits", "drop"];
    let (work, campaigns) =
        (["queue", "hold", "release"], ["start", "set_pace", "pause", "resume", "cancel"]);
    // First hold and release of a stage's work, then what is asked of a task.
    let tasks = [
        "hold",
        "release",
        "restart",
        "edit",
        "assign",
        "approve",
        "reopen_review",
        "hold",
        "release",
        "run_now",
        "resolve",
        "set_external_integration_status",
        "delete",
        "configure",
    ];
    let system = ["pause", "resume"];
    let anyone = [&units[..], &work, &campaigns, &tasks, &system].concat();
    assert_eq!(names(Sender::Anyone), anyone);
    let leases = ["claim", "start", "extend_lease", "complete", "fail", "release_lease"];
    assert_eq!(names(Sender::Workers), [leases, leases].concat());
}

#[test]
fn only_a_claim_gives_work_to_a_worker() {
    let commands = commands();
    let names: Vec<_> = commands.iter().filter(|command| command.dispatches()).map(recorded_name).collect();
    assert_eq!(names, ["claim", "claim"], "of a key-scope, and of a task's stage");
}
