//! Whatever is done to a proof is noticed, and whoever knows a head knows the log.

use domain::names::EventId;
use domain::stream::{Position, Version};
use domain::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::proof::{NoProof, Proof, Proven, check};
use super::*;
use crate::StoredEvent;
use crate::cloud_events::LogId;

const LOG: LogId = LogId(Uuid::from_u128(7));

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    stream: String,
    version: u64,
    actor: String,
}

impl Row {
    fn metadata(&self) -> Vec<u8> {
        let actor = &self.actor;
        format!(
            r#"{{"recorded_at":"2026-01-31T12:00:00.000000Z","command_id":"00000000-0000-0000-0000-000000000001","actor":"{actor}","organization":"acme"}}"#
        )
        .into_bytes()
    }
}

/// Streams that share a lane with the first one, and one that does not.
fn streams() -> Vec<String> {
    let lane = |name: &str| Proof::new(LOG, name).lane();
    let name = |number: u32| format!("key_scope-docs/raw/{number}");
    let wanted = lane(&name(0));
    let mut streams: Vec<String> =
        (0..2_000_000).map(name).filter(|name| lane(name) == wanted).take(3).collect();
    streams.push(name(1));
    assert_eq!(streams.len(), 4);
    streams
}

/// A log in which the streams take turns as said.
fn log(turns: &[usize]) -> Vec<Row> {
    static STREAMS: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(streams);
    let mut versions = [0; 4];
    let row = |turn: &usize| {
        versions[*turn] += 1;
        Row { stream: STREAMS[*turn].clone(), version: versions[*turn] - 1, actor: "mara".to_owned() }
    };
    turns.iter().map(row).collect()
}

fn each(rows: &[Row], mut visit: impl FnMut(&StoredEvent<'_>)) {
    for (row, position) in rows.iter().zip(1..) {
        visit(&StoredEvent {
            position: Position::row(position),
            stream: &row.stream,
            version: Version(row.version),
            id: EventId(Uuid::from_u128(position.into())),
            type_name: "key_scope.held",
            schema: 1,
            payload: b"{}",
            metadata: &row.metadata(),
        });
    }
}

fn chain(rows: &[Row]) -> Chain {
    let (mut chain, mut leaves) = (Chain::new(LOG), Leaves::default());
    each(rows, |stored| chain.add(stored.position, &leaves.leaf(stored)));
    chain
}

fn proof(rows: &[Row], stream: &str, signer: Option<&Signer>) -> Vec<u8> {
    let mut proof = Proof::new(LOG, stream);
    each(rows, |stored| proof.add(stored).unwrap());
    let recorded_at: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    proof.write(&chain(rows), |head| signer.map(|signer| signer.sign(head, recorded_at)))
}

/// What somebody finds who trusts a head.
fn check_against(head: &Head, proof: &[u8]) -> Result<Proven, NoProof> {
    check(proof).and_then(|proven| if proven.head == *head { Ok(proven) } else { Err(NoProof::Different) })
}

const TURNS: [usize; 10] = [0, 1, 3, 0, 2, 0, 3, 1, 0, 3];

fn lines(proof: &[u8]) -> Vec<&[u8]> {
    proof.split_inclusive(|byte| *byte == b'\n').collect()
}

proptest! {
    // Each head is 65,535 hashes.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_history_is_proven_and_no_other_head_fits(turns in prop::collection::vec(0_usize..4, 1..20)) {
        let rows = log(&turns);
        let head = chain(&rows).head();
        for row in &rows {
            let proven = check_against(&head, &proof(&rows, &row.stream, None)).unwrap();
            let events = rows.iter().filter(|other| other.stream == row.stream).count() as u64;
            prop_assert_eq!((&proven.stream, proven.events), (&row.stream, events));
        }
    }

    #[test]
    fn a_head_changes_with_everything_in_the_log(
        turns in prop::collection::vec(0_usize..4, 1..12), at in any::<prop::sample::Index>(),
    ) {
        let rows = log(&turns);
        let head = chain(&rows).head();
        let mut changed = rows.clone();
        changed[at.index(rows.len())].actor.push('!');
        prop_assert_ne!(chain(&changed).head(), head);
        let mut dropped = rows.clone();
        dropped.remove(at.index(rows.len()));
        prop_assert_ne!(chain(&dropped).head(), head);
    }
}

#[test]
fn every_flipped_byte_of_a_proof_is_noticed() {
    let rows = log(&TURNS);
    for signer in [None, Some(Signer::new([9; 32]))] {
        let whole = proof(&rows, &rows[0].stream, signer.as_ref());
        assert_eq!(check(&whole).unwrap().events, 4);
        for at in 0..whole.len() {
            for flip in [0x01, 0x02, 0x20, 0x80, 0xff] {
                let mut flipped = whole.clone();
                flipped[at] ^= flip;
                assert!(check(&flipped).is_err(), "byte {at} of {} flipped with {flip:#x}", whole.len());
            }
        }
    }
}

