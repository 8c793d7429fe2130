//! What a campaign does next. Does not know how keys are listed or how commands are sent.

use crate::campaign::{self, PinTargets, Progress, Start, Tally, Target};
use crate::digest::Digest;
use crate::envelope::{Command, Envelope};
use crate::event::Event;
use crate::key_scope;
use crate::names::{Actor, CampaignId, CommandId, Key};
use crate::stream::KeyScopeId;
use crate::task;
use crate::work::{self, Priority};

/// How many keys a campaign deals with between two places where it can go on after a crash.
pub const CHUNK_KEYS_MAX: usize = 1_000;

/// How many bytes of keys are pinned in one event, unless one key alone has more.
pub const PINNED_BYTES_MAX: usize = 256 << 10;

// ── Pinning ────────────────────────────────────────────────────────────────────────────────────────────────────

/// The commands that record the keys of a campaign which is to begin with `start`, in the order in which they are to be
/// sent; the last of them says that there are no more. `fresh` gives an id for each.
pub fn pin(
    id: CampaignId,
    start: (CommandId, &Start),
    (keys, digest): (&[Key], Digest),
    mut fresh: impl FnMut() -> CommandId,
) -> Vec<Envelope> {
    let (cause, start) = start;
    let mut from = 0;
    let chunks = chunks(keys);
    let last = chunks.len().saturating_sub(1);
    let pin = |(index, chunk): (usize, &[Key])| {
        let pin = PinTargets {
            start: cause,
            target: start.target.clone(),
            from,
            keys: chunk.to_vec(),
            digest: (index == last).then_some(digest),
        };
        from += chunk.len() as u64;
        let command = Command::Campaign(id, campaign::Command::PinTargets(pin));
        Envelope::new(fresh(), Actor::system(), command).following(cause.0, Some(id.0))
    };
    chunks.into_iter().enumerate().map(pin).collect()
}

/// Keys in pieces that fit into one event each; one empty piece when there are none.
fn chunks(keys: &[Key]) -> Vec<&[Key]> {
    let mut chunks = Vec::new();
    let mut rest = keys;
    loop {
        let mut bytes = 0;
        let fits = |key: &&Key| {
            bytes += key.as_str().len();
            bytes <= PINNED_BYTES_MAX
        };
        let count = rest.iter().take(CHUNK_KEYS_MAX).take_while(fits).count().max(1).min(rest.len());
        let (chunk, more) = rest.split_at(count);
        chunks.push(chunk);
        rest = more;
        if rest.is_empty() {
            return chunks;
        }
    }
}

/// The command that forgets what was pinned for a campaign that did not begin.
#[must_use]
pub fn abandon(id: CampaignId, command_id: CommandId, why: &str) -> Envelope {
    own(id, command_id, campaign::Command::AbandonTargets).because(why)
}

// ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// The command that asks for a key: that its key-scope be queued, or that its task be restarted; nothing for what is no key
/// of the target. Its id follows from campaign and key, so whether it was sent can be seen in the history.
#[must_use]
pub fn ask(id: CampaignId, progress: &Progress, key: &Key) -> Option<Envelope> {
    let command = match &progress.target {
        Target::Keys(target) => {
            let scope =
                KeyScopeId { unit: target.unit.clone(), scope: target.scope.clone(), key: key.clone() };
            let queue = work::Command::Queue { campaign: Some(id), priority: Priority::Normal };
            Command::work(scope, queue)
        }
        Target::Tasks(_) => {
            Command::Task(key.as_str().parse().ok()?, task::Command::Restart { campaign: Some(id) })
        }
    };
    let command_id = CommandId::following(id.0, &format!("ask {key}"));
    Some(Envelope::new(command_id, Actor::system(), command).following(id.0, Some(id.0)))
}

/// Whether what an ask recorded makes its key a member of the campaign. A key that waits already is not one, even
/// when the ask ends its backoff: it answers an earlier request.
#[must_use]
pub fn makes_member<'a>(recorded: impl IntoIterator<Item = &'a Event>) -> bool {
    recorded.into_iter().any(|event| match event {
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
        Event::Task(event) => matches!(event, task::Event::Restarted(_)),
        Event::KeyScope(key_scope::Event::Withdrawn(_))
        | Event::StorageUnit(_)
        | Event::Record(_)
        | Event::Campaign(_)
        | Event::Workspace(_)
        | Event::Batch(_)
        | Event::ExternalId(_)
        | Event::Ids(_)
        | Event::System(_)
        | Event::ApiKey(_)
        | Event::Access(_) => false,
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

/// The command that says how many keys there are.
#[must_use]
pub fn count(id: CampaignId, keys: u64) -> Envelope {
    own(id, CommandId::following(id.0, "count"), campaign::Command::CountTargets { keys })
}

/// The command that has the canary judged by what became of its keys.
#[must_use]
pub fn judge(id: CampaignId, tally: Tally) -> Envelope {
    own(id, CommandId::following(id.0, "judge"), campaign::Command::JudgeCanary(tally))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_pinned_in_pieces_that_fit_into_one_event_each_and_none_is_lost() {
        let keys = |count: usize, bytes: usize| -> Vec<Key> {
            let key = |number| Key::new(format!("{number:0bytes$}")).expect("a valid key");
            (0..count).map(key).collect()
        };
        for (count, bytes, pieces) in [(0, 4, 1), (1, 4, 1), (1_000, 4, 1), (1_001, 4, 2), (600, 1_024, 3)] {
            let keys = keys(count, bytes);
            let chunks = chunks(&keys);
            assert_eq!(chunks.len(), pieces, "{count} keys of {bytes} bytes");
            assert_eq!(chunks.concat(), keys);
            for chunk in chunks {
                let size: usize = chunk.iter().map(|key| key.as_str().len()).sum();
                assert!(chunk.len() <= CHUNK_KEYS_MAX && size <= PINNED_BYTES_MAX);
            }
        }
    }
}
