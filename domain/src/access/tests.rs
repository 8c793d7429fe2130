//! Refused accesses by example.

use super::*;

#[test]
fn every_refusal_that_arrives_is_recorded_as_it_is() {
    let refused = Refused {
        cause: Cause::NoKey,
        key: None,
        address: Some(IpAddr::from([127, 0, 0, 1])),
        method: "GET".to_owned(),
        route: "/v1/overview".to_owned(),
        count: NonZeroU32::MIN,
    };
    let command = Command::RecordRefusal(refused.clone());
    assert_eq!(Access.decide(&command), [Event::Refused(refused.clone())]);
    assert_eq!(Access.evolve(&Event::Refused(refused)), Access);
}
