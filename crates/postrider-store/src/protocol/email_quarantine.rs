//! When an email is quarantined, and what that does to its campaigns.
//!
//! Three things bring it there: [`EMAIL_RECIPIENTS_MAX`] of its recipients were quarantined one
//! by one, [`EMAIL_DEATHS_MAX`] workers died while they prepared it, or somebody knows at once (it
//! is missing, too large, or killed whoever tried it alone). Every campaign that sends it is
//! paused, so nobody else is tried.
//!
//! A death counts once for each worker: its leases end in several steps, and each of them brings
//! the same suspects.

use postrider_types::reply::tame;
use postrider_types::{
    CampaignId, CampaignState, EmailId, PauseReason, TenantId, Timestamp, WorkerId,
};

use super::campaign;
use crate::bounds::{CAMPAIGNS_PER_STEP_MAX, EMAIL_DEATHS_MAX, EMAIL_RECIPIENTS_MAX};
use crate::error::StoreError;
use crate::quarantine::SuspectEmail;
use crate::tables::Tables;

/// One more recipient of an email is quarantined; at the bound, so is the email.
pub(super) fn count_recipient(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut suspect = known(tables, tenant, email)?;
    suspect.recipients = suspect.recipients.saturating_add(1);
    tables.put_suspect_email(&suspect)?;
    if suspect.recipients < EMAIL_RECIPIENTS_MAX {
        return Ok(());
    }
    let reason = format!("{} of its recipients were quarantined", suspect.recipients);
    put(tables, tenant, email, &reason, now)?;
    Ok(())
}

/// A worker died while it prepared an email; at the bound, the email is quarantined. Says whether
/// it is so by this.
pub(super) fn count_death(
    tables: &mut impl Tables,
    (tenant, email): (TenantId, EmailId),
    worker: WorkerId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut suspect = known(tables, tenant, email)?;
    if suspect.deaths.contains(&worker) || suspect.deaths.len() >= EMAIL_DEATHS_MAX {
        return Ok(false);
    }
    suspect.deaths.push(worker);
    tables.put_suspect_email(&suspect)?;
    let deaths = suspect.deaths.len();
    tracing::warn!(%tenant, %email, deaths, "a worker died while it prepared an email");
    if deaths < EMAIL_DEATHS_MAX {
        return Ok(false);
    }
    let reason = format!("{deaths} workers died while they prepared it");
    put(tables, tenant, email, &reason, now)
}

/// Quarantines an email, and pauses the campaigns that send it: some at once, and any other at
/// the first claim that meets it. Says whether it was not quarantined before.
pub(super) fn put(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut suspect = known(tables, tenant, email)?;
    let is_new = suspect.since.is_none();
    if is_new {
        suspect.since = Some(now);
        suspect.reason = tame(reason);
        tables.put_suspect_email(&suspect)?;
    }
    let first = CampaignId(0);
    let mut paused = 0;
    for campaign in tables.campaigns_sending(tenant, email, first, CAMPAIGNS_PER_STEP_MAX)? {
        if campaign::is_readable(tables, campaign)? {
            paused += u64::from(pause(tables, campaign)?);
        }
    }
    if is_new {
        let reason = suspect.reason;
        tracing::warn!(%tenant, %email, reason, paused, "an email is quarantined");
    }
    Ok(is_new)
}

fn known(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
) -> Result<SuspectEmail, StoreError> {
    let found = tables.suspect_email(tenant, email)?;
    Ok(found.unwrap_or(SuspectEmail {
        tenant,
        email,
        recipients: 0,
        deaths: Vec::new(),
        reason: String::new(),
        since: None,
    }))
}

/// Pauses a running campaign because of its email, and says whether it ran. One that waits since
/// its email was released says again why.
pub(super) fn pause(tables: &mut impl Tables, campaign: CampaignId) -> Result<bool, StoreError> {
    let Some(mut campaign) = tables.campaign(campaign)? else {
        return Ok(false);
    };
    let is_running = campaign.state == CampaignState::Running;
    if is_running {
        campaign.state = CampaignState::Paused;
    } else if campaign.paused_because != Some(PauseReason::Released) {
        return Ok(false);
    }
    campaign.paused_because = Some(PauseReason::Quarantine);
    tables.put_campaign(&campaign)?;
    Ok(is_running)
}

/// Whether nothing of an email may be sent, because it is quarantined.
pub(super) fn is_held(
    tables: &mut impl Tables,
    tenant: TenantId,
    email: EmailId,
) -> Result<bool, StoreError> {
    let suspect = tables.suspect_email(tenant, email)?;
    Ok(suspect.is_some_and(|suspect| suspect.since.is_some()))
}
