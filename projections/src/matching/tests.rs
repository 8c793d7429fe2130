//! Filters on rows, by example and at random.

use domain::envelope::Command;
use domain::time::Timestamp;
use domain::work::{self, Change, Priority, Status};
use proptest::prelude::*;

use super::*;
use crate::fold::fold;
use crate::histories::{History, campaign, scope_of};

fn rows(history: &History) -> Vec<KeyScopeRow> {
    fold::<KeyScopes>(&history.events).into_values().collect()
}

#[test]
fn a_filter_without_conditions_matches_everything() {
    let choices: Vec<u32> = (1..200_u32).map(|step| step.wrapping_mul(0x85EB_CA6B)).collect();
    let rows = rows(&History::of(&choices));
    assert!(!rows.is_empty() && rows.iter().all(|row| row.matches(&Filter::default())));
}

#[test]
fn a_row_matches_when_each_condition_holds_and_no_longer_when_one_does_not() {
    let mut history = History::default();
    let queue = work::Command::Queue { campaign: Some(campaign(1)), priority: Priority::Normal };
    history.send(Command::work(scope_of("docs", "ocr", "päth/2"), queue));
    let row = rows(&history).remove(0);
    let filter = Filter {
        status: Some(Status::Queued),
        held: Some(false),
        campaign: Some(campaign(1)),
        error_code: None,
        key_prefix: Some("pä".to_owned()),
        change: None,
        ever_finished: Some(false),
        finished_since: None,
        finished_before: None,
        updated_since: Some(row.updated_at),
        updated_before: Some(Timestamp::MAX),
        restart_count_min: Some(0),
    };
    assert!(row.matches(&filter));
    let others = [
        Filter { status: Some(Status::Failed), ..filter.clone() },
        Filter { held: Some(true), ..filter.clone() },
        Filter { campaign: Some(campaign(2)), ..filter.clone() },
        Filter { error_code: Some("exit_1".to_owned()), ..filter.clone() },
        Filter { key_prefix: Some("pa".to_owned()), ..filter.clone() },
        Filter { change: Some(Change::First), ..filter.clone() },
        Filter { ever_finished: Some(true), ..filter.clone() },
        Filter { finished_since: Some(Timestamp::default()), ..filter.clone() },
        Filter { finished_before: Some(Timestamp::MAX), ..filter.clone() },
        Filter { updated_since: Some(Timestamp::MAX), ..filter.clone() },
        Filter { updated_before: Some(row.updated_at), ..filter.clone() },
        Filter { restart_count_min: Some(1), ..filter },
    ];
    for other in others {
        assert!(!row.matches(&other), "{other}");
    }
}

/// Whether the question that a filter is turned into finds a row: what the store of rows does with it.
fn finds(query: &Query, row: &KeyScopeRow) -> bool {
    let (key, values) = (KeyScopes::row_key(&row.id()), KeyScopes::values(row));
    let query = Query { limit: 1, ..query.clone() };
    let (keys, _) = query.keys_of(KeyScopes::COLUMNS, [(key.as_str(), values.as_slice())]).unwrap();
    keys == [key]
}

fn filter() -> impl Strategy<Value = Filter> {
    let code = prop::option::of((0..40_u32).prop_map(|number| format!("E{number}")));
    let prefix = prop::option::of(prop::sample::select(vec!["", "1", "pä", "päth/", "x"]));
    let time = || prop::option::of((0..4_000_000_000_i64).prop_map(Timestamp::from_micros));
    let few = (prop::option::of(prop::sample::select(Status::ALL.to_vec())), prop::option::of(any::<bool>()));
    (few, code, prefix, prop::option::of(any::<bool>()), time(), time(), prop::option::of(0..3_u32)).prop_map(
        |((status, held), error_code, prefix, ever_finished, finished_since, updated_before, min)| Filter {
            status,
            held,
            error_code,
            key_prefix: prefix.map(str::to_owned),
            ever_finished,
            finished_since,
            updated_before,
            restart_count_min: min,
            ..Filter::default()
        },
    )
}

proptest! {
    #[test]
    fn no_row_that_matches_is_missed_by_the_columns(
        filter in filter(), choices in prop::collection::vec(any::<u32>(), 0..200)
    ) {
        for row in rows(&History::of(&choices)) {
            for place in [(None, None), (Some(&row.unit), None), (Some(&row.unit), Some(&row.scope))] {
                let found = finds(&query(place, &filter), &row);
                prop_assert!(found || !row.matches(&filter), "{} missed {:?}", filter, row);
                if columns_say_everything(&filter) {
                    prop_assert_eq!(found, row.matches(&filter));
                }
            }
        }
    }
}
