//! What is true of every store at the end of every scene.

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_store::quarantine::Lift;
use postrider_store::removal::{Cursor, Walked};
use postrider_store::request::CampaignChange;
use postrider_store::{Reader, Reply, Request};
use postrider_types::{
    Campaign, CampaignState, DeliveryId, DeliveryState, InDoubtPolicy, LogEntry, Outcome, Receipt,
    RecipientId, Tally, Timestamp,
};

use crate::requests::record_request;
use crate::world::{DONE, TENANT, World};

/// More rows than any scene makes.
const ALL: usize = 100_000;

/// Everything that a reader can see of campaigns and deliveries.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub campaigns: Vec<Campaign>,
    pub receipts: BTreeMap<DeliveryId, Receipt>,
    pub log: Vec<LogEntry>,
}

impl Snapshot {
    pub(crate) fn take(reader: &dyn Reader) -> Self {
        let campaigns = reader.campaigns(TENANT, None, ALL).unwrap();
        let receipts = campaigns.iter().flat_map(|campaign| {
            let first = RecipientId(0);
            reader
                .receipts(TENANT, campaign.id, first, None, ALL)
                .unwrap()
        });
        Self {
            receipts: receipts
                .map(|receipt| (receipt.delivery, receipt))
                .collect(),
            campaigns,
            log: reader.log(TENANT, 0, ALL).unwrap(),
        }
    }

    pub(crate) fn expect_unchanged(&self, reader: &dyn Reader, after: &str) {
        assert_eq!(*self, Self::take(reader), "changed by repeating {after}");
    }

    /// The state of every delivery of a campaign, touched or not.
    pub(crate) fn deliveries(
        &self,
        reader: &dyn Reader,
        campaign: &Campaign,
    ) -> BTreeMap<DeliveryId, DeliveryState> {
        let chunks = reader
            .audience(TENANT, campaign.id, RecipientId(0), ALL)
            .unwrap();
        let recipients = chunks.into_iter().flat_map(|chunk| chunk.recipients);
        let state = |recipient| {
            let delivery = DeliveryId {
                tenant: TENANT,
                campaign: campaign.id,
                recipient,
            };
            let receipt = self.receipts.get(&delivery);
            (
                delivery,
                receipt.map_or(DeliveryState::Pending, |receipt| receipt.state),
            )
        };
        recipients.map(|r| state(r.recipient)).collect()
    }

    /// The balance: what the tally says is what a sweep over audience and receipts counts.
    pub(crate) fn expect_balance(&self, reader: &dyn Reader) {
        for campaign in &self.campaigns {
            let mut counted = Tally::default();
            let deliveries = self.deliveries(reader, campaign);
            deliveries.values().for_each(|state| counted.add(*state, 1));
            assert_eq!(campaign.tally, counted, "the balance of {}", campaign.id);
            let is_dense = (0..)
                .zip(deliveries.keys())
                .all(|(n, d)| d.recipient.0 == n);
            assert!(is_dense, "the numbers of {}", campaign.id);
        }
        let grows = self
            .log
            .windows(2)
            .all(|pair| pair[0].number < pair[1].number);
        assert!(grows, "the numbers of the log");
    }
}

impl World {
    /// The examination: balance, restart, and a drain to the last delivery.
    pub(crate) fn examine(&mut self) {
        let before = Snapshot::take(self.reader());
        before.expect_balance(self.reader());
        self.reopen();
        before.expect_unchanged(self.reader(), "the opening");
        self.let_everything_go();
        self.drain();
        Snapshot::take(self.reader()).expect_balance(self.reader());
    }

    /// No worker lives, nothing is paused, and no limit holds.
    fn let_everything_go(&mut self) {
        self.repeat(&Request::reap(Timestamp::NEVER));
        for email in self.reader().quarantined_emails(TENANT, None, ALL).unwrap() {
            self.walk(|cursor| Request::LiftEmail {
                tenant: TENANT,
                email: email.email,
                lift: Lift::Release,
                cursor,
            });
        }
        for campaign in Snapshot::take(self.reader()).campaigns {
            let campaign_id = campaign.id;
            let change = match campaign.state {
                CampaignState::Draft => Some(CampaignChange::Start),
                CampaignState::Paused => Some(CampaignChange::Resume),
                _ => None,
            };
            if let Some(change) = change {
                self.change(campaign_id, change);
            }
            let campaign = campaign_id;
            self.repeat(&match self.campaign(campaign).state {
                CampaignState::Cancelled => Request::Sweep { campaign },
                _ => Request::Unpark { campaign },
            });
        }
        self.ask_once(Request::Wake);
        self.pass(Duration::from_secs(1_000_000));
    }

