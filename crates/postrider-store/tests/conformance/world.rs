//! A store under a hand-driven clock, and short words for what scenes do with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_store::request::CampaignChange;
use postrider_store::selection::Selection;
use postrider_store::{
    Backend, Claimed, Filing, Reader, Refused, Reply, Request, Share, memory, sqlite,
};
use postrider_types::{
    Address, Campaign, CampaignId, ChunkRecipient, DeliveryId, DeliveryState, EmailId,
    InDoubtPolicy, LaneName, LeaseToken, Outcome, Receipt, RecipientId, Tally, TenantId, Timestamp,
    WorkerId,
};

use crate::examine::Snapshot;
use crate::remote;
use crate::requests::{
    begin_request, create_request, create_request_with, end_request, file_request, record_request,
    resolve_request,
};

pub(crate) const TENANT: TenantId = TenantId::DEFAULT;

/// Another tenant, which is there from the start.
pub(crate) const OTHER_TENANT: TenantId = TenantId(2);

pub(crate) const WORKER: WorkerId = WorkerId(u64::MAX - 7);
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// How old a doubt must be before its delivery may be sent again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(900);

/// Where a store lives, so that it can be opened again.
pub(crate) enum Home {
    /// It survives nothing, so opening it again keeps the same one.
    Memory,
    /// The same, behind a socket.
    Remote,
    Sqlite(tempfile::TempDir),
}

impl Home {
    pub(crate) fn memory() -> Self {
        Self::Memory
    }

    pub(crate) const fn remote() -> Self {
        Self::Remote
    }

    pub(crate) fn sqlite() -> Self {
        // In memory where there is such a disk: no scene is about a power cut.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::Sqlite(dir.unwrap())
    }

    fn open(&self) -> (Box<dyn Backend>, Arc<dyn Reader>) {
        match self {
            Self::Memory => memory::parts([7; 32]),
            Self::Remote => remote::parts(),
            Self::Sqlite(dir) => sqlite::parts(dir.path()).unwrap(),
        }
    }
}

pub(crate) struct World {
    home: Home,
    parts: Option<(Box<dyn Backend>, Arc<dyn Reader>)>,
    pub now: Timestamp,
    claims: u64,
    campaigns: u32,
}

impl World {
    pub(crate) fn new(home: Home) -> Self {
        let mut world = Self::empty(home);
        world.apply(Self::opening());
        world
    }

    /// A store that nothing was asked of.
    pub(crate) fn empty(home: Home) -> Self {
        Self {
            parts: Some(home.open()),
            home,
            now: Timestamp::from_micros(1_700_000_000_000_000),
            claims: 0,
            campaigns: 0,
        }
    }

    /// What makes a new store one for scenes: another tenant, and an email.
    pub(crate) fn opening() -> Vec<Request> {
        let content = Bytes::from_static(b"an email");
        let name = "other".to_owned();
        let put = Request::PutEmail {
            tenant: TENANT,
            email: EmailId::of(&content),
            content,
        };
        vec![Request::CreateTenant { name }, put]
    }

    /// The process ends and another one opens the same store.
    pub(crate) fn reopen(&mut self) {
        if let Home::Sqlite(_) = self.home {
            self.parts = None;
            self.parts = Some(self.home.open());
        }
    }

