//! What people do with campaigns, and how a campaign ends.
//!
//! A chunk of a campaign that does not run is *parked*: out of every lane's queue, so that it
//! costs no claim anything. Pausing parks nothing itself; the next claim that meets a chunk of a
//! paused campaign moves it aside, once. Starting and resuming put parked chunks back in bounded
//! steps, and cancelling ends what waits in bounded steps.

use postrider_types::bounds::CAMPAIGN_NAME_BYTES_MAX;
use postrider_types::{
    Campaign, CampaignId, CampaignState, EmailId, InDoubtPolicy, Tally, TenantId, Timestamp,
};

use super::{end, lanes};
use crate::bounds::{SWEEP_CHUNKS_MAX, UNPARK_CHUNKS_MAX};
use crate::error::StoreError;
use crate::request::{CampaignChange, Refused, Reply};
use crate::rows::{QueueRow, Sequence};
use crate::tables::Tables;

pub(super) fn create(
    tables: &mut impl Tables,
    tenant: TenantId,
    name: String,
    email: EmailId,
    in_doubt: InDoubtPolicy,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if name.is_empty() || name.len() > CAMPAIGN_NAME_BYTES_MAX {
        return Ok(Reply::Refused(Refused::Malformed(
            "a campaign's name has 1 to 200 bytes",
        )));
    }
    if !tables.has_email(tenant, email)? {
        return Ok(Reply::Refused(Refused::NoEmail));
    }
    if let Some(campaign) = tables.campaign_named(tenant, &name)? {
        return Ok(Reply::Refused(Refused::NameTaken { campaign }));
    }
    let number = tables.next(Sequence::Campaign)?;
    let id = u32::try_from(number).map_err(|_| StoreError::Corrupt {
        what: "there are more than 2^32 campaigns".to_owned(),
    })?;
    let campaign = Campaign {
        tenant,
        id: CampaignId(id),
        name,
        email,
        state: CampaignState::Draft,
        is_sealed: false,
        in_doubt,
        created_at: now,
        started_at: None,
        ended_at: None,
        tally: Tally::default(),
    };
    tables.put_campaign(&campaign)?;
    Ok(Reply::Campaign(Box::new(campaign)))
}

pub(super) fn change(
    tables: &mut impl Tables,
    campaign: CampaignId,
    change: CampaignChange,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(mut campaign) = tables.campaign(campaign)? else {
        return Ok(Reply::Refused(Refused::NoCampaign));
    };
    let state = match (change, campaign.state) {
        (CampaignChange::Seal, state) if !state.is_final() || campaign.is_sealed => {
            campaign.is_sealed = true;
            state
        }
        (CampaignChange::Start, CampaignState::Draft | CampaignState::Running)
        | (CampaignChange::Resume, CampaignState::Paused | CampaignState::Running) => {
            campaign.started_at = campaign.started_at.or(Some(now));
            CampaignState::Running
        }
        (CampaignChange::Pause, CampaignState::Running | CampaignState::Paused) => {
            CampaignState::Paused
        }
        (CampaignChange::Cancel, state) if state != CampaignState::Finished => {
            campaign.ended_at = campaign.ended_at.or(Some(now));
            CampaignState::Cancelled
        }
        (_, state) => return Ok(Reply::Refused(Refused::Campaign { state })),
    };
    campaign.state = state;
    finish_if_done(&mut campaign, now);
    tables.put_campaign(&campaign)?;
    Ok(Reply::Campaign(Box::new(campaign)))
}

/// A running, sealed campaign with nothing open is finished.
pub(super) fn finish_if_done(campaign: &mut Campaign, now: Timestamp) {
    let is_done = campaign.is_sealed && campaign.tally.open() == 0;
    if campaign.state == CampaignState::Running && is_done {
        campaign.state = CampaignState::Finished;
        campaign.ended_at = Some(now);
    }
}

/// A finished campaign with an open delivery runs again: a late refusal settled a doubt.
pub(super) fn reopen(campaign: &mut Campaign) {
    if campaign.state == CampaignState::Finished {
        campaign.state = CampaignState::Running;
        campaign.ended_at = None;
    }
}

/// Ends a few waiting chunks of a cancelled campaign.
pub(super) fn sweep(
    tables: &mut impl Tables,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match tables.campaign(campaign)? {
        None => return Ok(Reply::Refused(Refused::NoCampaign)),
        Some(c) if c.state != CampaignState::Cancelled => {
            return Ok(Reply::Refused(Refused::Campaign { state: c.state }));
        }
        Some(_) => {}
    }
    let queued = tables.queued_of(campaign, SWEEP_CHUNKS_MAX)?;
    for entry in &queued {
        tables.dequeue(entry)?;
        end::cancel_chunk(tables, entry.chunk, now)?;
    }
    let parked = tables.parked_of(campaign, SWEEP_CHUNKS_MAX - queued.len())?;
    for entry in &parked {
        tables.unpark(entry)?;
        end::cancel_chunk(tables, entry.chunk, now)?;
    }
    Ok(Reply::Done {
        more: queued.len() + parked.len() == SWEEP_CHUNKS_MAX,
    })
}

/// Puts a few parked chunks of a running campaign into the queue.
pub(super) fn unpark(
    tables: &mut impl Tables,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match tables.campaign(campaign)? {
        None => return Ok(Reply::Refused(Refused::NoCampaign)),
        Some(c) if c.state != CampaignState::Running => return Ok(Reply::Done { more: false }),
        Some(_) => {}
    }
    let parked: Vec<QueueRow> = tables.parked_of(campaign, UNPARK_CHUNKS_MAX)?;
    for entry in &parked {
        tables.unpark(entry)?;
        lanes::enqueue(tables, &woken(entry, now), now)?;
    }
    Ok(Reply::Done {
        more: parked.len() == UNPARK_CHUNKS_MAX,
    })
}

/// Limits may have changed while the chunk was parked, and `wake` does not look there.
fn woken(parked: &QueueRow, now: Timestamp) -> QueueRow {
    let is_waiting = parked.due_at != Timestamp::NEVER;
    QueueRow {
        due_at: if is_waiting { parked.due_at } else { now },
        ..parked.clone()
    }
}

/// A campaign that some other row names.
pub(super) fn existing(
    tables: &mut impl Tables,
    campaign: CampaignId,
) -> Result<Campaign, StoreError> {
    let found = tables.campaign(campaign)?;
    found.ok_or_else(|| StoreError::Corrupt {
        what: format!("{campaign} is missing"),
    })
}
