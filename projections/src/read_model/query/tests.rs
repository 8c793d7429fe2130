//! Questions answered from rows in memory: each test by example, and pages at random.

use proptest::prelude::*;

use super::*;
use crate::view::ColumnKind;

const COLUMNS: &[Column] =
    &[Column { name: "name", kind: ColumnKind::Text }, Column { name: "size", kind: ColumnKind::Integer }];

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_test_holds_for_the_values_that_it_names_and_for_no_absent_one() {
    let five = || Value::Integer(5);
    let check = |test: Test, expected: [bool; 3]| {
        let found = [text("five"), five(), Value::Absent].map(|value| test.holds(&value));
        assert_eq!(found, expected, "{test:?}");
    };
    check(Test::Is(five()), [false, true, false]);
    check(Test::Is(Value::Absent), [false, false, true]);
    check(Test::OneOf(vec![text("five"), text("six")]), [true, false, false]);
    check(Test::OneOf(Vec::new()), [false, false, false]);
    check(Test::OneOf(vec![Value::Absent]), [false, false, false]);
    check(Test::Present, [true, true, false]);
    check(Test::From(five()), [false, true, false]);
    check(Test::From(Value::Integer(6)), [false, false, false]);
    check(Test::Before(Value::Integer(6)), [true, true, false]);
    check(Test::Before(five()), [true, false, false]);
    check(Test::Contains("iv".to_owned()), [true, false, false]);
    check(Test::Contains("IV".to_owned()), [false, false, false]);
}

#[test]
fn a_cursor_of_another_order_is_refused() {
    let orders = [
        Order { by: None, direction: Direction::Descending },
        Order::by("size", Direction::Ascending),
        Order::by("size", Direction::Descending),
        Order::by("name", Direction::Ascending),
    ];
    let place = |order: Order| Place {
        value: order.by.map(|column| if column == "size" { Value::Integer(-3) } else { text("[1]") }),
        key: "k\"1".to_owned(),
    };
    for given in orders {
        let cursor = given.cursor(&place(given));
        for asked in orders {
            let query = Query { order: asked, after: Some(cursor.clone()), ..Query::page(1) };
            let expected =
                if asked == given { Ok(Some(place(given))) } else { Err(ReadModelError::BadCursor) };
            assert_eq!(query.start(), expected, "{given:?} {asked:?}");
        }
    }
    let order = Order::by("size", Direction::Ascending);
    for after in ["", "k1", "[]", "[\"size\",\"ascending\",1.5,\"k\"]", "[\"size\",\"ascending\",null,\"k\"]"]
    {
        let query = Query { order, after: Some(after.to_owned()), ..Query::page(1) };
        assert_eq!(query.start(), Err(ReadModelError::BadCursor), "{after}");
    }
}

fn order() -> impl Strategy<Value = Order> {
    let by = prop::sample::select(vec![None, Some("name"), Some("size")]);
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    (by, direction).prop_map(|(by, direction)| Order { by, direction })
}

proptest! {
    #[test]
    fn pages_hold_each_row_that_has_a_value_once_and_in_order(
        rows in prop::collection::btree_map("[ab]{0,3}", prop::option::of(0..4_i64), 0..30),
        order in order(),
        limit in 1..7_usize,
    ) {
        let value = |size: Option<i64>| size.map_or(Value::Absent, Value::Integer);
        let rows: Vec<(String, Vec<Value>)> =
            rows.into_iter().map(|(key, size)| (key.clone(), vec![text(&key), value(size)])).collect();
        let given = || rows.iter().map(|(key, values)| (key.as_str(), values.as_slice()));
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = Query { order, after, ..Query::page(limit) };
            let (keys, next) = query.keys_of(COLUMNS, given()).expect("columns and cursor are known");
            prop_assert!(keys.len() <= limit);
            found.extend(keys);
            after = next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<_> = rows
            .iter()
            .filter(|(_, values)| order.by != Some("size") || values[1] != Value::Absent)
            .map(|(key, values)| (if order.by == Some("size") { values[1].clone() } else { Value::Absent }, key.clone()))
            .collect();
        expected.sort();
        if order.direction == Direction::Descending {
            expected.reverse();
        }
        prop_assert_eq!(found, expected.into_iter().map(|(_, key)| key).collect::<Vec<_>>());
    }
}
