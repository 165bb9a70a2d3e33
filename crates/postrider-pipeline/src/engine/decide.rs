//! What a person decides about deliveries of a campaign that have ended or are in doubt.
//!
//! The store does it in bounded steps by recipient number. Half of them done is as good as none:
//! who asks again goes on with those that are left.

use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Reply, Request};
use postrider_types::{CampaignId, RecipientId};

use super::{EngineError, Postrider};

/// A decision, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whom it is about.
    pub select: Selection,
    /// What comes of them.
    pub into: Resolution,
    /// Why, in a person's words; it stands in receipts and log.
    pub reason: String,
    /// Only count.
    pub is_dry_run: bool,
}

/// What a decision did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// Deliveries that it changed, or would change.
    pub matched: u64,
    /// Deliveries that it left alone, because their doubt is not old enough for another try.
    pub too_early: u64,
}

impl Postrider {
    /// Carries out a decision over all of a campaign, step by step.
    ///
    /// # Errors
    /// [`EngineError`]; a selection that the decision cannot follow is
    /// [`Refused::Malformed`](postrider_store::Refused::Malformed), and what was done before an
    /// error stays done.
    pub async fn decide(
        &self,
        campaign: CampaignId,
        decision: Decision,
    ) -> Result<Decided, EngineError> {
        let mut decided = Decided::default();
        let mut from = Some(RecipientId(0));
        while let Some(at) = from {
            let step = Request::Resolve {
                campaign,
                select: decision.select.clone(),
                into: decision.into,
                reason: decision.reason.clone(),
                from: at,
                is_dry_run: decision.is_dry_run,
            };
            match self.ask(step).await? {
                Reply::Step {
                    matched,
                    too_early,
                    next,
                } => {
                    decided.matched += matched;
                    decided.too_early += too_early;
                    from = next;
                }
                other => unreachable!("a decision is answered with a step, not {other:?}"),
            }
        }
        if !decision.is_dry_run {
            self.made_progress();
        }
        Ok(decided)
    }
}
