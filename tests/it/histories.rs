//! Simulated histories: random choices become commands, a real engine decides and records them, time passes and timers
//! fire. So every history here is one that happened. Does not know what it is for.

mod tasks;

use std::sync::Arc;

use domain::campaign;
use domain::digest::Digest;
use domain::envelope::Command;
use domain::names::{CampaignId, WorkerId};
use domain::ports::{Clock as _, EventStore};
use domain::record::{self, DeletePolicy, Stored, WritePolicy};
use domain::retry::RetryPolicy;
use domain::storage_unit::{self, Content, Limits};
use domain::stream::{RecordId, Version};
use domain::system;
use domain::time::{Millis, Timestamp};
use domain::work::{self, Priority, Token, UnassignCause};
use runtime::Engine;
use tests::harness::TestClock;
use tests::place::{Place, create, id, scope, send, set, settings, table, unit};
use uuid::Uuid;

/// The log of a history that these choices make.
pub(crate) async fn simulated(choices: &[u32]) -> Arc<dyn EventStore> {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    tasks::prepare(&engine).await;
    for choice in choices {
        let mut choice = Choice(*choice);
        clock.pass(Millis(u64::from(choice.below(8)) * 700));
        let command = command(&engine, clock.now(), &mut choice).await;
        // Most are refused at some time, which is part of the history.
        let _decided = send(&engine, command).await;
    }
    engine.shutdown().await;
    place.store
}

/// A number that is used up bit by bit.
struct Choice(u32);

impl Choice {
    fn below(&mut self, count: u32) -> u32 {
        let chosen = self.0 % count;
        self.0 = (self.0 / count).rotate_left(5) ^ 0x9e37;
        chosen
    }
}

async fn command(engine: &Engine, now: Timestamp, choice: &mut Choice) -> Command {
    match choice.below(20) {
        0..=7 => {
            let key = ["a", "b", "c"][choice.below(3) as usize];
            Command::work(id(key), on_work(choice))
        }
        8 => Command::StorageUnit(unit(), on_unit(choice)),
        9 => Command::Record(
            RecordId { unit: unit(), key: id("a").key },
            match choice.below(3) {
                0 => record::Command::Delete { scope: None, version: None, policy: DeletePolicy::Silent },
                number => record::Command::Write {
                    scope: scope("raw"),
                    stored: Stored { digest: Digest([number as u8; 32]), size_bytes: 7 },
                    version: None,
                    policy: WritePolicy::Overwrite,
                },
            },
        ),
        10 => Command::System(match choice.below(2) {
            0 => system::Command::Pause { reason: "a test".to_owned() },
            _ => system::Command::Resume,
        }),
        12.. => tasks::command(engine, now, choice).await,
        _ => {
            let campaign = CampaignId(Uuid::from_u128(u128::from(choice.below(2))));
            let target = campaign::Target::all(unit(), scope("raw"));
            let start = campaign::Start::over(target, campaign::Pace::default());
            match choice.below(4) {
                0 => Command::Campaign(campaign, campaign::Command::Pause),
                1 => Command::Campaign(campaign, campaign::Command::Cancel),
                2 => Command::Campaign(CampaignId(engine.fresh_id()), campaign::Command::Start(start)),
                _ => Command::Campaign(campaign, campaign::Command::Start(start)),
            }
        }
    }
}

fn on_work(choice: &mut Choice) -> work::Command {
    let token = Token(Version(u64::from(choice.below(14))));
    let lease_ms = Millis(1_000 + u64::from(choice.below(4)) * 2_000);
    match choice.below(14) {
        0..=2 => work::Command::Queue { campaign: None, priority: Priority::High },
        3..=5 => work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms },
        6 => work::Command::Start { token },
        7 => work::Command::ExtendLease { token, lease_ms },
        8 => work::Command::Complete {
            token,
            outputs: Vec::new(),
            digest: Digest([choice.below(2) as u8; 32]),
        },
        9 => {
            let retry = RetryPolicy {
                attempts_max: 1 + choice.below(3),
                backoff_ms: Millis(900),
                backoff_ms_max: Millis(3_000),
            };
            work::Command::Fail { token, code: "exit_1".to_owned(), text: "no".to_owned(), retry }
        }
        10 => work::Command::ReleaseLease { token },
        11 => work::Command::Unassign { cause: UnassignCause::Reset },
        12 => work::Command::Hold,
        _ => work::Command::Release,
    }
}

fn on_unit(choice: &mut Choice) -> storage_unit::Command {
    match choice.below(5) {
        0 => storage_unit::Command::EnableQueue,
        1 => storage_unit::Command::DisableQueue,
        2 => storage_unit::Command::SetModules(table(&["cat", "false"])),
        3 => storage_unit::Command::SetLimits(Limits { in_flight_max: 3, ..Limits::default() }),
        _ => storage_unit::Command::ResetQueue,
    }
}

/// A history of one task that is pre-processed, reviewed by one person, and done.
pub(crate) async fn known_task() -> Arc<dyn EventStore> {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    for command in tasks::one_life() {
        clock.pass(Millis(10));
        send(&engine, command).await.unwrap();
    }
    engine.shutdown().await;
    place.store
}

/// A history in which a key is worked on, fails, is repeated, and finishes: in which each step is known.
pub(crate) async fn known() -> (Arc<dyn EventStore>, TestClock) {
    let clock = TestClock::at("2026-01-31T12:00:00Z");
    let place = Place::at(&clock);
    let engine = place.start().await;
    create(&engine, settings(Content::Managed)).await;
    set(&engine, storage_unit::Command::DisableQueue).await;
    for key in ["a", "b"] {
        let retry = RetryPolicy { attempts_max: 2, backoff_ms: Millis(1_000), backoff_ms_max: Millis(1_000) };
        let fail = |token| work::Command::Fail {
            token: Token(Version(token)),
            code: "exit_1".to_owned(),
            text: "no".to_owned(),
            retry,
        };
        let claim = || work::Command::Claim { worker: WorkerId::new("w").unwrap(), lease_ms: Millis(60_000) };
        let complete = work::Command::Complete {
            token: Token(Version(4)),
            outputs: Vec::new(),
            digest: Digest([1; 32]),
        };
        let steps = [tests::place::ask(), claim(), fail(1), tests::place::ask(), claim(), complete];
        for step in steps {
            clock.pass(Millis(10));
            send(&engine, Command::work(id(key), step)).await.unwrap();
        }
    }
    engine.shutdown().await;
    (place.store, clock)
}
