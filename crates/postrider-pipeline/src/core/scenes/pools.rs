//! Several routes, sites and pools: who gets a connection, and who must not be touched by whom.

use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::mx::{Nameservers, Reach, Reason, Resolver, ResolverSettings};
use postrider_smtp::site::TlsPolicy;
use postrider_types::DeliveryState;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::network::TTL;
use super::receiver::Does;
use super::world::World;
use crate::settings::{NextHop, RouteId, Settings};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Everything goes to the mail hosts of its domain, by at most this many connections.
pub(super) fn direct(connections_max: usize) -> Settings {
    let mut settings = World::settings();
    let resolver = ResolverSettings {
        nameservers: Nameservers::Given(vec![([127, 0, 0, 1], 53).into()]),
        time_max: SECOND,
        port: 25,
        reach: Reach::Public,
        tls: TlsPolicy::Off,
    };
    let (providers, rng) = (Arc::clone(&settings.providers), StdRng::seed_from_u64(1));
    let resolver = Resolver::new(resolver, providers, rng).unwrap();
    settings.routes.default.next_hop = NextHop::Mx(resolver);
    settings.routes.default.connections_max = connections_max;
    settings
}

/// The default route with four connections, and one of two for `slow.test`.
fn two_relays() -> Settings {
    let mut settings = World::settings();
    let mut second = settings.routes.default.clone();
    second.connections_max = 2;
    settings.routes.named.push(("second".to_owned(), second));
    let domain = "slow.test".parse().unwrap();
    settings.routes.domains.insert(domain, RouteId(1));
    settings
}

fn delivered(world: &World) -> u64 {
    world.tally()[DeliveryState::Delivered]
}

#[test]
fn a_domain_goes_by_its_own_route_and_no_other() {
    let mut world = World::new(two_relays());
    world.file("slow.test", 50, false);
    world.file("fast.test", 50, false);
    world.run(MINUTE);
    assert_eq!(delivered(&world), 100);
    let by_second = world
        .network
        .dialled
        .iter()
        .filter(|site| *site == "relay 1");
    assert!((1..=2).contains(&by_second.count()));
}

#[test]
fn a_relay_that_is_down_stops_only_its_own_route() {
    let mut world = World::new(two_relays());
    world.network.dead.insert("relay 1".to_owned());
    world.file("slow.test", 20, false);
    world.file_in("tail-00", "fast.test", 200);
    world.run(10 * SECOND);
    assert_eq!(delivered(&world), 200);
    assert!(world.core.status().route_trouble.is_some());
    let tries = world
        .network
        .dialled
        .iter()
        .filter(|site| *site == "relay 1");
    assert!(
        tries.count() <= 4,
        "tried more often than after 0, 1, 3 and 7 s"
    );
    world.network.dead.clear();
    world.run(3 * MINUTE);
    assert_eq!(delivered(&world), 220);
    assert!(
        (0..20).all(|recipient| world.receipt(recipient).attempts == 1),
        "charged"
    );
}

#[test]
fn every_route_in_trouble_is_named_and_the_oldest_says_since_when() {
    let mut world = World::new(two_relays());
    world.network.dead.insert("relay 1".to_owned());
    world.file("slow.test", 20, false);
    let start = world.now;
    world.run(10 * SECOND);
    let (first, since) = world.core.status().route_trouble.unwrap();
    assert!(first.starts_with("route second: "), "{first}");
    assert!(since.since(start) < SECOND);

    world.network.dead.insert("relay 0".to_owned());
    world.file("fast.test", 20, false);
    world.run(10 * SECOND);
    let (both, still) = world.core.status().route_trouble.unwrap();
    assert!(both.starts_with("route default: "), "{both}");
    assert!(both.contains("; route second: "), "{both}");
    assert_eq!(still, since);
}

#[test]
fn a_relay_that_is_down_is_tried_ever_less_often() {
    let mut world = World::new(two_relays());
    world.network.dead.insert("relay 0".to_owned());
    world.file("fast.test", 20, false);
    world.file_domains("tail-00", 0..20);
    world.run(MINUTE);
    let tries = world.network.dialled.len();
    assert!(
        tries <= 7,
        "{tries}, more than after 0, 1, 3, 7, 15 and 31 s"
    );
}

#[test]
fn the_hosts_of_a_domain_are_asked_for_once_for_as_long_as_they_hold() {
    let mut world = World::new(direct(4));
    world.file("a.test", 100, false);
    world.run(MINUTE);
    world.file_from("a.test", "a.test", 100..200);
    world.run(MINUTE);
    assert_eq!((delivered(&world), world.network.asked.len()), (200, 1));
    world.run(TTL);
    world.file_from("a.test", "a.test", 200..300);
    world.run(MINUTE);
    assert_eq!((delivered(&world), world.network.asked.len()), (300, 2));
}

#[test]
fn the_domains_of_a_provider_share_its_connections() {
    let mut world = World::new(direct(20));
    world
        .network
        .serve("google", "mx.google.test", &["a.test", "b.test", "c.test"]);
    world.latency = SECOND / 10;
    for domain in ["a.test", "b.test", "c.test"] {
        world.file(domain, 100, false);
    }
    // The receiver checks at each connection that there are no more than the table says.
    world.run(5 * MINUTE);
    assert_eq!(delivered(&world), 300);
}

