//! The decision at RCPT: what a domain says to one recipient now, and what will become of the
//! message later. Pure: state, time and seed come in as arguments.
//!
//! The rate counts MAIL commands. A MAIL does not name its domain, so it is counted when the first
//! RCPT of its transaction does, with the time at which the MAIL arrived. What was refused for
//! being too fast is not counted: a client that is told 421 has used up nothing.

use std::collections::HashMap;
use std::hash::Hash;

use crate::bounds::VISITS_MAX;
use crate::chance::{draw, key};
use crate::clock::micros;
use crate::command::Address;
use crate::profile::{Behaviour, DeferAt, DropAt};
use crate::units::Rate;

/// One RCPT, as far as a decision needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) seed: u64,
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a Address,
    /// When the MAIL of this transaction arrived.
    pub(crate) mail_at_us: i64,
    /// Whether an earlier RCPT of this transaction has named the domain.
    pub(crate) is_mail_counted: bool,
    /// Whether this connection already holds one of the domain's places.
    pub(crate) has_place: bool,
}

/// What is said at RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept(Fate),
    Refuse,
    Greylist,
    Defer,
    OverRate,
    OverConnections,
}

/// What waits for a recipient that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fate {
    pub(crate) is_deferred_at_dot: bool,
    pub(crate) drop_at: Option<DropAt>,
}

/// What a domain remembers.
#[derive(Debug, Default)]
pub(crate) struct DomainState {
    /// Connections with an open transaction.
    pub(crate) places_taken: u32,
    /// When the rate would be even again: the theoretical arrival time of GCRA.
    even_at_ns: i64,
    /// When a (sender, recipient) pair came first.
    first_tries: HashMap<u128, i64>,
    recipients: HashMap<u128, Visits>,
}

#[derive(Debug, Default)]
struct Visits {
    attempts: u32,
    deferred: u32,
    dropped: u32,
}

/// Decides about one recipient.
pub(crate) fn at_recipient(
    behaviour: &Behaviour,
    state: &mut DomainState,
    visit: &Visit<'_>,
    now_us: i64,
) -> Verdict {
    let is_full = behaviour
        .connections_max
        .is_some_and(|max| state.places_taken >= max);
    if is_full && !visit.has_place {
        return Verdict::OverConnections;
    }
    if let Some(rate) = behaviour.rate.filter(|_| !visit.is_mail_counted)
        && !admits(state, rate, behaviour.burst_of(rate), visit.mail_at_us)
    {
        return Verdict::OverRate;
    }
    if is_refused(behaviour, visit) {
        return Verdict::Refuse;
    }
    if let Some(span) = behaviour.greylist_after {
        let pair = key(visit.sender, &visit.recipient.text);
        if let Some(first_at_us) = remember(&mut state.first_tries, pair, now_us)
            && now_us.saturating_sub(*first_at_us) < micros(span.duration())
        {
            return Verdict::Greylist;
        }
    }
    if behaviour.defer_share.is_none() && behaviour.drop_share.is_none() {
        return Verdict::Accept(Fate::default());
    }
    let recipient = key(&visit.recipient.text, "");
    let stranger = &mut Visits::default();
    let visits = remember(&mut state.recipients, recipient, Visits::default()).unwrap_or(stranger);
    by_chance(behaviour, visits, visit)
}

/// Deferral and drop, by the seed and the number of the attempt.
fn by_chance(behaviour: &Behaviour, visits: &mut Visits, visit: &Visit<'_>) -> Verdict {
    let address = visit.recipient.text.as_str();
    visits.attempts += 1;
    let mut fate = Fate::default();
    if behaviour
        .defer_share
        .holds(draw(visit.seed, "defer", address, 0))
        && behaviour
            .defer_times_max
            .is_none_or(|max| visits.deferred < max)
    {
        visits.deferred += 1;
        match behaviour.defer_at {
            DeferAt::Rcpt => return Verdict::Defer,
            DeferAt::Dot => fate.is_deferred_at_dot = true,
        }
    }
    if behaviour
        .drop_share
        .holds(draw(visit.seed, "drop", address, visits.attempts))
        && behaviour
            .drop_times_max
            .is_none_or(|max| visits.dropped < max)
    {
        visits.dropped += 1;
        fate.drop_at = Some(behaviour.drop_at);
    }
    Verdict::Accept(fate)
}

