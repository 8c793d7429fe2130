//! Where a server may listen.

use super::check_insecure;

#[test]
fn what_can_be_reached_from_elsewhere_needs_tls_or_the_word_that_the_network_is_safe() {
    for (listen, tls, insecure_http, allowed) in [
        ("127.0.0.1:1", false, false, true),
        ("[::1]:1", false, false, true),
        ("127.0.0.1:1", true, false, true),
        ("0.0.0.0:1", false, false, false),
        ("[::]:1", false, false, false),
        ("192.0.2.1:1", false, false, false),
        ("0.0.0.0:1", true, false, true),
        ("192.0.2.1:1", false, true, true),
        ("192.0.2.1:1", true, true, true),
    ] {
        let checked = check_insecure(listen.parse().unwrap(), tls, insecure_http);
        assert_eq!(checked.is_ok(), allowed, "{listen} {tls} {insecure_http}: {checked:?}");
    }
}
