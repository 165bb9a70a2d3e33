//! What the model test may do at random, and how a step becomes a request.

use std::time::Duration;

use postrider_store::{Claimed, Filing, Request, Share};
use postrider_types::{DeliveryState, Doubt, Outcome, Receipt, Timestamp, WorkerId};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::examine::Snapshot;
use crate::people;
use crate::poison::{Poison, poison};
use crate::requests::{begin_request, end_request, record_request};
use crate::world::{World, delivery, lane};

/// Lanes that recipients are filed in.
pub(crate) const LANES: [&str; 3] = ["a.test", "b.test", "tail-07"];

/// Campaigns that every run begins with: one for each policy.
pub(crate) const CAMPAIGNS: u32 = 3;

/// One thing to do; what it is about is chosen among what there is by then.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// What somebody asks whatever there is.
    Ask(Box<Request>),
    Claim {
        worker: u64,
        skip: Option<&'static str>,
    },
    Begin {
        about: About,
    },
    Record {
        about: About,
        outcome: Outcome,
    },
    /// The late outcome of an attempt that was taken out of doubt.
    Late {
        which: Index,
        outcome: Outcome,
    },
    End {
        claim: Index,
        filings: Vec<(Index, &'static str, Timestamp)>,
        closes: bool,
    },
    Extend {
        claim: Index,
    },
    /// The reaper comes by.
    Reap {
        all: bool,
    },
    /// Something is said against a recipient or an email.
    Poison(Poison),
    /// An earlier request again, however old.
    Repeat {
        which: Index,
    },
}

/// A recipient of a chunk that was ever claimed, and by how much the attempt's number is wrong.
#[derive(Debug, Clone)]
pub(crate) struct About {
    claim: Index,
    place: Index,
    wrong_by: i16,
}

impl About {
    fn number(&self, right: u16) -> u16 {
        right.saturating_add_signed(self.wrong_by)
    }
}

/// What happened so far, as far as steps refer to it.
#[derive(Default)]
pub(crate) struct Past {
    pub claims: Vec<Claimed>,
    pub requests: Vec<Request>,
    pub claim_number: u64,
}

impl Past {
    /// The request of a step, or `None` when there is nothing yet that it could be about.
    pub(crate) fn request(&mut self, step: &Step, world: &World) -> Option<Request> {
        Some(match step {
            Step::Ask(request) => Request::clone(request),
            Step::Claim { worker, skip } => {
                self.claim_number += 1;
                Request::Claim {
                    claim: self.claim_number,
                    worker: WorkerId(*worker),
                    skip: skip.iter().map(|name| lane(name)).collect(),
                    share: Share::WHOLE,
                    until: world.now.plus(Duration::from_secs(60)),
                }
            }
            Step::Begin { about } => {
                let likely = [DeliveryState::Pending, DeliveryState::Deferred];
                let (held, place, attempts) = self.about(about, likely, world)?;
                begin_request(held, place, about.number(attempts + 1))
            }
            Step::Record { about, outcome } => {
                let likely = [DeliveryState::Attempting, DeliveryState::InDoubt];
                let (held, place, attempts) = self.about(about, likely, world)?;
                let is_begun = likely.contains(&world.state(held, place));
                let is_attempt = !matches!(outcome, Outcome::Expired | Outcome::Failed);
                let more = u16::from(is_attempt && !is_begun);
                record_request(held, place, about.number(attempts + more), *outcome)
            }
            Step::Late { which, outcome } => late(which, *outcome, world)?,
            Step::End {
                claim,
                filings,
                closes,
            } => self.end(claim, filings, *closes)?,
            Step::Extend { claim } => Request::Extend {
                token: self.claim(claim)?.token,
                until: world.now.plus(Duration::from_secs(90)),
            },
            Step::Reap { all } => Request::reap(if *all { Timestamp::NEVER } else { world.now }),
            Step::Poison(poison) => poison.request(self)?,
            Step::Repeat { .. } if self.requests.is_empty() => return None,
            Step::Repeat { which } => which.get(&self.requests).clone(),
        })
    }

    /// One of the chunks that were ever claimed.
    pub(crate) fn claim(&self, claim: &Index) -> Option<&Claimed> {
        // Mostly about those that may still be leased.
        let newest = self.claims.len().saturating_sub(6);
        let among = if claim.index(8) == 0 {
            &self.claims[..]
        } else {
            &self.claims[newest..]
        };
        (!among.is_empty()).then(|| claim.get(among))
    }

