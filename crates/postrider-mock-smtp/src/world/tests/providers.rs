//! Providers: their doors, their caps, their rates and their penalties.

use super::*;

#[test]
fn one_connection_more_than_a_provider_takes_is_turned_away_at_its_door_alone() {
    let world = world(PROVIDER);
    let (first, greeting) = enter(&world, "big", 0);
    assert_eq!((first.has_place(), greeting), (true, Treatment::PROCEED));
    let (second, _) = enter(&world, "big", 0);
    let (mut third, greeting) = enter(&world, "big", 0);
    assert!(!third.has_place());
    assert!(matches!(&greeting.act, Act::SayAndClose(reply) if reply.text == "too many"));
    assert!(
        enter(&world, "", 0).0.has_place(),
        "the common door has no such cap"
    );

    drop(second);
    assert_eq!(third.knock(1), Treatment::PROCEED);
    assert!(third.has_place());
    assert!(!enter(&world, "big", 1).0.has_place());
    third.leave();
    third.leave();
    assert!(enter(&world, "big", 1).0.has_place());
    assert!(
        enter(&world, "big", 1).0.has_place(),
        "the last one was dropped at once"
    );
}

#[test]
fn a_provider_may_close_without_a_word_where_there_is_no_room() {
    let text = PROVIDER.replace("'421 4.7.0 too many'", "'close'");
    let world = world(&text);
    let _both = [enter(&world, "big", 0), enter(&world, "big", 0)];
    assert_eq!(enter(&world, "big", 0).1.act, Act::Close);
}

#[test]
fn one_message_more_than_a_connection_may_bring_is_refused_at_mail() {
    let world = world(PROVIDER);
    let (mut entry, _) = enter(&world, "big", 0);
    for _ in 0..2 {
        assert_eq!(entry.at_mail(0), Treatment::PROCEED);
        assert_eq!(dot(&mut entry), Act::Proceed);
    }
    assert_eq!(code(&entry.at_mail(0)), Some(421));
    let (mut common, _) = enter(&world, "", 0);
    for _ in 0..5 {
        assert_eq!(common.at_mail(0), Treatment::PROCEED);
        dot(&mut common);
    }
}

#[test]
fn a_provider_may_close_after_the_reply_to_the_last_message() {
    let world = world(&PROVIDER.replace("'421 4.7.0 enough'", "'close'"));
    let (mut entry, _) = enter(&world, "big", 0);
    assert_eq!(
        [dot(&mut entry), dot(&mut entry)],
        [Act::Proceed, Act::ProceedAndClose]
    );
}

#[test]
fn a_provider_counts_the_mail_for_all_of_its_domains_at_every_door() {
    let world = world(PROVIDER);
    let (mut own, mut common) = (enter(&world, "big", 0).0, enter(&world, "", 0).0);
    assert_eq!(code(&rcpt(&mut own, "r@a.test", 0)), None);
    assert_eq!(code(&rcpt(&mut common, "r@b.test", 0)), None);
    for to in ["r@a.test", "r@b.test"] {
        assert_eq!(code(&rcpt(&mut common, to, 0)), Some(451), "{to}");
    }
    assert_eq!(code(&rcpt(&mut common, "r@other.test", 0)), None);
    assert_eq!(code(&rcpt(&mut own, "r@a.test", SECOND_US / 2)), None);
    assert_eq!(code(&rcpt(&mut own, "r@a.test", SECOND_US / 2)), Some(451));
}

#[test]
fn what_the_domain_refuses_uses_up_nothing_at_the_provider() {
    let text = "[provider.p]\nrate = '1/s'\nburst = 1\n[domain.'a.test']\nprovider = 'p'\n\
                rate = '1/h'\nburst = 1\n[domain.'b.test']\nprovider = 'p'";
    let world = world(text);
    let (mut entry, _) = enter(&world, "", 0);
    assert_eq!(code(&rcpt(&mut entry, "r@a.test", 0)), None);
    let later = 2 * SECOND_US;
    assert_eq!(
        code(&rcpt(&mut entry, "r@a.test", later)),
        Some(421),
        "the domain's own rate"
    );
    assert_eq!(code(&rcpt(&mut entry, "r@b.test", later)), None);
}

#[test]
fn a_providers_door_takes_mail_for_its_own_domains_only() {
    let world = world(PROVIDER);
    let (mut entry, _) = enter(&world, "big", 0);
    let refused = rcpt(&mut entry, "ok@other.test", 0);
    assert_eq!(
        refused.act.refusal().unwrap().to_string(),
        "554 5.7.1 Relay access denied"
    );
}

#[test]
fn a_penalty_turns_away_at_the_door_and_grows_for_those_who_hammer() {
    let text = "[provider.p]\nrate = '1/s'\nburst = 1\npenalties = ['10s', '100s']\n\
                over_rate = '421 4.7.28 stop'\n[domain.'a.test']\nprovider = 'p'";
    let world = world(text);
    let (mut entry, _) = enter(&world, "p", 0);
    assert_eq!(code(&rcpt(&mut entry, "r@a.test", 0)), None);
    assert_eq!(code(&rcpt(&mut entry, "r@a.test", 0)), Some(421));
    let at_door = |seconds: i64| code(&enter(&world, "p", seconds * SECOND_US).1);
    assert_eq!(at_door(1), Some(421), "was under way");
    assert_eq!(
        code(&rcpt(&mut entry, "r@a.test", SECOND_US / 2)),
        Some(421)
    );
    assert_eq!(
        at_door(5),
        Some(421),
        "hammers: a hundred seconds from here"
    );
    assert_eq!(at_door(10), Some(421));
    assert_eq!(at_door(200), None);
}

#[test]
fn a_client_that_waits_out_its_penalty_goes_on() {
    let text = "[domain.'a.test']\nrate = '1/s'\nburst = 1\npenalties = ['10s', '100s']";
    let world = world(text);
    let (mut entry, _) = enter(&world, "", 0);
    let mut at = |seconds: i64| code(&rcpt(&mut entry, "r@a.test", seconds * SECOND_US));
    assert_eq!(
        [at(0), at(0), at(10), at(11)],
        [None, Some(421), None, None]
    );
}
