//! What must be true after every single request, kept independently of the store that is watched:
//! which edges were walked, how many attempts may have left, and where every open delivery is.

use std::collections::{BTreeMap, BTreeSet};

use postrider_store::memory::State;
use postrider_store::rows::Within;
use postrider_store::upkeep::Upkeep;
use postrider_store::{Reply, Request, Tables};
use postrider_types::{CampaignId, CampaignState, ChunkId, DeliveryId, DeliveryState, LeaseToken};

use crate::examine::Snapshot;

/// More rows than any run makes.
const ALL: usize = 100_000;

/// One change of a delivery: from, by which verb, to.
pub(crate) type Edge = (DeliveryState, &'static str, DeliveryState);

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Ledger {
    pub newest: Snapshot,
    pub edges: BTreeSet<Edge>,
    /// Attempts that were begun, less those of which it is certain that nothing was delivered.
    sent: BTreeMap<DeliveryId, i32>,
    /// Attempts that were begun and not given back.
    begun: BTreeSet<(DeliveryId, u16)>,
    /// Attempts that were given back, and under which lease.
    returned: BTreeSet<(DeliveryId, LeaseToken, u16)>,
    /// The newest token of a lease.
    token: Option<LeaseToken>,
}

impl Ledger {
    /// Takes in what a request changed.
    pub(crate) fn enter(&mut self, request: &Request, reply: &Reply, now: Snapshot) {
        self.tokens(request, reply);
        for (delivery, receipt) in &now.receipts {
            let old = self.newest.receipts.get(delivery);
            if old == Some(receipt) {
                continue;
            }
            // A request may take several edges at once; all but a begin are in the log.
            let logged = &now.log[self.newest.log.len().min(now.log.len())..];
            let mut path = vec![old.map_or(DeliveryState::Pending, |old| old.state)];
            let of_it = logged.iter().filter(|entry| entry.delivery == *delivery);
            path.extend(of_it.map(|entry| entry.state));
            if receipt.state == DeliveryState::Attempting {
                path.push(receipt.state);
            }
            for step in path.windows(2) {
                let edge = (step[0], verb(request), step[1]);
                self.walk(*delivery, receipt.attempts, edge);
                self.returns(*delivery, request, edge);
            }
            let end = path[path.len() - 1];
            assert_eq!(
                end, receipt.state,
                "{delivery} changed unlogged by {request:?}"
            );
            let may_be_sent = 1 + i32::from(receipt.retries_in_doubt);
            let sent = self.sent.get(delivery).copied().unwrap_or_default();
            assert!(
                sent <= may_be_sent,
                "{delivery} may have been sent {sent} times: {receipt:?}"
            );
        }
        assert!(
            now.receipts.len() >= self.newest.receipts.len(),
            "a receipt is gone"
        );
        assert!(now.log.starts_with(&self.newest.log), "the log was changed");
        self.newest = now;
    }

    fn walk(&mut self, delivery: DeliveryId, attempt: u16, edge: Edge) {
        use DeliveryState::{Attempting, Delivered, InDoubt};
        let (before, verb, after) = edge;
        self.edges.insert(edge);
        let may_have_left = |state| matches!(state, Attempting | InDoubt | Delivered);
        let sent = self.sent.entry(delivery).or_default();
        if after == Attempting {
            *sent += 1;
            let is_new = self.begun.insert((delivery, attempt));
            assert!(is_new, "attempt {attempt} of {delivery} began twice");
        } else if verb == "record" && may_have_left(before) && !may_have_left(after) {
            *sent -= 1;
            if after == DeliveryState::Pending {
                // Given back: the number is used again.
                self.begun.remove(&(delivery, attempt + 1));
            }
        }
    }

    /// No attempt begins again under the lease that gave it back.
    fn returns(&mut self, delivery: DeliveryId, request: &Request, edge: Edge) {
        match (request, edge.2) {
            (Request::Record { token, attempt, .. }, DeliveryState::Pending) => {
                self.returned.insert((delivery, *token, *attempt));
            }
            (Request::Begin { token, attempt, .. }, DeliveryState::Attempting) => {
                let is_returned = self.returned.contains(&(delivery, *token, *attempt));
                assert!(
                    !is_returned,
                    "{delivery} began after its return: {request:?}"
                );
            }
            _ => {}
        }
    }

    /// No token is ever used for two leases.
    fn tokens(&mut self, request: &Request, reply: &Reply) {
        let (Request::Claim { .. }, Reply::Claimed(claimed)) = (request, reply) else {
            return;
        };
        if self.token < Some(claimed.token) {
            self.token = Some(claimed.token);
        }
    }

    /// Whether a claim was answered with a lease that is newer than all others.
    pub(crate) fn is_newest(&self, token: LeaseToken) -> bool {
        self.token == Some(token)
    }
}

/// The word of the state diagram for what a request does.
pub(crate) const fn verb(request: &Request) -> &'static str {
    match request {
        Request::Claim { .. } => "claim",
        Request::Begin { .. } => "begin",
        Request::Record { .. } => "record",
        Request::End { .. } => "end",
        Request::Reap { .. } => "reap",
        Request::Sweep { .. } | Request::SweepTenant { .. } => "sweep",
        Request::Purge { .. } => "purge",
        Request::Resolve { .. } => "resolve",
        Request::Quarantine { .. } => "quarantine",
        Request::LiftEmail { .. } => "lift",
        Request::EraseRecipient { .. } => "erase",
        _ => "none",
    }
}

