//! Who may have how many of a relay's connections.

use std::time::Duration;

use super::receiver::Does;
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Ten connections to one relay, which answers each dot after 100 ms.
fn world() -> World {
    let mut settings = World::settings();
    settings.routes.default.connections_max = 10;
    let mut world = World::new(settings);
    world.latency = SECOND / 10;
    world
}

/// How many addresses of a domain got MAIL in the last `span`.
fn mails(world: &World, domain: &str, span: Duration) -> usize {
    let since = world.now.minus(span);
    let recent = world.mails.iter().filter(|(at, _)| *at >= since);
    recent.filter(|(_, to)| to.ends_with(domain)).count()
}

#[test]
fn a_brisk_domain_alone_takes_every_connection() {
    let mut world = world();
    world.file("first.test", 500, false);
    world.run(2 * SECOND);
    assert_eq!(world.core.status().pools[0].busy, 10);
}

#[test]
fn a_newcomer_waits_for_no_more_than_one_brisk_answer() {
    let mut world = world();
    world.file("first.test", 500, false);
    world.run(2 * SECOND);
    world.file("second.test", 50, false);
    let came_at = world.now;
    world.run(SECOND);
    let first = world
        .mails
        .iter()
        .find(|(_, to)| to.ends_with("@second.test"));
    let (at, _) = first.expect("it got a connection");
    assert!(
        at.since(came_at) <= SECOND / 10,
        "it waited longer than for one answer"
    );
    let (first, second) = ("@first.test", "@second.test");
    let (mine, theirs) = (
        mails(&world, first, SECOND / 2),
        mails(&world, second, SECOND / 2),
    );
    assert!(theirs * 3 > mine, "{theirs} beside {mine}");
}

#[test]
fn a_domain_that_turns_slow_gets_no_more_than_its_share() {
    let mut world = world();
    for n in 0..400 {
        let brisk = (n < 50).then_some(Does::Accept);
        let does = brisk.unwrap_or_else(|| Does::Slowly(30 * SECOND));
        world.will(&format!("{n}@first.test"), [does]);
    }
    world.file("first.test", 400, false);
    world.file("second.test", 200, false);
    world.run(20 * SECOND);
    assert_eq!(
        world.copies("199@second.test"),
        1,
        "the slow one has every connection"
    );
    // Those that were out when it became slow are answered late; after that it has its share.
    world.run(30 * SECOND);
    world.file("third.test", 100, false);
    world.run(12 * SECOND);
    assert_eq!(world.copies("99@third.test"), 1);
}
