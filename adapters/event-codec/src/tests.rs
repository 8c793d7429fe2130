//! Fixtures, upcasters, round trips. A fixture of an old schema version stays for ever and must load for ever.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::event::{Metadata, RecordedCommand};
use domain::names::{Actor, CommandId, EventId, Key, OrganizationId};
use domain::ports::{Append, NewEvent};
use domain::stream::{ExpectedVersion, StreamId};
use domain::time::Timestamp;
use domain::{campaign, key_scope, work};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// The fixtures by type name and schema version.
fn fixtures() -> BTreeMap<(String, u16), Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let (type_name, schema) = name.strip_suffix(".json").unwrap().rsplit_once(".v").unwrap();
            ((type_name.to_owned(), schema.parse().unwrap()), fs::read(&path).unwrap())
        })
        .collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn every_stored_type_has_a_fixture_of_every_schema_version() {
    let written: Vec<_> = fixtures().into_keys().collect();
    let mut wanted: Vec<_> = stored_types()
        .flat_map(|(name, newest)| (1..=newest).map(move |schema| (name.to_owned(), schema)))
        .collect();
    wanted.sort();
    assert_eq!(written, wanted);
}

#[test]
fn every_fixture_loads_as_an_event_of_its_type() {
    for ((type_name, schema), payload) in fixtures() {
        let event = decode(&type_name, schema, &payload).unwrap();
        assert_eq!(EventType::of(&event).name(), type_name);
    }
}

#[test]
fn a_fixture_of_the_newest_schema_is_written_back_as_it_was() {
    let newest: BTreeMap<_, _> = stored_types().collect();
    for ((type_name, schema), payload) in fixtures() {
        if newest[type_name.as_str()] != schema {
            continue;
        }
        let encoded = encode(&decode(&type_name, schema, &payload).unwrap());
        assert_eq!((encoded.type_name, encoded.schema), (type_name.as_str(), schema));
        assert_eq!(json(&encoded.payload), json(&payload), "{type_name}");
    }
}

#[test]
fn a_member_that_came_later_is_optional_and_kept() {
    let payload = br#"{"modules":{"raw":[{"module":"ocr"},{"module":"words","input":"previous"}]}}"#;
    let encoded = encode(&decode("storage_unit.modules_set", 1, payload).unwrap());
    assert_eq!((encoded.schema, json(&encoded.payload)), (1, json(payload)));
}

#[test]
fn no_stored_name_is_used_twice() {
    let names: Vec<_> = stored_types().map(|(name, _)| name).collect();
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(names.len(), distinct.len());
}

#[test]
fn an_unknown_type_is_named_with_what_to_do() {
    let error = decode("task.beamed_up", 1, b"{}").unwrap_err();
    assert_eq!(error.to_string(), "the event type 'task.beamed_up' is not known here; use a newer reprise");
}

#[test]
fn a_newer_schema_is_named_with_what_to_do() {
    let error = decode("key_scope.queued", 9, b"{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "'key_scope.queued' has schema 9, and 1 is the newest known here; use a newer reprise"
    );
}

#[test]
fn a_payload_that_does_not_fit_its_type_is_refused() {
    for payload in
        [&b"{}"[..], b"", b"null", b"{\"attempt\":1} {}", b"{\"attempt\":\"1\"}", b"{\"attempt\":-1}"]
    {
        let error = decode("key_scope.process_started", 1, payload).unwrap_err();
        assert!(
            matches!(error, CodecError::Payload { type_name: "key_scope.process_started", .. }),
            "{error}"
        );
    }
    assert!(decode("key_scope.held", 1, b"[1]").is_err());
}

/// The worked example of `docs/adding-an-event.md`: as if `campaign.advanced` had once, in a schema 0, called its cursor
/// `last_key` and not counted for how many keys something was recorded.
const EXAMPLE: &[Upcaster] = &[Upcaster {
    type_name: "campaign.advanced",
    from: 0,
    step: |mut json| {
        let object = json.as_object_mut().ok_or("not an object")?;
        let cursor = object.remove("last_key").ok_or("last_key is missing")?;
        let keys = object.get("keys").cloned().ok_or("keys is missing")?;
        object.insert("cursor".to_owned(), cursor);
        object.insert("asked".to_owned(), keys);
        Ok(json)
    },
}];

