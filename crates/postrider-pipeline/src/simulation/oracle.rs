//! What is true, whatever the store thinks: the receiver's own count of copies, and the sentences
//! that must hold after every single step.
//!
//! The oracle asks no rule of `protocol` what is right. It knows what the receiver took, which
//! begins were answered as durable, who was killed or held up and how often, and it looks at the
//! rows.

mod judging;
mod looking;
mod suspicion;

use std::collections::{BTreeMap, BTreeSet};

use postrider_store::memory::State;
use postrider_store::{Request, StoreError, Tables};
use postrider_types::{CampaignId, DeliveryId, DeliveryState, LeaseToken, Receipt, WorkerId};

use super::counts::Counts;
use super::plan::Plan;
pub(super) use looking::attempting;
use suspicion::Suspicions;

/// What must never be, and was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Violation(pub(super) String);

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

/// Fails with a violation unless the sentence holds.
macro_rules! hold {
    ($is_so:expr, $($what:tt)+) => {
        if !$is_so {
            return Err($crate::simulation::oracle::Violation(format!($($what)+)));
        }
    };
}
pub(super) use hold;

/// Outcomes of one connection that may be on their way behind a later begin, where requests
/// overtake each other.
const OVERTAKEN_MAX: u64 = 4;

/// One try at one delivery, as a receiver could tell it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Try {
    pub(super) delivery: DeliveryId,
    pub(super) token: LeaseToken,
    pub(super) attempt: u16,
}

/// What is true.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// How large each audience is.
    pub(super) filed: BTreeMap<CampaignId, u64>,
    /// How many copies of each delivery the receiver took.
    pub(super) copies: BTreeMap<DeliveryId, u32>,
    /// How many second copies were asked for, by a person or a policy.
    extra: BTreeMap<DeliveryId, u32>,
    /// Deliveries that somebody said had bounced, without knowing, and had tried again.
    misled: BTreeSet<DeliveryId>,
    /// Deliveries whose recipients are erased.
    erased: BTreeSet<DeliveryId>,
    begun: BTreeSet<Try>,
    /// The try of each delivery that was begun last.
    newest: BTreeMap<DeliveryId, Try>,
    dotted: BTreeSet<Try>,
    taken: BTreeSet<Try>,
    leases: BTreeMap<LeaseToken, (WorkerId, u64)>,
    /// How often something came between each worker and its leases.
    disturbed: BTreeMap<WorkerId, u64>,
    doubted: BTreeMap<WorkerId, u64>,
    /// Who may have killed workers.
    suspicions: Suspicions,
    /// Workers that may come to a thing while one dies of it: those in the other places.
    others: u32,
    /// Whether each worker has its share.
    has_shares: bool,
    /// Requests between two looks at all rows.
    examine_every: u64,
    /// The most deliveries in doubt each time that something comes between a worker and its leases:
    /// one for each connection; where requests overtake each other, also what was answered last.
    doubts_max: u64,
    /// The service was started with a clock that is ahead of the last: its doubts look older than
    /// they are, and nothing can tell that from a service that was off for as long.
    pub(super) is_time_torn: bool,
    pub(super) counts: Counts,
}

impl Oracle {
    /// Knows nothing yet but how many workers there are, how many connections each of them has,
    /// and whether its requests keep their order.
    pub(super) fn new(plan: &Plan) -> Self {
        let each = if plan.is_in_order { 1 } else { OVERTAKEN_MAX };
        Self {
            doubts_max: plan.settings.routes.default.connections_max as u64 * each,
            examine_every: plan.examine_every,
            others: u32::try_from(plan.workers - 1).unwrap_or(u32::MAX),
            has_shares: plan.has_shares,
            ..Self::default()
        }
    }

    /// Something came between a worker and its leases.
    pub(super) fn disturb(&mut self, worker: WorkerId) {
        *self.disturbed.entry(worker).or_default() += 1;
    }

    /// A recipient was erased; a delivery between begin and outcome is left alone until then.
    pub(super) fn erase(&mut self, rows: &mut State, whose: DeliveryId) -> Result<(), Violation> {
        let state = rows.receipt(whose)?.map(|receipt| receipt.state);
        if state != Some(DeliveryState::Attempting) {
            let is_open = state.is_none_or(|state| state.is_open());
            hold!(!is_open, "{whose} is erased, and {state:?}");
            self.erased.insert(whose);
        }
        Ok(())
    }

    /// Who holds the lease of a begin that has not been done.
    pub(super) fn holder_of_unbegun(&self, request: &Request) -> Option<WorkerId> {
        let Request::Begin {
            token,
            delivery,
            attempt,
            ..
        } = request
        else {
            return None;
        };
        let one = Try {
            delivery: *delivery,
            token: *token,
            attempt: *attempt,
        };
        let holder = self.leases.get(token).map(|(worker, _)| *worker);
        holder.filter(|_| !self.begun.contains(&one))
    }

    /// A dot is about to be written.
    pub(super) fn dot(&mut self, rows: &mut State, one: Try) -> Result<(), Violation> {
        let is_durable = self.begun.contains(&one);
        hold!(is_durable, "a dot without a durable begin: {one:?}");
        let is_held = rows.lease(one.token)?.is_some();
        hold!(is_held, "a dot under a lease that is over: {one:?}");
        self.dotted.insert(one);
        Ok(())
    }

    /// The receiver has taken a message.
    pub(super) fn accept(&mut self, rows: &mut State, one: Try) -> Result<(), Violation> {
        let copies = self.copies.entry(one.delivery).or_default();
        *copies += 1;
        self.counts.accepts += 1;
        self.taken.insert(one);
        let extra = self.extra.get(&one.delivery).copied().unwrap_or_default();
        self.counts.retried += u64::from(*copies > 1 && *copies <= 1 + extra);
        if *copies > 1 + extra {
            self.counts.duplicates += 1;
            return Err(Violation(format!("{} got {copies} copies", one.delivery)));
        }
        let receipt = rows.receipt(one.delivery)?;
        let Some(receipt) = receipt else {
            return Err(Violation(format!("{} was sent unnoticed", one.delivery)));
        };
        let is_newest = self.newest.get(&one.delivery) == Some(&one);
        let is_misled = self.misled.contains(&one.delivery);
        hold!(
            is_newest || is_misled || self.is_time_torn,
            "{one:?} was taken when another try had begun"
        );
        self.check_honest(&receipt)
    }

    /// A receipt claims no more and no less than what the receiver did.
    pub(super) fn check_honest(&self, receipt: &Receipt) -> Result<(), Violation> {
        let delivery = receipt.delivery;
        let copies = self.copies.get(&delivery).copied().unwrap_or(0);
        let (token, attempt) = (receipt.token, receipt.attempts);
        let newest = token.map(|token| Try {
            delivery,
            token,
            attempt,
        });
        let is_taken = newest.is_some_and(|newest| self.taken.contains(&newest));
        // What is said of a try that was in doubt may be somebody's word, and not ours.
        let doubt = receipt.doubt;
        let is_told = doubt.is_some_and(|d| Some(d.token) == token && d.attempt == attempt);
        let is_honest = match receipt.state {
            DeliveryState::Attempting | DeliveryState::InDoubt => true,
            DeliveryState::Delivered => copies > 0 || is_told,
            _ => is_told || (!is_taken && (copies == 0 || doubt.is_some())),
        };
        let state = receipt.state;
        hold!(is_honest, "{delivery} is {state}, and got {copies} copies");
        Ok(())
    }
}
