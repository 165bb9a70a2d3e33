//! What people throw away, and let out of quarantine: walks over what is stored, step by step.

use postrider_store::quarantine::Lift;
use postrider_store::removal::{Cursor, PurgeTarget};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Reply, Request};
use postrider_types::{CampaignId, EmailId, LaneName, TenantId};

use super::oracle::Violation;
use super::people::EMAILS;
use super::plan::OWN;
use super::world::World;

/// Times that quarantined emails are let out, once the faults have stopped, before they are given
/// up.
const LIFTS_MAX: u32 = 3;

impl World {
    /// Somebody has everything of a campaign, or of a lane, thrown away.
    pub(super) fn purge(&mut self, campaign: CampaignId) -> Result<(), Violation> {
        let lane = LaneName::from_stored(OWN[self.chance.index(OWN.len())]);
        let (target, with_in_doubt) = match self.chance.below(3) {
            0 => (PurgeTarget::Campaign(campaign), true),
            1 => (PurgeTarget::Campaign(campaign), false),
            _ => (PurgeTarget::Lane(lane), false),
        };
        self.walk(|cursor| Request::Purge {
            target: target.clone(),
            with_in_doubt,
            is_dry_run: false,
            cursor,
        })
    }

    /// Lets emails of a tenant out of quarantine; once the faults have stopped not for ever,
    /// because who kills workers would be quarantined again and again.
    pub(super) fn lift_emails(&mut self, tenant: TenantId) -> Result<(), Violation> {
        for email in EMAILS.map(EmailId::of) {
            let suspect = self.host.rows.suspect_email(tenant, email)?;
            if suspect.is_none_or(|suspect| suspect.since.is_none()) {
                continue;
            }
            let is_enough = self.lifts >= LIFTS_MAX;
            self.lifts += u32::from(self.calm_since.is_some());
            let lift = match is_enough {
                true => Lift::Discard,
                false => Lift::Release,
            };
            self.walk(|cursor| Request::LiftEmail {
                tenant,
                email,
                lift,
                cursor,
            })?;
        }
        Ok(())
    }

    /// Somebody of a campaign's audience wants to be forgotten.
    pub(super) fn erase(&mut self, campaign: CampaignId) -> Result<(), Violation> {
        let known = self.oracle.receipts(&mut self.host.rows, campaign)?;
        if known.is_empty() || self.is_down() {
            return Ok(());
        }
        let whose = known[self.chance.index(known.len())].clone();
        let (tenant, address) = (whose.delivery.tenant, whose.address);
        self.walk(|cursor| Request::EraseRecipient {
            tenant,
            address: address.clone(),
            cursor,
        })?;
        self.oracle.counts.erased += 1;
        self.oracle.erase(&mut self.host.rows, whose.delivery)
    }

    /// A tenant is deleted, and everything that waits of it ends.
    pub(super) fn delete_tenant(&mut self, tenant: TenantId) -> Result<(), Violation> {
        if !self.is_down() {
            self.apply(Request::DeleteTenant { tenant })?;
        }
        self.sweep_tenant(tenant)
    }

    /// Ends what is left of a tenant, if it is deleted.
    pub(super) fn sweep_tenant(&mut self, tenant: TenantId) -> Result<(), Violation> {
        if !self.is_deleted(tenant)? {
            return Ok(());
        }
        self.walk(|cursor| Request::SweepTenant { tenant, cursor })
    }

    pub(super) fn is_deleted(&mut self, tenant: TenantId) -> Result<bool, Violation> {
        let row = self.host.rows.tenant(tenant)?;
        Ok(row.is_some_and(|row| row.is_deleted()))
    }

    /// Every step of a walk over what is stored.
    fn walk(&mut self, step: impl Fn(Cursor) -> Request) -> Result<(), Violation> {
        let mut next = Some(Cursor::START);
        while let Some(cursor) = next.filter(|_| !self.is_down()) {
            next = match self.apply(step(cursor))? {
                Reply::Walked(walked) => walked.next,
                _ => None,
            };
        }
        Ok(())
    }
}
