//! API keys by example.

use super::*;

fn given(history: &[Event]) -> ApiKey {
    history.iter().fold(ApiKey::default(), |key, event| key.evolve(event).expect("the history is possible"))
}

/// Given a history, when a command arrives at second 100, then it ends so; and what it records folds.
#[expect(clippy::needless_pass_by_value, reason = "an example reads better without references")]
fn check(history: &[Event], command: Command, expected: Result<Vec<Event>, Refusal>) {
    let key = given(history);
    let outcome = key.decide(&command, at(100));
    assert_eq!(outcome, expected, "{command:?}");
    for event in outcome.into_iter().flatten() {
        key.clone().evolve(&event).expect("what was decided folds");
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn secret(number: u8) -> Digest {
    Digest([number; 32])
}

fn issued() -> Issued {
    let name = KeyName::new("nightly").expect("a valid name");
    Issued { name, role: Role::Operator, secret: secret(1), expires_at: Some(at(200)) }
}

const NO_GRACE: Millis = Millis(0);

#[test]
fn a_key_is_issued_once() {
    check(&[], Command::Issue(issued()), Ok(vec![Event::Issued(issued())]));
    check(&[Event::Issued(issued())], Command::Issue(issued()), Err(Refusal::AlreadyExists));
    let history = [Event::Issued(issued()), Event::Revoked];
    check(&history, Command::Issue(issued()), Err(Refusal::AlreadyExists));
}

#[test]
fn a_key_that_would_be_over_at_once_is_not_issued() {
    let over = Issued { expires_at: Some(at(100)), ..issued() };
    check(&[], Command::Issue(over), Err(Refusal::ExpiresInThePast { at: at(100) }));
}

#[test]
fn a_rotation_replaces_the_secret() {
    let history = [Event::Issued(issued())];
    let rotated = |previous| Event::Rotated(Rotated { secret: secret(2), previous });
    let rotate = |grace_ms| Command::Rotate { secret: secret(2), grace_ms };
    check(&history, rotate(NO_GRACE), Ok(vec![rotated(None)]));
    let previous = Previous { secret: secret(1), until: at(160) };
    check(&history, rotate(Millis::from_secs(60)), Ok(vec![rotated(Some(previous))]));
    check(&history, rotate(Millis(GRACE_MAX.0 + 1)), Err(Refusal::GraceTooLong));
    check(&history, Command::Rotate { secret: secret(1), grace_ms: NO_GRACE }, Ok(Vec::new()));
    check(&[], rotate(NO_GRACE), Err(Refusal::DoesNotExist));
    check(&[Event::Issued(issued()), Event::Revoked], rotate(NO_GRACE), Err(Refusal::Revoked));
    let over = Issued { expires_at: Some(at(90)), ..issued() };
    check(&[Event::Issued(over)], rotate(NO_GRACE), Err(Refusal::Expired { at: at(90) }));
}

#[test]
fn a_replaced_secret_is_valid_for_as_long_as_was_said_and_no_longer() {
    let previous = Previous { secret: secret(1), until: at(160) };
    let key = given(&[
        Event::Issued(issued()),
        Event::Rotated(Rotated { secret: secret(2), previous: Some(previous) }),
    ]);
    let settings = key.settings().expect("it is in use");
    assert_eq!(settings.secrets(at(159)).collect::<Vec<_>>(), [&secret(2), &secret(1)]);
    assert_eq!(settings.secrets(at(160)).collect::<Vec<_>>(), [&secret(2)]);
}

#[test]
fn a_key_ends_at_the_instant_that_was_said() {
    let key = given(&[Event::Issued(issued())]);
    let settings = key.settings().expect("it is in use");
    assert_eq!((settings.is_expired(at(199)), settings.is_expired(at(200))), (false, true));
}

#[test]
fn a_revocation_is_for_ever() {
    check(&[], Command::Revoke, Err(Refusal::DoesNotExist));
    check(&[Event::Issued(issued())], Command::Revoke, Ok(vec![Event::Revoked]));
    check(&[Event::Issued(issued()), Event::Revoked], Command::Revoke, Ok(Vec::new()));
    assert_eq!(given(&[Event::Issued(issued()), Event::Revoked]).settings(), None);
}

#[test]
fn what_no_decision_can_have_led_to_is_impossible() {
    let impossible = ApiKey::default().evolve(&Event::Revoked).unwrap_err();
    assert_eq!(impossible.to_string(), "revoked cannot follow absent");
}

#[test]
fn a_role_survives_its_word() {
    for role in Role::ALL {
        assert_eq!(role.name().parse(), Ok(role));
    }
    assert!("root".parse::<Role>().is_err());
}