    /// Asks the same until there is no more to do.
    pub(crate) fn repeat(&mut self, request: &Request) {
        for _ in 0..1_000 {
            match self.ask_once(request.clone()) {
                DONE => return,
                Reply::Reaped(reaped) if !reaped.more => return,
                _ => {}
            }
        }
        panic!("no end to {request:?}");
    }

    /// Walks to the end; what all steps together did.
    pub(crate) fn walk(&mut self, step: impl Fn(Cursor) -> Request) -> Walked {
        let mut sum = Walked::default();
        let mut cursor = Cursor::START;
        for _ in 0..1_000 {
            let walked = match self.ask_once(step(cursor)) {
                Reply::Walked(walked) => walked,
                reply => panic!("{reply:?}"),
            };
            sum.matched += walked.matched;
            sum.busy += walked.busy;
            match walked.next {
                Some(next) => cursor = next,
                None => return sum,
            }
        }
        panic!("no end to {:?}", step(cursor));
    }

    /// Claims and delivers all that is open: each delivery is found once, and then nothing is
    /// left, and every campaign that was sealed is finished.
    fn drain(&mut self) {
        let snapshot = Snapshot::take(self.reader());
        let mut open = BTreeMap::new();
        for campaign in &snapshot.campaigns {
            open.extend(snapshot.deliveries(self.reader(), campaign));
        }
        let retries = |delivery: &DeliveryId| {
            let mut campaigns = snapshot.campaigns.iter();
            let of_it = campaigns.find(|campaign| campaign.id == delivery.campaign);
            of_it.is_some_and(|campaign| campaign.in_doubt == InDoubtPolicy::Retry)
        };
        // What is in doubt may be filed by its campaign's policy, and need not be.
        let may_come = |delivery: &DeliveryId, state: &mut DeliveryState| {
            state.is_open() || (*state == DeliveryState::InDoubt && retries(delivery))
        };
        open.retain(may_come);
        loop {
            let request = self.claim_request(&[]);
            let claimed = match self.ask_once(request) {
                Reply::Claimed(claimed) => claimed,
                Reply::Idle { next_at: None } => break,
                Reply::Idle { next_at: Some(at) } if at <= self.now => continue,
                reply => panic!("{reply:?}"),
            };
            for place in 0..claimed.recipients.len() {
                let delivery = crate::world::delivery(&claimed, place);
                let state = open.remove(&delivery);
                assert!(
                    state.is_some(),
                    "{delivery} was open once, and is claimed now"
                );
                assert_eq!(self.begin_once(&claimed, place), DONE, "{delivery}");
                let attempt = claimed.recipients[place].attempts + 1;
                let record = record_request(&claimed, place, attempt, Outcome::Delivered);
                assert_eq!(self.ask_once(record), DONE, "{delivery}");
            }
            let end = crate::requests::end_request(claimed.token, Vec::new());
            assert_eq!(self.ask_once(end), DONE);
        }
        open.retain(|_, state| state.is_open());
        assert!(open.is_empty(), "open and nowhere: {open:?}");
        for campaign in Snapshot::take(self.reader()).campaigns {
            assert_eq!(campaign.tally.open(), 0, "{campaign:?}");
            let is_unknown = campaign.in_doubt == InDoubtPolicy::Retry
                && campaign.tally[DeliveryState::InDoubt] > 0;
            let is_cancelled = campaign.state == CampaignState::Cancelled;
            if campaign.is_sealed && !is_cancelled && !is_unknown {
                assert_eq!(campaign.state, CampaignState::Finished, "{campaign:?}");
            }
        }
    }

    fn begin_once(&mut self, held: &postrider_store::Claimed, place: usize) -> Reply {
        let attempt = held.recipients[place].attempts + 1;
        self.ask_once(crate::requests::begin_request(held, place, attempt))
    }
}
