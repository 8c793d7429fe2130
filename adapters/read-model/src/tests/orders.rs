//! Lists in any order answer what rows in memory answer, page by page, while the rows move; and follow an index.

use std::collections::BTreeSet;

use domain::names::TaskId;
use domain::task;
use domain::time::Millis;
use projections::read_model::{Direction, Order, Test};
use projections::views::Tasks;

use super::*;

/// Tasks with random neighbours in every column that lists go by.
fn created(count: u32) -> History {
    let mut history = History::default();
    for number in 1..=count {
        history.pass(Millis(u64::from(number % 3) * 1_000));
        let name = ["Invoice", "résumé", "100%_sure"][number as usize % 3];
        let payload = serde_json::json!({
            "workspace": 1 + number % 2, "batch": 1 + number % 3, "external_id": format!("IN/{number}"),
            "display_name": name, "context": {},
            "priority": if number % 4 == 0 { "high" } else { "low" },
            "plan": { "recognition": true, "review": "by_users", "export": true },
        });
        let create = task::Command::Create(serde_json::from_value(payload).unwrap());
        history.send(Command::Task(id(number), create));
    }
    history
}

fn id(number: u32) -> TaskId {
    TaskId::new(number.into()).unwrap()
}

/// Something happens to one of the tasks.
fn shake(history: &mut History, count: u32, choice: u32) -> u32 {
    let number = 1 + choice % count;
    history.pass(Millis(u64::from(choice % 2) * 700));
    let work = |command| task::Command::Work { stage: task::Stage::PreProcessing, command };
    let command = match choice / count % 6 {
        0 => task::Command::Hold,
        1 => task::Command::Release,
        2 => task::Command::Restart { campaign: None },
        3 => task::Command::Delete,
        4 => task::Command::Resolve { outcome: task::Resolution::Failed, text: "by hand".to_owned() },
        _ => {
            let worker = domain::names::WorkerId::new("w1").unwrap();
            work(work::Command::Claim { worker, lease_ms: Millis(30_000) })
        }
    };
    history.send(Command::Task(id(number), command));
    number
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn integers(numbers: &[i64]) -> Test {
    Test::OneOf(numbers.iter().map(|number| Value::Integer(*number)).collect())
}

fn filters() -> impl Strategy<Value = Vec<(&'static str, Test)>> {
    let organization = ("organization", Test::Is(text("default")));
    let statuses = prop::sample::subsequence(vec![30_i64, 31, 32, 1_080], 0..4);
    let one = prop_oneof![
        statuses.prop_map(|numbers| ("status", integers(&numbers))),
        Just(("status", integers(&[30, 30, 31]))),
        Just(("screen", Test::OneOf(vec![text("inbox"), text("history")]))),
        Just(("screen", Test::Is(text("inbox")))),
        (1..4_i64).prop_map(|number| ("workspace", Test::Is(Value::Integer(number)))),
        (1..4_i64).prop_map(|number| ("batch", Test::Is(Value::Integer(number)))),
        Just(("held", Test::Present)),
        Just(("held", Test::Is(Value::Absent))),
        (0..3_i64).prop_map(|least| ("restart_count", Test::From(Value::Integer(least)))),
        (0..40_000_000_i64).prop_map(|at| ("created_us", Test::From(Value::Integer(at)))),
        (0..40_000_000_i64).prop_map(|at| ("updated_us", Test::Before(Value::Integer(at)))),
        Just(("worker", Test::Is(text("w1")))),
        prop::sample::select(vec!["voi", "ré", "%", "_", "in/1", "INV"])
            .prop_map(|part| ("text", Test::Contains(part.to_owned()))),
    ];
    prop::collection::vec(one, 0..4).prop_map(move |mut filters| {
        filters.push(organization.clone());
        filters
    })
}

fn order() -> impl Strategy<Value = Order> {
    let columns = vec![
        None,
        Some("created_us"),
        Some("updated_us"),
        Some("restart_count"),
        Some("status"),
        Some("text"),
        Some("worker"),
    ];
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    (prop::sample::select(columns), direction).prop_map(|(by, direction)| Order { by, direction })
}

/// What rows in memory answer.
fn expected(events: &[Arc<RecordedEvent>], query: &Query) -> (Vec<String>, Option<String>) {
    let rows: Vec<_> =
        fold::<Tasks>(events).into_iter().map(|(key, row)| (key, Tasks::values(&row))).collect();
    let rows = rows.iter().map(|(key, values)| (key.as_str(), values.as_slice()));
    query.keys_of(Tasks::COLUMNS, rows).unwrap()
}

async fn page(model: &SqliteReadModel, query: &Query) -> (Vec<String>, Option<String>) {
    let page = model.list(query.clone()).await.unwrap();
    (page.rows.into_iter().map(|(key, _)| key).collect(), page.next)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_page_is_the_one_that_rows_in_memory_make(
        filters in filters(), order in order(), limit in 1..9_usize,
        choices in prop::collection::vec(any::<u32>(), 0..60),
    ) {
        let mut history = created(24);
        choices.iter().for_each(|choice| { shake(&mut history, 24, *choice); });
        let folder = TempDir::new().unwrap();
        run(async {
            let model = open(&folder);
            model.apply(history.events.clone()).await.unwrap();
            let mut query = Query { view: Tasks::NAME, filters, order, ..Query::page(limit) };
            loop {
                let found = page(&model, &query).await;
                assert_eq!(found, expected(&history.events, &query), "{query:?}");
                query.after = found.1;
                if query.after.is_none() {
                    break;
                }
            }
        });
    }

    #[test]
    fn what_nobody_touches_between_two_pages_is_on_exactly_one(
        filters in filters(), order in order(), limit in 1..6_usize,
        choices in prop::collection::vec(any::<u32>(), 1..40),
    ) {
        let mut history = created(20);
        let folder = TempDir::new().unwrap();
        run(async {
            let model = open(&folder);
            model.apply(history.events.clone()).await.unwrap();
            let mut query = Query { view: Tasks::NAME, filters, order, ..Query::page(limit) };
            let all = Query { limit: 1_000, ..query.clone() };
            let mut expected: BTreeSet<String> = expected(&history.events, &all).0.into_iter().collect();
            let (mut seen, mut choices) = (Vec::new(), choices.iter());
            loop {
                let (keys, next) = page(&model, &query).await;
                seen.extend(keys);
                query.after = next;
                if query.after.is_none() {
                    break;
                }
                let known = history.events.len();
                for choice in choices.by_ref().take(2) {
                    let touched = Tasks::row_key(id(shake(&mut history, 20, *choice)));
                    expected.remove(&touched);
                    seen.retain(|key| *key != touched);
                }
                model.apply(history.events[known..].to_vec()).await.unwrap();
            }
            // One that was touched after its page may come again; those are not counted.
            seen.retain(|key| expected.contains(key));
            let once: BTreeSet<_> = seen.iter().cloned().collect();
            assert_eq!(seen.len(), once.len(), "none comes twice");
            assert_eq!(once, expected);
        });
    }
}

/// How SQLite goes about a question.
fn plan(model: &SqliteReadModel, filters: Vec<(&'static str, Test)>, order: Order, is_later: bool) -> String {
    let after = is_later.then(|| {
        let value = order.by.map(|_| Value::Integer(7));
        order.cursor(&projections::read_model::Place { value, key: "0001".to_owned() })
    });
    let query = Query { view: Tasks::NAME, filters, order, after, ..Query::page(100) };
    let select = Select::new(model.inner.live(Tasks::NAME).unwrap(), &query, 100).unwrap();
    let reader = file::open_reader(&model.inner.path).unwrap();
    let mut statement = reader.prepare(&format!("EXPLAIN QUERY PLAN {}", select.sql)).unwrap();
    let values = vec!["x"; select.values.len()];
    let lines = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
    lines.collect::<Result<Vec<String>, _>>().unwrap().join("; ")
}

#[test]
fn the_usual_lists_of_tasks_follow_an_index_and_sort_nothing() {
    let folder = TempDir::new().unwrap();
    let model = open(&folder);
    let organization = || ("organization", Test::Is(text("default")));
    let (created, updated) = ("created_us", "updated_us");
    let inbox = || ("screen", Test::Is(text("inbox")));
    let screens = || ("screen", Test::OneOf(vec![text("inbox"), text("history")]));
    let statuses = || ("status", integers(&[30, 31, 32]));
    let range = || ("created_us", Test::From(Value::Integer(5)));
    let cases = [
        (vec![organization(), inbox()], created, "c_organization=? AND c_screen=?"),
        (vec![organization(), inbox()], updated, "c_organization=? AND c_screen=?"),
        (vec![organization(), screens()], created, "c_organization=? AND c_screen=?"),
        (vec![organization(), screens()], updated, "c_organization=? AND c_screen=?"),
        (vec![organization(), ("status", integers(&[30]))], created, "c_organization=? AND c_status=?"),
        (vec![organization(), statuses()], created, "c_organization=? AND c_status=?"),
        (vec![organization(), statuses(), inbox(), range()], created, "c_organization=? AND c_status=?"),
        (
            vec![organization(), statuses(), ("workspace", Test::Is(Value::Integer(1)))],
            created,
            "c_organization=? AND c_workspace=? AND c_status=?",
        ),
        (
            vec![organization(), statuses(), ("batch", Test::Is(Value::Integer(1)))],
            created,
            "c_batch=? AND c_status=?",
        ),
    ];
    for (filters, column, searched) in cases {
        for direction in [Direction::Ascending, Direction::Descending] {
            for is_later in [false, true] {
                let plan = plan(&model, filters.clone(), Order::by(column, direction), is_later);
                assert!(plan.contains(searched), "{filters:?} {column}: {plan}");
                assert!(
                    !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                    "{filters:?} {column}: {plan}"
                );
                let is_ranged = plan.contains(&format!("{column}>?"))
                    || plan.contains(&format!("{column}<?"))
                    || plan.contains("(c_created_us,key)")
                    || plan.contains("(c_updated_us,key)");
                assert!(!is_later || is_ranged, "a later page starts where the one before ended: {plan}");
            }
        }
    }
}

#[test]
fn a_filter_that_leaves_few_is_followed_before_an_order() {
    let folder = TempDir::new().unwrap();
    let model = open(&folder);
    let filters = |column: &'static str, test: Test| {
        let organization = ("organization", Test::Is(text("default")));
        vec![organization, ("screen", Test::Is(text("inbox"))), (column, test)]
    };
    let is = |value: &str| Test::Is(text(value));
    let cases = [("worker", is("w1")), ("warned", Test::Is(Value::Integer(1))), ("error_code", is("E1"))];
    for (column, test) in cases {
        let order = Order::by("created_us", Direction::Ascending);
        let plan = plan(&model, filters(column, test), order, false);
        assert!(plan.contains(&format!("(c_{column}=?)")), "{column}: {plan}");
    }
    let order = Order::default();
    let plan = plan(&model, filters("external_id", is("IN/1")), order, false);
    assert!(plan.contains("(c_organization=? AND c_external_id=?"), "{plan}");
}
