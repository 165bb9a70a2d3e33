//! Every delivery that was expected, accepted, or that the client holds a receipt of.
//!
//! A delivery is known by a 128-bit hash of campaign and recipient, and costs 32 bytes: names are
//! kept only where they must be told. **Invariant: `counts` is the sum of what each delivery
//! [weighs](Delivery::weigh)**; every change goes through [`Deliveries::change`], so a verdict
//! costs nothing while the mock is busy.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;

use crate::bounds::{DOUBTS_LISTED_MAX, LEDGER_KEYS_MAX};
use crate::chance::key;
use crate::control::wire::State;
use crate::judge::fingerprint::Fingerprint;
use crate::judge::verdict::{Doubt, InDoubt};

/// All deliveries, and the recipients among them.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    known: HashMap<u128, Delivery>,
    /// Where each recipient stands in `people`.
    places: HashMap<u128, u32>,
    people: Vec<Person>,
    /// Those in doubt by name: campaign, then recipient.
    doubts: BTreeSet<(String, String)>,
    counts: Counts,
    /// Accepts beyond the first of a delivery that names a campaign.
    pub(super) duplicates: u64,
    /// Recipients with an accept.
    pub(super) recipients: u64,
    /// What found no room.
    pub(super) untracked: u64,
}

/// A recipient, whatever the campaign.
#[derive(Debug, Default, Clone, Copy)]
struct Person {
    accepted: u32,
    is_refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Delivery {
    person: u32,
    /// Of the content that was expected.
    expected: Option<NonZeroU32>,
    /// Of the content that was accepted first.
    accepted: Option<NonZeroU32>,
    /// 255 stands for that and more.
    accepts: u8,
    state: Option<State>,
    is_expected: bool,
    /// A later accept had another content than the first.
    has_other: bool,
}

/// What deliveries add up to; each counts deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) expected: u64,
    pub(super) receipts: u64,
    pub(super) open_receipts: u64,
    /// Expected, not accepted, and no receipt says otherwise.
    pub(super) lost: u64,
    /// Accepted, not expected.
    pub(super) strangers: u64,
    pub(super) false_receipts: u64,
    pub(super) doubts_arrived: u64,
    pub(super) doubts_not_arrived: u64,
    pub(super) checked: u64,
    pub(super) corrupted: u64,
}

impl Deliveries {
    /// One accept; answers whether this campaign had been accepted for this recipient before.
    pub(super) fn accept(
        &mut self,
        campaign: Option<&str>,
        recipient: &str,
        content: Option<Fingerprint>,
    ) -> bool {
        let Some(person) = self.person(recipient) else {
            return false;
        };
        let accepted = &mut self.people[person as usize].accepted;
        self.recipients += u64::from(*accepted == 0);
        *accepted = accepted.saturating_add(1);
        let mut is_again = false;
        self.change(
            campaign.unwrap_or_default(),
            recipient,
            person,
            |delivery| {
                is_again = delivery.accepts > 0;
                delivery.has_other |= is_again && delivery.accepted != content.map(|it| it.0);
                if !is_again {
                    delivery.accepted = content.map(|it| it.0);
                }
                delivery.accepts = delivery.accepts.saturating_add(1);
            },
        );
        let is_duplicate = is_again && campaign.is_some();
        self.duplicates += u64::from(is_duplicate);
        is_duplicate
    }

    /// A delivery is to arrive. False when there is no room for it.
    pub(super) fn expect(
        &mut self,
        campaign: &str,
        recipient: &str,
        content: Option<Fingerprint>,
    ) -> bool {
        let Some(person) = self.person(recipient) else {
            return false;
        };
        self.change(campaign, recipient, person, |delivery| {
            delivery.is_expected = true;
            delivery.expected = content.map(|it| it.0);
        })
    }

    /// The client says how a delivery stands. False when there is no room for it.
    pub(super) fn hold(&mut self, campaign: &str, recipient: &str, state: State) -> bool {
        let Some(person) = self.person(recipient) else {
            return false;
        };
        let mut was = None;
        let is_known = self.change(campaign, recipient, person, |delivery| {
            was = delivery.state.replace(state);
        });
        let name = || (campaign.to_owned(), recipient.to_owned());
        if state == State::InDoubt {
            if self.doubts.len() < DOUBTS_LISTED_MAX {
                self.doubts.insert(name());
            }
        } else if was == Some(State::InDoubt) {
            self.doubts.remove(&name());
        }
        is_known
    }

