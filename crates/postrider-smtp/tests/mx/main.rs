//! Direct delivery's questions to a name server on loopback, in real packets.

#[path = "../../../../tests/name_server.rs"]
pub mod name_server;

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use name_server::{Fault, NameServer, Zone};
use postrider_smtp::mx::{
    HostFault, Nameservers, NoRoute, Reach, Reason, Resolution, Resolver, ResolverSettings,
};
use postrider_smtp::providers::Providers;
use postrider_smtp::site::{Target, TlsPolicy};
use postrider_types::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn settings(server: &NameServer) -> ResolverSettings {
    ResolverSettings {
        nameservers: Nameservers::Given(vec![server.address()]),
        time_max: Duration::from_secs(20),
        port: 25,
        reach: Reach::Public,
        tls: TlsPolicy::Opportunistic,
    }
}

fn resolver(settings: ResolverSettings) -> Resolver {
    let providers = Arc::new(Providers::built_in());
    Resolver::new(settings, providers, StdRng::seed_from_u64(7)).expect("it has a server")
}

async fn resolve(resolver: &Resolver, domain: &str, now: Timestamp) -> Result<Resolution, NoRoute> {
    let domain = domain.parse().expect("a domain");
    resolver.resolve(&domain, now).await
}

/// What `zone` makes of `example.test`.
async fn of(zone: Zone) -> Result<Arc<Target>, NoRoute> {
    let server = NameServer::start(zone).await;
    let resolved = resolve(&resolver(settings(&server)), "example.test", NOW).await;
    resolved.map(|resolution| resolution.target)
}

