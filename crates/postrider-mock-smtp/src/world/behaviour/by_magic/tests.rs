//! Magic local parts in a world that would treat everybody badly.

use std::time::Duration;

use super::*;
use crate::profile::{Behaviour, Profile};
use crate::world::behaviour::tests::{address, ask, visit};

/// Refuses, greylists, delays and drops everybody.
fn nasty() -> Behaviour {
    let keys = "refuse_share = 1.0\ngreylist_after = '3s'\nreply_delay = '9s'\ndrop_share = 1.0";
    let profile = Profile::from_toml(&format!("name = 'x'\n[domain.'x.test']\n{keys}"));
    profile.unwrap().behaviour("x.test").clone()
}

fn ask_for(local_part: &str, state: &mut DomainState, at_us: i64) -> Decision {
    let to = address(&format!("{local_part}@x.test"));
    ask(&nasty(), state, &visit(&to, at_us), at_us)
}

fn decide(local_part: &str) -> Decision {
    ask_for(local_part, &mut DomainState::default(), 0)
}

fn code(decision: &Decision) -> Option<u16> {
    decision.treatment.act.refusal().map(|reply| reply.code)
}

/// What waits for one who was let in: stage, act, whether it is accepted, and the wait.
fn later(local_part: &str) -> (Stage, Act, bool, Duration) {
    let decision = decide(local_part);
    assert_eq!(decision.treatment, Treatment::PROCEED, "{local_part}");
    let [it] = &decision.later[..] else {
        panic!("{local_part}: {:?}", decision.later)
    };
    (
        it.stage,
        it.treatment.act.clone(),
        it.accepts,
        it.treatment.delay,
    )
}

#[test]
fn magic_overrides_what_goes_by_recipient() {
    assert_eq!(code(&decide("somebody")), Some(550));
    for local_part in ["ok", "OK+label"] {
        assert_eq!(decide(local_part), Decision::yes());
    }
}

#[test]
fn refusals_carry_the_code_that_is_asked_for() {
    let codes =
        ["bounce", "bounce-552", "defer", "defer-452", "defer-3"].map(|it| code(&decide(it)));
    assert_eq!(
        codes,
        [Some(550), Some(552), Some(451), Some(452), Some(451)]
    );
    let (stage, act, accepts, _) = later("atdata-554");
    assert_eq!(
        (stage, act.refusal().unwrap().code, accepts),
        (Stage::Dot, 554, false)
    );
}

#[test]
fn a_numbered_deferral_passes_after_its_times_and_labels_count_apart() {
    let state = &mut DomainState::default();
    let mut tries = |local_part| [0, 1, 2, 3].map(|at| code(&ask_for(local_part, state, at)));
    assert_eq!(tries("defer-3"), [Some(451), Some(451), Some(451), None]);
    assert_eq!(tries("defer-3+b"), [Some(451), Some(451), Some(451), None]);
    assert_eq!(tries("defer"), [Some(451); 4]);
}

#[test]
fn doubt_comes_in_every_kind() {
    let now = Duration::ZERO;
    assert_eq!(later("drop-after-dot"), (Stage::Dot, Act::Close, true, now));
    assert_eq!(
        later("drop-unaccepted"),
        (Stage::Dot, Act::Close, false, now)
    );
    assert_eq!(later("half"), (Stage::Dot, Act::Half, true, now));
    assert_eq!(
        later("late-5s"),
        (Stage::Dot, Act::Proceed, true, Duration::from_secs(5))
    );
}

#[test]
fn slow_waits_at_every_reply_from_rcpt_on() {
    let decision = decide("slow-5s");
    let five = Duration::from_secs(5);
    assert_eq!(decision.treatment, Treatment::PROCEED.not_before(five));
    let waits = decision
        .later
        .iter()
        .map(|it| (it.stage, it.treatment.delay));
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [(Stage::Data, five), (Stage::Dot, five)]
    );
}

#[test]
fn grey_waits_as_the_domain_says_or_ten_seconds() {
    let (state, second_us) = (&mut DomainState::default(), 1_000_000);
    let mut at = |seconds: i64| code(&ask_for("grey", state, seconds * second_us));
    assert_eq!([at(0), at(2), at(3)], [Some(451), Some(451), None]);

    let (to, plain) = (address("grey@x.test"), Behaviour::accept());
    let state = &mut DomainState::default();
    let mut at = |seconds: i64| {
        let at_us = seconds * second_us;
        code(&ask(&plain, state, &visit(&to, at_us), at_us))
    };
    assert_eq!([at(0), at(9), at(10)], [Some(451), Some(451), None]);
}

#[test]
fn tarpit_drips_and_hold_says_nothing() {
    assert_eq!(decide("tarpit").treatment.act, Act::Noise(Noise::SlowLoris));
    assert_eq!(decide("hold").treatment.act, Act::Hold);
}

#[test]
fn a_faster_time_shortens_magic_waits() {
    let (to, plain) = (address("late-5s@x.test"), Behaviour::accept());
    let rules = Rules {
        time_scale: 10,
        ..crate::world::behaviour::tests::rules(&plain)
    };
    let magic = Magic::of(to.local_part()).unwrap();
    let decision = super::decide(
        magic,
        &rules,
        &mut DomainState::default(),
        &visit(&to, 0),
        0,
    );
    assert_eq!(
        decision.later[0].treatment.delay,
        Duration::from_millis(500)
    );
}

#[test]
fn what_goes_by_sender_holds_for_magic_too() {
    let keys = "rate = '1/h'\nburst = 1";
    let profile = Profile::from_toml(&format!("name = 'x'\n[domain.'x.test']\n{keys}")).unwrap();
    let (own, to) = (profile.behaviour("x.test"), address("ok@x.test"));
    let state = &mut DomainState::default();
    assert_eq!(code(&ask(own, state, &visit(&to, 0), 0)), None);
    assert_eq!(code(&ask(own, state, &visit(&to, 1), 1)), Some(421));
}
