use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const MINUTES: Duration = Duration::from_secs(600);

fn domain() -> Domain {
    "example.test".parse().unwrap()
}

fn found<T>(records: impl IntoIterator<Item = T>) -> Answer<T> {
    Answer::Found {
        records: records.into_iter().collect(),
        ttl: MINUTES,
    }
}

fn records(list: &[(u16, &str)]) -> Answer<MxRecord> {
    found(list.iter().map(|(preference, exchange)| MxRecord {
        preference: *preference,
        exchange: (*exchange).to_owned(),
    }))
}

fn nothing<T>() -> Answer<T> {
    Answer::Nothing { ttl: None }
}

fn unanswered<T>() -> Answer<T> {
    Answer::Unanswered("SERVFAIL".into())
}

fn ask(answer: Answer<MxRecord>, seed: u64) -> Result<Exchanges, DeadEnd> {
    exchanges(&domain(), answer, &mut StdRng::seed_from_u64(seed))
}

/// The names in the order of one seed.
fn names(list: &[(u16, &str)], seed: u64) -> Vec<String> {
    ask(records(list), seed).unwrap().names
}

fn v4(list: &[[u8; 4]]) -> Addresses {
    Addresses {
        v4: found(list.iter().map(|octets| Ipv4Addr::from(*octets))),
        v6: nothing(),
    }
}

const NO_ADDRESS: Addresses = Addresses {
    v4: Answer::Nothing { ttl: None },
    v6: Answer::Nothing { ttl: None },
};

/// What becomes of two MX hosts of which this was said.
fn two(first: Addresses, second: Addresses) -> Result<(Vec<Host>, Duration), DeadEnd> {
    let exchanges = ask(records(&[(1, "a.test."), (2, "b.test.")]), 0).unwrap();
    hosts(exchanges, vec![first, second], 25, Reach::Public)
}

/// What becomes of a domain without MX.
fn implicit(said: Addresses) -> Result<(Vec<Host>, Duration), DeadEnd> {
    hosts(ask(nothing(), 0).unwrap(), vec![said], 25, Reach::Public)
}

#[test]
fn hosts_come_by_preference_and_equals_in_random_order() {
    let list = [
        (20, "C.test."),
        (10, "b.test."),
        (10, "a.test."),
        (5, "d.test."),
    ];
    let orders: Vec<_> = (0..20).map(|seed| names(&list, seed)).collect();
    for order in &orders {
        assert_eq!((order[0].as_str(), order[3].as_str()), ("d.test", "c.test"));
    }
    assert!(orders.iter().any(|order| order[1] == "a.test"));
    assert!(orders.iter().any(|order| order[1] == "b.test"));
}

#[test]
fn chance_changes_neither_which_hosts_are_looked_at_nor_what_the_site_is_known_by() {
    let names: Vec<String> = (0..100).map(|n| format!("mx{n:03}.test.")).collect();
    let list: Vec<(u16, &str)> = names.iter().map(|name| (10, name.as_str())).collect();
    for seed in 0..20 {
        let exchanges = ask(records(&list), seed).unwrap();
        assert_eq!(exchanges.names.len(), HOSTS_MAX);
        assert_eq!(exchanges.best[0], "mx000.test");
        let mut looked_at = exchanges.names;
        looked_at.sort_unstable();
        assert_eq!(looked_at, exchanges.best);
    }
}

#[test]
fn a_host_that_is_named_twice_is_tried_once_where_it_is_best() {
    let list = [(30, "a.test."), (10, "A.TEST."), (20, "b.test.")];
    assert_eq!(names(&list, 0), ["a.test", "b.test"]);
}

#[test]
fn a_null_mx_takes_no_mail_and_beside_others_it_counts_for_nothing() {
    let refused = ask(records(&[(0, ".")]), 0).unwrap_err();
    assert_eq!(refused.0, Reason::NullMx);
    assert_eq!(names(&[(0, "."), (10, "a.test.")], 0), ["a.test"]);
}

#[test]
fn an_mx_that_is_no_host_name_is_not_looked_up() {
    let long = format!("{}.test.", "a".repeat(HOST_NAME_BYTES_MAX));
    for exchange in ["192.0.2.1.", "[192.0.2.1].", "a b.test.", "a..test.", &long] {
        let (reason, _) = ask(records(&[(10, exchange)]), 0).unwrap_err();
        let fault = (exchange.to_owned(), HostFault::NotAName);
        assert_eq!(reason, Reason::NoUsableHost(vec![fault]));
        assert_eq!(names(&[(10, exchange), (20, "a.test.")], 0), ["a.test"]);
    }
    assert_eq!(names(&[(1, "my_host.test.")], 0), ["my_host.test"]);
}

#[test]
fn without_mx_the_domain_is_its_own_host() {
    let exchanges = ask(nothing(), 0).unwrap();
    assert_eq!(exchanges.names, ["example.test"]);
    let (hosts, _) = implicit(v4(&[[192, 0, 2, 1]])).unwrap();
    assert_eq!(hosts[0].name, "example.test");
    assert_eq!(hosts[0].addresses, ["192.0.2.1:25".parse().unwrap()]);
}

#[test]
fn a_domain_that_does_not_exist_is_told_from_one_without_a_mail_host() {
    let gone = Answer::NoName { ttl: None };
    assert_eq!(ask(gone, 0).unwrap_err().0, Reason::NoDomain);
    assert_eq!(implicit(NO_ADDRESS).unwrap_err().0, Reason::NoMailHost);
}

