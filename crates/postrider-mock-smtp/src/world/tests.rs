//! The world asked directly: doors, providers, penalties, outages, and a profile that changes.

mod profiles;
mod providers;

use std::time::Duration;

use super::*;
use crate::dialogue::command::{Address, Command, parse};
use crate::world::behaviour::Visit;
use crate::world::treatment::{Act, Ending, Stage, Treatment};

const SECOND_US: i64 = 1_000_000;

fn world(text: &str) -> Arc<World> {
    World::new(Profile::from_toml(&format!("name = 'x'\n{text}")).unwrap())
}

fn enter(world: &Arc<World>, door: &str, at_us: i64) -> (Entry, Treatment) {
    let door = match door {
        "" => Door::Common,
        name => Door::Provider(name.into()),
    };
    world.enter(door, 1, at_us)
}

fn address(text: &str) -> Address {
    match parse(format!("RCPT TO:<{text}>").as_bytes()) {
        Ok(Command::Rcpt { recipient, .. }) => recipient,
        other => panic!("{text} is no recipient: {other:?}"),
    }
}

/// The first RCPT of a transaction whose MAIL came at the same time.
fn rcpt(entry: &mut Entry, to: &str, at_us: i64) -> Treatment {
    let visit = Visit {
        sender: "news@example.test",
        recipient: &address(to),
        mail_at_us: at_us,
        is_mail_counted: false,
        is_provider_counted: false,
        has_place: false,
    };
    entry.at_rcpt(&visit, at_us).0
}

fn code(treatment: &Treatment) -> Option<u16> {
    treatment.act.refusal().map(|reply| reply.code)
}

fn dot(entry: &mut Entry) -> Act {
    let accepted = Ending {
        accepts: true,
        treatment: Treatment::PROCEED,
    };
    entry.at_dot(accepted).treatment.act
}

const PROVIDER: &str = "[provider.big]\naddress = '127.0.1.1'\nconnections_max = 2\n\
    messages_per_connection_max = 2\nrate = '2/s'\nburst = 2\nover_rate = '451 4.7.0 slower'\n\
    over_connections = '421 4.7.0 too many'\nover_messages = '421 4.7.0 enough'\n\
    [domain.'a.test']\nprovider = 'big'\n[domain.'b.test']\nprovider = 'big'\n\
    [domain.'other.test']\n";

#[test]
fn a_dark_provider_says_nothing_at_its_door_and_a_dark_domain_at_rcpt() {
    let dark = "outage = { after = '10s', lasts = '20s', how = 'reset' }";
    let text = format!(
        "[provider.p.behaviour]\n{dark}\n[domain.'a.test']\nprovider = 'p'\n\
         [domain.'b.test']\n{dark}"
    );
    let (world, start_us) = (world(&text), 77 * SECOND_US);
    let (mut inside, greeting) = enter(&world, "p", start_us);
    assert_eq!(greeting, Treatment::PROCEED);
    let (mut common, _) = enter(&world, "", start_us);
    for (seconds, act) in [
        (9, Act::Proceed),
        (10, Act::Reset),
        (29, Act::Reset),
        (30, Act::Proceed),
    ] {
        let at_us = start_us + seconds * SECOND_US;
        let (newcomer, greeting) = enter(&world, "p", at_us);
        assert!(newcomer.has_place(), "darkness is no lack of room");
        let said = [
            greeting.act,
            inside.at_hello(at_us).act,
            inside.at_mail(at_us).act,
        ];
        assert_eq!(
            said,
            [act.clone(), act.clone(), act.clone()],
            "at {seconds} s"
        );
        assert_eq!(common.at_mail(at_us).act, Act::Proceed);
        let both = ["r@a.test", "r@b.test"].map(|to| rcpt(&mut common, to, at_us).act);
        assert_eq!(both, [act.clone(), act], "at {seconds} s");
    }
}

