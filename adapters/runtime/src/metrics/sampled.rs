//! What is looked up when somebody asks: queues, projections, the log. Does not know what is counted as it happens.

use std::sync::atomic::AtomicU64;

use domain::ports::EventFilter;
use domain::stream::Position;
use domain::time::Timestamp;
use projections::matching;
use projections::overview::{StatusCounts, queues};
use projections::view::View as _;
use projections::views::{KeyScopes, Status};
use projections::work_queue::QueueDepth;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Labels;
use super::depths::PerQueue;
use crate::board::ClaimCounts;
use crate::engine::Engine;

/// A number that need not be whole.
type Fraction = Gauge<f64, AtomicU64>;

/// Looks everything up. What cannot be found out now is left out, so that the rest arrives.
pub(super) async fn sample(engine: &Engine) -> Registry {
    let mut registry = Registry::default();
    commands(engine, &mut registry);
    claims(engine, &mut registry);
    system(engine, &mut registry).await;
    queue_depths(engine, &mut registry).await;
    key_scopes(engine, &mut registry).await;
    tasks(engine, &mut registry).await;
    log(engine, &mut registry).await;
    registry
}

fn commands(engine: &Engine, registry: &mut Registry) {
    let (waiting, waiting_max) = engine.pipeline().waiting();
    gauge(registry, "reprise_commands_waiting", "Commands that wait to be decided", waiting as u64);
    let help = "How many commands may wait; one more is told to come back";
    gauge(registry, "reprise_commands_waiting_max", help, waiting_max as u64);
}

fn claims(engine: &Engine, registry: &mut Registry) {
    let ClaimCounts { waiting, woken, woken_for_nothing } = engine.claim_counts();
    gauge(registry, "reprise_claims_waiting", "Claims that wait for work", waiting as u64);
    let mut counter = |name, help, count| {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        registry.register(name, help, counter);
    };
    let help = "Claims that were handed something after they had waited";
    counter("reprise_claims_woken", help, woken);
    let help = "Claims that were handed something after they had waited and could lease none of it";
    counter("reprise_claims_woken_for_nothing", help, woken_for_nothing);
    let workers = engine.workers().len() as u64;
    gauge(registry, "reprise_workers_present", "Workers that spoke within the last hour", workers);
}

async fn system(engine: &Engine, registry: &mut Registry) {
    let Ok(reason) = engine.pause_reason().await else { return };
    let help = "Whether all dispatching is paused: 1 while it is";
    gauge(registry, "reprise_dispatching_paused", help, u64::from(reason.is_some()));
}

// ── Queues ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// What is shown of one queue.
struct Depth {
    waiting: usize,
    leased: usize,
    held: usize,
    oldest_claimable: Option<Position>,
}

async fn queue_depths(engine: &Engine, registry: &mut Registry) {
    let items = Family::<Labels<3>, Gauge>::default();
    let ages = Family::<Labels<2>, Fraction>::default();
    for (unit, scope, depth) in per_queue(engine.board().depths()).lines() {
        let states = [("waiting", depth.waiting), ("leased", depth.leased), ("held", depth.held)];
        for (state, count) in states {
            let labels =
                [("unit", unit.clone().into()), ("scope", scope.clone().into()), ("state", state.into())];
            items.get_or_create(&labels).set(whole(count as u64));
        }
        if let Some(age_s) = oldest_age_s(engine, depth.oldest_claimable).await {
            ages.get_or_create(&[("unit", unit.into()), ("scope", scope.into())]).set(age_s);
        }
    }
    let help = "Entries of the work queue, by where they stand";
    registry.register("reprise_queue_items", help, items);
    let help = "How long the oldest entry waits that a worker could claim now; 0 when there is none";
    registry.register("reprise_queue_oldest_claimable_age_seconds", help, ages);
}

fn per_queue(depths: Vec<QueueDepth>) -> PerQueue<Depth> {
    let items = depths.into_iter().map(|depth| {
        let QueueDepth { unit, scope, waiting, leased, held, oldest_claimable } = depth;
        ((unit, scope), Depth { waiting, leased, held, oldest_claimable })
    });
    PerQueue::gather(items, |sum, more| {
        sum.waiting += more.waiting;
        sum.leased += more.leased;
        sum.held += more.held;
        let both = [sum.oldest_claimable, more.oldest_claimable];
        sum.oldest_claimable = both.into_iter().flatten().min();
    })
}