    /// The chunk, a place in it where the state is `likely` (or any, when the number is to be
    /// wrong or there is none), and the attempts so far.
    fn about(
        &self,
        about: &About,
        likely: [DeliveryState; 2],
        world: &World,
    ) -> Option<(&Claimed, usize, u16)> {
        let held = self.claim(&about.claim)?;
        let count = held.recipients.len();
        let first = about.place.index(count);
        let mut places = (0..count).map(|n| (first + n) % count);
        let place = places.find(|place| likely.contains(&world.state(held, *place)));
        let place = place.filter(|_| about.wrong_by == 0).unwrap_or(first);
        let receipt = world.receipt(delivery(held, place));
        Some((held, place, receipt.map_or(0, |receipt| receipt.attempts)))
    }

    fn end(
        &self,
        claim: &Index,
        filings: &[(Index, &'static str, Timestamp)],
        closes: bool,
    ) -> Option<Request> {
        let held = self.claim(claim)?;
        let filings = filings.iter().map(|(recipient, name, due_at)| Filing {
            recipient: recipient.get(&held.recipients).recipient,
            lane: lane(name),
            due_at: *due_at,
        });
        let mut request = end_request(held.token, filings.collect());
        if let Request::End { throttle, .. } = &mut request
            && closes
        {
            *throttle = Some((held.lane.clone(), Timestamp::NEVER));
        }
        Some(request)
    }
}

pub(crate) fn step(start: Timestamp) -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let later = move |max: u64| (0..max).prop_map(move |s| start.plus(Duration::from_secs(s)));
    let due = prop_oneof![9 => later(600), 1 => Just(Timestamp::NEVER)];
    let filing = (index(), select(&LANES), due);
    let filings = proptest::collection::vec(filing, 0..4);
    let skip = proptest::option::weighted(0.1, select(&LANES));
    let late = prop_oneof![Just(Outcome::Delivered), outcome(start)];
    prop_oneof![
        24 => people::asked(start).prop_map(|request| Step::Ask(Box::new(request))),
        12 => (0..3_u64, skip).prop_map(|(worker, skip)| Step::Claim { worker, skip }),
        30 => about().prop_map(|about| Step::Begin { about }),
        30 => (about(), outcome(start))
            .prop_map(|(about, outcome)| Step::Record { about, outcome }),
        3 => (index(), late).prop_map(|(which, outcome)| Step::Late { which, outcome }),
        6 => (index(), filings, proptest::bool::weighted(0.1))
            .prop_map(|(claim, filings, closes)| Step::End { claim, filings, closes }),
        2 => index().prop_map(|claim| Step::Extend { claim }),
        2 => proptest::bool::weighted(0.3).prop_map(|all| Step::Reap { all }),
        3 => poison().prop_map(Step::Poison),
        8 => index().prop_map(|which| Step::Repeat { which }),
    ]
}

/// A late outcome, under the token that began the attempt.
fn late(which: &Index, outcome: Outcome, world: &World) -> Option<Request> {
    let receipts = Snapshot::take(world.reader()).receipts;
    let of_doubt = |receipt: Receipt| receipt.doubt.map(|doubt| (receipt, doubt));
    let mut doubted: Vec<_> = receipts.into_values().filter_map(of_doubt).collect();
    // Mostly one that was not heard of yet, and among those who are over rather than open.
    let news = |(receipt, doubt): &(Receipt, Doubt)| {
        let is_open = receipt.state.is_open();
        (doubt.is_settled, is_open && which.index(4) > 0)
    };
    doubted.sort_by_key(news);
    let best = doubted.first().map(news)?;
    if which.index(8) > 0 {
        doubted.retain(|one| news(one) == best);
    }
    let (receipt, doubt) = which.get(&doubted);
    Some(Request::Record {
        token: doubt.token,
        delivery: receipt.delivery,
        address: receipt.address.clone(),
        attempt: doubt.attempt,
        outcome,
        reply: None,
    })
}

fn about() -> impl Strategy<Value = About> {
    let wrong_by = prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(-1)];
    (any::<Index>(), any::<Index>(), wrong_by).prop_map(|(claim, place, wrong_by)| About {
        claim,
        place,
        wrong_by,
    })
}

fn outcome(start: Timestamp) -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Delivered),
        4 => (0..600_u64).prop_map(move |seconds| Outcome::Deferred {
            next_attempt_at: start.plus(Duration::from_secs(seconds)),
        }),
        2 => Just(Outcome::Bounced),
        2 => Just(Outcome::InDoubt),
        3 => Just(Outcome::Returned),
        2 => Just(Outcome::Expired),
        2 => Just(Outcome::Failed),
    ]
}
