//! What people do, and the batcher, which brings audiences in slices: all through the parent
//! process, where a request is done or is not.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Reply, Request, Tables};
use postrider_types::{
    Campaign, CampaignId, CampaignState, DeliveryState, EmailId, InDoubtPolicy, LaneName,
    RecipientId, TenantId, Variables,
};

use super::oracle::Violation;
use super::plan::{OWN, TAIL};
use super::world::{Happening, World};

/// The emails: campaigns take turns.
pub(super) const EMAILS: [&[u8]; 2] = [b"an email", b"another email"];

/// Most recipients of one slice.
const SLICE_MAX: u64 = 24;

impl World {
    /// Campaigns with a first slice each, most of them started; the third is of another tenant.
    pub(super) fn create_campaigns(&mut self) -> Result<(), Violation> {
        let name = "other".to_owned();
        let Reply::Tenant(other) = self.apply(Request::CreateTenant { name })? else {
            return Err(Violation("a tenant could not be created".to_owned()));
        };
        self.tenants = [TenantId::DEFAULT, other.id];
        for (tenant, content) in self
            .tenants
            .into_iter()
            .flat_map(|of| EMAILS.map(|e| (of, e)))
        {
            self.apply(Request::PutEmail {
                tenant,
                email: EmailId::of(content),
                content: bytes::Bytes::from_static(content),
            })?;
        }
        for number in 0..self.plan.campaigns {
            let tenant = self.tenants[usize::from(number == 2)];
            let send_after = self.chance.within(Duration::from_secs(300));
            let send_at = self.host.clock.shows(self.now).plus(send_after);
            let create = Request::Create {
                tenant,
                name: format!("campaign {number}"),
                email: EmailId::of(EMAILS[usize::from(number == 1)]),
                in_doubt: self.draw_policy(),
                in_doubt_retry_after: self.plan.retry_after,
                send_at: self.chance.one_in(3).then_some(send_at),
            };
            let Reply::Campaign(campaign) = self.apply(create)? else {
                return Err(Violation("a campaign could not be created".to_owned()));
            };
            self.oracle.filed.insert(campaign.id, 0);
            self.file(campaign.id)?;
            if !self.chance.one_in(4) {
                self.change(campaign.id, CampaignChange::Start)?;
            }
        }
        Ok(())
    }

    /// Most campaigns leave doubt to people.
    fn draw_policy(&mut self) -> InDoubtPolicy {
        match self.chance.below(4) {
            0 => InDoubtPolicy::Retry,
            1 => InDoubtPolicy::AssumeDelivered,
            _ => InDoubtPolicy::Hold,
        }
    }

    /// One of the campaigns.
    pub(super) fn any_campaign(&mut self) -> CampaignId {
        let campaigns = u64::from(self.plan.campaigns);
        let number = u32::try_from(self.chance.below(campaigns)).unwrap_or(0);
        CampaignId(1 + number)
    }

    /// A slice of an audience: some recipients of one domain in its own lane, or of several in a
    /// tail lane.
    pub(super) fn file(&mut self, campaign: CampaignId) -> Result<(), Violation> {
        if self.is_down() {
            return Ok(());
        }
        let count = 1 + self.chance.below(SLICE_MAX);
        let known = self.oracle.filed.get(&campaign).copied().unwrap_or(0);
        let domains = match self.chance.index(OWN.len() + TAIL.len()) {
            own if own < OWN.len() => vec![OWN[own]],
            _ => TAIL.to_vec(),
        };
        let recipients = (0..count)
            .zip(domains.iter().cycle())
            .map(|(number, domain)| {
                let address = format!("{}@{domain}", known + number);
                let address = address.parse().expect("it is an address");
                (address, Variables::default())
            });
        let recipients = recipients.collect();
        let domain = domains[0].parse().expect("it is a domain");
        let lane = match domains.len() {
            1 => LaneName::own(&domain),
            _ => LaneName::tail(&domain),
        };
        let row = self.host.rows.campaign(campaign)?;
        let tenant = row.as_ref().map_or(TenantId::DEFAULT, |row| row.tenant);
        let request = Request::File {
            tenant,
            campaign,
            lane,
            recipients,
        };
        // Counted before, so that the examination after the step knows; and back if refused.
        self.oracle.filed.insert(campaign, known + count);
        let is_gone = self.is_deleted(tenant)?;
        let is_open = !is_gone && row.is_some_and(|row| !row.state.is_final() && !row.is_sealed);
        if !is_open {
            self.oracle.filed.insert(campaign, known);
        }
        self.apply(request)?;
        Ok(())
    }

