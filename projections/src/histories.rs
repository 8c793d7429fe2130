//! Histories for tests: random choices become commands, the domain decides, and what it decides is recorded.
//! So every history here is one that could have happened.

use std::collections::HashMap;
use std::sync::Arc;

use domain::access;
use domain::aggregate::Aggregate;
use domain::api_key::{self, Role};
use domain::campaign::{
    self, Canary, CanarySize, Pace, PinTargets, Share, Start, StopWhen, Tally, Target, Then,
};
use domain::digest::Digest;
use domain::envelope::Command;
use domain::event::{Metadata, RecordedEvent};
use domain::filter::Filter;
use domain::key_scope;
use domain::names::{
    Actor, ApiKeyId, CampaignId, CommandId, EditPath, IdempotencyKey, Key, KeyName, OrganizationId, Scope,
    StorageUnitName, TaskId, UserName, WorkerId,
};
use domain::record::{self, DeletePolicy, Stored, WritePolicy};
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, Content, Limits, ModuleTable, Settings};
use domain::stream::{AccessDay, ExpectedVersion, KeyScopeId, Position, RecordId, Subject, Version};
use domain::system;
use domain::task;
use domain::time::{Millis, Timestamp};
use domain::work::{self, Priority, Status, Token, UnassignCause};

/// Everything that was decided so far.
#[derive(Default)]
pub(crate) struct History {
    /// The log.
    pub(crate) events: Vec<Arc<RecordedEvent>>,
    /// The state of everything that was ever asked for something.
    pub(crate) aggregates: HashMap<Subject, (Aggregate, Option<Version>)>,
    now: Timestamp,
    commands: u128,
}

impl History {
    /// What becomes of some choices.
    pub(crate) fn of(choices: &[u32]) -> Self {
        let mut history = Self::default();
        history.send(Command::StorageUnit(unit("docs"), create()));
        for choice in choices {
            let mut choice = Choice(*choice);
            history.pass(Millis(u64::from(choice.below(20)) * 1_000));
            let command = history.command(&mut choice);
            history.send(command);
        }
        history
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, span: Millis) {
        self.now = self.now.plus(span);
    }

