//! Drafts that start by themselves.
//!
//! The time stands in the campaign and nowhere else: no timer is kept, so a restart or a clock
//! that was set loses nothing. Whoever starts what is due is told the next instant, and asks again
//! then; a draft whose time passed while nobody asked starts at the next question.

use postrider_types::{CampaignState, PauseReason, Timestamp};

use super::{campaign, email_quarantine, tenant};
use crate::bounds::{START_DUE_MAX, UNREADABLE_DRAFT_RETRY_AFTER};
use crate::error::StoreError;
use crate::request::Reply;
use crate::tables::Tables;

/// Starts a few of the drafts whose time has come, earliest first.
///
/// One whose tenant is deleted ends cancelled instead; one whose email is quarantined is held up
/// until a person schedules or starts it again. One that cannot be read holds up no other: while it
/// is the first that is due, the others are asked for every [`UNREADABLE_DRAFT_RETRY_AFTER`].
pub(super) fn start_due(tables: &mut impl Tables, now: Timestamp) -> Result<Reply, StoreError> {
    let mut started = Vec::new();
    let mut next_from = Timestamp::EPOCH;
    for id in tables.drafts_due(now, START_DUE_MAX)? {
        if !campaign::is_readable(tables, id)? {
            next_from = now.plus(UNREADABLE_DRAFT_RETRY_AFTER);
            continue;
        }
        let mut campaign = campaign::existing(tables, id)?;
        if tenant::refusal(tables, campaign.tenant)?.is_some() {
            campaign.state = CampaignState::Cancelled;
            campaign.ended_at = Some(now);
        } else if email_quarantine::is_held(tables, campaign.tenant, campaign.email)? {
            campaign.paused_because = Some(PauseReason::Quarantine);
        } else {
            campaign::start(&mut campaign, now);
            campaign::finish_if_done(&mut campaign, now);
            started.push(id);
        }
        tables.put_campaign(&campaign)?;
    }
    Ok(Reply::Started {
        campaigns: started,
        next_at: tables.next_send_at()?.map(|at| at.max(next_from)),
    })
}