#[test]
fn a_connection_is_closed_for_another_set_of_hosts_of_a_site_that_is_full() {
    let mut world = World::new(direct(20));
    let hosts = [
        "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "h11",
    ];
    let domains: Vec<String> = (0..hosts.len()).map(|n| format!("d{n}.test")).collect();
    for (host, domain) in hosts.into_iter().zip(&domains) {
        world.network.serve("google", host, &[domain]);
        world.file_in("tail-00", domain, 3);
    }
    world.run(2 * SECOND);
    assert_eq!(
        delivered(&world),
        36,
        "somebody waited until an idle connection ended by itself"
    );
}

#[test]
fn a_provider_gets_no_more_messages_on_a_connection_than_it_takes() {
    let mut world = World::new(direct(20));
    world
        .network
        .serve("icloud", "mx.icloud.test", &["a.test", "b.test"]);
    world.file("a.test", 30, false);
    world.file("b.test", 30, false);
    world.run(5 * MINUTE);
    let most = world.settings.providers.named("icloud").unwrap().limits;
    let most = most.messages_per_connection_max.unwrap() as usize;
    assert_eq!(delivered(&world), 60);
    assert!(
        world.network.dialled.len() >= 60 / most,
        "{most} a connection"
    );
}

#[test]
fn idle_connections_are_closed_for_sites_that_need_one() {
    let mut world = World::new(direct(3));
    world.file_domains("tail-00", 0..60);
    world.run(2 * SECOND);
    assert_eq!(delivered(&world), 60);
}

#[test]
fn a_domain_that_takes_no_mail_or_does_not_exist_bounces_without_a_connection() {
    let mut world = World::new(direct(4));
    world.network.fault("null.test", Reason::NullMx);
    world.network.fault("gone.test", Reason::NoDomain);
    world.file("null.test", 3, false);
    world.file("gone.test", 2, false);
    world.run(MINUTE);
    assert_eq!(world.tally()[DeliveryState::Bounced], 5);
    assert!(world.connects.is_empty());
    let codes = [0, 3].map(|recipient| world.receipt(recipient).reply.unwrap().code);
    assert_eq!(codes, [556, 550]);
}

#[test]
fn a_domain_of_which_dns_says_nothing_is_deferred_and_delivered_later() {
    let mut world = World::new(direct(4));
    world
        .network
        .fault("mute.test", Reason::Unanswered("SERVFAIL".into()));
    world.file("mute.test", 3, false);
    world.file("well.test", 3, false);
    world.run(5 * SECOND);
    assert_eq!(delivered(&world), 3);
    assert_eq!(world.tally()[DeliveryState::Deferred], 3);
    assert!(
        world
            .network
            .dialled
            .iter()
            .all(|site| site == "mx.well.test")
    );
    world.network.mend();
    world.run(MINUTE);
    assert_eq!(delivered(&world), 6);
}

#[test]
fn a_site_that_never_answers_is_tried_with_one_connection_and_expires() {
    let mut world = World::new(direct(8));
    world.network.dead.insert("mx.dead.test".to_owned());
    world.file("dead.test", 100, false);
    world.run(SECOND / 2);
    assert_eq!(world.network.dialled.len(), 1);
    world.run(10 * MINUTE);
    assert_eq!(world.tally()[DeliveryState::Expired], 100);
    assert!(
        world.network.dialled.len() < 40,
        "{}",
        world.network.dialled.len()
    );
}

#[test]
fn dead_sites_never_take_the_connections_of_those_that_live() {
    let mut world = World::new(direct(4));
    for n in 0..40 {
        world.network.dead.insert(format!("mx.n{n}.test"));
    }
    world.file_domains("tail-00", 0..40);
    world.file_in("tail-01", "well.test", 200);
    world.run(3 * SECOND);
    assert_eq!(delivered(&world), 200);
}

#[test]
fn a_slow_site_leaves_connections_to_others() {
    let mut world = World::new(direct(8));
    let slowly: Vec<_> = (0..100).map(|n| format!("{n}@slow.test")).collect();
    for address in &slowly {
        world.will(address, [Does::Slowly(20 * SECOND)]);
    }
    world.file("slow.test", 100, false);
    world.run(5 * SECOND);
    world.file("well.test", 100, false);
    world.run(5 * SECOND);
    assert_eq!(
        world.copies("99@well.test"),
        1,
        "the slow site has all connections"
    );
}

#[test]
fn a_brisk_site_gives_up_connections_for_another() {
    let mut world = World::new(direct(4));
    world.latency = SECOND / 10;
    world.file("first.test", 500, false);
    world.run(3 * SECOND);
    let open = world.open_by_site();
    assert_eq!(
        open.get("mx.first.test"),
        Some(&4),
        "alone it takes all: {open:?}"
    );
    world.file("second.test", 5, false);
    world.run(2 * SECOND);
    assert_eq!(world.copies("4@second.test"), 1);
}

#[test]
fn a_status_shows_pools_with_connections_or_trouble() {
    let mut world = World::new(direct(4));
    world.network.dead.insert("mx.dead.test".to_owned());
    world.file("dead.test", 1, false);
    world.file("well.test", 1, false);
    world.run(SECOND / 2);
    let pools = world.core.status().pools;
    let shown: Vec<_> = pools
        .iter()
        .map(|pool| (pool.site.as_str(), pool.open))
        .collect();
    assert_eq!(shown, [("mx.dead.test", 0), ("mx.well.test", 1)]);
    assert!(pools[0].trouble.is_some() && pools[1].trouble.is_none());
}
