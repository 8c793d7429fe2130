//! Filters on tasks by example.

use super::*;

fn read(json: &str) -> Result<TaskFilter, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn a_filter_survives_its_json_and_leaves_out_what_it_does_not_say() {
    let json = r#"{"status":["PreProcessingFailed","ToReview"],"workspace":7,"text":"Müller","stuck":true,"created_since":"2026-01-31T12:00:00.000000Z","restart_count_min":2}"#;
    let filter = read(json).expect("a filter");
    assert_eq!(serde_json::to_string(&filter).expect("a filter is JSON"), json);
    assert_eq!(serde_json::to_string(&TaskFilter::default()).expect("a filter is JSON"), "{}");
    assert!(read(r#"{"color":"red"}"#).is_err());
}

#[test]
fn statuses_are_one_or_many_by_name_or_number() {
    let expected = vec![TaskStatus::PreProcessingFailed, TaskStatus::ToReview];
    for json in [
        r#"{"status":["ToReview","PreProcessingFailed"]}"#,
        r#"{"status":[1050,32,"ToReview"]}"#,
        r#"{"status":"ToReview,PreProcessingFailed"}"#,
        r#"{"status":"32, 1050"}"#,
    ] {
        assert_eq!(read(json).expect("a filter").status, expected, "{json}");
    }
    assert_eq!(read(r#"{"status":32}"#).expect("a filter").status, [TaskStatus::PreProcessingFailed]);
    assert_eq!(read(r#"{"status":null}"#).expect("a filter"), TaskFilter::default());
    let many = format!(r#"{{"status":"{}"}}"#, "ToReview,".repeat(99) + "ToReview");
    assert_eq!(read(&many).expect("one status, often").status, [TaskStatus::ToReview]);
    for json in [r#"{"status":""}"#, r#"{"status":[1]}"#, r#"{"status":["toreview"]}"#, r#"{"status":true}"#]
    {
        assert!(read(json).is_err(), "{json}");
    }
    let error = read(r#"{"status":"Done"}"#).expect_err("no status").to_string();
    assert!(error.contains("there is no status 'Done'; use one of Deleting, Deleted"), "{error}");
}

#[test]
fn a_text_to_search_for_is_short_and_has_no_control_characters() {
    assert_eq!("50% _off".parse::<SearchText>().expect("a text").as_str(), "50% _off");
    for text in ["", "a\nb", &"x".repeat(257)] {
        assert!(text.parse::<SearchText>().is_err(), "{text:?}");
    }
}

#[test]
fn a_filter_says_in_words_what_it_asks_for() {
    let json = r#"{"status":[31,32],"screen":"inbox","batch":3,"text":"inv","held":false,"stuck":true,"restart_count_min":1}"#;
    let words = "PreProcessingInProgress or PreProcessingFailed, in the inbox, of batch 3, with 'inv' in a name, \
                 not held, stuck, restarted at least 1 times";
    assert_eq!(read(json).expect("a filter").to_string(), words);
    assert_eq!(TaskFilter::default().to_string(), "no condition");
}
