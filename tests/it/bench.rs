//! The benchmark as a person runs it, at a scale at which its figures say nothing: that there are all of them, and that
//! nothing stays behind.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use tests::binary::run;

/// The figures of a report, by `row.figure`.
fn figures(report: &Value) -> BTreeMap<String, f64> {
    let rows = report["rows"].as_array().unwrap().iter();
    let figures = rows.flat_map(|row| {
        let figures = row["figures"].as_array().unwrap().iter();
        figures.map(move |figure| {
            let name = format!("{}.{}", row["row"].as_str().unwrap(), figure["name"].as_str().unwrap());
            (name, figure["value"].as_f64().unwrap())
        })
    });
    figures.collect()
}

/// Every figure of every row.
const FIGURES: &[&str] = &[
    "append.raw_1",
    "append.raw_4096",
    "append.raw_64",
    "append.store_1",
    "append.store_4096",
    "append.store_64",
    "board-at.board_median",
    "board-at.board_p99",
    "board-at.events",
    "board-at.snapshot_rate",
    "board-at.snapshots",
    "cycle-100.cycles_per_second",
    "cycle-100.load_cpu",
    "cycle-100.round_median",
    "cycle-100.round_p99",
    "cycle-100.server_cpu",
    "cycle.cycles_per_second",
    "cycle.load_cpu",
    "cycle.round_median",
    "cycle.round_p99",
    "cycle.server_cpu",
    "disk.hashes",
    "disk.index",
    "disk.log",
    "disk.per_cycle",
    "disk.views",
    "echo.p99_64",
    "echo.requests_per_second_64",
    "echo.round_trip_1",
    "export.bytes_per_event",
    "export.bytes_per_event_zstd",
    "export.events_per_second",
    "export.events_per_second_zstd",
    "fold.aggregates",
    "fold.events_per_second",
    "fold.key_scope",
    "fsync.events_per_second_1",
    "fsync.events_per_second_4096",
    "fsync.events_per_second_64",
    "http-command.echo_p99",
    "http-command.echo_requests_per_second",
    "http-command.median",
    "http-command.p99",
    "http-command.requests_per_second",
    "http-command.server_cpu",
    "import.events_per_second",
    "long-poll.held_median",
    "long-poll.held_p99",
    "long-poll.queued_median",
    "long-poll.queued_p99",
    "memory.commands",
    "memory.end",
    "memory.half",
    "memory.peak",
    "memory.ready",
    "memory.walked",
    "overload.accepted",
    "overload.accepted_p99",
    "overload.acknowledged_lost",
    "overload.memory_end",
    "overload.memory_half",
    "overload.memory_peak",
    "overload.offered",
    "overload.refused",
    "overload.refused_without_retry_after",
    "overload.saturated",
    "overload.saturated_p99",
    "pipeline.commands_per_second",
    "pipeline.until_views_show_it",
    "pipeline.with_views",
    "rebuild.beside",
    "rebuild.events_per_second",
    "rebuild.views",
    "reprocess-all.acknowledged",
    "reprocess-all.all_queued",
    "reprocess-all.disk",
    "reprocess-all.disk_per_cycle",
    "reprocess-all.drain_cpu",
    "reprocess-all.drain_rate",
    "reprocess-all.drained",
    "reprocess-all.memory_peak",
    "reprocess-all.memory_peak_queued",
    "reprocess-all.queue_cpu",
    "reprocess-all.queue_rate",
    "reprocess-all.start_all_queued",
    "reprocess-all.start_drained",
    "reprocess-all.views_after_drain",
    "start.ready_after",
    "task-lists.commands_per_second",
    "task-lists.counts_median",
    "task-lists.counts_p99",
    "task-lists.created_per_second",
    "task-lists.filter_median",
    "task-lists.filter_p99",
    "task-lists.page_median",
    "task-lists.page_p99",
    "verify-log.disk",
    "verify-log.events_per_second",
    "verify-log.verified",
    "verify.commands_per_second",
    "verify.events_per_second",
    "visible.commands_per_second",
    "visible.median",
    "visible.p99",
];

#[test]
fn every_row_has_its_figures_and_nothing_stays_behind() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("place");
    std::fs::create_dir(&place).unwrap();
    let place_text = place.to_str().unwrap();
    let ran = run(folder.path(), &["--json", "bench", "--scale", "tiny", "--dir", place_text]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    let figures = figures(&report);
    assert_eq!(figures.keys().map(String::as_str).collect::<Vec<_>>(), FIGURES);
    // What must never happen, what a server that has just become faster need not do, and the processor time that so
    // little work takes, which the system counts in hundredths of a second.
    let may_be_zero =
        ["acknowledged_lost", "refused_without_retry_after", "overload.refused", "server_cpu", "load_cpu"];
    let is_right = |name: &str, value: f64| {
        let may_be_zero = may_be_zero.iter().any(|zero| name.ends_with(zero));
        value.is_finite() && (value > 0.0 || value == 0.0 && may_be_zero)
    };
    let wrong: Vec<_> = figures.iter().filter(|(name, value)| !is_right(name, **value)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for never in ["overload.acknowledged_lost", "overload.refused_without_retry_after"] {
        assert_eq!(figures[never], 0.0, "{never}");
    }

    let keys = report["scale"]["keys"].as_u64().unwrap();
    let cycle = figures["reprocess-all.disk_per_cycle"] * keys as f64 / 1e6;
    assert!((cycle - figures["reprocess-all.disk"]).abs() < 0.01, "disk is that of all cycles: {figures:?}");
    let processes = figures["reprocess-all.memory_peak"] >= figures["reprocess-all.memory_peak_queued"];
    assert!(processes, "the peak covers every part of the run: {figures:?}");
    assert!(figures["long-poll.held_median"] <= figures["long-poll.held_p99"], "{figures:?}");
    let parts = ["disk.log", "disk.index", "disk.hashes", "disk.views"].map(|part| figures[part]);
    assert!(parts.iter().sum::<f64>() <= figures["disk.per_cycle"], "{parts:?}");
    assert_eq!(
        figures["fold.aggregates"],
        report["scale"]["events"].as_f64().unwrap() / 4.0 + 1.0,
        "and the unit"
    );
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "the run has removed its files");
}

#[test]
fn a_figure_is_shown_with_its_limit_and_beside_the_raw_figure_of_the_same_run() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().to_str().unwrap();
    let ran =
        run(folder.path(), &["--json", "bench", "echo", "long-poll", "--scale", "tiny", "--dir", place]);
    let report = ran.json();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| row["row"].as_str().unwrap()).collect::<Vec<_>>(),
        ["echo", "long-poll"]
    );
    let held = &rows[1]["figures"][0];
    assert_eq!((held["name"].as_str(), held["limit"]["at_most"].as_f64()), (Some("held_median"), Some(1.0)));
    assert_eq!(held["kept"].as_bool(), Some(held["value"].as_f64().unwrap() <= 1.0), "{held}");
    let raw = figures(&report)["echo.round_trip_1"];
    let ratio = held["against"]["ratio"].as_f64().unwrap();
    assert!((ratio - held["value"].as_f64().unwrap() / raw).abs() < 1e-9, "{held}");
}

#[test]
fn a_folder_that_is_not_there_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let ran = run(folder.path(), &["bench", "--scale", "tiny", "--dir", "nowhere"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("nowhere") && ran.stderr.contains("--dir"), "{ran:?}");
}
