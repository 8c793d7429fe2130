//! The rule of zones.

use super::*;

fn read(text: &str) -> Result<String, Code> {
    Zones::new("LOCAL_ZONE").read(text).map(|key| key.to_string()).map_err(|failure| failure.code)
}

#[test]
fn a_key_without_a_zone_is_one_of_the_local_zone() {
    assert_eq!(read("a/b"), Ok("a/b".to_owned()));
    assert_eq!(read("LOCAL_ZONE:a/b"), Ok("a/b".to_owned()));
    assert_eq!(read("EAST:a"), Ok("EAST:a".to_owned()));
}

#[test]
fn neither_part_of_a_key_is_empty_or_has_a_colon() {
    for text in ["", ":", ":a", "EAST:", "a:b:c", "LOCAL_ZONE:a:b", "LOCAL_ZONE:", "EAST:..", "a\u{7}"] {
        assert_eq!(read(text), Err(Code::InvalidKey), "{text:?}");
    }
}

#[test]
fn a_reported_key_always_carries_its_zone() {
    let zones = Zones::new("LOCAL_ZONE");
    let shown = |text| zones.show(&Key::new(text).unwrap());
    assert_eq!((shown("a"), shown("EAST:a")), ("LOCAL_ZONE:a".to_owned(), "EAST:a".to_owned()));
}
