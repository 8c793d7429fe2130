//! Time travel over random histories: the board of any moment, and a thing at any of its versions, are what the events up
//! to there make of them.

use std::sync::Arc;

use domain::event::RecordedEvent;
use domain::moment::Moment;
use domain::ports::EventStore;
use domain::stream::Subject;
use projections::fold;
use projections::fork::aggregate;
use projections::snapshots::Snapshots as _;
use proptest::prelude::*;
use proptest::sample::Index;
use read_model::SqliteSnapshots;
use runtime::{Engine, RuntimeSettings};
use tests::place::{Place, log};
use tests::views::assert_are_folds_of;

use crate::histories::simulated;

type Events = [Arc<RecordedEvent>];

/// An engine that looks at a log and adds nothing to it, with snapshots every so many events.
async fn looking_at(store: Arc<dyn EventStore>, events: &Events, every: Option<usize>) -> (Place, Engine) {
    let mut place = Place::over(store);
    place.settings =
        RuntimeSettings { is_standby: true, snapshot_events: None, ..RuntimeSettings::default() };
    let snapshots = SqliteSnapshots::new(place.folder());
    for chunk in every.map(|every| events.chunks_exact(every)).into_iter().flatten() {
        snapshots.take(chunk.to_vec(), usize::MAX).await.expect("a snapshot can be taken");
    }
    let engine = place.start().await;
    (place, engine)
}

/// The board right after an event, by its position and by the instant at which it was recorded.
async fn check_board(engine: &Engine, events: &Events, last: usize) {
    let event = &events[last];
    let then = engine.when(Moment::Position(event.position), None).await.expect("it is over");
    assert_eq!((then.position, then.at), (event.position, event.metadata.recorded_at));
    assert_are_folds_of(engine.at(then).read_model(), &events[..=last]).await;

    let instant = event.metadata.recorded_at;
    let count = events.partition_point(|event| event.metadata.recorded_at <= instant);
    let then = engine.when(Moment::Instant(instant), None).await.expect("it is over");
    assert_are_folds_of(engine.at(then).read_model(), &events[..count]).await;
}

/// The thing that an event happened to, at the version of the event.
async fn check_thing(engine: &Engine, events: &Events, last: usize) {
    let (event, known) = (&events[last], &events[..=last]);
    let subject = Subject::try_from(&event.stream).expect("the stream of a thing");
    let then = engine.when(Moment::Version(event.version), Some(&subject)).await.expect("it is over");
    assert_eq!(then.position, event.position);
    let past = engine.at(then);
    let stream: Vec<_> = known.iter().filter(|other| other.stream == event.stream).cloned().collect();
    let expected = aggregate(&subject, &stream).expect("it happened");
    assert_eq!(past.inspect(subject).await, Ok(expected));
    for view in fold::all() {
        let Some(key) = view.key(event) else { continue };
        let of_row =
            known.iter().map(|event| &**event).filter(|event| view.key(event).as_ref() == Some(&key));
        let folded = view.fold(None, &of_row.collect::<Vec<_>>()).expect("there is no row before");
        let row = past.read_model().row(view.name(), &key).await.expect("the row can be read");
        assert_eq!(row, folded.after.map(|(json, _)| json), "{} {key} at v{}", view.name(), event.version);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_moment_is_what_the_events_up_to_it_make_of_it(
        choices in proptest::collection::vec(any::<u32>(), 1..80),
        moments in proptest::collection::vec(any::<Index>(), 4),
        versions in proptest::collection::vec(any::<Index>(), 6),
        every in proptest::option::of(1_usize..30),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let store = simulated(&choices).await;
            let events = log(&*store).await;
            let (_place, engine) = looking_at(store, &events, every).await;
            for version in versions {
                check_thing(&engine, &events, version.index(events.len())).await;
            }
            for moment in moments {
                let last = moment.index(events.len());
                check_board(&engine, &events, last).await;
                // Now the board is at hand, and the thing is found on it.
                check_thing(&engine, &events, last).await;
            }
            engine.shutdown().await;
        });
    }
}