    /// Decides a command now and records what follows; a refused command records nothing.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests read better when they do not borrow each command"
    )]
    pub(crate) fn send(&mut self, command: Command) -> usize {
        self.commands += 1;
        let subject = command.subject();
        let (state, last) =
            self.aggregates.remove(&subject).unwrap_or_else(|| (Aggregate::initial(&subject), None));
        let events = state.decide(&command, self.now).unwrap_or_default();
        let count = events.len();
        let (mut state, mut last) = (state, last);
        let id = CommandId(uuid(self.commands));
        let metadata = Arc::new(Metadata {
            recorded_at: self.now,
            command_id: id,
            idempotency_key: self.commands.is_multiple_of(3).then(|| idempotency_key(self.commands)),
            command: command.record().ok(),
            actor: Actor::system(),
            reason: Some(format!("command {}", self.commands)),
            causation_id: None,
            correlation_id: None,
            organization: OrganizationId::default_organization(),
        });
        for (index, event) in events.into_iter().enumerate() {
            let version = ExpectedVersion::after(last).next();
            state = state.evolve(&event, version).expect("the domain evolves what it decided");
            last = Some(version);
            // Positions grow, but not one by one.
            let before = self.events.last().map_or(Position::START, |event| event.position);
            let position =
                Position { major: before.major + 1 + u64::from(version.0.is_multiple_of(3)), minor: 0 };
            let id = id.event_id(u16::try_from(index).unwrap());
            let stream = subject.stream();
            let metadata = Arc::clone(&metadata);
            self.events.push(Arc::new(RecordedEvent { position, stream, version, id, event, metadata }));
        }
        self.aggregates.insert(subject, (state, last));
        count
    }

    fn command(&self, choice: &mut Choice) -> Command {
        match choice.below(27) {
            21.. => {
                let id = task_id(choice);
                Command::Task(id, self.task_command(id, choice))
            }
            20 => match choice.below(4) {
                0 => Command::ApiKey(api_key_id(choice.below(2)), api_key_command(choice)),
                1 => Command::Access(access_day(), refusal(choice)),
                _ => Command::System(system_command(choice)),
            },
            0 => Command::StorageUnit(unit(choice.one_of(&["docs", "x"])), unit_command(choice)),
            1..4 => Command::Campaign(campaign(choice.below(2)), campaign_command(choice)),
            4..6 => Command::Record(record(choice), record_command(choice)),
            6 if choice.below(4) == 0 => Command::KeyScope(key_scope(choice), key_scope::Command::Withdraw),
            _ => {
                let id = key_scope(choice);
                let command = self.work_command(&id, choice);
                Command::work(id, command)
            }
        }
    }

    fn work_command(&self, id: &KeyScopeId, choice: &mut Choice) -> work::Command {
        let token = self.token(id, choice);
        let text = format!("text {}", choice.below(3));
        match choice.below(16) {
            0..4 => {
                work::Command::Queue { campaign: self.started_campaign(choice), priority: choice.priority() }
            }
            4..7 => work::Command::Claim { worker: worker(choice), lease_ms: Millis(30_000) },
            7 => work::Command::Start { token },
            8 => work::Command::ExtendLease { token, lease_ms: Millis(30_000) },
            9 | 10 => {
                let digest = Digest([u8::try_from(choice.below(2)).unwrap(); 32]);
                work::Command::Complete { token, outputs: Vec::new(), digest }
            }
            11 | 12 => {
                let code = format!("E{}", choice.below(40));
                let retry = RetryPolicy { attempts_max: 2, ..RetryPolicy::default() };
                work::Command::Fail { token, code, text, retry }
            }
            13 if choice.below(2) == 0 => work::Command::ReleaseLease { token },
            13 => work::Command::Unassign { cause: UnassignCause::Reset },
            14 if choice.below(2) == 0 => work::Command::ExpireLease,
            14 => work::Command::Retry,
            _ if choice.below(2) == 0 => work::Command::Hold,
            _ => work::Command::Release,
        }
    }

    fn task_command(&self, id: TaskId, choice: &mut Choice) -> task::Command {
        let state = self.aggregates.get(&Subject::Task(id)).map(|(state, _)| state);
        let Some(Aggregate::Task(state)) = state else { return create_task() };
        let Some(present) = state.present() else { return create_task() };
        let lease = state.work().and_then(work::Work::lease).map(|lease| lease.token);
        let token = lease.unwrap_or(Token(Version(u64::from(choice.below(9)))));
        let work = |command| task::Command::Work { stage: present.stage, command };
        let seen = task::Seen {
            status: present.status(),
            version: present.status_version,
            since: Timestamp::default(),
            threshold_ms: Millis(0),
        };
        match choice.below(24) {
            0..6 => work(work::Command::Claim { worker: worker(choice), lease_ms: Millis(30_000) }),
            6..10 => work(work::Command::Complete { token, outputs: Vec::new(), digest: Digest([7; 32]) }),
            10 => {
                let (code, text) = ("E1".to_owned(), "it broke".to_owned());
                let attempts_max = 1 + choice.below(2);
                let retry = RetryPolicy { attempts_max, ..RetryPolicy::default() };
                work(work::Command::Fail { token, code, text, retry })
            }
            11 => work(work::Command::ExpireLease),
            12 => work(work::Command::Retry),
            13 => task::Command::Restart { campaign: None },
            14 | 15 => task::Command::Approve { user: user(choice) },
            16 => {
                let path = EditPath::new("total").unwrap();
                task::Command::Edit { path, value: choice.below(3).into() }
            }
            17 => task::Command::Hold,
            18 => task::Command::Release,
            19 => task::Command::RunNow,
            20 if choice.below(2) == 0 => {
                let order = task::ReviewOrder::All;
                task::Command::Assign(task::Assignment { users: vec![user(choice)], order })
            }
            20 => task::Command::ReopenReview,
            21 => {
                let outcome = [task::Resolution::Finished, task::Resolution::Failed];
                let outcome = outcome[choice.below(2) as usize];
                task::Command::Resolve { outcome, text: "by hand".to_owned() }
            }
            22 if choice.below(2) == 0 => task::Command::MoveToHistory { seen },
            22 => {
                let to = [task::TaskStatus::ToReview, task::TaskStatus::PreProcessingFailed];
                task::Command::Revert { seen, to: to[choice.below(2) as usize] }
            }
            _ => match choice.below(6) {
                0 => task::Command::Delete,
                1 => task::Command::ConfirmDeleted,
                _ => {
                    let status = task::ExternalIntegrationStatus::new("booked").unwrap();
                    task::Command::SetExternalIntegrationStatus { status }
                }
            },
        }
    }

    /// Mostly the right token, sometimes an old one.
    fn token(&self, id: &KeyScopeId, choice: &mut Choice) -> Token {
        let lease = match self.aggregates.get(&Subject::KeyScope(id.clone())) {
            Some((Aggregate::KeyScope(scope), _)) => scope.work.lease().map(|lease| lease.token),
            _ => None,
        };
        let other = Token(Version(u64::from(choice.below(6))));
        lease.filter(|_| choice.below(5) > 0).unwrap_or(other)
    }

    fn started_campaign(&self, choice: &mut Choice) -> Option<CampaignId> {
        let id = campaign(choice.below(2));
        let state = self.aggregates.get(&Subject::Campaign(id));
        match state {
            Some((Aggregate::Campaign(campaign), _)) => campaign.progress().map(|_| id),
            _ => None,
        }
    }
}

