//! Steps and tries over random histories: what is tried on a copy is what would have happened.

use proptest::prelude::*;

use super::*;
use crate::histories::History;

/// The events of each thing of a history.
fn streams(history: &History) -> Vec<(Subject, Vec<Arc<RecordedEvent>>)> {
    let of = |subject: &Subject| {
        let stream = subject.stream();
        let events = history.events.iter().filter(|event| event.stream == stream).cloned().collect();
        (subject.clone(), events)
    };
    history.aggregates.keys().map(of).collect()
}

proptest! {
    #[test]
    fn a_recorded_command_tried_where_it_was_sent_records_what_it_recorded_then(
        choices in proptest::collection::vec(any::<u32>(), 0..80),
    ) {
        let history = History::of(&choices);
        for (subject, stream) in streams(&history) {
            for (index, event) in stream.iter().enumerate() {
                let is_first = index == 0 || stream[index - 1].metadata.command_id != event.metadata.command_id;
                let Some(command) = event.metadata.command.clone().filter(|_| is_first) else { continue };
                let command = Command::from_recorded(subject.clone(), &command).unwrap();
                let tried = attempt(&subject, &stream[..index], &command, event.metadata.recorded_at);
                let of_command = |it: &&Arc<RecordedEvent>| it.metadata.command_id == event.metadata.command_id;
                let then: Vec<String> = stream[index..]
                    .iter()
                    .take_while(of_command)
                    .map(|event| event_name(&event.event))
                    .collect();
                let names: Vec<String> = tried.unwrap().events.into_iter().map(|(name, _)| name).collect();
                prop_assert_eq!(names, then);
            }
        }
    }

    #[test]
    fn the_changes_of_every_step_lead_from_one_state_to_the_next(
        choices in proptest::collection::vec(any::<u32>(), 0..80),
    ) {
        let history = History::of(&choices);
        for (_, stream) in streams(&history) {
            let steps = steps(&stream);
            prop_assert_eq!(steps.len(), stream.len());
            let mut before = nothing();
            for step in steps {
                prop_assert_eq!(telling_differences(&before, &step.state), step.entry.changes);
                before = step.state;
            }
        }
    }
}