    /// A recipient was refused for good.
    pub(super) fn refuse(&mut self, recipient: &str) {
        if let Some(person) = self.person(recipient) {
            self.people[person as usize].is_refused = true;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// How often a recipient was accepted, whatever the campaign.
    pub(super) fn accepted_of(&self, recipient: &str) -> u32 {
        let person = self.places.get(&key(&as_logged(recipient), ""));
        person.map_or(0, |person| self.people[*person as usize].accepted)
    }

    /// Expected and not accepted, for a client that has shown receipts, or for one that has none.
    pub(super) fn lost(&self) -> u64 {
        if self.counts.receipts > 0 {
            return self.counts.lost;
        }
        let is_lost = |delivery: &&Delivery| {
            delivery.is_expected
                && delivery.accepts == 0
                && !self.people[delivery.person as usize].is_refused
        };
        self.known.values().filter(is_lost).count() as u64
    }

    /// How often the delivery with this key was accepted, and what the client says of it.
    pub(super) fn look(&self, key: u128) -> Option<(u8, Option<State>)> {
        let delivery = self.known.get(&key)?;
        Some((delivery.accepts, delivery.state))
    }

    pub(super) fn in_doubt(&self) -> InDoubt {
        let counts = self.counts;
        let listed = self.doubts.iter().map(|(campaign, recipient)| {
            let key = key(&as_logged(recipient), campaign);
            let delivery = self.known.get(&key).copied().unwrap_or_default();
            Doubt {
                campaign: campaign.clone(),
                recipient: recipient.clone(),
                has_arrived: delivery.accepts > 0,
            }
        });
        InDoubt {
            held: counts.doubts_arrived + counts.doubts_not_arrived,
            arrived: counts.doubts_arrived,
            not_arrived: counts.doubts_not_arrived,
            listed: listed.collect(),
        }
    }

    fn person(&mut self, recipient: &str) -> Option<u32> {
        let key = key(&as_logged(recipient), "");
        if let Some(person) = self.places.get(&key) {
            return Some(*person);
        }
        let person = u32::try_from(self.people.len()).ok();
        let Some(person) = person.filter(|_| self.people.len() < LEDGER_KEYS_MAX) else {
            self.untracked += 1;
            return None;
        };
        self.places.insert(key, person);
        self.people.push(Person::default());
        Some(person)
    }

    /// Changes one delivery and what all weigh together; false when there is no room for it.
    fn change(
        &mut self,
        campaign: &str,
        recipient: &str,
        person: u32,
        change: impl FnOnce(&mut Delivery),
    ) -> bool {
        let key = key(&as_logged(recipient), campaign);
        if self.known.len() >= LEDGER_KEYS_MAX && !self.known.contains_key(&key) {
            self.untracked += 1;
            return false;
        }
        let delivery = self.known.entry(key).or_default();
        self.counts.take_away(&delivery.weigh());
        delivery.person = person;
        change(delivery);
        self.counts.add(&delivery.weigh());
        true
    }
}

impl Delivery {
    /// What it adds to the counts.
    fn weigh(&self) -> Counts {
        let has_arrived = self.accepts > 0;
        let is = |what: bool| u64::from(what);
        let says = |what: fn(State) -> bool| self.state.is_some_and(what);
        let is_delivered = self.state == Some(State::Delivered);
        let is_doubt = self.state == Some(State::InDoubt);
        let is_checked = has_arrived && self.expected.is_some() && self.accepted.is_some();
        let is_other = self.has_other || self.accepted != self.expected;
        Counts {
            expected: is(self.is_expected),
            receipts: is(self.state.is_some()),
            open_receipts: is(says(State::is_open)),
            lost: is(self.is_expected && !has_arrived && !says(State::denies) && !is_doubt),
            strangers: is(has_arrived && !self.is_expected),
            false_receipts: is(is_delivered && !has_arrived || says(State::denies) && has_arrived),
            doubts_arrived: is(is_doubt && has_arrived),
            doubts_not_arrived: is(is_doubt && !has_arrived),
            checked: is(is_checked),
            corrupted: is(is_checked && is_other),
        }
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.each(other, |own, other| *own += other);
    }

    fn take_away(&mut self, other: &Self) {
        self.each(other, |own, other| *own -= other);
    }

    fn each(&mut self, other: &Self, change: impl Fn(&mut u64, u64)) {
        change(&mut self.expected, other.expected);
        change(&mut self.receipts, other.receipts);
        change(&mut self.open_receipts, other.open_receipts);
        change(&mut self.lost, other.lost);
        change(&mut self.strangers, other.strangers);
        change(&mut self.false_receipts, other.false_receipts);
        change(&mut self.doubts_arrived, other.doubts_arrived);
        change(&mut self.doubts_not_arrived, other.doubts_not_arrived);
        change(&mut self.checked, other.checked);
        change(&mut self.corrupted, other.corrupted);
    }
}

/// A recipient as the log has it: the domain in lower case.
pub(crate) fn as_logged(recipient: &str) -> Cow<'_, str> {
    let (local_part, domain) = recipient.rsplit_once('@').unwrap_or((recipient, ""));
    if domain.bytes().any(|byte| byte.is_ascii_uppercase()) || !domain.is_ascii() {
        format!("{local_part}@{}", domain.to_lowercase()).into()
    } else {
        recipient.into()
    }
}
