//! What a request did, held against what the rows said before it.

use postrider_store::bounds::REAP_LEASES_MAX;
use postrider_store::memory::State;
use postrider_store::rows::Within;
use postrider_store::upkeep::Upkeep;
use postrider_store::{Reply, Request, Tables};
use postrider_types::{CampaignState, ChunkId, DeliveryId, DeliveryState, Outcome, Receipt};

use super::looking::Before;
use super::{Oracle, Try, Violation, hold};

impl Oracle {
    /// Whether what a request did may be.
    pub(in crate::simulation) fn judge(
        &mut self,
        rows: &mut State,
        request: &Request,
        reply: &Reply,
        before: &Before,
    ) -> Result<(), Violation> {
        match (request, reply) {
            (
                Request::Begin {
                    token,
                    delivery,
                    attempt,
                    ..
                },
                Reply::Done { .. },
            ) => {
                let one = Try {
                    delivery: *delivery,
                    token: *token,
                    attempt: *attempt,
                };
                self.newest.insert(one.delivery, one);
                if self.begun.insert(one) {
                    let is_erased = self.erased.contains(delivery);
                    hold!(!is_erased, "{delivery} was begun although it was erased");
                    let state = before.state;
                    let is_running = state == Some(CampaignState::Running);
                    hold!(is_running, "{delivery} was begun in a campaign {state:?}");
                }
            }
            (
                Request::Record {
                    delivery, outcome, ..
                },
                Reply::Done { .. },
            ) => self.judge_record(rows, *delivery, *outcome, before)?,
            (Request::Claim { worker, claim, .. }, Reply::Claimed(claimed)) => {
                let owner = (*worker, *claim);
                let known = self.leases.insert(claimed.token, owner);
                let is_own = known.is_none_or(|known| known == owner);
                hold!(is_own, "token {} was given twice", claimed.token);
                for recipient in &claimed.recipients {
                    let receipt = rows.receipt(DeliveryId {
                        tenant: claimed.tenant,
                        campaign: claimed.campaign,
                        recipient: recipient.recipient,
                    })?;
                    receipt.iter().for_each(|receipt| self.allow(receipt));
                }
            }
            (Request::Resolve { .. }, _) => self.judge_resolve(rows, before)?,
            (Request::Reap { .. }, _) => {
                self.judge_reap(rows, before)?;
                self.judge_suspects(rows, (request, reply), &before.leased, &before.emails)?;
            }
            (Request::Quarantine { .. }, Reply::Done { .. }) => {
                self.judge_aside(rows, before.is_live, &before.emails)?;
            }
            (Request::PutEmail { tenant, email, .. }, _) => self.know_email(*tenant, *email),
            (Request::LiftEmail { tenant, email, .. }, _) => {
                self.forgive(rows)?;
                self.forgive_email(*tenant, *email);
            }
            _ => {}
        }
        let is_quiet = matches!(
            request,
            Request::Begin { .. } | Request::Record { .. } | Request::Extend { .. }
        );
        if !is_quiet && self.counts.requests.is_multiple_of(self.examine_every) {
            self.examine(rows)?;
        }
        Ok(())
    }

    fn judge_record(
        &mut self,
        rows: &mut State,
        delivery: DeliveryId,
        outcome: Outcome,
        before: &Before,
    ) -> Result<(), Violation> {
        let receipt = rows.receipt(delivery)?;
        let Some(receipt) = receipt else {
            return Ok(());
        };
        let was = before.receipt.as_ref().map(|receipt| receipt.state);
        if was == Some(DeliveryState::InDoubt) && receipt.state != DeliveryState::InDoubt {
            self.counts.settled += 1;
        }
        if outcome == Outcome::InDoubt && was != Some(DeliveryState::InDoubt) {
            self.counts.doubts += 1;
        }
        self.check_honest(&receipt)
    }

    /// A delivery that was taken out of doubt to be tried again may arrive once more.
    fn allow(&mut self, receipt: &Receipt) {
        let delivery = receipt.delivery;
        let misled = u32::from(self.misled.contains(&delivery));
        let extra = u32::from(receipt.retries_in_doubt) + misled;
        let before = self.extra.insert(delivery, extra).unwrap_or(0);
        self.counts.resolved += u64::from(extra.saturating_sub(before));
    }

    fn judge_resolve(&mut self, rows: &mut State, before: &Before) -> Result<(), Violation> {
        for was in &before.decided {
            let Some(is) = rows.receipt(was.delivery)? else {
                continue;
            };
            if was.state == is.state {
                continue;
            }
            let is_again = is.state == DeliveryState::Pending;
            let is_told = was.state != DeliveryState::InDoubt && was.doubt.is_some();
            if is_again && is_told {
                self.misled.insert(was.delivery);
            }
            if is.state.is_open() {
                self.allow(&is);
            } else {
                self.counts.resolved += 1;
            }
        }
        self.forgive(rows)?;
        self.count_anew(rows, &before.decided)
    }

    /// A reaper ends a bounded number of leases, puts nothing before what waits, and leaves in
    /// doubt no more than what could be on connections each time that a worker was cut off.
    fn judge_reap(&mut self, rows: &mut State, before: &Before) -> Result<(), Violation> {
        let mut ended = 0;
        for lease in &before.leases {
            ended += usize::from(rows.lease(lease.token)?.is_none());
        }
        hold!(
            ended <= REAP_LEASES_MAX,
            "one step of the reaper ended {ended} leases"
        );
        for (lane, head) in &before.heads {
            let is_first = rows.first_in_lane(lane)?.as_ref() == Some(head);
            // It is gone when somebody was taken out of it, and the rest of it waits in its place.
            let waiting = rows.queued(&Within::Lane(lane.clone()), ChunkId(0), usize::MAX)?;
            let is_gone = waiting.iter().all(|entry| entry.chunk != head.chunk);
            hold!(
                is_first || is_gone,
                "a recovered chunk came before one of {lane} that waited"
            );
        }
        for was in &before.attempting {
            let is_doubted = rows
                .receipt(was.delivery)?
                .is_some_and(|r| r.state == DeliveryState::InDoubt);
            if is_doubted {
                self.doubt(was)?;
            }
        }
        Ok(())
    }

    fn doubt(&mut self, was: &Receipt) -> Result<(), Violation> {
        self.counts.doubts += 1;
        let Some(token) = was.token else {
            return Err(Violation(format!(
                "{} was attempted by nobody",
                was.delivery
            )));
        };
        let one = Try {
            delivery: was.delivery,
            token,
            attempt: was.attempts,
        };
        self.counts.doubts_unsent += u64::from(!self.dotted.contains(&one));
        let Some((worker, _)) = self.leases.get(&token) else {
            return Err(Violation(format!(
                "{} was attempted without a lease",
                was.delivery
            )));
        };
        let doubted = self.doubted.entry(*worker).or_default();
        *doubted += 1;
        let disturbed = self.disturbed.get(worker).copied().unwrap_or_default();
        let most = disturbed * self.doubts_max;
        hold!(
            *doubted <= most,
            "{doubted} in doubt of a worker that was cut off {disturbed} times"
        );
        Ok(())
    }
}
