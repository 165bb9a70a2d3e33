//! What the model test may do at random, and how a step becomes a request.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Filing, Request};
use postrider_types::{CampaignId, DeliveryState, Outcome, Timestamp, WorkerId};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::requests::{begin_request, end_request, file_request, record_request};
use crate::world::{World, delivery, lane};

const LANES: [&str; 3] = ["a.test", "b.test", "tail-07"];

/// Campaigns that every run begins with.
pub(crate) const CAMPAIGNS: u32 = 2;

/// One thing to do; what it is about is chosen among what there is by then.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    File {
        campaign: u32,
        lane: &'static str,
        count: u32,
    },
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
    End {
        claim: Index,
        filings: Vec<(Index, &'static str, Timestamp)>,
        closes: bool,
    },
    Extend {
        claim: Index,
    },
    Reap {
        all: bool,
    },
    Wake,
    Change {
        campaign: u32,
        change: CampaignChange,
    },
    Sweep {
        campaign: u32,
    },
    Unpark {
        campaign: u32,
    },
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
            Step::File {
                campaign,
                lane,
                count,
            } => file_request(CampaignId(*campaign), lane, *count),
            Step::Claim { worker, skip } => {
                self.claim_number += 1;
                Request::Claim {
                    claim: self.claim_number,
                    worker: WorkerId(*worker),
                    skip: skip.iter().map(|name| lane(name)).collect(),
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
            Step::End {
                claim,
                filings,
                closes,
            } => self.end(claim, filings, *closes)?,
            Step::Extend { claim } => Request::Extend {
                token: self.claim(claim)?.token,
                until: world.now.plus(Duration::from_secs(90)),
            },
            Step::Reap { all } => Request::Reap {
                before: if *all { Timestamp::NEVER } else { world.now },
            },
            Step::Wake => Request::Wake,
            Step::Change { campaign, change } => Request::Change {
                campaign: CampaignId(*campaign),
                change: *change,
            },
            Step::Sweep { campaign } => Request::Sweep {
                campaign: CampaignId(*campaign),
            },
            Step::Unpark { campaign } => Request::Unpark {
                campaign: CampaignId(*campaign),
            },
            Step::Repeat { .. } if self.requests.is_empty() => return None,
            Step::Repeat { which } => which.get(&self.requests).clone(),
        })
    }

    fn claim(&self, claim: &Index) -> Option<&Claimed> {
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
    let campaign = || 1..=CAMPAIGNS;
    let index = any::<Index>;
    let later = move |max: u64| (0..max).prop_map(move |s| start.plus(Duration::from_secs(s)));
    let due = prop_oneof![9 => later(600), 1 => Just(Timestamp::NEVER)];
    let filing = (index(), select(&LANES), due);
    let filings = proptest::collection::vec(filing, 0..4);
    let skip = proptest::option::weighted(0.1, select(&LANES));
    let changes = prop_oneof![
        1 => Just(CampaignChange::Seal),
        2 => Just(CampaignChange::Pause),
        4 => Just(CampaignChange::Resume),
        1 => Just(CampaignChange::Cancel),
    ];
    prop_oneof![
        3 => (campaign(), select(&LANES), 1..6_u32)
            .prop_map(|(campaign, lane, count)| Step::File { campaign, lane, count }),
        12 => (0..2_u64, skip).prop_map(|(worker, skip)| Step::Claim { worker, skip }),
        30 => about().prop_map(|about| Step::Begin { about }),
        30 => (about(), outcome(start))
            .prop_map(|(about, outcome)| Step::Record { about, outcome }),
        6 => (index(), filings, proptest::bool::weighted(0.1))
            .prop_map(|(claim, filings, closes)| Step::End { claim, filings, closes }),
        2 => index().prop_map(|claim| Step::Extend { claim }),
        2 => proptest::bool::weighted(0.3).prop_map(|all| Step::Reap { all }),
        2 => Just(Step::Wake),
        3 => (campaign(), changes)
            .prop_map(|(campaign, change)| Step::Change { campaign, change }),
        2 => campaign().prop_map(|campaign| Step::Sweep { campaign }),
        3 => campaign().prop_map(|campaign| Step::Unpark { campaign }),
        8 => index().prop_map(|which| Step::Repeat { which }),
    ]
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
        1 => Just(Outcome::Expired),
        1 => Just(Outcome::Failed),
    ]
}