/// One random number, spent bit by bit.
struct Choice(u32);

impl Choice {
    fn below(&mut self, end: u32) -> u32 {
        let chosen = self.0 % end;
        // Mixed, so that later choices do not follow from earlier ones.
        self.0 = self.0.rotate_right(5).wrapping_mul(0x9E37_79B1);
        chosen
    }

    fn priority(&mut self) -> Priority {
        if self.below(3) == 0 { Priority::High } else { Priority::Low }
    }

    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(u32::try_from(texts.len()).unwrap()) as usize]
    }
}

pub(crate) fn uuid(number: u128) -> ::uuid::Uuid {
    ::uuid::Uuid::from_u128(number)
}

fn idempotency_key(number: u128) -> IdempotencyKey {
    IdempotencyKey::new(format!("request {number}")).expect("a valid key")
}

pub(crate) fn unit(name: &str) -> StorageUnitName {
    StorageUnitName::new(name).unwrap()
}

pub(crate) fn campaign(number: u32) -> CampaignId {
    CampaignId(uuid(0xC000 + u128::from(number)))
}

pub(crate) fn scope_of(unit_name: &str, scope: &str, key: &str) -> KeyScopeId {
    KeyScopeId { unit: unit(unit_name), scope: Scope::new(scope).unwrap(), key: Key::new(key).unwrap() }
}

pub(crate) fn create() -> storage_unit::Command {
    storage_unit::Command::Create(Settings {
        content: Content::Managed,
        modules: ModuleTable::default(),
        queue_enabled: true,
        limits: Limits::default(),
    })
}

pub(crate) fn start_campaign() -> campaign::Command {
    let target = Target::all(unit("docs"), Scope::new("ocr").unwrap());
    campaign::Command::Start(Start::over(target, Pace::default()))
}

fn start_with_canary(choice: &mut Choice) -> campaign::Command {
    let size = if choice.below(2) == 0 { CanarySize::Keys(3) } else { CanarySize::Percent(25) };
    let then = if choice.below(2) == 0 { Then::Wait } else { Then::Continue };
    let stop_when = StopWhen { failed_share_max: Share::new(0.3).ok(), changed_share_max: None };
    let target = Target::all(unit("docs"), Scope::new("ocr").unwrap());
    let canary = Some(Canary { size, stop_when, then });
    campaign::Command::Start(Start { canary, ..Start::over(target, Pace::default()) })
}

fn chosen() -> Target {
    let filter = Filter { status: Some(Status::Failed), ..Filter::default() };
    Target::matching(unit("docs"), Scope::new("ocr").unwrap(), filter)
}

fn pin_targets(choice: &mut Choice) -> campaign::Command {
    let (start, keys) = (CommandId(uuid(7)), vec![Key::new("1").unwrap(), Key::new("3").unwrap()]);
    let (from, digest) = if choice.below(3) == 0 { (2, None) } else { (0, Some(Digest([9; 32]))) };
    campaign::Command::PinTargets(PinTargets { start, target: chosen(), from, keys, digest })
}

fn key_scope(choice: &mut Choice) -> KeyScopeId {
    let unit_name = choice.one_of(&["docs", "docs", "x"]);
    let scope = choice.one_of(&["ocr", "a b%"]);
    scope_of(unit_name, scope, choice.one_of(&["1", "päth/2.txt", "3"]))
}

fn record(choice: &mut Choice) -> RecordId {
    let key = Key::new(choice.one_of(&["1", "päth/2.txt"])).unwrap();
    RecordId { unit: unit(choice.one_of(&["docs", "x"])), key }
}

fn task_id(choice: &mut Choice) -> TaskId {
    TaskId::new(u64::from(1 + choice.below(2))).unwrap()
}

fn user(choice: &mut Choice) -> UserName {
    UserName::new(choice.one_of(&["ann", "bob"])).unwrap()
}