fn is_refused(behaviour: &Behaviour, visit: &Visit<'_>) -> bool {
    let (local_part, address) = (visit.recipient.local_part(), &visit.recipient.text);
    let has_prefix = |prefix: &String| local_part.starts_with(prefix.as_str());
    let share = behaviour.refuse_share;
    behaviour
        .refuse_local_prefix
        .as_ref()
        .is_some_and(has_prefix)
        || (!share.is_none() && share.holds(draw(visit.seed, "refuse", address, 0)))
}

/// GCRA: yes, and one more is counted; or no, and nothing has changed.
fn admits(state: &mut DomainState, rate: Rate, burst: u32, at_us: i64) -> bool {
    let interval_ns = i64::try_from(rate.interval_ns()).unwrap_or(i64::MAX);
    let tolerance_ns = interval_ns.saturating_mul(i64::from(burst) - 1);
    let at_ns = at_us.saturating_mul(1000);
    let even_at_ns = state.even_at_ns.max(at_ns);
    if even_at_ns.saturating_sub(at_ns) > tolerance_ns {
        return false;
    }
    state.even_at_ns = even_at_ns.saturating_add(interval_ns);
    true
}

/// The entry of `key`, made with `fresh` if there is none; nothing when the table is full.
fn remember<K: Eq + Hash, V>(table: &mut HashMap<K, V>, key: K, fresh: V) -> Option<&mut V> {
    if table.len() >= VISITS_MAX && !table.contains_key(&key) {
        return None;
    }
    Some(table.entry(key).or_insert(fresh))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, parse};
    use crate::units::Share;

    fn address(text: &str) -> Address {
        match parse(format!("RCPT TO:<{text}>").as_bytes()) {
            Ok(Command::Rcpt { recipient }) => recipient,
            other => panic!("{text} is no recipient: {other:?}"),
        }
    }

    fn visit(recipient: &Address, at_us: i64) -> Visit<'_> {
        Visit {
            seed: 42,
            sender: "news@example.test",
            recipient,
            mail_at_us: at_us,
            is_mail_counted: false,
            has_place: false,
        }
    }

    fn decide(behaviour: &Behaviour, state: &mut DomainState, to: &str, at_us: i64) -> Verdict {
        at_recipient(behaviour, state, &visit(&address(to), at_us), at_us)
    }

    const ACCEPT: Verdict = Verdict::Accept(Fate {
        is_deferred_at_dot: false,
        drop_at: None,
    });

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
            .filter(|n| {
                decide(&behaviour, &mut state, "a@x.test", 10_000_000 + n * 10_000) == ACCEPT
            })
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
        assert_eq!(at(0), Verdict::OverRate);
        assert_eq!(at(19_999), Verdict::OverRate);
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
        assert_eq!(at_recipient(&behaviour, &mut state, &first, 0), ACCEPT);
        let second = Visit {
            is_mail_counted: true,
            ..first
        };
        assert_eq!(at_recipient(&behaviour, &mut state, &second, 0), ACCEPT);
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
        assert_eq!(at("a@x.test", 0), Verdict::Greylist);
        assert_eq!(at("a@x.test", 9_999_999), Verdict::Greylist);
        assert_eq!(at("b@x.test", 9_999_999), Verdict::Greylist);
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
            at_recipient(&behaviour, &mut state, &stranger, 0),
            Verdict::OverConnections
        );
        let holder = Visit {
            has_place: true,
            ..stranger
        };
        assert_eq!(at_recipient(&behaviour, &mut state, &holder, 0), ACCEPT);
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
                decide(&behaviour, &mut state, &format!("{local}@x.test"), 0) == Verdict::Refuse
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
            Verdict::Defer
        );
        assert_eq!(decide(&behaviour, &mut state, "a@x.test", 1), ACCEPT);
        let always = Behaviour {
            defer_times_max: None,
            ..behaviour
        };
        assert!(
            (2..9).all(|at_us| decide(&always, &mut state, "a@x.test", at_us) == Verdict::Defer)
        );
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
}