#[test]
fn an_old_schema_is_led_to_the_newest_by_its_upcaster() {
    let old = br#"{"last_key":"k\u00e4y","keys":7}"#;
    let now = campaign::Advanced { cursor: Key::new("käy").unwrap(), keys: 7, asked: 7 };
    assert_eq!(
        decode_with(EXAMPLE, "campaign.advanced", 0, old),
        Ok(Event::Campaign(campaign::Event::Advanced(now)))
    );
    let error = decode_with(EXAMPLE, "campaign.advanced", 0, br#"{"keys":7}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload of 'campaign.advanced' with schema 0 cannot be read: last_key is missing"
    );
}

#[test]
fn a_schema_that_was_never_written_is_refused() {
    let error = decode("campaign.advanced", 0, b"{}").unwrap_err();
    assert_eq!(error, CodecError::NoUpcaster { type_name: "campaign.advanced", schema: 0 });
}

fn metadata() -> Metadata {
    Metadata {
        recorded_at: Timestamp::from_micros(1_769_860_800_000_000),
        command_id: CommandId(Uuid::from_u128(1)),
        idempotency_key: None,
        command: Some(RecordedCommand::from(json!({ "name": "queue", "body": {} }))),
        actor: Actor::new("Zoë").unwrap(),
        reason: None,
        causation_id: None,
        correlation_id: Some(Uuid::from_u128(2)),
        organization: OrganizationId::default_organization(),
    }
}

#[test]
fn metadata_are_stored_compactly_and_read_back() {
    let stored = encode_metadata(&metadata());
    let expected = r#"{"recorded_at":"2026-01-31T12:00:00.000000Z","command_id":"00000000-0000-0000-0000-000000000001","command":{"body":{},"name":"queue"},"actor":"Zoë","correlation_id":"00000000-0000-0000-0000-000000000002","organization":"default"}"#;
    assert_eq!(String::from_utf8(stored.clone()).unwrap(), expected);
    assert_eq!(decode_metadata(&stored), Ok(metadata()));
    assert!(decode_metadata(b"{}").is_err());
}

fn append(events: Vec<Event>) -> Append {
    let id = |index| EventId(Uuid::from_u128(index));
    Append {
        stream: StreamId::from_stored("key_scope-u/s/k"),
        expected: ExpectedVersion::NoStream,
        events: (0..).zip(events).map(|(index, event)| NewEvent { id: id(index), event }).collect(),
        metadata: Arc::new(metadata()),
    }
}

#[test]
fn only_the_first_event_of_an_append_carries_the_command() {
    let held = || Event::KeyScope(key_scope::Event::Work(work::Event::Held));
    let rows = encode_append(&append(vec![held(), held(), held()])).unwrap();
    let commands: Vec<_> =
        rows.iter().map(|row| decode_metadata(&row.metadata).unwrap().command.is_some()).collect();
    assert_eq!(commands, [true, false, false]);
}

#[test]
fn what_no_store_takes_is_refused_before_it_reaches_one() {
    assert_eq!(encode_append(&append(Vec::new())), Err(Refused::NoEvents));
    let failed = work::Failed {
        attempt: 1,
        campaign: None,
        code: String::new(),
        text: "x".repeat(EVENT_BYTES_MAX),
        failures: 1,
        retry_at: None,
    };
    let large = Event::KeyScope(key_scope::Event::Work(work::Event::Failed(failed)));
    assert!(matches!(
        encode_append(&append(vec![large])),
        Err(Refused::TooLarge { type_name: "key_scope.failed", .. })
    ));
}

proptest! {
    #[test]
    fn any_text_and_number_survives(
        text in any::<String>(), code in any::<String>(), attempt in any::<u32>(), micros in 0_i64..253_402_300_800_000_000,
    ) {
        let retry_at = (attempt % 2 == 0).then(|| Timestamp::from_micros(micros));
        let campaign = (attempt % 3 == 0).then(|| domain::names::CampaignId(Uuid::from_u128(u128::from(attempt))));
        let failed = work::Failed { attempt, campaign, code, text, failures: attempt, retry_at };
        let event = Event::KeyScope(key_scope::Event::Work(work::Event::Failed(failed)));
        let stored = encode(&event);
        prop_assert_eq!(decode(stored.type_name, stored.schema, &stored.payload), Ok(event));
    }
}
