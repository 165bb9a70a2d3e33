//! What people do with campaigns, and how a campaign ends.
//!
//! A chunk of a campaign that does not run is *parked*: out of every lane's queue, so that it
//! costs no claim anything. Pausing parks nothing itself; the next claim that meets a chunk of a
//! paused campaign moves it aside, once. Starting and resuming put parked chunks back in bounded
//! steps, and cancelling ends what waits in bounded steps.

use std::time::Duration;

use postrider_types::bounds::CAMPAIGN_NAME_BYTES_MAX;
use postrider_types::{
    Campaign, CampaignId, CampaignState, ChunkId, DeliveryState, EmailId, InDoubtPolicy,
    PauseReason, Tally, TenantId, Timestamp,
};

use super::{email_quarantine, lanes, tenant};
use crate::bounds::UNPARK_CHUNKS_MAX;
use crate::error::StoreError;
use crate::request::{CampaignChange, Refused, Reply};
use crate::rows::{QueueRow, Sequence, Within};
use crate::tables::Tables;

/// What a new campaign is to be.
pub(super) struct New {
    pub tenant: TenantId,
    pub name: String,
    pub email: EmailId,
    pub in_doubt: InDoubtPolicy,
    pub in_doubt_retry_after: Duration,
    pub send_at: Option<Timestamp>,
}

pub(super) fn create(
    tables: &mut impl Tables,
    new: New,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if new.name.is_empty() || new.name.len() > CAMPAIGN_NAME_BYTES_MAX {
        return Ok(Reply::Refused(Refused::Malformed(
            "a campaign's name has 1 to 200 bytes".into(),
        )));
    }
    if let Some(refused) = tenant::refusal(tables, new.tenant)? {
        return Ok(Reply::Refused(refused));
    }
    if !tables.has_email(new.tenant, new.email)? {
        return Ok(Reply::Refused(Refused::NoEmail));
    }
    if let Some(campaign) = tables.campaign_named(new.tenant, &new.name)? {
        return Ok(Reply::Refused(Refused::NameTaken { campaign }));
    }
    let number = tables.next(Sequence::Campaign)?;
    let id = u32::try_from(number).map_err(|_| StoreError::Corrupt {
        what: "there are more than 2^32 campaigns".to_owned(),
    })?;
    let campaign = Campaign {
        tenant: new.tenant,
        id: CampaignId(id),
        name: new.name,
        email: new.email,
        state: CampaignState::Draft,
        is_sealed: false,
        in_doubt: new.in_doubt,
        in_doubt_retry_after: new.in_doubt_retry_after,
        send_at: new.send_at,
        paused_because: None,
        created_at: now,
        started_at: None,
        running_since: None,
        ended_at: None,
        retained_at: None,
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
    if let Some(refused) = held_up(tables, &campaign, change)? {
        return Ok(Reply::Refused(refused));
    }
    match (change, campaign.state) {
        (CampaignChange::Seal, state) if !state.is_final() || campaign.is_sealed => {
            campaign.is_sealed = true;
        }
        (CampaignChange::Start, CampaignState::Draft | CampaignState::Running)
        | (CampaignChange::Resume, CampaignState::Paused | CampaignState::Running) => {
            start(&mut campaign, now);
        }
        (CampaignChange::Schedule { at }, CampaignState::Draft) => {
            campaign.send_at = at;
            campaign.paused_because = None;
        }
        (CampaignChange::Pause, CampaignState::Running) => {
            campaign.state = CampaignState::Paused;
            campaign.paused_because = Some(PauseReason::Person);
        }
        (CampaignChange::Pause, CampaignState::Paused) => {}
        (CampaignChange::Cancel, state) if state != CampaignState::Finished => {
            cancel(&mut campaign, now);
        }
        (_, state) => return Ok(Reply::Refused(Refused::Campaign { state })),
    }
    finish_if_done(&mut campaign, now);
    tables.put_campaign(&campaign)?;
    Ok(Reply::Campaign(Box::new(campaign)))
}

/// Why a campaign may not be changed in this way whatever its state: its tenant is deleted, or its
/// email is quarantined.
fn held_up(
    tables: &mut impl Tables,
    campaign: &Campaign,
    change: CampaignChange,
) -> Result<Option<Refused>, StoreError> {
    if change == CampaignChange::Cancel {
        return Ok(None);
    }
    let refused = tenant::refusal(tables, campaign.tenant)?;
    let runs = matches!(change, CampaignChange::Start | CampaignChange::Resume);
    let is_held = runs && email_quarantine::is_held(tables, campaign.tenant, campaign.email)?;
    Ok(refused.or_else(|| is_held.then_some(Refused::EmailQuarantined)))
}

/// Cancels a campaign. Nothing of it is sent again by itself from then on, also when some of it is
/// retried: what is in doubt waits for a person.
pub(super) fn cancel(campaign: &mut Campaign, now: Timestamp) {
    campaign.state = CampaignState::Cancelled;
    campaign.paused_because = None;
    campaign.ended_at = campaign.ended_at.or(Some(now));
    if campaign.in_doubt == InDoubtPolicy::Retry {
        campaign.in_doubt = InDoubtPolicy::Hold;
    }
}

/// Lets a campaign run, whatever held it up. Said again of one that runs, it changes nothing.
pub(super) fn start(campaign: &mut Campaign, now: Timestamp) {
    if campaign.state != CampaignState::Running {
        campaign.running_since = Some(now);
    }
    campaign.state = CampaignState::Running;
    campaign.paused_because = None;
    campaign.started_at = campaign.started_at.or(Some(now));
}

/// A running, sealed campaign with nothing open is finished; one whose policy is to retry goes on
/// while anything is in doubt.
pub(super) fn finish_if_done(campaign: &mut Campaign, now: Timestamp) {
    let is_known =
        campaign.in_doubt != InDoubtPolicy::Retry || campaign.tally[DeliveryState::InDoubt] == 0;
    let is_done = campaign.is_sealed && campaign.tally.open() == 0 && is_known;
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

/// A campaign that is over runs again, because a person retries some of it; its audience stays as
/// it is.
pub(super) fn reopen_for_retry(campaign: &mut Campaign, now: Timestamp) {
    if campaign.state.is_final() {
        start(campaign, now);
        campaign.is_sealed = true;
        campaign.ended_at = None;
    }
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
    let within = Within::Campaign(campaign);
    let parked = tables.parked(&within, ChunkId(0), UNPARK_CHUNKS_MAX)?;
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

/// Whether all of a campaign ends: it was cancelled, or its tenant deleted.
pub(super) fn is_cancelled(
    tables: &mut impl Tables,
    campaign: CampaignId,
) -> Result<bool, StoreError> {
    let campaign = existing(tables, campaign)?;
    Ok(tenant::state_of(tables, &campaign)? == CampaignState::Cancelled)
}

/// Whether nothing is wrong with a campaign's row; it is told in the log when there is.
pub(super) fn is_readable(
    tables: &mut impl Tables,
    campaign: CampaignId,
) -> Result<bool, StoreError> {
    let is_readable = can_be_read(tables, campaign)?;
    if !is_readable {
        tracing::error!(%campaign, "a campaign cannot be read, and is left as it is");
    }
    Ok(is_readable)
}

/// The same without a word, for what comes by every second.
pub(super) fn can_be_read(
    tables: &mut impl Tables,
    campaign: CampaignId,
) -> Result<bool, StoreError> {
    match tables.campaign(campaign) {
        Err(error) if error.is_of_a_row() => Ok(false),
        read => read.map(|_| true),
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