    pub(super) fn change(
        &mut self,
        campaign: CampaignId,
        change: CampaignChange,
    ) -> Result<(), Violation> {
        if !self.is_down() {
            self.apply(Request::Change { campaign, change })?;
            self.agenda.put(self.now, Happening::Step(campaign));
        }
        Ok(())
    }

    /// A person decides what came of those in doubt, or has some of those who ended tried again.
    pub(super) fn decide(&mut self, campaign: CampaignId) -> Result<(), Violation> {
        const ENDED: [DeliveryState; 5] = [
            DeliveryState::Bounced,
            DeliveryState::Failed,
            DeliveryState::Expired,
            DeliveryState::Cancelled,
            DeliveryState::Quarantined,
        ];
        let (state, into) = match self.chance.below(5) {
            0 => (DeliveryState::InDoubt, Resolution::Delivered),
            1 => (DeliveryState::InDoubt, Resolution::Bounced),
            2 | 3 => (DeliveryState::InDoubt, Resolution::Retry),
            _ => (ENDED[self.chance.index(ENDED.len())], Resolution::Retry),
        };
        self.resolve(campaign, state, into)
    }

    /// Every step of one decision about all deliveries of a campaign in one state.
    pub(super) fn resolve(
        &mut self,
        campaign: CampaignId,
        state: DeliveryState,
        into: Resolution,
    ) -> Result<(), Violation> {
        let mut next = Some(RecipientId(0));
        while let Some(from) = next.filter(|_| !self.is_down()) {
            let reply = self.apply(Request::Resolve {
                campaign,
                select: Selection::of(&[state]),
                into,
                reason: "somebody looked".to_owned(),
                from,
                is_dry_run: false,
            })?;
            next = match reply {
                Reply::Step { next, .. } => next,
                _ => None,
            };
        }
        self.agenda.put(self.now, Happening::Step(campaign));
        self.announce();
        Ok(())
    }

    /// Starts the drafts whose time has come.
    pub(super) fn start_due(&mut self) -> Result<(), Violation> {
        if let Reply::Started { campaigns, .. } = self.apply(Request::StartDue)? {
            for campaign in campaigns {
                self.agenda.put(self.now, Happening::Step(campaign));
            }
        }
        Ok(())
    }

    /// What the policies leave to people, people decide in the end.
    pub(super) fn decide_the_rest(&mut self) -> Result<(), Violation> {
        let campaigns: Vec<_> = self.oracle.filed.keys().copied().collect();
        for campaign in campaigns {
            let row = self.host.rows.campaign(campaign)?;
            let is_left = |row: &Campaign| {
                row.in_doubt == InDoubtPolicy::Retry && row.tally[DeliveryState::InDoubt] > 0
            };
            if row.as_ref().is_some_and(is_left) {
                self.resolve(campaign, DeliveryState::InDoubt, Resolution::Delivered)?;
            }
        }
        Ok(())
    }

    /// Every campaign goes on, and takes nobody in any more.
    pub(super) fn let_all_end(&mut self) -> Result<(), Violation> {
        for tenant in self.tenants {
            self.lift_emails(tenant)?;
            self.sweep_tenant(tenant)?;
        }
        let campaigns: Vec<_> = self.oracle.filed.keys().copied().collect();
        for campaign in campaigns {
            let Some(row) = self.host.rows.campaign(campaign)? else {
                continue;
            };
            match row.state {
                CampaignState::Draft => self.change(campaign, CampaignChange::Start)?,
                CampaignState::Paused => self.change(campaign, CampaignChange::Resume)?,
                _ => {}
            }
            if !row.is_sealed && !row.state.is_final() {
                self.change(campaign, CampaignChange::Seal)?;
            }
        }
        Ok(())
    }
}
