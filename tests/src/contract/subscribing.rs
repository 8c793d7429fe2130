//! What a subscription promises: every event once, in order.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ports::{EventStore, Subscription};
use domain::stream::Position;
use tokio::task::JoinSet;

use super::Subject;
use super::making::{first, log, numbers, written};

/// How long a subscription may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes `count` events, at most `limit` at once.
async fn take(subscription: &mut dyn Subscription, count: usize, limit: usize) -> Vec<Arc<RecordedEvent>> {
    let mut events = Vec::new();
    while events.len() < count {
        let next = tokio::time::timeout(PATIENCE, subscription.next(limit.min(count - events.len())));
        let next = next.await.expect("an event is missing").expect("the store is open");
        assert!((1..=limit).contains(&next.len()), "{} events at once", next.len());
        events.extend(next);
    }
    events
}

async fn subscribe(store: &dyn EventStore, after: Position) -> Box<dyn Subscription> {
    store.subscribe(after).await.expect("the store is open")
}

/// Whether a subscription has nothing to give at the moment.
async fn is_waiting(subscription: &mut dyn Subscription) -> bool {
    let mut next = pin!(subscription.next(10));
    poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await
}

/// First what is there, then what comes.
pub async fn a_subscription_gives_what_is_there_and_then_what_comes(subject: &dyn Subject) {
    let store = subject.open();
    written(&*store, first("a", 1..4)).await;
    let mut subscription = subscribe(&*store, Position::START).await;
    assert_eq!(numbers(&take(&mut *subscription, 3, 2).await), [1, 2, 3]);
    assert!(is_waiting(&mut *subscription).await);
    written(&*store, first("b", 4..6)).await;
    assert_eq!(numbers(&take(&mut *subscription, 2, 9).await), [4, 5]);
}

/// From the head on there is nothing until something comes.
pub async fn a_subscription_from_the_head_gives_only_what_comes(subject: &dyn Subject) {
    let store = subject.open();
    let head = written(&*store, first("a", 1..4)).await.position;
    let mut subscription = subscribe(&*store, head).await;
    assert!(is_waiting(&mut *subscription).await);
    written(&*store, first("b", 4..5)).await;
    assert_eq!(numbers(&take(&mut *subscription, 1, 9).await), [4]);
}

/// Subscribers that join at any moment, while somebody writes all the time, see every event once, in order.
pub async fn the_catch_up_seam_has_no_gap_and_no_repeat(subject: &dyn Subject) {
    const APPENDS: u32 = 200;
    let store = subject.open();
    let mut subscribers = JoinSet::new();
    for key in 0..APPENDS {
        written(&*store, first(&key.to_string(), key * 3..key * 3 + 3)).await;
        if key % 20 == 0 {
            let store = Arc::clone(&store);
            subscribers.spawn(async move {
                let mut subscription = subscribe(&*store, Position::START).await;
                numbers(&take(&mut *subscription, APPENDS as usize * 3, 1 + key as usize % 7).await)
            });
        }
    }
    let all: Vec<u32> = (0..APPENDS * 3).collect();
    for seen in subscribers.join_all().await {
        assert_eq!(seen, all);
    }
}

/// However far it has fallen behind, nothing is left out.
pub async fn a_slow_subscriber_loses_nothing(subject: &dyn Subject) {
    let store = subject.open();
    let mut subscription = subscribe(&*store, Position::START).await;
    let mut seen = Vec::new();
    for key in 0..150 {
        written(&*store, first(&key.to_string(), key * 2..key * 2 + 2)).await;
        seen.extend(numbers(&take(&mut *subscription, 1, 1).await));
    }
    seen.extend(numbers(&take(&mut *subscription, 150, 1_000).await));
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    assert!(is_waiting(&mut *subscription).await);
}

/// A wait that was given up, at whatever moment, changes nothing.
pub async fn a_dropped_wait_loses_nothing(subject: &dyn Subject) {
    let store = subject.open();
    let mut subscription = subscribe(&*store, Position::START).await;
    assert!(is_waiting(&mut *subscription).await);
    let mut seen = Vec::new();
    for key in 0..100 {
        written(&*store, first(&key.to_string(), key..key + 1)).await;
        let given_up = async {
            tokio::select! {
                biased;
                events = subscription.next(1) => Some(events),
                () = tokio::task::yield_now() => None,
            }
        };
        if let Some(events) = given_up.await {
            seen.extend(numbers(&events.expect("the store is open")));
        }
    }
    let left = 100 - seen.len();
    seen.extend(numbers(&take(&mut *subscription, left, 1_000).await));
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

/// Live or from the file, an event is the same.
pub async fn a_subscription_gives_what_reading_gives(subject: &dyn Subject) {
    let store = subject.open();
    let mut live = subscribe(&*store, Position::START).await;
    written(&*store, first("a", 1..4)).await;
    written(&*store, first("b", 4..6)).await;
    assert_eq!(take(&mut *live, 5, 5).await, log(&*store).await);
}
