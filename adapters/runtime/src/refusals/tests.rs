//! Counting refusals by example.

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(0).plus(Millis::from_secs(seconds))
}

fn knock(address: u32) -> Knock {
    Knock {
        cause: Cause::UnknownKey,
        key: None,
        address: Some(IpAddr::from(address.to_be_bytes())),
        method: "GET".to_owned(),
        route: "/v1/overview".to_owned(),
    }
}

fn counts(refusals: &Refusals, address: u32, seconds: u64) -> Vec<u32> {
    let due = refusals.count(knock(address), at(seconds));
    due.into_iter().map(|(_, refused)| refused.count.get()).collect()
}

#[test]
fn the_same_refusal_is_recorded_once_a_minute_with_its_count() {
    let refusals = Refusals::default();
    assert_eq!(counts(&refusals, 1, 0), [1]);
    assert_eq!(counts(&refusals, 1, 1), [0_u32; 0]);
    assert_eq!(counts(&refusals, 1, 59), [0_u32; 0]);
    // The two that were counted, and then this one begins anew.
    assert_eq!(counts(&refusals, 1, 60), [2]);
    assert_eq!(counts(&refusals, 1, 120), [1]);
}

#[test]
fn no_flood_of_addresses_records_more_than_the_limit_in_a_minute() {
    let refusals = Refusals::default();
    let recorded: usize = (0..10_000).map(|address| counts(&refusals, address, 0).len()).sum();
    assert_eq!(recorded, ORIGINS_MAX + 1);
}

#[test]
fn what_a_key_may_not_do_is_recorded_where_the_key_belongs() {
    let acme = OrganizationId::new("acme").unwrap();
    let key = ApiKeyId(uuid::Uuid::from_u128(7));
    let by_key = Knock { cause: Cause::NoRight, key: Some((key, acme.clone())), ..knock(1) };
    let due = Refusals::default().count(by_key, at(0));
    let [(organization, refused)] = due.as_slice() else { panic!("one event, not {due:?}") };
    assert_eq!((organization, refused.key), (&acme, Some(key)));
}
