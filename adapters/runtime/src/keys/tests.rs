//! The table of keys by example.

use domain::api_key::{Issued, Rotated};

use super::*;

const ID: ApiKeyId = ApiKeyId(uuid::Uuid::from_u128(1));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn secret(number: u8) -> Digest {
    Digest([number; 32])
}

fn acme() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

fn table(events: &[api_key::Event]) -> Keys {
    let keys = Keys::default();
    for (version, event) in (0..).zip(events) {
        keys.apply(ID, &acme(), Version(version), event);
    }
    keys
}

fn issued() -> api_key::Event {
    let name = KeyName::new("nightly").unwrap();
    let (role, secret, expires_at) = (Role::Worker, secret(1), Some(at(100)));
    api_key::Event::Issued(Issued { name, role, secret, expires_at })
}

fn cause(keys: &Keys, presented: u8, now: i64) -> Result<Role, Cause> {
    let holder = keys.authenticate(ID, &secret(presented), at(now));
    holder.map(|holder| holder.role).map_err(|denied| denied.cause)
}

#[test]
fn only_the_secret_of_a_key_lets_in_and_only_while_it_is_valid() {
    let keys = table(&[issued()]);
    assert_eq!(cause(&keys, 1, 0), Ok(Role::Worker));
    assert_eq!(cause(&keys, 2, 0), Err(Cause::UnknownKey));
    assert_eq!(cause(&keys, 1, 100), Err(Cause::ExpiredKey));
    assert_eq!(cause(&table(&[]), 1, 0), Err(Cause::UnknownKey));
    assert_eq!(cause(&table(&[issued(), api_key::Event::Revoked]), 1, 0), Err(Cause::RevokedKey));
}

#[test]
fn a_replaced_secret_lets_in_until_its_time_is_up() {
    let previous = api_key::Previous { secret: secret(1), until: at(50) };
    let rotated = api_key::Event::Rotated(Rotated { secret: secret(2), previous: Some(previous) });
    let keys = table(&[issued(), rotated]);
    assert_eq!(cause(&keys, 2, 60), Ok(Role::Worker));
    assert_eq!(cause(&keys, 1, 49), Ok(Role::Worker));
    assert_eq!(cause(&keys, 1, 50), Err(Cause::UnknownKey));
}

#[test]
fn an_event_that_comes_again_changes_nothing() {
    let keys = table(&[issued(), api_key::Event::Revoked]);
    keys.apply(ID, &acme(), Version(0), &issued());
    assert_eq!(cause(&keys, 1, 0), Err(Cause::RevokedKey));
}

#[test]
fn the_door_stays_closed_when_the_last_key_is_revoked() {
    assert!(!table(&[]).any());
    assert!(table(&[issued(), api_key::Event::Revoked]).any());
}
