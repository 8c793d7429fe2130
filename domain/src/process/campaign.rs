//! What a campaign does next. Does not know how keys are listed or how commands are sent.

use crate::campaign::{self, Progress};
use crate::envelope::{Command, Envelope};
use crate::event::Event;
use crate::key_scope;
use crate::names::{Actor, CampaignId, CommandId, Key};
use crate::stream::KeyScopeId;
use crate::work::{self, Priority};

/// How many keys a campaign deals with between two places where it can go on after a crash.
pub const CHUNK_KEYS_MAX: usize = 1_000;

/// The commands that ask for each key of a chunk. Their ids follow from campaign and key.
#[must_use]
pub fn ask(id: CampaignId, progress: &Progress, keys: &[Key], actor: &Actor) -> Vec<Envelope> {
    let target = &progress.target;
    let ask = |key: &Key| {
        let scope = KeyScopeId { unit: target.unit.clone(), scope: target.scope.clone(), key: key.clone() };
        let queue = work::Command::Queue { campaign: Some(id), priority: Priority::Normal };
        let command_id = CommandId::following(id.0, &format!("ask {key}"));
        Envelope::new(command_id, actor.clone(), Command::work(scope, queue)).following(id.0, Some(id.0))
    };
    keys.iter().map(ask).collect()
}

/// Whether what an ask recorded makes its key a member of the campaign. A key that waits already is not one, even
/// when the ask ends its backoff: it answers an earlier request.
#[must_use]
pub fn makes_member(recorded: &[Event]) -> bool {
    recorded.iter().any(|event| match event {
        Event::KeyScope(key_scope::Event::Work(event)) => match event {
            work::Event::Queued(queued) => !queued.retry,
            work::Event::Restarted(_) | work::Event::RequeueRequested(_) => true,
            work::Event::Assigned(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::Finished(_)
            | work::Event::Failed(_)
            | work::Event::Unassigned(_)
            | work::Event::Held
            | work::Event::Released
            | work::Event::LateResultRefused(_) => false,
        },
        Event::KeyScope(key_scope::Event::Withdrawn(_))
        | Event::StorageUnit(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::System(_) => false,
    })
}

/// The command that moves the cursor past a chunk of which `asked` keys were queued, restarted or requeued.
#[must_use]
pub fn advance(id: CampaignId, progress: &Progress, keys: &[Key], asked: usize) -> Option<Envelope> {
    let to = keys.last()?.clone();
    let command_id = CommandId::following(id.0, &format!("advance {to}"));
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let advance = campaign::Command::Advance {
        from: progress.cursor.clone(),
        to,
        keys: count(keys.len()),
        asked: count(asked),
    };
    Some(own(id, command_id, advance))
}

/// The command that says that there are no more keys.
#[must_use]
pub fn exhaust(id: CampaignId) -> Envelope {
    own(id, CommandId::following(id.0, "exhaust"), campaign::Command::Exhaust)
}

/// The command that says why the keys cannot be listed now.
#[must_use]
pub fn report(id: CampaignId, problem: String) -> Envelope {
    let command_id = CommandId::following(id.0, &format!("report {problem}"));
    own(id, command_id, campaign::Command::ReportListingFailure { problem })
}

/// The command that ends a campaign whose members are all settled.
#[must_use]
pub fn complete(id: CampaignId) -> Envelope {
    own(id, CommandId::following(id.0, "complete"), campaign::Command::Complete)
}

/// The command that ends a campaign whose storage unit is gone.
#[must_use]
pub fn cancel_without_unit(id: CampaignId) -> Envelope {
    own(id, CommandId::following(id.0, "unit gone"), campaign::Command::Cancel)
        .because("its storage unit was dropped")
}

fn own(id: CampaignId, command_id: CommandId, command: campaign::Command) -> Envelope {
    Envelope::new(command_id, Actor::system(), Command::Campaign(id, command)).following(id.0, Some(id.0))
}
