//! Events in words: one sentence each, without its subject. Does not know the state before or after.

mod tasks;

use domain::access::{self, Refused};
use domain::api_key;
use domain::campaign::{self, Canary, CanarySize, KeyTarget, Pace, Tally, Target, Then};
use domain::event::Event;
use domain::record;
use domain::storage_unit::{self, Content};
use domain::system;
use domain::work::{self, Change, Failed, Finished, LateResultRefused, Outcome, Queued, UnassignCause};
use domain::{key_scope, names::CampaignId};

/// How many bytes of an error text a sentence quotes.
const QUOTE_BYTES_MAX: usize = 200;

/// What an event says happened, as one sentence.
#[must_use]
pub fn summary(event: &Event) -> String {
    match event {
        Event::StorageUnit(event) => storage_unit(event),
        Event::KeyScope(key_scope::Event::Work(event)) => work(event),
        Event::KeyScope(key_scope::Event::Withdrawn(_)) => {
            "withdrawn, since its storage unit was dropped".to_owned()
        }
        Event::Record(event) => record(event),
        Event::Campaign(event) => campaign(event),
        Event::Task(event) => tasks::task(event),
        Event::Workspace(event) => tasks::workspace(event),
        Event::Batch(event) => tasks::batch(event),
        Event::ExternalId(event) => tasks::external_id(event),
        Event::Ids(event) => tasks::ids(event),
        Event::System(event) => system(event),
        Event::ApiKey(event) => api_key(event),
        Event::Access(access::Event::Refused(refused)) => refusal(refused),
    }
}

fn api_key(event: &api_key::Event) -> String {
    match event {
        api_key::Event::Issued(issued) => {
            let end = issued.expires_at.map_or_else(String::new, |at| format!(", until {at}"));
            format!("issued as {} with the role {}{end}", issued.name, issued.role)
        }
        api_key::Event::Rotated(rotated) => match rotated.previous {
            Some(previous) => format!("given another secret; the old one is valid until {}", previous.until),
            None => "given another secret; the old one is no longer valid".to_owned(),
        },
        api_key::Event::Revoked => "revoked".to_owned(),
    }
}

fn refusal(refused: &Refused) -> String {
    let key = refused.key.map_or_else(String::new, |key| format!(" with the key {key}"));
    let address = refused.address.map_or_else(String::new, |address| format!(" from {address}"));
    let Refused { method, route, count, cause, .. } = refused;
    format!("{method} {route}{key}{address} refused, since {}; {count} in all", cause.name())
}

fn work(event: &work::Event) -> String {
    match event {
        work::Event::Queued(queued) => queued_again(queued),
        work::Event::Assigned(assigned) => {
            format!("leased to {} until {}, attempt {}", assigned.worker, assigned.until, assigned.attempt)
        }
        work::Event::ProcessStarted(started) => format!("attempt {} began", started.attempt),
        work::Event::LeaseExtended(extended) => {
            format!("lease of attempt {} extended until {}", extended.attempt, extended.until)
        }
        work::Event::Finished(finished) => finish(finished),
        work::Event::Failed(failed) => failure(failed),
        work::Event::Unassigned(unassigned) => {
            format!("attempt {} taken back and queued again: {}", unassigned.attempt, cause(unassigned.cause))
        }
        work::Event::Restarted(restarted) => {
            let why = if restarted.requeued { ", as was asked for while it ran" } else { "" };
            let campaign = on_behalf(restarted.campaign);
            format!("queued from the beginning, restart {}{why}{campaign}", restarted.restart_count)
        }
        work::Event::RequeueRequested(requested) => {
            format!(
                "asked for while leased, so it runs once more afterwards{}",
                on_behalf(requested.campaign)
            )
        }
        work::Event::Held => "held: nobody may claim it".to_owned(),
        work::Event::Released => "released: it may be claimed again".to_owned(),
        work::Event::LateResultRefused(late) => late_result(late),
    }
}

fn queued_again(queued: &Queued) -> String {
    let what = if queued.retry { "queued again after a failed attempt" } else { "queued" };
    format!("{what}{}", on_behalf(queued.campaign))
}

fn on_behalf(campaign: Option<CampaignId>) -> String {
    campaign.map_or_else(String::new, |campaign| format!(", asked for by campaign {campaign}"))
}

fn finish(finished: &Finished) -> String {
    let change = match finished.change {
        Change::First => "its first result",
        Change::Same => "with the same result as before",
        Change::Changed => "with another result than before",
    };
    format!("attempt {} finished, {change}", finished.attempt)
}

fn failure(failed: &Failed) -> String {
    let text = crate::views::bounded(&failed.text, QUOTE_BYTES_MAX);
    let next = match failed.retry_at {
        Some(at) => format!("it is tried again at {at}"),
        None => "no attempt is left".to_owned(),
    };
    format!("attempt {} failed with {}: {text}; {next}", failed.attempt, failed.code)
}

const fn cause(cause: UnassignCause) -> &'static str {
    match cause {
        UnassignCause::Reset => "the queue was reset",
        UnassignCause::LeaseExpired => "the lease ran out",
        UnassignCause::Released => "the worker gave it back",
        UnassignCause::WorkerGone => "the worker is gone",
    }
}

fn late_result(late: &LateResultRefused) -> String {
    let outcome = match late.outcome {
        Outcome::Finished => "success",
        Outcome::Failed => "failure",
    };
    format!("a {outcome} reported with token {} came too late and was not used", late.token.0)
}

