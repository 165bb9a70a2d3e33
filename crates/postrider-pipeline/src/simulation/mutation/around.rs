//! What stands around the rules while one check is left out.

use std::collections::BTreeSet;

use postrider_store::bounds::REAP_LEASES_MAX;
use postrider_store::memory::State;
use postrider_store::quarantine::{Suspects, Verdict};
use postrider_store::rows::{LeaseRow, QueueRow, Within};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Reply, Request, StoreError, Tables, protocol};
use postrider_types::{
    CampaignId, CampaignState, ChunkId, DeliveryId, DeliveryState, LaneName, Outcome, Receipt,
    Timestamp,
};

use super::Mutation;
use crate::simulation::oracle::attempting;

/// The leases that a reaper ends in one step.
fn over(rows: &mut State, request: &Request) -> Result<Vec<LeaseRow>, StoreError> {
    match request {
        Request::Reap {
            worker: Some(worker),
            ..
        } => rows.leases_of_worker(*worker, REAP_LEASES_MAX),
        Request::Reap { before, .. } => rows.leases_before(*before, REAP_LEASES_MAX),
        _ => Ok(Vec::new()),
    }
}

/// Takes whatever was begun under leases that are over for unsent.
pub(super) fn rearm(rows: &mut State, request: &Request, now: Timestamp) -> Result<(), StoreError> {
    for lease in over(rows, request)? {
        for receipt in attempting(rows, &lease)? {
            let returned = Request::Record {
                token: lease.token,
                delivery: receipt.delivery,
                address: receipt.address,
                attempt: receipt.attempts,
                outcome: Outcome::Returned,
                reply: None,
            };
            protocol::apply(rows, returned, now)?;
        }
    }
    Ok(())
}

/// Takes from a reap what it was told of suspects, or of their trials.
pub(super) fn unsuspect(request: &mut Request, mutation: Mutation) {
    let Request::Reap { suspects, .. } = request else {
        return;
    };
    match suspects {
        Suspects::These(these) if mutation == Mutation::ReapWithoutVerdicts => {
            let verdicts = these.iter_mut().map(|suspect| &mut suspect.verdict);
            verdicts.for_each(|verdict| *verdict = Verdict::Open);
        }
        suspects => *suspects = Suspects::Nobody,
    }
}

/// Makes leases that are over look as if they were of tail lanes.
pub(super) fn out_of_solo(rows: &mut State, request: &Request) -> Result<(), StoreError> {
    for lease in over(rows, request)? {
        if lease.lane.is_solo() {
            rows.put_lease(&LeaseRow {
                lane: LaneName::from_stored(&lease.lane.as_str().replace("solo", "tail")),
                ..lease
            })?;
        }
    }
    Ok(())
}

/// All steps of a reaper as one.
pub(super) fn reap_everything(
    rows: &mut State,
    request: &Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    loop {
        let reply = protocol::apply(rows, request.clone(), now)?;
        if !matches!(reply, Reply::Reaped(reaped) if reaped.more) {
            return Ok(reply);
        }
    }
}

/// Reaps, and puts what went back into the queue before everything that waits there.
pub(super) fn reap_to_head(
    rows: &mut State,
    request: Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let over = over(rows, &request)?;
    let campaigns: BTreeSet<_> = over.iter().map(|lease| lease.campaign).collect();
    let mut waiting = BTreeSet::new();
    for campaign in &campaigns {
        waiting.extend(queued(rows, *campaign)?.iter().map(|entry| entry.chunk));
    }
    let reply = protocol::apply(rows, request, now)?;
    for campaign in campaigns {
        for entry in queued(rows, campaign)? {
            if !waiting.contains(&entry.chunk) {
                rows.dequeue(&entry)?;
                rows.enqueue(&QueueRow {
                    due_at: Timestamp::EPOCH,
                    ..entry
                })?;
            }
        }
    }
    Ok(reply)
}

fn queued(rows: &mut State, campaign: CampaignId) -> Result<Vec<QueueRow>, StoreError> {
    rows.queued(&Within::Campaign(campaign), ChunkId(0), usize::MAX)
}

/// Does a request while the campaign seems to run.
pub(super) fn while_running(
    rows: &mut State,
    delivery: DeliveryId,
    request: Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let real = rows.campaign(delivery.campaign)?;
    if let Some(mut campaign) = real.clone() {
        campaign.state = CampaignState::Running;
        rows.put_campaign(&campaign)?;
    }
    let reply = protocol::apply(rows, request, now);
    if let (Some(real), Some(mut campaign)) = (real, rows.campaign(delivery.campaign)?) {
        campaign.state = real.state;
        campaign.ended_at = real.ended_at;
        rows.put_campaign(&campaign)?;
    }
    reply
}

/// Takes the attempt that a begin counted back from the receipt.
pub(super) fn uncount(rows: &mut State, delivery: DeliveryId) -> Result<(), StoreError> {
    let receipt = rows.receipt(delivery)?;
    if let Some(mut receipt) = receipt.filter(|r| r.state == DeliveryState::Attempting) {
        receipt.attempts = receipt.attempts.saturating_sub(1);
        rows.put_receipt(&receipt)?;
    }
    Ok(())
}

/// The same outcome, as if it were of the newest attempt, whoever made that; of an attempt with
/// another number only if `is_any`.
pub(super) fn as_if_of_newest(
    rows: &mut State,
    mut request: Request,
    is_any: bool,
) -> Result<Request, StoreError> {
    let Request::Record {
        token,
        delivery,
        attempt,
        ..
    } = &mut request
    else {
        return Ok(request);
    };
    let receipt = rows.receipt(*delivery)?;
    let is_unsettled = |receipt: &Receipt| {
        let state = receipt.state;
        matches!(state, DeliveryState::Attempting | DeliveryState::InDoubt)
    };
    if let Some(receipt) = receipt.filter(is_unsettled)
        && (is_any || *attempt == receipt.attempts)
    {
        *token = receipt.token.unwrap_or(*token);
        *attempt = receipt.attempts;
    }
    Ok(request)
}
