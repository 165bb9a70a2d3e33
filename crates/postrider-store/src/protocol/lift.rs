//! The way back from quarantine, by a person: release or discard.
//!
//! A released recipient that a worker died with waits in the solo lane, so that it can harm nobody
//! else a second time; any other waits in the tail lane of its domain. A released email leaves its
//! campaigns paused: a person resumes them when it is known what was wrong.

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Campaign, CampaignId, CampaignState, DeliveryId, DeliveryState, EmailId, LaneName, PauseReason,
    Receipt, RecipientId, TenantId, Timestamp,
};

use super::purge;
use super::walk::{self, Walk};
use super::{campaign, home, receipts, refile, tenant};
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, RELEASE_COST};
use crate::error::StoreError;
use crate::quarantine::Lift;
use crate::removal::Cursor;
use crate::request::Reply;
use crate::tables::Tables;

/// Lets one quarantined delivery out for the given reason: it is pending again, and filed. One
/// whose variables nobody can read any more stays, and so does one of a cancelled campaign; answers
/// with whether it went.
pub(super) fn release(
    tables: &mut impl Tables,
    receipt: Receipt,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(recipient) = home::recipient_of(tables, &receipt)? else {
        return Ok(false);
    };
    let campaign = campaign::existing(tables, receipt.delivery.campaign)?;
    if tenant::state_of(tables, &campaign)? == CampaignState::Cancelled {
        return Ok(false);
    }
    let domain = recipient.address.to_domain();
    let lane = if recipient.deaths > 0 {
        LaneName::solo(&domain)
    } else {
        LaneName::tail(&domain)
    };
    let before = receipt.state;
    let released = Receipt {
        state: DeliveryState::Pending,
        // Nobody could try it meanwhile.
        first_attempt_at: None,
        reply: Some(SmtpReply::new(0, None, reason)),
        ..receipt
    };
    receipts::shift(tables, before, released.clone(), now)?;
    refile::file_alone_in(tables, released, recipient, (lane, now), now)?;
    Ok(true)
}

/// One step of letting an email out of quarantine, with what was quarantined of its campaigns.
pub(super) fn lift_email(
    tables: &mut impl Tables,
    (tenant, email): (TenantId, EmailId),
    lift: Lift,
    cursor: Cursor,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if cursor == Cursor::START && lift == Lift::Release {
        tables.forget_suspect_email(tenant, email)?;
    }
    let mut walk = Walk::new(cursor, "its email was discarded by a person");
    walk.over_campaigns(
        tables,
        |tables, from| tables.campaigns_sending(tenant, email, from, CAMPAIGNS_PER_STEP_MAX),
        |tables, walk, campaign| lift_of_campaign(tables, walk, campaign, lift, now),
    )?;
    if walk.is_over() && lift == Lift::Discard {
        tables.forget_suspect_email(tenant, email)?;
    }
    Ok(walk.reply())
}

/// A campaign that its email held up waits for a person from here, and so does a finished one: what
/// is released makes it run again, and that is for a person to say.
fn say_released(tables: &mut impl Tables, row: &Campaign) -> Result<(), StoreError> {
    let is_opened =
        row.state == CampaignState::Finished && row.tally[DeliveryState::Quarantined] > 0;
    if !is_opened && row.paused_because != Some(PauseReason::Quarantine) {
        return Ok(());
    }
    let mut released = Campaign {
        paused_because: Some(PauseReason::Released),
        ..row.clone()
    };
    if is_opened {
        released.state = CampaignState::Paused;
        released.ended_at = None;
    }
    tables.put_campaign(&released)
}

/// The place in a campaign's walk at which its receipts begin; before it, what waits is ended.
const RECEIPTS: u8 = 3;

fn lift_of_campaign(
    tables: &mut impl Tables,
    walk: &mut Walk,
    campaign: CampaignId,
    lift: Lift,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(row) = tables.campaign(campaign)? else {
        return Ok(true);
    };
    match lift {
        Lift::Release if walk.cursor.stage < RECEIPTS => {
            say_released(tables, &row)?;
            walk.cursor.stage = RECEIPTS;
            walk.cursor.place = 0;
        }
        Lift::Discard => {
            tenant::cancel(tables, campaign, now)?;
            if !purge::end_waiting(tables, walk, campaign, now)? {
                return Ok(false);
            }
        }
        Lift::Release => {}
    }
    if row.tally[DeliveryState::Quarantined] == 0 {
        return Ok(true);
    }
    let first = DeliveryId {
        tenant: row.tenant,
        campaign,
        recipient: RecipientId(0),
    };
    walk::each_receipt(tables, walk, first, |tables, walk, receipt| {
        if receipt.state != DeliveryState::Quarantined {
            return Ok(());
        }
        walk.spend(RELEASE_COST);
        match lift {
            Lift::Release => {
                let reason = "its email was released by a person";
                walk.matched += u64::from(release(tables, receipt, reason, now)?);
            }
            Lift::Discard => purge::end_one(tables, walk, receipt, now)?,
        }
        Ok(())
    })
}