fn storage_unit(event: &storage_unit::Event) -> String {
    match event {
        storage_unit::Event::Created(settings) => format!("created with {}", content(&settings.content)),
        storage_unit::Event::ContentSet(set) => format!("now has {}", content(set)),
        storage_unit::Event::ModulesSet(table) => {
            let count = table.modules.values().map(Vec::len).sum::<usize>();
            format!("module table replaced: modules {count}, scopes {}", table.modules.len())
        }
        storage_unit::Event::QueueEnabled => "queue enabled: its work may be claimed".to_owned(),
        storage_unit::Event::QueueDisabled => "queue disabled: its work waits".to_owned(),
        storage_unit::Event::LimitsSet(limits) => format!(
            "limits replaced: {} in flight, documents up to {} bytes, leases of {} ms",
            limits.in_flight_max, limits.input_bytes_max, limits.lease_ms.0
        ),
        storage_unit::Event::QueueReset => "queue reset: every lease is taken back".to_owned(),
        storage_unit::Event::Dropped => "dropped: its work is being withdrawn".to_owned(),
        storage_unit::Event::Cleared => "cleared: its name is free".to_owned(),
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::Managed => "content of its own".to_owned(),
        Content::Registered(location) => format!("content at {}", location.url),
    }
}

fn record(event: &record::Event) -> String {
    match event {
        record::Event::ScopeWritten(written) => {
            let others = if written.overwrote { ", in place of every other scope" } else { "" };
            let (scope, size_bytes) = (&written.scope, written.stored.size_bytes);
            format!("scope {scope} written with {size_bytes} bytes, version {}{others}", written.version)
        }
        record::Event::ScopeDeleted(deleted) => format!("scope {} deleted", deleted.scope),
        record::Event::Deleted => "deleted with all its scopes".to_owned(),
    }
}

fn system(event: &system::Event) -> String {
    match event {
        system::Event::Paused(paused) => format!("paused, so that no lease is given: {}", paused.reason),
        system::Event::Resumed => "resumed: leases are given again".to_owned(),
    }
}

fn campaign(event: &campaign::Event) -> String {
    match event {
        campaign::Event::TargetsPinned(pinned) => {
            let count = pinned.keys.len();
            let last = if pinned.digest.is_some() { "; these are all" } else { "" };
            format!("{count} keys of {} recorded to be visited{last}", target(&pinned.target))
        }
        campaign::Event::TargetsAbandoned => "did not begin: the recorded keys count no longer".to_owned(),
        campaign::Event::Started(started) => {
            let keys = match (started.pinned, &started.target) {
                (None, _) => "every key".to_owned(),
                (Some(pinned), Target::Keys(KeyTarget { filter: Some(filter), .. })) => {
                    format!("{} keys ({filter})", pinned.keys)
                }
                (Some(pinned), Target::Keys(_) | Target::Tasks(_)) => format!("{} keys", pinned.keys),
            };
            let canary = started.canary.map_or_else(String::new, |canary| format!(", {}", first(canary)));
            format!("started over {keys} of {}, {}{canary}", target(&started.target), pace(started.pace))
        }
        campaign::Event::TargetsCounted(counted) => format!("counted {} keys", counted.keys),
        campaign::Event::CanaryPassed(passed) => {
            let then = match passed.then {
                Then::Continue => "it goes on",
                Then::Wait => "it waits for somebody to resume it",
            };
            format!("the canary passed: {}; {then}", tally(&passed.tally))
        }
        campaign::Event::CanaryStopped(stopped) => {
            format!("stopped by the canary: {}; {}", stopped.broken, tally(&stopped.tally))
        }
        campaign::Event::CanaryOverruled => "resumed although the canary had broken a rule".to_owned(),
        campaign::Event::Advanced(advanced) => {
            let (keys, asked, cursor) = (advanced.keys, advanced.asked, &advanced.cursor);
            format!("dealt with {keys} keys up to {cursor}, asked for {asked}")
        }
        campaign::Event::Exhausted => "every key was dealt with".to_owned(),
        campaign::Event::ListingFailed(failed) => format!("its keys cannot be listed: {}", failed.problem),
        campaign::Event::PaceSet(set) => format!("pace set: {}", pace(*set)),
        campaign::Event::Paused => "paused".to_owned(),
        campaign::Event::Resumed => "resumed".to_owned(),
        campaign::Event::Cancelled => "cancelled: nothing more is queued".to_owned(),
        campaign::Event::Completed => "completed: everything is settled".to_owned(),
    }
}

fn target(target: &Target) -> String {
    match target {
        Target::Keys(target) => format!("{}, scope {}", target.unit, target.scope),
        Target::Tasks(filter) => format!("tasks ({filter})"),
    }
}

fn first(canary: Canary) -> String {
    match canary.size {
        CanarySize::Keys(keys) => format!("{keys} keys first"),
        CanarySize::Percent(percent) => format!("{percent} % of the keys first"),
    }
}

fn tally(tally: &Tally) -> String {
    let Tally { asked, finished, failed, withdrawn: _, same: _, changed } = tally;
    format!("{asked} asked for, {finished} finished, {failed} failed, {changed} changed")
}

fn pace(pace: Pace) -> String {
    match (pace.keys_per_second_max, pace.in_flight_max) {
        (None, None) => "as fast as possible".to_owned(),
        (Some(keys), None) => format!("at most {keys} keys per second"),
        (None, Some(keys)) => format!("at most {keys} keys in flight"),
        (Some(keys), Some(in_flight)) => {
            format!("at most {keys} keys per second and {in_flight} in flight")
        }
    }
}
