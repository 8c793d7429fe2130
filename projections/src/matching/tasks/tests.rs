//! Filters on tasks' rows: what the columns find is what the row itself says.

use std::collections::BTreeMap;

use domain::envelope::Command;
use domain::filter::SearchText;
use domain::names::TaskId;
use domain::task;
use domain::time::{Millis, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::fold::fold;
use crate::histories::History;

/// Whether everything holds that the filter says, by the row itself.
fn matches(row: &TaskRow, filter: &TaskFilter) -> bool {
    let names = format!("{}\n{}", row.display_name, row.external_id.as_ref().map_or("", |id| id.as_str()));
    let says = |text: &SearchText| names.to_lowercase().contains(&text.as_str().to_lowercase());
    let worker = row.work.as_ref().and_then(|work| work.worker.as_ref());
    let code = row.last_error.as_ref().map(|error| &error.code);
    (filter.status.is_empty() || filter.status.contains(&row.status))
        && filter.screen.is_none_or(|screen| row.screen == screen)
        && filter.workspace.is_none_or(|workspace| row.workspace == workspace)
        && filter.batch.is_none_or(|batch| row.batch == Some(batch))
        && filter.external_id.as_ref().is_none_or(|id| row.external_id.as_ref() == Some(id))
        && filter.text.as_ref().is_none_or(says)
        && filter.worker.as_ref().is_none_or(|wanted| worker == Some(wanted))
        && filter.error_code.as_ref().is_none_or(|wanted| code == Some(wanted))
        && filter.campaign.is_none_or(|campaign| row.campaign == Some(campaign))
        && filter.held.is_none_or(|held| row.held == held)
        && filter.stuck.is_none_or(|stuck| row.warning.is_some() == stuck)
        && filter.external_integration_status.as_ref().is_none_or(|it| row.external_integration == *it)
        && filter.created_since.is_none_or(|since| row.created_at >= since)
        && filter.created_before.is_none_or(|before| row.created_at < before)
        && filter.updated_since.is_none_or(|since| row.updated_at >= since)
        && filter.updated_before.is_none_or(|before| row.updated_at < before)
        && filter.restart_count_min.is_none_or(|min| row.restart_count >= min)
}

/// Tasks of two workspaces and batches, and what became of them.
fn rows(choices: &[u32]) -> BTreeMap<String, TaskRow> {
    let mut history = History::default();
    for number in 1..=6_u64 {
        history.pass(Millis(number * 500));
        let name = ["Rechnung Müller", "50% off", "invoice_1"][(number % 3) as usize];
        let payload = serde_json::json!({
            "workspace": 1 + number % 2, "batch": 1 + number % 3, "external_id": format!("IN/{number}"),
            "display_name": name, "context": {},
            "plan": { "recognition": true, "review": "by_users", "export": true },
        });
        let create = task::Command::Create(serde_json::from_value(payload).unwrap());
        history.send(Command::Task(TaskId::new(number).unwrap(), create));
    }
    let mut rows = fold::<Tasks>(&history.events);
    rows.extend(fold::<Tasks>(&History::of(choices).events).into_iter().map(|(key, row)| (key + "x", row)));
    rows
}

fn filter() -> impl Strategy<Value = TaskFilter> {
    let texts = vec!["MÜLLER", "müller", "%", "_", "in/", "invoice", "rechnung", "\u{e9}"];
    let text = prop::option::of(prop::sample::select(texts));
    let statuses = prop::sample::subsequence(TaskStatus::ALL.to_vec(), 0..9);
    let screen = prop::option::of(prop::sample::select(vec![Screen::Inbox, Screen::History]));
    let place = (prop::option::of(1..9_u32), prop::option::of(1..5_u64));
    let flags = (prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    let at = || prop::option::of((0..40_000_000_i64).prop_map(Timestamp::from_micros));
    let few = (prop::option::of(Just("E1")), prop::option::of(Just("w1")), prop::option::of(0..3_u32));
    // Most conditions are left out most of the time, so that something is found.
    (text, statuses, screen, place, flags, (at(), at(), at(), at()), few, any::<u16>()).prop_map(
        |(text, status, screen, (workspace, batch), (held, stuck), times, (code, worker, min), said)| {
            let says = |bit: u32| said & (1 << bit) != 0;
            let number = |number: u32| domain::names::WorkspaceId::new(number).unwrap();
            TaskFilter {
                status: if says(0) { status } else { Vec::new() },
                screen: screen.filter(|_| says(1)),
                workspace: workspace.map(number).filter(|_| says(2)),
                batch: batch.map(|id| domain::names::BatchId::new(id).unwrap()).filter(|_| says(3)),
                text: text.map(|text| text.parse().unwrap()).filter(|_| says(4)),
                held: held.filter(|_| says(5)),
                stuck: stuck.filter(|_| says(6)),
                created_since: times.0.filter(|_| says(7)),
                created_before: times.1.filter(|_| says(8)),
                updated_since: times.2.filter(|_| says(9)),
                updated_before: times.3.filter(|_| says(10)),
                error_code: code.map(str::to_owned).filter(|_| says(11)),
                worker: worker.and_then(|name| name.parse().ok()).filter(|_| says(12)),
                restart_count_min: min.filter(|_| says(13)),
                ..TaskFilter::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn the_columns_find_what_the_row_itself_says(
        filter in filter(), choices in prop::collection::vec(any::<u32>(), 0..120)
    ) {
        let rows = rows(&choices);
        let values: Vec<_> = rows.iter().map(|(key, row)| (key, Tasks::values(row))).collect();
        let query = query(&filter, Order::default(), 1_000);
        let given = values.iter().map(|(key, values)| (key.as_str(), values.as_slice()));
        let (found, _) = query.keys_of(Tasks::COLUMNS, given).expect("every column is there");
        let expected: Vec<_> =
            rows.iter().filter(|(_, row)| matches(row, &filter)).map(|(key, _)| key.clone()).collect();
        prop_assert_eq!(found, expected, "{}", filter);
    }

    #[test]
    fn every_task_has_a_value_in_every_column_that_tasks_are_sorted_by(
        choices in prop::collection::vec(any::<u32>(), 0..120)
    ) {
        for row in rows(&choices).values() {
            for by in SortBy::ALL {
                let name = by.order(Direction::Ascending).by.expect("a column");
                let index = Tasks::COLUMNS.iter().position(|column| column.name == name);
                let values = Tasks::values(row);
                prop_assert_ne!(&values[index.expect("a column of the view")], &Value::Absent);
            }
        }
    }
}
