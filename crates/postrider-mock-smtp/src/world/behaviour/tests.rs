//! Decisions about one recipient at a time, without a server.

use super::*;
use crate::dialogue::command::{Command, parse};
use crate::units::Share;

pub(super) fn address(text: &str) -> Address {
    match parse(format!("RCPT TO:<{text}>").as_bytes()) {
        Ok(Command::Rcpt { recipient, .. }) => recipient,
        other => panic!("{text} is no recipient: {other:?}"),
    }
}

pub(super) fn visit(recipient: &Address, at_us: i64) -> Visit<'_> {
    Visit {
        sender: "news@example.test",
        recipient,
        mail_at_us: at_us,
        is_mail_counted: false,
        is_provider_counted: false,
        has_place: false,
    }
}

pub(super) fn rules(behaviour: &Behaviour) -> Rules<'_> {
    Rules {
        behaviour,
        provider: None,
        seed: 42,
        since_start_us: 0,
        time_scale: 1,
    }
}

pub(super) fn ask(
    behaviour: &Behaviour,
    state: &mut DomainState,
    visit: &Visit<'_>,
    at_us: i64,
) -> Decision {
    let states = &mut States {
        domain: state,
        provider: &mut ProviderState::default(),
    };
    at_recipient(&rules(behaviour), states, visit, at_us)
}

fn decide(behaviour: &Behaviour, state: &mut DomainState, to: &str, at_us: i64) -> Said {
    said(ask(behaviour, state, &visit(&address(to), at_us), at_us))
}

/// The code of a refusal and what waits; nothing of either for a plain yes.
type Said = (Option<u16>, usize);

const ACCEPT: Said = (None, 0);

fn said(decision: Decision) -> Said {
    let code = decision.treatment.act.refusal().map(|reply| reply.code);
    (code, decision.later.len())
}

#[test]
fn at_the_rate_all_is_accepted_and_above_it_what_exceeds() {
    let rate = Some("50/s".parse().unwrap());
    let behaviour = Behaviour {
        rate,
        burst: Some(1),
        ..Behaviour::accept()
    };
    let mut state = DomainState::default();
    for n in 0..500 {
        assert_eq!(
            decide(&behaviour, &mut state, "a@x.test", n * 20_000),
            ACCEPT
        );
    }
    let accepted = (0..1000)
        .filter(|n| decide(&behaviour, &mut state, "a@x.test", 10_000_000 + n * 10_000) == ACCEPT)
        .count();
    assert_eq!(accepted, 500, "at twice the rate, half is too much");
}

#[test]
fn a_burst_is_admitted_whole_and_no_more() {
    let rate = Some("50/s".parse().unwrap());
    let behaviour = Behaviour {
        rate,
        burst: Some(10),
        ..Behaviour::accept()
    };
    let mut state = DomainState::default();
    let mut at = |at_us| decide(&behaviour, &mut state, "a@x.test", at_us);
    assert!((0..10).all(|_| at(0) == ACCEPT));
    assert_eq!(at(0), (Some(421), 0));
    assert_eq!(at(19_999), (Some(421), 0));
    assert_eq!(at(20_000), ACCEPT);
}

#[test]
fn a_second_recipient_of_a_transaction_is_not_another_mail() {
    let rate = Some("1/h".parse().unwrap());
    let behaviour = Behaviour {
        rate,
        ..Behaviour::accept()
    };
    let (mut state, to) = (DomainState::default(), address("a@x.test"));
    let first = visit(&to, 0);
    assert_eq!(said(ask(&behaviour, &mut state, &first, 0)), ACCEPT);
    let second = Visit {
        is_mail_counted: true,
        ..first
    };
    assert_eq!(said(ask(&behaviour, &mut state, &second, 0)), ACCEPT);
}

#[test]
fn greylisting_counts_from_the_first_try_of_each_pair() {
    let greylist_after = Some("10s".parse().unwrap());
    let behaviour = Behaviour {
        greylist_after,
        ..Behaviour::accept()
    };
    let mut state = DomainState::default();
    let mut at = |to, at_us| decide(&behaviour, &mut state, to, at_us);
    assert_eq!(at("a@x.test", 0), (Some(451), 0));
    assert_eq!(at("a@x.test", 9_999_999), (Some(451), 0));
    assert_eq!(at("b@x.test", 9_999_999), (Some(451), 0));
    assert_eq!(at("a@x.test", 10_000_000), ACCEPT);
}

#[test]
fn a_place_is_needed_only_by_those_who_have_none() {
    let behaviour = Behaviour {
        connections_max: Some(2),
        ..Behaviour::accept()
    };
    let mut state = DomainState {
        places_taken: 2,
        ..DomainState::default()
    };
    let to = address("a@x.test");
    let stranger = visit(&to, 0);
    assert_eq!(
        said(ask(&behaviour, &mut state, &stranger, 0)),
        (Some(421), 0)
    );
    let holder = Visit {
        has_place: true,
        ..stranger
    };
    assert_eq!(said(ask(&behaviour, &mut state, &holder, 0)), ACCEPT);
}

#[test]
fn a_prefix_refuses_an_exact_number() {
    let refuse_local_prefix = Some("gone-".to_owned());
    let behaviour = Behaviour {
        refuse_local_prefix,
        ..Behaviour::accept()
    };
    let mut state = DomainState::default();
    let verdicts = (0..200).map(|n| {
        if n < 60 {
            format!("gone-{n}")
        } else {
            format!("r{n}")
        }
    });
    let refused = verdicts
        .filter(|local| {
            decide(&behaviour, &mut state, &format!("{local}@x.test"), 0) == (Some(550), 0)
        })
        .count();
    assert_eq!(refused, 60);
}

#[test]
fn a_deferred_address_gets_through_after_its_times() {
    let behaviour = Behaviour {
        defer_share: Share::ALL,
        defer_times_max: Some(1),
        ..Behaviour::accept()
    };
    let mut state = DomainState::default();
    assert_eq!(
        decide(&behaviour, &mut state, "a@x.test", 0),
        (Some(451), 0)
    );
    assert_eq!(decide(&behaviour, &mut state, "a@x.test", 1), ACCEPT);
    let always = Behaviour {
        defer_times_max: None,
        ..behaviour
    };
    assert!((2..9).all(|at_us| decide(&always, &mut state, "a@x.test", at_us) == (Some(451), 0)));
}

#[test]
fn drops_repeat_with_the_seed_and_end_at_their_bound() {
    let behaviour = Behaviour {
        drop_share: Share::new(0.5).unwrap(),
        drop_times_max: Some(2),
        ..Behaviour::accept()
    };
    let run = || {
        let mut state = DomainState::default();
        let fates = (0..400).map(|n| {
            let to = format!("r{}@x.test", n % 40);
            decide(&behaviour, &mut state, &to, n) != ACCEPT
        });
        fates.collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
    assert_eq!(run().iter().filter(|is_dropped| **is_dropped).count(), 80);
}