/// How long ago the event at a position was recorded, 0 without one; nothing when the log does not say.
async fn oldest_age_s(engine: &Engine, position: Option<Position>) -> Option<f64> {
    match position {
        None => Some(0.0),
        Some(position) => recorded_after(engine, position.just_before()).await.map(|at| age_s(engine, at)),
    }
}

async fn key_scopes(engine: &Engine, registry: &mut Registry) {
    let Ok(counts) = engine.read_model().counts(KeyScopes::NAME, "").await else { return };
    let family = Family::<Labels<3>, Gauge>::default();
    let by_queue = queues(&counts).into_iter().map(|(queue, counts)| (queue, by_status(&counts)));
    let by_queue = PerQueue::gather(by_queue, |sum: &mut [u64; Status::ALL.len()], more| {
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    });
    for (unit, scope, counts) in by_queue.lines() {
        for (status, count) in Status::ALL.into_iter().zip(counts) {
            let labels = [
                ("unit", unit.clone().into()),
                ("scope", scope.clone().into()),
                ("status", status.name().into()),
            ];
            family.get_or_create(&labels).set(whole(count));
        }
    }
    registry.register("reprise_key_scopes", "Key-scopes, by where the work on them stands", family);
}

fn by_status(counts: &StatusCounts) -> [u64; Status::ALL.len()] {
    Status::ALL.map(|status| counts.of(status))
}

/// The tasks that the configuration asks to be counted.
async fn tasks(engine: &Engine, registry: &mut Registry) {
    let family = Family::<Labels<1>, Gauge>::default();
    for gauge in &engine.settings().task_gauges {
        let Ok(found) = matching::tasks::counts(engine.read_model(), &gauge.filter).await else { continue };
        let count = found.counts.iter().map(|(_, count)| count).sum();
        family.get_or_create(&[("name", gauge.name.clone().into())]).set(whole(count));
    }
    registry.register("reprise_tasks_matching", "Tasks that match a filter of the configuration", family);
}

// ── The log and those who follow it ────────────────────────────────────────────────────────────────────────────

async fn log(engine: &Engine, registry: &mut Registry) {
    if let Ok(Some(size)) = engine.store().size().await {
        gauge(registry, "reprise_log_size_bytes", "What the event log takes up", size.size_bytes);
        if let Some(size_bytes_max) = size.size_bytes_max {
            let help = "What the event log may take up; absent without a limit";
            gauge(registry, "reprise_log_size_max_bytes", help, size_bytes_max);
        }
    }
    let Ok(head) = engine.store().head().await else { return };
    let help = "The position of the last event; in an embedded log, how many there are";
    gauge(registry, "reprise_log_position", help, head.major);
    let events = Family::<Labels<1>, Gauge>::default();
    let seconds = Family::<Labels<1>, Fraction>::default();
    let projections = [("views", engine.views_position()), ("work_queue", engine.board().position())];
    for (projection, position) in projections {
        let labels = [("projection", projection.into())];
        if let Some(lag) = position.events_until(head) {
            events.get_or_create(&labels).set(whole(lag));
        }
        let lag_s = if position >= head {
            Some(0.0)
        } else {
            recorded_after(engine, position).await.map(|at| age_s(engine, at))
        };
        if let Some(lag_s) = lag_s {
            seconds.get_or_create(&labels).set(lag_s);
        }
    }
    let help = "Events that a projection has not seen yet, where the log counts its events";
    registry.register("reprise_projection_lag_events", help, events);
    let help = "How long ago the first event was recorded that a projection has not seen yet";
    registry.register("reprise_projection_lag_seconds", help, seconds);
}

/// When the first event after a position was recorded.
async fn recorded_after(engine: &Engine, position: Position) -> Option<Timestamp> {
    let events = engine.store().read_all(position, 1, &EventFilter::default()).await.ok()?;
    events.first().map(|event| event.metadata.recorded_at)
}

fn age_s(engine: &Engine, at: Timestamp) -> f64 {
    engine.clock().now().since(at).as_duration().as_secs_f64()
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(whole(value));
    registry.register(name, help, gauge);
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