#[test]
fn before_a_domain_is_known_the_door_speaks_by_the_number_of_the_connection() {
    let text = "[default]\nreject = [{ share = 0.2, stage = 'connect', reply = '451 no' }]\n\
                mishap = [{ share = 0.2, stage = 'hello', how = 'close' }]\n\
                latency = { mail = '7ms' }";
    let world = world(text);
    let run = || {
        let said = (1..=500).map(|number| {
            let (mut entry, greeting) = world.enter(Door::Common, number, 0);
            let is_closed = entry.at_hello(0).act == Act::Close;
            assert_eq!(entry.at_mail(0).delay, Duration::from_millis(7));
            (greeting.act != Act::Proceed, is_closed)
        });
        said.collect::<Vec<_>>()
    };
    let said = run();
    assert_eq!(said, run());
    let (refused, closed) = (said.iter().filter(|it| it.0), said.iter().filter(|it| it.1));
    assert!((70..130).contains(&refused.count()) && (70..130).contains(&closed.count()));
    let is_last = |number| {
        matches!(
            world.enter(Door::Common, number, 0).1.act,
            Act::SayAndClose(_)
        )
    };
    assert!(
        (1..100).any(is_last),
        "a greeting that refuses closes, whatever its code"
    );
}

#[test]
fn a_changed_profile_holds_from_the_next_mail_on() {
    let world = world("[domain.'a.test']\nrefuse_share = 1.0");
    let (mut entry, _) = enter(&world, "", 0);
    assert_eq!(code(&rcpt(&mut entry, "r@a.test", 0)), Some(550));
    world.change(Profile::sink());
    assert_eq!(
        code(&rcpt(&mut entry, "r@a.test", 0)),
        Some(550),
        "inside a transaction"
    );
    entry.at_mail(0);
    assert_eq!(code(&rcpt(&mut entry, "r@a.test", 0)), None);
    assert_eq!(enter(&world, "", 0).0.plan().profile.name, "sink");
}

#[test]
fn a_change_keeps_what_was_counted_and_a_reset_forgets_it() {
    let text = "[domain.'a.test']\nrate = '1/h'\nburst = 1\ngreylist_after = '10s'";
    let world = world(text);
    let (mut entry, _) = enter(&world, "", 0);
    let mut at = |seconds: i64| code(&rcpt(&mut entry, "r@a.test", seconds * SECOND_US));
    assert_eq!([at(0), at(1)], [Some(451), Some(421)]);
    world.change(Profile::from_toml(&format!("name = 'x'\n{text}")).unwrap());
    assert_eq!(at(2), Some(421));
    world.reset();
    assert_eq!(
        at(3),
        Some(451),
        "greylisted anew, and no longer over the rate"
    );
}

#[test]
fn a_reset_leaves_open_connections_their_places() {
    let world = world(PROVIDER);
    let both = [enter(&world, "big", 0), enter(&world, "big", 0)];
    world.reset();
    assert!(!enter(&world, "big", 0).0.has_place());
    drop(both);
    assert!(enter(&world, "big", 0).0.has_place());
}

#[test]
fn an_outage_counts_from_the_first_connection_after_a_reset() {
    let world = world("[domain.'a.test']\noutage = { lasts = '10s' }");
    let (mut entry, _) = enter(&world, "", 50 * SECOND_US);
    let mut act = |seconds: i64| rcpt(&mut entry, "r@a.test", seconds * SECOND_US).act;
    assert_eq!([act(59), act(60)], [Act::Close, Act::Proceed]);
    world.reset();
    drop(enter(&world, "", 100 * SECOND_US));
    assert_eq!([act(109), act(110)], [Act::Close, Act::Proceed]);
}

#[test]
fn every_stage_has_the_name_that_profiles_use() {
    for stage in [
        Stage::Connect,
        Stage::Hello,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::Body,
        Stage::Dot,
    ] {
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.name());
    }
}
