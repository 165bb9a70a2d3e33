//! Rejections and mishaps by chance, and greylisting with an end.

use std::time::Duration;

use super::*;
use crate::profile::Profile;
use crate::world::behaviour::tests::{address, ask, visit};

/// The behaviour of `x.test` in a profile with these keys.
fn behaviour(keys: &str) -> Behaviour {
    let profile = Profile::from_toml(&format!("name = 'x'\n[domain.'x.test']\n{keys}"));
    profile.unwrap().behaviour("x.test").clone()
}

fn decide(behaviour: &Behaviour, state: &mut DomainState, to: &str, at_us: i64) -> Decision {
    ask(behaviour, state, &visit(&address(to), at_us), at_us)
}

/// The addresses of 2,000 for which the decision is so, at each one's first try.
fn those(behaviour: &Behaviour, is_so: impl Fn(&Decision) -> bool) -> Vec<String> {
    let state = &mut DomainState::default();
    let all = (0..2000).map(|n| format!("r{n}@x.test"));
    all.filter(|to| is_so(&decide(behaviour, state, to, 0)))
        .collect()
}

fn code(decision: &Decision) -> Option<u16> {
    decision.treatment.act.refusal().map(|reply| reply.code)
}

#[test]
fn a_rejection_meets_its_share_in_its_own_words() {
    let own = behaviour("reject = [{ share = 0.1, reply = '550 5.1.1 not here' }]");
    let rejected = those(&own, |it| code(it) == Some(550));
    assert!(
        (150..250).contains(&rejected.len()),
        "{} of 2,000",
        rejected.len()
    );
    let decision = decide(&own, &mut DomainState::default(), &rejected[0], 0);
    let reply = decision.treatment.act.refusal().unwrap();
    assert_eq!(reply.to_string(), "550 5.1.1 not here");
    assert_eq!(decision.counted, Some(Count::Refused));
}

#[test]
fn a_permanent_rejection_meets_the_same_addresses_again_and_a_transient_one_passes() {
    let attempts = |keys: &str| {
        let (own, mut state) = (behaviour(keys), DomainState::default());
        let met = those(&own, |it| code(it).is_some());
        let again = |to: &String| {
            (0..20)
                .filter(|at| code(&decide(&own, &mut state, to, *at)).is_some())
                .count()
        };
        met.iter().map(again).collect::<Vec<_>>()
    };
    let permanent = attempts("reject = [{ share = 0.1, reply = '550 no' }]");
    assert!(permanent.iter().all(|times| *times == 20), "{permanent:?}");
    let transient = attempts("reject = [{ share = 0.1, reply = '450 later' }]");
    assert!(
        transient.iter().all(|times| (1..12).contains(times)),
        "{transient:?}"
    );
    let bounded = attempts("reject = [{ share = 1.0, reply = '450 later', times_max = 3 }]");
    assert!(bounded.iter().all(|times| *times == 3), "{bounded:?}");
}

#[test]
fn the_seed_chooses_who_is_met() {
    let own = behaviour("reject = [{ share = 0.1, reply = '550 no' }]");
    let met_by = |seed| {
        let met = |to: &String| {
            let chance = Chance {
                seed,
                address: to,
                attempt: 1,
            };
            rejected(&own, Stage::Rcpt, chance).is_some()
        };
        let all = (0..500).map(|n| format!("r{n}@x.test"));
        all.filter(met).collect::<Vec<_>>()
    };
    assert_eq!(met_by(1), met_by(1));
    assert_ne!(met_by(1), met_by(2));
}

#[test]
fn two_entries_of_a_list_meet_different_addresses() {
    let own =
        behaviour("reject = [{ share = 0.1, reply = '550 a' }, { share = 0.1, reply = '551 b' }]");
    let (first, second) = (
        those(&own, |it| code(it) == Some(550)),
        those(&own, |it| code(it) == Some(551)),
    );
    for met in [&first, &second] {
        assert!((140..260).contains(&met.len()), "{} of 2,000", met.len());
    }
}

#[test]
fn a_rejection_after_rcpt_lets_the_recipient_in_and_waits() {
    for (stage, expected) in [("data", Stage::Data), ("dot", Stage::Dot)] {
        let keys =
            format!("reject = [{{ share = 1.0, stage = '{stage}', reply = '552 5.3.4 big' }}]");
        let decision = decide(
            &behaviour(&keys),
            &mut DomainState::default(),
            "a@x.test",
            0,
        );
        assert_eq!(decision.treatment, Treatment::PROCEED);
        let [later] = &decision.later[..] else {
            panic!("{:?}", decision.later)
        };
        assert_eq!((later.stage, later.accepts), (expected, false));
        assert_eq!(later.treatment.act.refusal().unwrap().code, 552);
        assert_eq!(later.counted, Some(Count::Refused));
    }
}