fn create_task() -> task::Command {
    let payload = serde_json::json!({
        "workspace": 7, "batch": 3, "external_id": "IN/1", "display_name": "invoice", "context": {},
        "plan": { "recognition": true, "review": "by_users", "export": true },
    });
    task::Command::Create(serde_json::from_value(payload).unwrap())
}

fn worker(choice: &mut Choice) -> WorkerId {
    WorkerId::new(choice.one_of(&["w1", "w2"])).unwrap()
}

fn unit_command(choice: &mut Choice) -> storage_unit::Command {
    match choice.below(8) {
        0..3 => create(),
        3 => storage_unit::Command::DisableQueue,
        4 => storage_unit::Command::EnableQueue,
        5 => storage_unit::Command::SetLimits(Limits { in_flight_max: 7, ..Limits::default() }),
        6 => storage_unit::Command::Drop,
        _ => storage_unit::Command::ConfirmCleared,
    }
}

fn campaign_command(choice: &mut Choice) -> campaign::Command {
    match choice.below(17) {
        0 => start_campaign(),
        1 | 2 => start_with_canary(choice),
        9 | 13 => campaign::Command::Resume,
        10 if choice.below(2) == 0 => pin_targets(choice),
        10 => campaign::Command::Start(Start::over(chosen(), Pace::default())),
        11 => campaign::Command::CountTargets { keys: 12 },
        16 => campaign::Command::AbandonTargets,
        12 | 14 => {
            let failed = if choice.below(2) == 0 { 0 } else { 20 };
            let tally = Tally { asked: 30, finished: 30 - failed, failed, same: 1, ..Tally::default() };
            campaign::Command::JudgeCanary(tally)
        }
        3 | 15 => campaign::Command::Advance { from: None, to: Key::new("2").unwrap(), keys: 5, asked: 3 },
        4 => campaign::Command::Pause,
        5 => campaign::Command::Resume,
        6 => campaign::Command::Exhaust,
        7 => campaign::Command::ReportListingFailure { problem: "the folder is gone".to_owned() },
        _ if choice.below(4) == 0 => campaign::Command::Cancel,
        _ => campaign::Command::Complete,
    }
}

fn system_command(choice: &mut Choice) -> system::Command {
    match choice.below(3) {
        0 => system::Command::Resume,
        _ => system::Command::Pause { reason: format!("reason {}", choice.below(2)) },
    }
}

fn api_key_id(number: u32) -> ApiKeyId {
    ApiKeyId(uuid(0xA000 + u128::from(number)))
}

fn api_key_command(choice: &mut Choice) -> api_key::Command {
    let secret = Digest([u8::try_from(choice.below(9)).unwrap(); 32]);
    match choice.below(6) {
        0..3 => {
            let (name, role) = (KeyName::new("nightly").unwrap(), Role::ALL[choice.below(4) as usize]);
            api_key::Command::Issue(api_key::Issued { name, role, secret, expires_at: None })
        }
        3 | 4 => api_key::Command::Rotate { secret, grace_ms: Millis(u64::from(choice.below(2)) * 60_000) },
        _ => api_key::Command::Revoke,
    }
}

fn access_day() -> AccessDay {
    AccessDay { organization: OrganizationId::new("acme").unwrap(), day: "2026-01-31".parse().unwrap() }
}

fn refusal(choice: &mut Choice) -> access::Command {
    access::Command::RecordRefusal(access::Refused {
        cause: if choice.below(2) == 0 { access::Cause::NoKey } else { access::Cause::NoRight },
        key: (choice.below(2) == 0).then(|| api_key_id(0)),
        address: None,
        method: "GET".to_owned(),
        route: "/v1/overview".to_owned(),
        count: std::num::NonZeroU32::MIN.saturating_add(choice.below(3)),
    })
}

fn record_command(choice: &mut Choice) -> record::Command {
    let scope = Scope::new(choice.one_of(&["raw", "ocr"])).unwrap();
    match choice.below(5) {
        0..3 => {
            let policy = if choice.below(3) == 0 { WritePolicy::Overwrite } else { WritePolicy::Merge };
            let stored = Stored { digest: Digest([7; 32]), size_bytes: u64::from(choice.below(100)) };
            record::Command::Write { scope, stored, version: None, policy }
        }
        3 => record::Command::Delete { scope: Some(scope), version: None, policy: DeletePolicy::Silent },
        _ => record::Command::Delete { scope: None, version: None, policy: DeletePolicy::Silent },
    }
}
