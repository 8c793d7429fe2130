//! What the command pipeline counts: commands by outcome, batches, appends, the cache, and what happened to leases.
//! Does not know how a command is decided.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use domain::envelope::Command;
use domain::event::Event;
use domain::ports::{AppendError, Appended};
use domain::work::{self, UnassignCause};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Labels;
use crate::pipeline::{Accepted, SubmitError};

/// What the pipeline counts. Clones count into the same numbers.
#[derive(Clone)]
pub(crate) struct PipelineMetrics {
    commands: Family<Labels<3>, Counter>,
    batch_commands: Histogram,
    append_duration: Histogram,
    append_errors: AppendErrors,
    events_appended: Counter,
    cache_hits: Counter,
    cache_misses: Counter,
    aggregates_cached: Gauge,
    leases_granted: Counter,
    lease_expiries: Counter,
    late_results: Counter,
    attempts_finished: Counter,
    attempts_failed: Counter,
}

#[derive(Clone)]
struct AppendErrors {
    conflict: Counter,
    unknown: Counter,
    unavailable: Counter,
    rejected: Counter,
    corrupt: Counter,
    poisoned: Counter,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    NothingToDo,
    Refused,
    Busy,
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Accepted, Self::NothingToDo, Self::Refused, Self::Busy, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NothingToDo => "nothing_to_do",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }

    fn of(result: &Result<Accepted, SubmitError>) -> Self {
        match result {
            Ok(accepted) if accepted.events.is_empty() => Self::NothingToDo,
            Ok(_) => Self::Accepted,
            Err(
                SubmitError::Refused(_)
                | SubmitError::KeyReused(_)
                | SubmitError::OtherOrganization
                | SubmitError::TooManyKeys { .. }
                | SubmitError::Rejected(_),
            ) => Self::Refused,
            Err(SubmitError::Overloaded { .. } | SubmitError::Contended) => Self::Busy,
            Err(
                SubmitError::Unavailable(_)
                | SubmitError::Corrupt(_)
                | SubmitError::Standby
                | SubmitError::Stopping,
            ) => Self::Failed,
        }
    }
}

// ── Registering ────────────────────────────────────────────────────────────────────────────────────────────────

/// A counter under a name; the registry adds `_total` to it.
fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

/// One counter for each value of one label.
fn counters<const N: usize>(
    registry: &mut Registry,
    (name, help): (&str, &str),
    label: &'static str,
    values: [&'static str; N],
) -> [Counter; N] {
    let family = Family::<Labels<1>, Counter>::default();
    registry.register(name, help, family.clone());
    values.map(|value| family.get_or_create_owned(&[(label, Cow::Borrowed(value))]))
}

fn histogram(registry: &mut Registry, name: &str, help: &str, (start, count): (f64, u16)) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(start, 2.0, count));
    registry.register(name, help, histogram.clone());
    histogram
}

impl PipelineMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let commands = Family::default();
        let help = "Commands by the kind of thing they were asked of, their name and what became of them";
        registry.register("reprise_commands", help, commands.clone());
        let help = "Aggregates that a command needed, by whether the cache had them";
        let cache = ("reprise_aggregate_cache_lookups", help);
        let [cache_hits, cache_misses] = counters(registry, cache, "result", ["hit", "miss"]);
        let attempts = ("reprise_attempts_ended", "Attempts that came to a result, by which");
        let [attempts_finished, attempts_failed] =
            counters(registry, attempts, "outcome", ["finished", "failed"]);
        let aggregates_cached = Gauge::default();
        let help = "Aggregates in the cache";
        registry.register("reprise_aggregates_cached", help, aggregates_cached.clone());
        let help = "Commands that were decided together";
        let batch_commands = histogram(registry, "reprise_batch_commands", help, (1.0, 13));
        let help = "How long the store took to make a batch durable";
        let append_duration = histogram(registry, "reprise_append_duration_seconds", help, (0.000_1, 16));
        let mut count = |name, help| counter(registry, name, help);
        Self {
            events_appended: count("reprise_events_appended", "Events that were recorded"),
            leases_granted: count("reprise_leases_granted", "Leases that were given to workers"),
            lease_expiries: count("reprise_lease_expiries", "Leases that ran out without a result"),
            late_results: count("reprise_late_results", "Results that came after their lease was gone"),
            append_errors: AppendErrors::register(registry),
            commands,
            batch_commands,
            append_duration,
            cache_hits,
            cache_misses,
            aggregates_cached,
            attempts_finished,
            attempts_failed,
        }
    }
}

