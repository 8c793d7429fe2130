//! What is written comes back byte for byte, and nothing else comes in.

use domain::event::RecordedCommand;
use domain::names::{Actor, CommandId, EventId, IdempotencyKey, OrganizationId, StorageUnitName};
use domain::ports::ArchiveFilter;
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{StoredEvent, encode_metadata};

const LOG: LogId = LogId(Uuid::from_u128(7));

/// A row that a store could hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    stream: String,
    version: u64,
    id: u128,
    type_name: &'static str,
    payload: Vec<u8>,
    metadata: Vec<u8>,
}

impl Row {
    fn stored(&self, position: u64) -> StoredEvent<'_> {
        StoredEvent {
            position: Position::row(position),
            stream: &self.stream,
            version: Version(self.version),
            id: EventId(Uuid::from_u128(self.id)),
            type_name: self.type_name,
            schema: 1,
            payload: &self.payload,
            metadata: &self.metadata,
        }
    }
}

const PAYLOADS: [(&str, &str); 3] = [
    ("key_scope.held", "{}"),
    ("key_scope.process_started", r#"{"attempt":3}"#),
    ("record.scope_deleted", r#"{"scope":"a \" ü"}"#),
];

fn metadata() -> impl Strategy<Value = Vec<u8>> {
    let texts = (".{0,12}", proptest::option::of(".{0,40}"), proptest::option::of("[ -~]{1,20}"));
    let ids = (any::<u128>(), proptest::option::of(any::<u128>()), proptest::option::of(any::<u128>()));
    let command = proptest::option::of((".{0,20}", any::<f64>().prop_filter("no JSON", |f| f.is_finite())));
    (texts, ids, command, 0_i64..4_000_000_000_000_000, any::<bool>()).prop_map(
        |((actor, reason, key), (id, cause, together), command, at, later)| {
            let metadata = domain::event::Metadata {
                recorded_at: Timestamp::from_micros(at),
                command_id: CommandId(Uuid::from_u128(id)),
                idempotency_key: key.and_then(|key| IdempotencyKey::new(key).ok()),
                command: command.map(|(text, number)| {
                    RecordedCommand::from(json!({ "name": text, "body": { "n": number } }))
                }),
                actor: Actor::new(actor).unwrap_or_else(|_| Actor::system()),
                reason,
                causation_id: cause.map(Uuid::from_u128),
                correlation_id: together.map(Uuid::from_u128),
                organization: OrganizationId::default_organization(),
            };
            let mut stored = encode_metadata(&metadata);
            if later {
                // As a later program may write it.
                stored.pop();
                stored.extend_from_slice(br#","mood":"good"}"#);
            }
            stored
        },
    )
}

/// Rows of a log in order: versions of each stream from 0 on.
fn history() -> impl Strategy<Value = Vec<Row>> {
    let row = (0_usize..4, 0_usize..PAYLOADS.len(), any::<u128>(), metadata());
    proptest::collection::vec(row, 0..12).prop_map(|rows| {
        let mut versions = [0; 4];
        let mut history = Vec::new();
        for (stream, payload, id, metadata) in rows {
            let (type_name, payload) = PAYLOADS[payload];
            history.push(Row {
                stream: format!("key_scope-docs/raw/{stream}%20x"),
                version: versions[stream],
                id,
                type_name,
                payload: payload.into(),
                metadata,
            });
            versions[stream] += 1;
        }
        history
    })
}

fn export(rows: &[Row]) -> Vec<u8> {
    let (mut lines, filter) = (Vec::new(), ArchiveFilter::default());
    for (row, position) in rows.iter().zip(1..) {
        assert!(write_line(LOG, &row.stored(position), &filter, &mut lines).unwrap());
    }
    let until = Position::row(rows.len() as u64);
    lines.extend(write_end(LOG, Position::START, until, &filter, rows.len() as u64));
    lines
}

fn import(lines: &[u8]) -> Result<Vec<Row>, BadLine> {
    let (mut reader, mut rows) = (LineReader::default(), Vec::new());
    for line in lines.strip_suffix(b"\n").unwrap_or(lines).split(|byte| *byte == b'\n') {
        if let Some(event) = reader.line(line)? {
            let stored = event.stored();
            let known = PAYLOADS.iter().find(|(name, _)| *name == stored.type_name);
            rows.push(Row {
                stream: stored.stream.to_owned(),
                version: stored.version.0,
                id: stored.id.0.as_u128(),
                type_name: known.unwrap().0,
                payload: stored.payload.into(),
                metadata: stored.metadata.into(),
            });
        }
    }
    assert_eq!(reader.end(), Some(End { log: LOG, events: rows.len() as u64 }));
    Ok(rows)
}

proptest! {
    #[test]
    fn what_is_exported_comes_back_byte_for_byte(history in history()) {
        let exported = export(&history);
        let imported = import(&exported).unwrap();
        prop_assert_eq!(&imported, &history);
        prop_assert_eq!(export(&imported), exported);
    }

    #[test]
    fn every_line_is_a_cloud_event(history in history()) {
        for line in String::from_utf8(export(&history)).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            for (name, value) in line.as_object().unwrap() {
                let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
                prop_assert!(name.chars().all(plain), "{}", name);
                prop_assert!(name == "data" || value.is_string() || value.is_u64(), "{}", name);
            }
            prop_assert_eq!(&line["specversion"], "1.0");
            for required in ["id", "source", "type"] {
                prop_assert!(line[required].as_str().is_some_and(|text| !text.is_empty()));
            }
        }
    }

    #[test]
    fn an_export_without_one_of_its_lines_is_refused(history in history(), which in any::<prop::sample::Index>()) {
        prop_assume!(!history.is_empty());
        let exported = String::from_utf8(export(&history)).unwrap();
        let mut lines: Vec<&str> = exported.lines().collect();
        lines.remove(which.index(history.len()));
        prop_assert!(import(lines.join("\n").as_bytes()).is_err());
    }
}

/// Three events of two streams.
fn three() -> Vec<Row> {
    let metadata = |actor: &str| {
        format!(
            r#"{{"recorded_at":"2026-01-31T12:00:00.000000Z","command_id":"00000000-0000-0000-0000-000000000001","actor":"{actor}","organization":"acme"}}"#
        )
    };
    let row = |stream: &str, version, actor: &str| Row {
        stream: stream.to_owned(),
        version,
        id: u128::from(version),
        type_name: "key_scope.held",
        payload: b"{}".into(),
        metadata: metadata(actor).into_bytes(),
    };
    vec![
        row("key_scope-a/b/c", 0, "mara"),
        row("key_scope-x/b/c", 0, "jo"),
        row("key_scope-a/b/c", 1, "mara"),
    ]
}

fn changed(from: &str, to: &str) -> BadLine {
    let exported = String::from_utf8(export(&three())).unwrap();
    assert!(exported.contains(from), "{exported}");
    import(exported.replacen(from, to, 1).as_bytes()).unwrap_err()
}

#[test]
fn a_line_is_written_as_the_manual_shows_it() {
    let mut lines = Vec::new();
    write_line(LOG, &three()[2].stored(3), &ArchiveFilter::default(), &mut lines).unwrap();
    let expected = r#"{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"urn:uuid:00000000-0000-0000-0000-000000000007","type":"key_scope.held","subject":"key_scope-a/b/c","time":"2026-01-31T12:00:00.000000Z","datacontenttype":"application/json","position":"3","version":"1","schemaversion":1,"organization":"acme","actor":"mara","commandid":"00000000-0000-0000-0000-000000000001","data":{}}
"#;
    assert_eq!(String::from_utf8(lines).unwrap(), expected);
}

#[test]
fn what_is_not_as_it_was_written_is_refused() {
    assert!(matches!(changed("{\"spec", "{ \"spec"), BadLine::NotCanonical));
    assert!(matches!(changed("\"data\":{}", "\"data\":{} "), BadLine::NotCanonical));
    assert!(matches!(changed("\"events\":3", "\"events\": 3"), BadLine::NotCanonical));
    assert!(matches!(changed("\"jo\"", "\"j\\u006f\""), BadLine::NotCanonical));
    assert!(matches!(changed("\"jo\",", "\"jo\",\"mood\":1,"), BadLine::Form(_)));
    assert!(matches!(changed("{\"spec", "spec"), BadLine::Form(_)));
    assert!(matches!(changed("key_scope.held", "key_scope.beamed"), BadLine::Codec(_)));
    assert!(matches!(changed("\"data\":{}", "\"data\":[1]"), BadLine::Codec(_)));
    assert!(matches!(changed("acme", "a/b"), BadLine::Codec(_)));
}

#[test]
fn what_does_not_follow_is_refused() {
    assert!(matches!(changed("\"position\":\"1\"", "\"position\":\"2\""), BadLine::WrongPosition { .. }));
    assert!(matches!(changed("\"version\":\"1\"", "\"version\":\"2\""), BadLine::WrongVersion { .. }));
    assert!(matches!(changed("000000000007", "000000000008"), BadLine::OtherLog { .. }));
    let wrong_count = changed("-whole-3\"", "-whole-2\"");
    assert!(matches!(wrong_count, BadLine::NotCanonical), "{wrong_count}");
    let more = [export(&three()), b"{}".to_vec()].concat();
    assert_eq!(import(&more).unwrap_err(), BadLine::AfterEnd);
}

#[test]
fn a_part_of_a_log_is_not_taken_for_the_whole() {
    let (mut lines, filter) =
        (Vec::new(), ArchiveFilter { stream_prefix: "key_scope-a".to_owned(), ..ArchiveFilter::default() });
    write_line(LOG, &three()[0].stored(1), &filter, &mut lines).unwrap();
    lines.extend(write_end(LOG, Position::START, Position::row(1), &filter, 1));
    assert_eq!(import(&lines).unwrap_err(), BadLine::Part);
}

#[test]
fn a_filter_wants_what_fits_everything_it_says() {
    let everything = ArchiveFilter::default();
    let rows = three();
    let wanted = |filter: &ArchiveFilter| -> Vec<u64> {
        let fits = |(row, position): &(&Row, u64)| {
            let stored = row.stored(*position);
            let stream = domain::stream::StreamId::from_stored(stored.stream);
            filter.wants(&stream, stored.type_name)
                && write_line(LOG, &stored, filter, &mut Vec::new()).unwrap()
        };
        rows.iter().zip(1..).filter(fits).map(|(_, position)| position).collect()
    };
    let noon: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    let unit = StorageUnitName::new("x").unwrap();
    assert_eq!(wanted(&everything), [1, 2, 3]);
    assert_eq!(wanted(&ArchiveFilter { unit: Some(unit), ..everything.clone() }), [2]);
    assert_eq!(wanted(&ArchiveFilter { stream_prefix: "key_scope-a".into(), ..everything.clone() }), [1, 3]);
    assert_eq!(wanted(&ArchiveFilter { kinds: vec!["key_scope".into()], ..everything.clone() }), [1, 2, 3]);
    assert_eq!(wanted(&ArchiveFilter { kinds: vec!["campaign".into()], ..everything.clone() }), [0; 0]);
    assert_eq!(wanted(&ArchiveFilter { since: Some(noon), ..everything.clone() }), [1, 2, 3]);
    assert_eq!(wanted(&ArchiveFilter { before: Some(noon), ..everything.clone() }), [0; 0]);
    let other = OrganizationId::default_organization();
    assert_eq!(wanted(&ArchiveFilter { organization: Some(other), ..everything }), [0; 0]);
}
