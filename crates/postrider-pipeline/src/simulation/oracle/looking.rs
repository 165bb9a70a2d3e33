//! What the rows say before a request, as far as it must be known to judge what the request did.

use std::collections::BTreeSet;

use postrider_store::memory::State;
use postrider_store::rows::{LeaseRow, QueueRow};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Request, StoreError, Tables};
use postrider_types::{
    CampaignId, CampaignState, DeliveryId, DeliveryState, EmailId, LaneName, Receipt, RecipientId,
    TenantId, Timestamp,
};

use super::suspicion::Leased;
use super::{Oracle, Violation};

/// What the rows said before a request.
#[derive(Debug, Default)]
pub(in crate::simulation) struct Before {
    pub(super) receipt: Option<Receipt>,
    pub(super) state: Option<CampaignState>,
    pub(super) leases: Vec<LeaseRow>,
    pub(super) attempting: Vec<Receipt>,
    /// Whoever is in a leased chunk.
    pub(super) leased: Vec<Leased>,
    /// Whether the lease is live under which something is put aside.
    pub(super) is_live: bool,
    /// The emails in quarantine.
    pub(super) emails: BTreeSet<(TenantId, EmailId)>,
    /// Receipts that a decision may be about.
    pub(super) decided: Vec<Receipt>,
    pub(super) heads: Vec<(LaneName, QueueRow)>,
}

impl Oracle {
    /// What must be known before a request, to judge what it did.
    pub(in crate::simulation) fn look(
        &self,
        rows: &mut State,
        request: &Request,
        now: Timestamp,
    ) -> Result<Before, Violation> {
        let mut before = Before::default();
        match request {
            Request::Begin { delivery, .. } | Request::Record { delivery, .. } => {
                before.receipt = rows.receipt(*delivery)?;
                before.state = rows.campaign(delivery.campaign)?.map(|c| c.state);
                let tenant = rows.tenant(delivery.tenant)?;
                if tenant.is_some_and(|tenant| tenant.is_deleted()) {
                    before.state = Some(CampaignState::Cancelled);
                }
            }
            Request::Reap { suspects, .. } => {
                before.leases = rows.leases_before(Timestamp::NEVER, usize::MAX)?;
                let lanes: BTreeSet<_> = before.leases.iter().map(|l| l.lane.clone()).collect();
                for lane in lanes {
                    let head = rows.first_in_lane(&lane)?;
                    let is_waiting = |head: &QueueRow| head.due_at < now;
                    before
                        .heads
                        .extend(head.filter(is_waiting).map(|head| (lane, head)));
                }
                for lease in &before.leases {
                    before.attempting.extend(attempting(rows, lease)?);
                    before.leased.extend(leased(rows, lease)?);
                }
                let convicted = Self::convicted(rows, suspects)?;
                before.leased.extend(convicted);
                before.emails = self.quarantined_emails(rows)?;
            }
            Request::Quarantine { token, .. } => {
                let lease = rows.lease(*token)?;
                before.is_live = lease.is_some_and(|lease| lease.until > now);
                before.emails = self.quarantined_emails(rows)?;
            }
            Request::Resolve { campaign, .. } => before.decided = self.receipts(rows, *campaign)?,
            _ => {}
        }
        Ok(before)
    }

    /// All receipts of a campaign.
    pub(in crate::simulation) fn receipts(
        &self,
        rows: &mut State,
        campaign: CampaignId,
    ) -> Result<Vec<Receipt>, StoreError> {
        let filed = self.filed.get(&campaign).copied().unwrap_or(0);
        let row = rows.campaign(campaign)?;
        let tenant = row.map_or(TenantId::DEFAULT, |row| row.tenant);
        let mut receipts = Vec::new();
        for number in 0..u32::try_from(filed).unwrap_or(u32::MAX) {
            receipts.extend(rows.receipt(DeliveryId {
                tenant,
                campaign,
                recipient: RecipientId(number),
            })?);
        }
        Ok(receipts)
    }
}

/// The receipts that show an attempt under a lease, and no outcome.
pub(in crate::simulation) fn attempting(
    rows: &mut State,
    lease: &LeaseRow,
) -> Result<Vec<Receipt>, StoreError> {
    let Some(chunk) = rows.chunk(lease.chunk)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for recipient in &chunk.recipients {
        let receipt = rows.receipt(DeliveryId {
            tenant: chunk.tenant,
            campaign: chunk.campaign,
            recipient: recipient.recipient,
        })?;
        let is_under_it =
            |r: &Receipt| r.state == DeliveryState::Attempting && r.token == Some(lease.token);
        found.extend(receipt.filter(is_under_it));
    }
    Ok(found)
}

/// Whoever is in a leased chunk, with the state.
fn leased(rows: &mut State, lease: &LeaseRow) -> Result<Vec<Leased>, StoreError> {
    let Some(chunk) = rows.chunk(lease.chunk)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for recipient in &chunk.recipients {
        let delivery = chunk.delivery(recipient.recipient);
        let receipt = rows.receipt(delivery)?;
        // What has left for a newer chunk is not this lease's any more.
        if receipt.as_ref().is_some_and(|r| r.chunk > lease.chunk) {
            continue;
        }
        found.push(Leased {
            token: Some(lease.token),
            delivery,
            state: receipt.map_or(DeliveryState::Pending, |receipt| receipt.state),
        });
    }
    Ok(found)
}
