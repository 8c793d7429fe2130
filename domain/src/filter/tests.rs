//! Filters by example.

use super::*;

#[test]
fn a_filter_survives_its_json_and_leaves_out_what_it_does_not_say() {
    let filter = Filter {
        status: Some(Status::Failed),
        error_code: Some("exit_1".to_owned()),
        updated_since: Some(Timestamp::from_micros(1_000_000)),
        ..Filter::default()
    };
    let json = serde_json::to_string(&filter).expect("a filter is JSON");
    let expected =
        r#"{"status":"failed","error_code":"exit_1","updated_since":"1970-01-01T00:00:01.000000Z"}"#;
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<Filter>(&json).expect("it reads back"), filter);
    assert!(serde_json::from_str::<Filter>(r#"{"color":"red"}"#).is_err());
}

#[test]
fn a_filter_says_in_words_what_it_asks_for() {
    let filter = Filter {
        status: Some(Status::Failed),
        key_prefix: Some("2026/".to_owned()),
        ever_finished: Some(false),
        restart_count_min: Some(2),
        ..Filter::default()
    };
    let words = "failed, key begins with '2026/', never finished, restarted at least 2 times";
    assert_eq!(filter.to_string(), words);
    assert_eq!(Filter::default().to_string(), "no condition");
}
