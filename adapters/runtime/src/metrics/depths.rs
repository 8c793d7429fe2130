//! Lines for each queue, bounded: the first queues in the order of their names have lines of their own, and the others
//! are summed into one. Does not know what is summed.

use std::collections::BTreeMap;

use domain::names::{Scope, StorageUnitName};

/// How many queues have lines of their own.
pub(super) const QUEUES_MAX: usize = 200;
/// What stands for unit and scope of all the others; no unit can have this name.
pub(super) const OTHERS: &str = "(others)";

/// Something for each queue.
pub(super) struct PerQueue<T> {
    queues: BTreeMap<(String, String), T>,
    others: Option<T>,
}

impl<T> PerQueue<T> {
    /// Gathers what there is for each queue, and lets `add` sum what is beyond the limit.
    pub(super) fn gather(
        items: impl IntoIterator<Item = ((StorageUnitName, Scope), T)>,
        add: impl Fn(&mut T, T),
    ) -> Self {
        let mut queues = BTreeMap::new();
        for ((unit, scope), item) in items {
            queues.insert((unit.to_string(), scope.to_string()), item);
        }
        let mut others = None;
        while queues.len() > QUEUES_MAX {
            let Some((_, item)) = queues.pop_last() else { break };
            match &mut others {
                None => others = Some(item),
                Some(others) => add(others, item),
            }
        }
        Self { queues, others }
    }

    /// Unit, scope and item of each line.
    pub(super) fn lines(self) -> impl Iterator<Item = (String, String, T)> {
        let others = self.others.map(|item| (OTHERS.to_owned(), OTHERS.to_owned(), item));
        self.queues.into_iter().map(|((unit, scope), item)| (unit, scope, item)).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<(String, String, usize)> {
        let queue = |number: usize| {
            let unit = StorageUnitName::new(format!("u{number:04}")).unwrap();
            ((unit, Scope::new("raw").unwrap()), 1)
        };
        PerQueue::gather((0..count).rev().map(queue), |sum, more| *sum += more).lines().collect()
    }

    #[test]
    fn every_queue_has_a_line_up_to_the_limit() {
        let lines = lines(QUEUES_MAX);
        assert_eq!(lines.len(), QUEUES_MAX);
        assert!(lines.iter().all(|(unit, _, count)| unit != OTHERS && *count == 1));
    }

    #[test]
    fn the_queues_beyond_the_limit_are_summed_into_one_line() {
        let lines = lines(QUEUES_MAX + 30);
        assert_eq!((lines.len(), lines[0].0.as_str()), (QUEUES_MAX + 1, "u0000"));
        assert_eq!(lines[QUEUES_MAX], (OTHERS.to_owned(), OTHERS.to_owned(), 30));
    }

    #[test]
    fn no_unit_can_be_called_what_stands_for_the_others() {
        assert!(StorageUnitName::new(OTHERS).is_err());
    }
}