#[test]
fn a_proof_cut_off_anywhere_is_noticed() {
    let rows = log(&TURNS);
    let whole = proof(&rows, &rows[0].stream, None);
    for length in 0..whole.len() {
        assert!(check(&whole[..length]).is_err(), "the first {length} of {} bytes", whole.len());
    }
}

#[test]
fn an_event_that_is_dropped_doubled_or_moved_is_noticed() {
    let rows = log(&TURNS);
    let whole = proof(&rows, &rows[0].stream, None);
    let lines = lines(&whole);
    // Four of the stream, and three of others in its lane.
    assert_eq!(lines.len(), 1 + 4 + 3);
    for at in 1..lines.len() {
        let (before, after) = (lines[..at].concat(), lines[at + 1..].concat());
        assert!(check(&[&before[..], &after].concat()).is_err(), "line {at} dropped");
        assert!(check(&[&before[..], lines[at], lines[at], &after].concat()).is_err(), "line {at} doubled");
        for other in at + 1..lines.len() {
            let mut moved = lines.clone();
            moved.swap(at, other);
            assert!(check(&moved.concat()).is_err(), "lines {at} and {other} swapped");
        }
    }
}

#[test]
fn who_makes_a_whole_proof_of_a_shorter_history_has_another_head() {
    let rows = log(&TURNS);
    let head = chain(&rows).head();
    let forged = |rows: &[Row]| check_against(&head, &proof(rows, &rows[0].stream, None));
    assert!(forged(&rows).is_ok());
    for last in 1..rows.len() {
        assert_eq!(forged(&rows[..last]), Err(NoProof::Different), "the log ends after {last}");
    }
    for left_out in 0..rows.len() {
        let mut without = rows.clone();
        without.remove(left_out);
        for (version, row) in (0..).zip(without.iter_mut().filter(|row| row.stream == rows[left_out].stream))
        {
            row.version = version;
        }
        let proof = proof(&without, &rows[0].stream, None);
        assert!(check_against(&head, &proof).is_err(), "event {left_out} left out");
    }
}

#[test]
fn an_event_of_the_stream_is_not_hidden_behind_its_hash() {
    let rows = log(&TURNS);
    let whole = proof(&rows, &rows[0].stream, None);
    // As if the last event of the stream were somebody else's.
    let mut leaves = Leaves::default();
    let mut hidden = String::new();
    each(&rows, |stored| {
        let leaf = leaves.leaf(stored);
        if stored.stream == rows[0].stream {
            hidden =
                format!("{{\"stream_hash\":\"{}\",\"content_hash\":\"{}\"}}\n", leaf.stream, leaf.content);
        }
    });
    let mut lines = lines(&whole);
    let last = lines.len() - 1;
    assert!(lines[last].starts_with(b"{\"specversion\""));
    lines[last] = hidden.as_bytes();
    let changed = String::from_utf8(lines.concat()).unwrap().replacen("\"events\":4", "\"events\":3", 1);
    assert!(matches!(check(changed.as_bytes()), Err(NoProof::Order { .. })));
}

#[test]
fn a_stream_without_events_is_proven_to_have_none() {
    let rows = log(&[1, 2, 1]);
    let stream = log(&[0]).remove(0).stream;
    let proven = check_against(&chain(&rows).head(), &proof(&rows, &stream, None)).unwrap();
    assert_eq!((proven.stream, proven.events), (stream, 0));
}

#[test]
fn a_signature_is_that_of_its_key_and_head() {
    let rows = log(&TURNS);
    let signer = Signer::new([3; 32]);
    let proven = check(&proof(&rows, &rows[0].stream, Some(&signer))).unwrap();
    let signature = proven.signature.unwrap();
    assert_eq!(signature.public_key, signer.public_key());
    assert_eq!(signature.check(&proven.head), Ok(()));
    let other = chain(&rows[..3]).head();
    assert_eq!(signature.check(&other), Err(BadSignature));
    let later = HeadSignature { recorded_at: Timestamp::MAX, ..signature };
    assert_eq!(later.check(&proven.head), Err(BadSignature));
    let stranger = HeadSignature { public_key: Signer::new([4; 32]).public_key(), ..signature };
    assert_eq!(stranger.check(&proven.head), Err(BadSignature));
    assert_eq!(Signer::parse(&"03".repeat(32)).unwrap().public_key(), signer.public_key());
    assert!(Signer::parse("03").is_err());
}

#[test]
fn a_chain_that_was_kept_goes_on_as_if_it_had_never_stopped() {
    let rows = log(&TURNS);
    let half = chain(&rows[..5]);
    let mut kept = Chain::kept(LOG, half.position(), half.link(), half.ends());
    let mut leaves = Leaves::default();
    each(&rows, |stored| {
        if stored.position > half.position() {
            kept.add(stored.position, &leaves.leaf(stored));
        }
    });
    assert_eq!(kept.head(), chain(&rows).head());
}