#[test]
fn every_mishap_has_its_act_and_says_whether_the_message_is_accepted() {
    let check = |keys: &str, act: Act, accepts| {
        let keys = format!("mishap = [{{ share = 1.0, stage = 'dot', {keys} }}]");
        let decision = decide(
            &behaviour(&keys),
            &mut DomainState::default(),
            "a@x.test",
            0,
        );
        let [later] = &decision.later[..] else {
            panic!("{:?}", decision.later)
        };
        assert_eq!(
            (&later.treatment.act, later.accepts),
            (&act, accepts),
            "{keys}"
        );
        assert_eq!(later.counted.is_some(), !act.lets_pass(), "{keys}");
    };
    check("how = 'close', accepts = true", Act::Close, true);
    check("how = 'close'", Act::Close, false);
    check("how = 'reset', accepts = true", Act::Reset, true);
    check("how = 'half', accepts = true", Act::Half, true);
    check("how = 'hold'", Act::Hold, false);
    check("how = 'late', delay = '5s'", Act::Proceed, true);
    check("how = 'split'", Act::Split, true);
    check(
        "how = 'slow_loris'",
        Act::Noise(crate::world::treatment::Noise::SlowLoris),
        true,
    );
    check(
        "how = 'long_line'",
        Act::Noise(crate::world::treatment::Noise::LongLine),
        true,
    );
    check(
        "how = 'no_line_end'",
        Act::Noise(crate::world::treatment::Noise::NoLineEnd),
        false,
    );
    check(
        "how = 'endless_reply'",
        Act::Noise(crate::world::treatment::Noise::EndlessReply),
        false,
    );
}

#[test]
fn a_mishap_at_rcpt_happens_at_once_and_one_later_waits_for_its_stage() {
    let now = behaviour("mishap = [{ share = 1.0, stage = 'rcpt', how = 'reset', delay = '3s' }]");
    let decision = decide(&now, &mut DomainState::default(), "a@x.test", 0);
    let expected = Treatment::now(Act::Reset).not_before(Duration::from_secs(3));
    assert_eq!(
        (decision.treatment, decision.counted),
        (expected, Some(Count::Dropped))
    );
    for (name, stage) in [
        ("data", Stage::Data),
        ("body", Stage::Body),
        ("dot", Stage::Dot),
    ] {
        let keys = format!("mishap = [{{ share = 1.0, stage = '{name}', how = 'close' }}]");
        let decision = decide(
            &behaviour(&keys),
            &mut DomainState::default(),
            "a@x.test",
            0,
        );
        assert_eq!(decision.treatment, Treatment::PROCEED);
        assert_eq!(
            decision.later,
            [Later::cut(stage, false, Treatment::now(Act::Close))]
        );
    }
}

#[test]
fn a_mishap_ends_at_its_bound_for_each_address() {
    let own = behaviour(
        "mishap = [{ share = 0.5, stage = 'dot', how = 'close', accepts = true, times_max = 2 }]",
    );
    let mut state = DomainState::default();
    for address in ["a@x.test", "b@x.test", "c@x.test"] {
        let times = (0..40).filter(|at| !decide(&own, &mut state, address, *at).later.is_empty());
        assert_eq!(times.count(), 2, "{address}");
    }
}

#[test]
fn every_stage_waits_for_its_own_latency_and_the_reply_delay() {
    let own = behaviour(
        "reply_delay = '1ms'\nlatency = { rcpt = '10ms', data = '20ms', body = '30ms', dot = '40ms' }",
    );
    let decision = decide(&own, &mut DomainState::default(), "a@x.test", 0);
    assert_eq!(decision.treatment.delay, Duration::from_millis(11));
    let waits = decision
        .later
        .iter()
        .map(|it| (it.stage, it.treatment.delay.as_millis()));
    let expected = [(Stage::Data, 21), (Stage::Body, 30), (Stage::Dot, 41)];
    assert_eq!(waits.collect::<Vec<_>>(), expected);
}

#[test]
fn a_drawn_latency_differs_by_address_and_is_the_same_again() {
    let own = behaviour("latency = { rcpt = 'lognormal(10ms, 0.5)' }");
    let wait = |to| {
        decide(&own, &mut DomainState::default(), to, 0)
            .treatment
            .delay
    };
    assert_eq!(wait("a@x.test"), wait("a@x.test"));
    assert_ne!(wait("a@x.test"), wait("b@x.test"));
}

#[test]
fn a_pair_that_comes_back_too_late_is_greylisted_anew() {
    let own = behaviour("greylist_after = '10s'\ngreylist_until = '60s'");
    let mut state = DomainState::default();
    let mut at = |seconds: i64| code(&decide(&own, &mut state, "a@x.test", seconds * 1_000_000));
    assert_eq!(
        [at(0), at(9), at(10), at(59)],
        [Some(451), Some(451), None, None]
    );
    assert_eq!([at(60), at(69), at(70)], [Some(451), Some(451), None]);
}