fn hosts(target: &Target) -> Vec<(&str, Vec<String>)> {
    let addresses = |addresses: &[std::net::SocketAddr]| {
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let hosts = target.hosts.iter();
    hosts
        .map(|host| (host.name.as_str(), addresses(&host.addresses)))
        .collect()
}

async fn check(zone: Zone, expect: &[(&str, &[&str])]) {
    let target = of(zone).await.expect("there is a way");
    let expect: Vec<(&str, Vec<String>)> = expect
        .iter()
        .map(|(name, addresses)| (*name, addresses.iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(hosts(&target), expect);
}

async fn check_none(zone: Zone, reply: &str, is_permanent: bool) {
    let no_route = of(zone).await.expect_err("there is no way");
    assert_eq!(no_route.reply().to_string(), reply);
    assert_eq!(no_route.is_permanent(), is_permanent);
}

#[tokio::test]
async fn mx_hosts_come_by_preference_with_both_families() {
    let zone = Zone::new()
        .mx("example.test", 20, "b.test")
        .mx("example.test", 10, "a.test")
        .address("a.test", "192.0.2.1")
        .address("a.test", "2001:db8::1")
        .address("b.test", "192.0.2.2");
    check(
        zone,
        &[
            ("a.test", &["192.0.2.1:25", "[2001:db8::1]:25"]),
            ("b.test", &["192.0.2.2:25"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_host() {
    let zone = Zone::new().address("example.test", "2001:db8::1");
    check(zone, &[("example.test", &["[2001:db8::1]:25"])]).await;
}

#[tokio::test]
async fn a_null_mx_takes_no_mail() {
    let zone = Zone::new()
        .mx("example.test", 0, ".")
        .address("example.test", "192.0.2.1");
    let reply = "556 5.1.10 example.test takes no mail: it has a null MX (RFC 7505)";
    check_none(zone, reply, true).await;
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_refused_for_good() {
    let reply = "550 5.1.2 the domain example.test does not exist (NXDOMAIN)";
    check_none(Zone::new(), reply, true).await;
}

#[tokio::test]
async fn a_domain_with_neither_mx_nor_address_is_refused_for_good() {
    let zone = Zone::new().exists("example.test");
    let reply = "550 5.1.2 example.test has neither an MX nor an address record (RFC 5321 5.1)";
    check_none(zone, reply, true).await;
}

#[tokio::test]
async fn a_failing_name_server_is_never_taken_for_no() {
    let code = |code| Fault::Code(code);
    for (fault, words) in [
        (
            code(ResponseCode::ServFail),
            "the name server answered SERVFAIL",
        ),
        (
            code(ResponseCode::Refused),
            "the name server answered REFUSED",
        ),
        (Fault::Referral, "the name server only referred to others"),
    ] {
        let zone = Zone::new().address("example.test", "192.0.2.1").fault(
            "example.test",
            RecordType::MX,
            fault,
        );
        let reply = format!("451 4.4.3 the mail hosts of example.test are not known: {words}");
        check_none(zone, &reply, false).await;
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_or_gone_is_waited_for_no_longer_than_allowed() {
    let zone = Zone::new().fault("example.test", RecordType::MX, Fault::Silence);
    let server = NameServer::start(zone).await;
    let mut settings = settings(&server);
    settings.time_max = Duration::from_millis(300);
    let silent = resolve(&resolver(settings.clone()), "example.test", NOW).await;
    let no_route = silent.unwrap_err();
    let words = "no name server answered in time".into();
    assert_eq!(no_route.reason, Reason::Unanswered(words));
    drop(server);
    let gone = resolve(&resolver(settings), "example.test", NOW).await;
    assert!(!gone.unwrap_err().is_permanent());
}

#[tokio::test]
async fn one_family_that_is_never_answered_does_not_hide_the_other() {
    let zone = Zone::new()
        .mx("example.test", 10, "a.test")
        .address("a.test", "192.0.2.1")
        .fault("a.test", RecordType::AAAA, Fault::Silence);
    let server = NameServer::start(zone).await;
    let mut settings = settings(&server);
    settings.time_max = Duration::from_secs(1);
    let resolution = resolve(&resolver(settings), "example.test", NOW).await;
    let target = resolution.unwrap().target;
    assert_eq!(
        hosts(&target),
        [("a.test", vec!["192.0.2.1:25".to_owned()])]
    );
}

#[tokio::test]
async fn cnames_are_followed_at_the_domain_and_at_the_host() {
    let zone = Zone::new()
        .cname("example.test", "alias.test")
        .cname("alias.test", "real.test")
        .mx("real.test", 10, "mx.test")
        .cname("mx.test", "a.test")
        .address("a.test", "192.0.2.1");
    check(zone, &[("mx.test", &["192.0.2.1:25"])]).await;
}

#[tokio::test]
async fn a_cname_that_leads_nowhere_is_told_from_one_that_goes_round() {
    let nowhere = Zone::new().cname("example.test", "gone.test");
    let reply = "550 5.1.2 the domain example.test does not exist (NXDOMAIN)";
    check_none(nowhere, reply, true).await;
    let round = Zone::new()
        .cname("example.test", "b.test")
        .cname("b.test", "example.test");
    assert!(!of(round).await.unwrap_err().is_permanent());
}

#[tokio::test]
async fn an_answer_too_long_for_udp_is_asked_for_over_tcp_and_eight_hosts_are_looked_at() {
    let mut zone = Zone::new();
    for n in 0..100 {
        let host = format!("a-rather-long-name-of-a-mail-host-{n:03}.test");
        zone = zone
            .mx("example.test", n, &host)
            .address(&host, "192.0.2.1");
    }
    let server = NameServer::start(zone).await;
    let resolution = resolve(&resolver(settings(&server)), "example.test", NOW).await;
    let target = resolution.unwrap().target;
    assert_eq!(target.hosts.len(), postrider_smtp::mx::HOSTS_MAX);
    let last = "a-rather-long-name-of-a-mail-host-007.test";
    assert_eq!(target.hosts[7].name, last);
    assert_eq!(server.asked("example.test", RecordType::MX), 2);
}

#[tokio::test]
async fn a_host_without_address_or_inside_our_network_is_passed_over() {
    let zone = Zone::new()
        .mx("example.test", 1, "gone.test")
        .mx("example.test", 2, "127.0.0.1")
        .mx("example.test", 3, "inside.test")
        .mx("example.test", 4, "localhost")
        .mx("example.test", 5, "a.test")
        .address("inside.test", "10.0.0.1")
        .address("a.test", "192.0.2.1");
    check(zone.clone(), &[("a.test", &["192.0.2.1:25"])]).await;
    let zone = zone.fault("a.test", RecordType::A, Fault::Code(ResponseCode::ServFail));
    let no_route = of(zone).await.unwrap_err();
    assert!(!no_route.is_permanent(), "a.test may come back");
    let Reason::NoUsableHost(faults) = no_route.reason else {
        panic!("{no_route}");
    };
    let fault = |host: &str| &faults.iter().find(|(name, _)| name == host).unwrap().1;
    assert_eq!(*fault("127.0.0.1."), HostFault::NotAName);
    assert_eq!(*fault("gone.test"), HostFault::NoAddress);
    let inside = HostFault::Forbidden([10, 0, 0, 1].into());
    assert_eq!(*fault("inside.test"), inside);
    assert!(matches!(fault("localhost"), HostFault::Forbidden(_)));
}

#[tokio::test]
async fn loopback_is_dialled_only_where_the_configuration_says_so() {
    let zone = Zone::new().address("example.test", "127.0.0.1");
    let server = NameServer::start(zone).await;
    let mut settings = settings(&server);
    let refused = resolve(&resolver(settings.clone()), "example.test", NOW).await;
    let refused = refused.unwrap_err();
    assert!(
        !refused.is_permanent(),
        "the name server may be wrong: {refused}"
    );
    settings.reach = Reach::PublicAndLoopback;
    settings.port = 2525;
    let resolution = resolve(&resolver(settings), "example.test", NOW).await;
    let target = resolution.unwrap().target;
    assert_eq!(hosts(&target)[0].1, ["127.0.0.1:2525"]);
}

#[tokio::test]
async fn domains_of_one_provider_share_a_site_and_only_equal_host_sets_a_connection() {
    let server = NameServer::start(
        Zone::new()
            .mx("one.test", 1, "aspmx.l.google.com")
            .mx("two.test", 5, "ASPMX.L.google.com")
            .mx("three.test", 1, "gmail-smtp-in.l.google.com")
            .mx("four.test", 1, "mx.notgoogle.com")
            .address("aspmx.l.google.com", "192.0.2.1")
            .address("gmail-smtp-in.l.google.com", "192.0.2.2")
            .address("mx.notgoogle.com", "192.0.2.3"),
    )
    .await;
    let resolver = resolver(settings(&server));
    let mut targets = Vec::new();
    for domain in ["one.test", "two.test", "three.test", "four.test"] {
        targets.push(resolve(&resolver, domain, NOW).await.unwrap().target);
    }
    let sites: Vec<&str> = targets.iter().map(|target| target.site.as_str()).collect();
    assert_eq!(sites, ["google", "google", "google", "mx.notgoogle.com"]);
    assert_eq!(targets[0].host_set, targets[1].host_set);
    assert_ne!(targets[0].host_set, targets[2].host_set);
    assert!(targets[0].tls.is_required(), "Google takes nothing without");
    assert!(!targets[3].tls.is_required());
}

#[tokio::test]
async fn what_is_known_is_asked_again_only_after_its_shortest_ttl() {
    let zone = Zone::new()
        .mx("example.test", 10, "a.test")
        .address("a.test", "192.0.2.1")
        .ttl("a.test", 90);
    let server = NameServer::start(zone).await;
    let resolver = resolver(settings(&server));
    let first = resolve(&resolver, "example.test", NOW).await.unwrap();
    let lasts = first.valid_until.since(NOW);
    assert!((90..92).contains(&lasts.as_secs()), "{lasts:?}");
    server.becomes(Zone::new());
    let again = resolve(&resolver, "example.test", NOW).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(server.asked("example.test", RecordType::MX), 1);
}

#[tokio::test]
async fn a_failure_is_kept_too_and_asked_again_after_half_a_minute() {
    let server = NameServer::start(Zone::new().fault(
        "example.test",
        RecordType::MX,
        Fault::Code(ResponseCode::ServFail),
    ))
    .await;
    let resolver = resolver(settings(&server));
    let failure = resolve(&resolver, "example.test", NOW).await.unwrap_err();
    server.becomes(Zone::new().address("example.test", "192.0.2.1"));
    let kept = resolve(&resolver, "example.test", NOW).await.unwrap_err();
    assert_eq!(kept, failure);
    let again = resolve(&resolver, "example.test", failure.valid_until).await;
    assert_eq!(hosts(&again.unwrap().target)[0].0, "example.test");
}

#[tokio::test]
async fn many_who_want_one_domain_at_once_ask_once() {
    let zone = Zone::new()
        .mx("example.test", 10, "a.test")
        .address("a.test", "192.0.2.1");
    let server = NameServer::start(zone).await;
    let resolver = resolver(settings(&server));
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let resolver = resolver.clone();
        askers.spawn(async move { resolve(&resolver, "example.test", NOW).await });
    }
    for resolved in askers.join_all().await {
        resolved.unwrap();
    }
    assert_eq!(server.asked("example.test", RecordType::MX), 1);
    assert_eq!(server.asked("a.test", RecordType::A), 1);
}