impl AppendErrors {
    fn register(registry: &mut Registry) -> Self {
        let reasons = ["conflict", "unknown", "unavailable", "rejected", "corrupt", "poisoned"];
        let name = ("reprise_append_errors", "Appends that did not succeed, by the reason");
        let [conflict, unknown, unavailable, rejected, corrupt, poisoned] =
            counters(registry, name, "reason", reasons);
        Self { conflict, unknown, unavailable, rejected, corrupt, poisoned }
    }

    fn of(&self, error: &AppendError) -> &Counter {
        match error {
            AppendError::Conflict { .. } => &self.conflict,
            AppendError::Unknown(_) => &self.unknown,
            AppendError::Unavailable(_) => &self.unavailable,
            AppendError::Rejected(_) => &self.rejected,
            AppendError::Corrupt(_) => &self.corrupt,
            AppendError::Poisoned(_) => &self.poisoned,
        }
    }
}

// ── Counting ───────────────────────────────────────────────────────────────────────────────────────────────────

impl PipelineMetrics {
    /// Counts a command that never came into the pipeline.
    pub(crate) fn turned_away(&self, (kind, name): (&'static str, &'static str), error: &SubmitError) {
        let outcome = Outcome::of(&Err(error.clone()));
        self.command(kind, name, outcome).inc();
    }

    fn command(&self, kind: &'static str, name: &'static str, outcome: Outcome) -> Counter {
        let labels =
            [("kind", Cow::Borrowed(kind)), ("command", name.into()), ("outcome", outcome.name().into())];
        self.commands.get_or_create_owned(&labels)
    }

    pub(crate) fn batch(&self, commands: usize) {
        self.batch_commands.observe(commands as f64);
    }

    pub(crate) fn loaded(&self, hits: usize, misses: usize) {
        self.cache_hits.inc_by(hits as u64);
        self.cache_misses.inc_by(misses as u64);
    }

    pub(crate) fn cached(&self, aggregates: usize) {
        self.aggregates_cached.set(i64::try_from(aggregates).unwrap_or(i64::MAX));
    }

    pub(crate) fn appended(&self, took: Duration, results: &[Result<Appended, AppendError>]) {
        self.append_duration.observe(took.as_secs_f64());
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            self.append_errors.of(error).inc();
        }
    }

    /// Counts what was recorded.
    fn recorded(&self, events: &[Event]) {
        self.events_appended.inc_by(events.len() as u64);
        events.iter().filter_map(Event::work).for_each(|event| self.happened(event));
    }

    fn happened(&self, event: &work::Event) {
        let counter = match event {
            work::Event::Assigned(_) => &self.leases_granted,
            work::Event::Unassigned(unassigned) if unassigned.cause == UnassignCause::LeaseExpired => {
                &self.lease_expiries
            }
            work::Event::Finished(_) => &self.attempts_finished,
            work::Event::Failed(_) => &self.attempts_failed,
            work::Event::LateResultRefused(_) => &self.late_results,
            work::Event::Unassigned(_)
            | work::Event::Queued(_)
            | work::Event::Restarted(_)
            | work::Event::ProcessStarted(_)
            | work::Event::LeaseExtended(_)
            | work::Event::RequeueRequested(_)
            | work::Event::Held
            | work::Event::Released => return,
        };
        counter.inc();
    }
}

/// The counters of the commands that came by so far, in one hand: looking one up takes no lock.
pub(crate) struct CommandCounters {
    metrics: PipelineMetrics,
    known: HashMap<(&'static str, &'static str), [(Outcome, Counter); Outcome::ALL.len()]>,
}

impl CommandCounters {
    pub(crate) fn new(metrics: PipelineMetrics) -> Self {
        Self { metrics, known: HashMap::new() }
    }

    pub(crate) const fn metrics(&self) -> &PipelineMetrics {
        &self.metrics
    }

    /// Counts what became of a command.
    pub(crate) fn count(&mut self, command: &Command, result: &Result<Accepted, SubmitError>) {
        let Self { metrics, known } = self;
        let (kind, name) = (command.kind(), command.name());
        let counters = known
            .entry((kind, name))
            .or_insert_with(|| Outcome::ALL.map(|outcome| (outcome, metrics.command(kind, name, outcome))));
        let outcome = Outcome::of(result);
        counters.iter().filter(|(its, _)| *its == outcome).for_each(|(_, counter)| {
            counter.inc();
        });
        if let Ok(accepted) = result {
            metrics.recorded(&accepted.events);
        }
    }
}
