//! What each kind of value takes and refuses.

use postrider_types::Rate;

use super::super::Config;
use super::{load, problems, rate};

#[test]
fn a_bare_number_is_refused_where_a_unit_is_meant() {
    for (key, value) in [
        ("lease.time", "30"),
        ("cache.bytes_max", "1e6"),
        ("limits.recipient_rate", "0"),
        ("email.size_max", "'10000000'"),
    ] {
        let found = problems(&format!("{key} = {value}"), &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("has no unit; expected "), "{found:?}");
    }
}

#[test]
fn every_range_ends_where_it_says() {
    let is_good = |text: &str| Config::load(text, "", &[]).is_ok();
    for (good, bad) in [
        ("route.connections = 1000", "route.connections = 1001"),
        ("route.connections = 1", "route.connections = -1"),
        ("route.connections = 1_000", "route.connections = 1_001"),
        ("retry.jitter = 0", "retry.jitter = -0.1"),
        ("retry.jitter = 0.5", "retry.jitter = 0.51"),
        ("retry.factor = 10", "retry.factor = nan"),
        ("email.size_max = '1kB'", "email.size_max = '999B'"),
        (
            "lease.time = '1h'\nin_doubt.retry_after = '2h'",
            "lease.time = '3601s'\nin_doubt.retry_after = '2h'",
        ),
        (
            "retention.receipts = 'none'",
            "retention.receipts = '999ms'",
        ),
        ("in_doubt.policy = 'retry'", "in_doubt.policy = 'drop'"),
        ("cache.bytes_max = '64GiB'", "cache.bytes_max = '65GiB'"),
        ("route.idle_timeout = '0s'", "route.idle_timeout = '11m'"),
        ("server.data_dir = 'x y'", "server.data_dir = ' '"),
        ("server.data_dir = 'ü'", "server.data_dir = '\u{fffd}'"),
        ("route.relay = 'smtp://x'", "route.relay = ''"),
        ("route.hostname = 'mx.test'", "route.hostname = 'mx..test'"),
        ("log.filter = 'info,a=debug'", "log.filter = 'inof'"),
        ("log.filter = 'a[b]=trace'", "log.filter = 'a[b=trace'"),
        ("log.format = 'json'", "log.format = 'JSON'"),
        (
            "limits.recipient_rate = 'none'",
            "limits.recipient_rate = '5/x'",
        ),
    ] {
        assert!(is_good(good), "{good}");
        assert!(!is_good(bad), "{bad}");
    }
}

#[test]
fn a_doubt_is_not_taken_up_while_the_first_try_may_be_under_way() {
    let check = |text: &str, expect: &str| {
        let found = problems(text, &[]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains(expect), "{found:?}");
    };
    check(
        "in_doubt.retry_after = '10m'",
        "not longer than timeouts.dot",
    );
    check(
        "in_doubt.retry_after = '601s'",
        "is shorter than timeouts.dot and lease.time",
    );
    check("timeouts.dot = '15m'", "not longer than timeouts.dot");
    check(
        "lease.time = '6m'",
        "is shorter than timeouts.dot and lease.time",
    );
    let short = "timeouts.dot = '1s'\nlease.time = '2s'\nlease.slice = '10ms'\n\
                 in_doubt.retry_after = '3s'";
    assert!(Config::load(short, "", &[]).is_ok());
}

#[test]
fn a_domain_copies_from_the_default_what_it_does_not_say() {
    let limits = load(
        "[limits.domain.'Bücher.example']\nconnections = 3\n\
         [limits.domain.'open.test']\nrate = 'none'\n\
         [limits.default]\nrate = '5/s'\nconnections = 7\n",
    )
    .limits;
    let of = |domain: &str| {
        let limit = limits.of(&domain.parse().unwrap());
        (limit.rate, limit.connections)
    };
    assert_eq!(of("xn--bcher-kva.example"), (rate("5/s"), 3));
    assert_eq!(of("open.test"), (None, 7));
    assert_eq!(of("other.test"), (rate("5/s"), 7));
}

#[test]
fn a_domain_can_be_closed() {
    let limits = load("[limits.domain.'shut.test']\nrate = '0'").limits;
    assert_eq!(
        limits.of(&"shut.test".parse().unwrap()).rate,
        Some(Rate::Closed)
    );
}