#[test]
fn a_question_without_an_answer_is_never_taken_for_no() {
    let (reason, ttl) = ask(unanswered(), 0).unwrap_err();
    assert_eq!(reason, Reason::Unanswered("SERVFAIL".into()));
    assert_eq!(ttl, UNANSWERED_TTL);
    let half = Addresses {
        v4: nothing(),
        v6: unanswered(),
    };
    let (reason, _) = implicit(half.clone()).unwrap_err();
    assert_eq!(reason, Reason::Unanswered("SERVFAIL".into()));
    let (reason, ttl) = two(NO_ADDRESS, half).unwrap_err();
    assert!(matches!(&reason, Reason::NoUsableHost(faults)
        if matches!(faults[1].1, HostFault::Unanswered(_))));
    assert_eq!(ttl, UNANSWERED_TTL);
}

#[test]
fn a_host_without_address_is_passed_over() {
    let (hosts, ttl) = two(NO_ADDRESS, v4(&[[192, 0, 2, 1]])).unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!((hosts[0].name.as_str(), ttl), ("b.test", MINUTES));
    let (reason, _) = two(NO_ADDRESS, NO_ADDRESS).unwrap_err();
    assert!(matches!(reason, Reason::NoUsableHost(faults) if faults.len() == 2));
}

#[test]
fn when_a_better_host_may_come_back_the_others_are_kept_for_a_short_time() {
    let silent = Addresses {
        v4: unanswered(),
        v6: unanswered(),
    };
    let (hosts, ttl) = two(silent, v4(&[[192, 0, 2, 1]])).unwrap();
    assert_eq!((hosts.len(), ttl), (1, TTL_MIN));
}

#[test]
fn a_host_with_one_family_unanswered_is_asked_again_soon() {
    let half = Addresses {
        v4: unanswered(),
        v6: found([Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)]),
    };
    let (hosts, ttl) = implicit(half).unwrap();
    assert_eq!((hosts.len(), ttl), (1, TTL_MIN));
}

#[test]
fn an_address_inside_is_not_dialled() {
    let inside = v4(&[[10, 0, 0, 1], [192, 0, 2, 1]]);
    let (hosts, _) = two(inside, v4(&[[127, 0, 0, 1]])).unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].addresses, ["192.0.2.1:25".parse().unwrap()]);
    let (reason, _) = implicit(v4(&[[10, 0, 0, 1]])).unwrap_err();
    let fault = HostFault::Forbidden([10, 0, 0, 1].into());
    let faults = vec![("example.test".to_owned(), fault)];
    assert_eq!(reason, Reason::NoUsableHost(faults));
}

#[test]
fn neither_family_crowds_the_other_out_and_addresses_are_bounded() {
    let many = Addresses {
        v4: found((1..=20).map(|n| Ipv4Addr::new(192, 0, 2, n))),
        v6: found([Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)]),
    };
    let (hosts, _) = implicit(many).unwrap();
    let addresses: Vec<String> = hosts[0]
        .addresses
        .iter()
        .map(|a| a.ip().to_string())
        .collect();
    assert_eq!(addresses.len(), ADDRESSES_MAX);
    assert_eq!(addresses[..3], ["192.0.2.1", "2001:db8::1", "192.0.2.2"]);
}

#[test]
fn what_is_known_is_kept_for_its_ttl_within_bounds() {
    let lasting = |seconds| Answer::Found {
        records: vec![Ipv4Addr::new(192, 0, 2, 1)],
        ttl: Duration::from_secs(seconds),
    };
    let kept = |seconds| {
        let said = Addresses {
            v4: lasting(seconds),
            v6: nothing(),
        };
        two(said, NO_ADDRESS).unwrap().1
    };
    assert_eq!(kept(0), TTL_MIN);
    assert_eq!(kept(300), Duration::from_secs(300));
    // The MX records last for ten minutes only.
    assert_eq!(kept(1_000_000), MINUTES);
    let gone = |seconds| Answer::NoName {
        ttl: Some(Duration::from_secs(seconds)),
    };
    assert_eq!(ask(gone(0), 0).unwrap_err().1, NEGATIVE_TTL_MIN);
    assert_eq!(ask(gone(1_000_000), 0).unwrap_err().1, NEGATIVE_TTL_MAX);
}

proptest! {
    #[test]
    fn whatever_dns_says_few_names_are_looked_up_and_only_public_addresses_dialled(
        list in vec((any::<u16>(), "[a-zA-Z0-9._-]{0,20}|\\PC{0,20}"), 1..40),
        v4 in vec(any::<u32>().prop_map(Ipv4Addr::from), 1..20),
        v6 in vec(any::<u128>().prop_map(Ipv6Addr::from), 1..20),
        seed: u64,
    ) {
        let list: Vec<(u16, &str)> = list.iter().map(|(p, name)| (*p, name.as_str())).collect();
        let Ok(exchanges) = ask(records(&list), seed) else {
            return Ok(());
        };
        let names = exchanges.names.clone();
        prop_assert!((1..=HOSTS_MAX).contains(&names.len()));
        for name in &names {
            prop_assert_eq!(host_name(name), Some(name.clone()));
        }
        let said = Addresses { v4: found(v4), v6: found(v6) };
        let said = vec![said; names.len()];
        let hosts = hosts(exchanges, said, 25, Reach::Public).map_or(Vec::new(), |found| found.0);
        for host in &hosts {
            prop_assert!(names.contains(&host.name));
            prop_assert!((1..=ADDRESSES_MAX).contains(&host.addresses.len()));
            prop_assert!(host.addresses.iter().all(|a| Reach::Public.permits(a.ip())));
        }
    }
}