/// Looks into the rows: each open delivery is in exactly one chunk that is queued, parked or
/// leased, one between begin and outcome is leased, and nothing else waits but a doubt for its
/// retry.
pub(crate) fn expect_places(state: &mut State, newest: &Snapshot, request: &Request) {
    for campaign in &newest.campaigns {
        let within = Within::Campaign(campaign.id);
        let mut waiting = BTreeMap::<DeliveryId, u32>::new();
        let mut leased = BTreeMap::<DeliveryId, u32>::new();
        let mut entries = state.queued(&within, ChunkId(0), ALL).unwrap();
        entries.extend(state.parked(&within, ChunkId(0), ALL).unwrap());
        for entry in entries {
            let chunk = state.chunk(entry.chunk).unwrap().unwrap();
            for recipient in &chunk.recipients {
                *waiting
                    .entry(chunk.delivery(recipient.recipient))
                    .or_default() += 1;
            }
        }
        for lease in state.leases(&within, LeaseToken(0), ALL).unwrap() {
            let chunk = state.chunk(lease.chunk).unwrap().unwrap();
            for recipient in &chunk.recipients {
                let delivery = chunk.delivery(recipient.recipient);
                let receipt = newest.receipts.get(&delivery);
                // Filed anew since: in a chunk with a higher number.
                if receipt.is_none_or(|receipt| receipt.chunk <= lease.chunk) {
                    *leased.entry(delivery).or_default() += 1;
                }
            }
        }
        for number in 0..u32::try_from(campaign.tally.audience()).unwrap() {
            let delivery = DeliveryId {
                tenant: campaign.tenant,
                campaign: campaign.id,
                recipient: postrider_types::RecipientId(number),
            };
            let receipt = newest.receipts.get(&delivery);
            let state = receipt.map_or(DeliveryState::Pending, |receipt| receipt.state);
            let place = (
                waiting.get(&delivery).copied().unwrap_or_default(),
                leased.get(&delivery).copied().unwrap_or_default(),
            );
            let is_right = match state {
                DeliveryState::Pending | DeliveryState::Deferred => {
                    matches!(place, (1, 0) | (0, 1))
                }
                DeliveryState::Attempting => place == (0, 1),
                DeliveryState::InDoubt => place.0 <= 1,
                _ => place.0 == 0,
            };
            assert!(
                is_right,
                "{delivery} is {state} and waits in {} chunks and {} leases after {request:?}",
                place.0, place.1
            );
        }
    }
}

/// Nothing of a cancelled campaign is in any queue when its sweep says that it is done.
pub(crate) fn expect_swept(state: &mut State, campaign: CampaignId) {
    let found = state.campaign(campaign).unwrap().unwrap();
    assert_eq!(found.state, CampaignState::Cancelled);
    let within = Within::Campaign(campaign);
    let queued = state.queued(&within, ChunkId(0), ALL).unwrap();
    let parked = state.parked(&within, ChunkId(0), ALL).unwrap();
    assert!(
        queued.is_empty() && parked.is_empty(),
        "{campaign} was swept"
    );
}
