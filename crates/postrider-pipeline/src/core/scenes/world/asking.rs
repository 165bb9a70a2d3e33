//! What people ask of the store: recipients filed, a campaign changed.

use std::ops::Range;
use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Reply as StoreReply, Request};
use postrider_types::{
    CampaignId, EmailId, InDoubtPolicy, LaneName, TenantId, Timestamp, Variables,
};

use super::World;
use crate::core::Event;

impl World {
    /// Files recipients `0@domain`, `1@domain` … in the domain's own lane, or in a tail lane.
    pub(in crate::core::scenes) fn file(&mut self, domain: &str, count: usize, is_tail: bool) {
        let own = LaneName::own(&domain.parse().unwrap());
        let lane = if is_tail { "tail-00" } else { own.as_str() };
        self.file_in(lane, domain, count);
    }

    pub(in crate::core::scenes) fn file_in(&mut self, lane: &str, domain: &str, count: usize) {
        self.file_from(lane, domain, 0..count);
    }

    pub(in crate::core::scenes) fn file_from(
        &mut self,
        lane: &str,
        domain: &str,
        numbers: Range<usize>,
    ) {
        let lane = LaneName::from_stored(lane);
        let recipient = |n| {
            (
                format!("{n}@{domain}").parse().unwrap(),
                Variables::default(),
            )
        };
        let recipients = numbers.map(recipient).collect();
        let (tenant, campaign) = (TenantId::DEFAULT, self.campaign);
        self.ask(Request::File {
            tenant,
            campaign,
            lane,
            recipients,
        });
        self.events.push_back(Event::Filed);
    }

    /// Files one recipient for each of so many domains.
    pub(in crate::core::scenes) fn file_domains(&mut self, lane: &str, numbers: Range<usize>) {
        let address = |n| format!("0@n{n}.test").parse().unwrap();
        let recipients = numbers
            .map(|n| (address(n), Variables::default()))
            .collect();
        self.ask(Request::File {
            tenant: TenantId::DEFAULT,
            campaign: self.campaign,
            lane: LaneName::from_stored(lane),
            recipients,
        });
        self.events.push_back(Event::Filed);
    }

    pub(in crate::core::scenes) fn change(&mut self, change: CampaignChange) {
        let campaign = self.campaign;
        self.ask(Request::Change { campaign, change });
        let steps = match change {
            CampaignChange::Cancel => Request::Sweep { campaign },
            _ => Request::Unpark { campaign },
        };
        while matches!(self.ask(steps.clone()), StoreReply::Done { more: true }) {}
        self.events.push_back(Event::Filed);
    }

    /// Goes on with another campaign, which has this policy and nobody in it.
    pub(in crate::core::scenes) fn running_with(&mut self, policy: InDoubtPolicy) {
        self.campaign = running_campaign(self.backend.as_mut(), policy, self.now);
    }

    pub(in crate::core::scenes) fn ask(&mut self, request: Request) -> StoreReply {
        self.backend
            .apply(vec![request], self.now)
            .unwrap()
            .remove(0)
    }
}

/// One running campaign with nobody in it.
pub(super) fn running_campaign(
    backend: &mut dyn Backend,
    in_doubt: InDoubtPolicy,
    now: Timestamp,
) -> CampaignId {
    let tenant = TenantId::DEFAULT;
    let content = bytes::Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    let create = Request::Create {
        tenant,
        name: format!("hello, {in_doubt}"),
        email,
        in_doubt,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    let requests = vec![
        Request::PutEmail {
            tenant,
            email,
            content,
        },
        create,
    ];
    let replies = backend.apply(requests, now).unwrap();
    let StoreReply::Campaign(campaign) = &replies[1] else {
        panic!("{replies:?}")
    };
    let change = CampaignChange::Start;
    backend
        .apply(
            vec![Request::Change {
                campaign: campaign.id,
                change,
            }],
            now,
        )
        .unwrap();
    campaign.id
}