    /// Somebody changes the file of a sqlite store while it is closed.
    pub(crate) fn damage(&mut self, sql: &str) {
        let Home::Sqlite(dir) = &self.home else {
            panic!("only a file can be damaged");
        };
        self.parts = None;
        let path = dir.path().join(sqlite::FILE);
        rusqlite::Connection::open(path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        self.parts = Some(self.home.open());
    }

    /// Every byte of a sqlite store's files, open as it is.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Home::Sqlite(dir) = &self.home else {
            panic!("only a file has bytes");
        };
        let files = std::fs::read_dir(dir.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    pub(crate) fn reader(&self) -> &dyn Reader {
        self.parts.as_ref().unwrap().1.as_ref()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    pub(crate) fn in_seconds(&self, seconds: u64) -> Timestamp {
        self.now.plus(Duration::from_secs(seconds))
    }

    /// Requests in one commit.
    pub(crate) fn apply(&mut self, batch: Vec<Request>) -> Vec<Reply> {
        let (backend, _) = self.parts.as_mut().unwrap();
        let count = batch.len();
        let replies = backend.apply(batch, self.now).unwrap();
        assert_eq!(replies.len(), count);
        replies
    }

    /// One request, as it is.
    pub(crate) fn ask_once(&mut self, request: Request) -> Reply {
        self.apply(vec![request]).remove(0)
    }

    /// One request, and the same again as if its answer had been lost, which changes nothing.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        let again = request.clone();
        let reply = self.ask_once(request);
        let is_recognised = !matches!(
            again,
            Request::File { .. }
                | Request::Reap { .. }
                | Request::Sweep { .. }
                | Request::Resolve { .. }
                | Request::StartDue
                | Request::CreateTenant { .. }
                | Request::LiftEmail { .. }
        );
        if is_recognised {
            let before = Snapshot::take(self.reader());
            let is_answered_the_same = matches!(
                (&again, &reply),
                (
                    Request::Begin { .. } | Request::Record { .. } | Request::Extend { .. },
                    _
                ) | (Request::Claim { .. }, Reply::Claimed(_))
            );
            let said = format!("{again:?}");
            let repeated = self.ask_once(again);
            before.expect_unchanged(self.reader(), &said);
            if is_answered_the_same {
                assert_eq!(reply, repeated, "{said}");
            }
        }
        reply
    }

    pub(crate) fn create(&mut self, name: &str) -> CampaignId {
        match self.ask(create_request(name)) {
            Reply::Campaign(campaign) => campaign.id,
            reply => panic!("{reply:?}"),
        }
    }

    /// A running campaign with `count` recipients in one chunk.
    pub(crate) fn running(&mut self, lane: &str, count: u32) -> CampaignId {
        self.campaigns += 1;
        let campaign = self.create(&format!("campaign {}", self.campaigns));
        self.change(campaign, CampaignChange::Start);
        self.file(campaign, lane, count);
        campaign
    }

    /// The same with a policy for what is in doubt.
    pub(crate) fn running_with(
        &mut self,
        policy: InDoubtPolicy,
        lane: &str,
        count: u32,
    ) -> CampaignId {
        self.campaigns += 1;
        let name = format!("campaign {}", self.campaigns);
        let campaign = match self.ask(create_request_with(&name, policy, None)) {
            Reply::Campaign(campaign) => campaign.id,
            reply => panic!("{reply:?}"),
        };
        self.change(campaign, CampaignChange::Start);
        self.file(campaign, lane, count);
        campaign
    }

    /// A person decides the same about everybody in one state.
    pub(crate) fn resolve_all(&mut self, campaign: CampaignId, state: DeliveryState, into: &str) {
        let select = Selection::of(&[state]);
        let request = resolve_request(campaign, select, into.parse().unwrap());
        let reply = self.ask_once(request);
        assert!(matches!(reply, Reply::Step { next: None, .. }), "{reply:?}");
    }

    /// The same, sealed.
    pub(crate) fn sealed(&mut self, lane: &str, count: u32) -> CampaignId {
        let campaign = self.running(lane, count);
        self.change(campaign, CampaignChange::Seal);
        campaign
    }

    pub(crate) fn change(&mut self, campaign: CampaignId, change: CampaignChange) -> Reply {
        self.ask(Request::Change { campaign, change })
    }

    /// One chunk of `count` recipients; the number of its first.
    pub(crate) fn file(&mut self, campaign: CampaignId, lane: &str, count: u32) -> RecipientId {
        match self.ask(file_request(campaign, lane, count)) {
            Reply::Filed { first, .. } => first,
            reply => panic!("{reply:?}"),
        }
    }

    pub(crate) fn claim_request(&mut self, skip: &[&str]) -> Request {
        self.claims += 1;
        Request::Claim {
            claim: self.claims,
            worker: WORKER,
            skip: skip.iter().map(|name| lane(name)).collect(),
            share: Share::WHOLE,
            until: self.now.plus(LEASE),
        }
    }

    pub(crate) fn claim(&mut self) -> Claimed {
        let request = self.claim_request(&[]);
        match self.ask(request) {
            Reply::Claimed(claimed) => *claimed,
            reply => panic!("nothing to claim: {reply:?}"),
        }
    }

    /// Nothing is due; when something will be.
    pub(crate) fn idle(&mut self) -> Option<Timestamp> {
        let request = self.claim_request(&[]);
        match self.ask(request) {
            Reply::Idle { next_at } => next_at,
            reply => panic!("{reply:?}"),
        }
    }

    pub(crate) fn begin(&mut self, held: &Claimed, place: usize) -> Reply {
        let attempt = held.recipients[place].attempts + 1;
        self.ask(begin_request(held, place, attempt))
    }

    /// The outcome of the attempt after those that the chunk counts.
    pub(crate) fn record(&mut self, held: &Claimed, place: usize, outcome: Outcome) -> Reply {
        let attempt = held.recipients[place].attempts + 1;
        self.ask(record_request(held, place, attempt, outcome))
    }

    pub(crate) fn deliver(&mut self, held: &Claimed, place: usize) {
        assert_eq!(self.begin(held, place), DONE);
        assert_eq!(self.record(held, place, Outcome::Delivered), DONE);
    }

    pub(crate) fn end(&mut self, token: LeaseToken, filings: Vec<Filing>) -> Reply {
        self.ask(end_request(token, filings))
    }

    /// One step of the reaper.
    pub(crate) fn reap(&mut self, before: Timestamp) -> Reply {
        match self.ask(Request::reap(before)) {
            Reply::Reaped(reaped) => Reply::Done { more: reaped.more },
            reply => panic!("{reply:?}"),
        }
    }

    pub(crate) fn campaign(&self, campaign: CampaignId) -> Campaign {
        self.reader().campaign(campaign).unwrap().unwrap()
    }

    pub(crate) fn tally(&self, campaign: CampaignId) -> Tally {
        self.campaign(campaign).tally
    }

    pub(crate) fn receipt(&self, delivery: DeliveryId) -> Option<Receipt> {
        let DeliveryId {
            tenant,
            campaign,
            recipient,
        } = delivery;
        let page = self
            .reader()
            .receipts(tenant, campaign, recipient, None, 1)
            .unwrap();
        page.into_iter()
            .find(|receipt| receipt.delivery == delivery)
    }

    pub(crate) fn state(&self, held: &Claimed, place: usize) -> DeliveryState {
        self.receipt(delivery(held, place))
            .map_or(DeliveryState::Pending, |r| r.state)
    }
}

pub(crate) const DONE: Reply = Reply::Done { more: false };

pub(crate) fn refused(reply: &Reply) -> &Refused {
    match reply {
        Reply::Refused(refused) => refused,
        reply => panic!("{reply:?}"),
    }
}

pub(crate) fn lane(name: &str) -> LaneName {
    LaneName::from_stored(name)
}

pub(crate) fn address(recipient: u32) -> Address {
    format!("Ada.{recipient}@example.test").parse().unwrap()
}

pub(crate) fn delivery(held: &Claimed, place: usize) -> DeliveryId {
    DeliveryId {
        tenant: held.tenant,
        campaign: held.campaign,
        recipient: held.recipients[place].recipient,
    }
}

pub(crate) fn numbers(recipients: &[ChunkRecipient]) -> Vec<u32> {
    recipients.iter().map(|r| r.recipient.0).collect()
}
