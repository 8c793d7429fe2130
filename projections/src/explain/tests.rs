//! Explanations of whatever can happen: there is always a cause, and what is said to help does.

use domain::time::Millis;
use proptest::prelude::*;

use super::*;
use crate::histories::History;

/// Every thing of a history, as its events leave it.
fn things(history: &History) -> Vec<Thing> {
    let mut things = Vec::new();
    for (subject, (aggregate, _)) in &history.aggregates {
        let stream = subject.stream();
        let events = history.events.iter().filter(|event| event.stream == stream).cloned().collect();
        let thing = Thing::new(subject.clone(), events).expect("the domain evolves what it decided");
        assert_eq!(thing.aggregate, *aggregate);
        things.push(thing);
    }
    things
}

fn end(history: &History) -> Timestamp {
    let last = history.events.last().expect("every history has events");
    last.metadata.recorded_at.plus(Millis(1))
}

proptest! {
    #[test]
    fn whatever_happened_there_is_a_cause_and_the_event_behind_it_is_in_the_history(
        choices in proptest::collection::vec(any::<u32>(), 0..120),
    ) {
        let history = History::of(&choices);
        for thing in things(&history) {
            let explanation = explain(&thing, &Surroundings::at(end(&history)), None);
            prop_assert!(!explanation.causes.is_empty(), "{:?}", thing.subject);
            for why in &explanation.causes {
                prop_assert!(!why.rule.is_empty(), "{why:?}");
                if let Some(behind) = &why.event {
                    prop_assert!(history.events.iter().any(|event| event.position == behind.position));
                }
            }
            prop_assert_eq!(explanation.since.is_none(), thing.history.is_empty());
        }
    }

    #[test]
    fn whatever_is_called_legal_records_what_was_said(
        choices in proptest::collection::vec(any::<u32>(), 0..120),
    ) {
        let history = History::of(&choices);
        let now = end(&history);
        for thing in things(&history) {
            for legal in explain(&thing, &Surroundings::at(now), None).legal {
                let recorded = domain::event::RecordedCommand::from(legal.command.clone());
                let command = domain::envelope::Command::from_recorded(thing.subject.clone(), &recorded);
                let command = command.expect("what is legal can be posted");
                let mut aggregate = thing.aggregate.clone();
                let mut next = domain::stream::ExpectedVersion::after(thing.history.last().map(|it| it.version)).next();
                let events = aggregate.decide(&command, now).expect("what is legal is not refused");
                let names: Vec<String> = events.iter().map(event_name).collect();
                let said: Vec<String> = legal.records.into_iter().map(|it| it.event).collect();
                prop_assert_eq!(names, said);
                for event in &events {
                    aggregate = aggregate.evolve(event, next).expect("the domain evolves what it decides");
                    next = next.next();
                }
            }
        }
    }
}
