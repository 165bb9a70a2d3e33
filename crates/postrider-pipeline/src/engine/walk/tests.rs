//! A purge while leases end around it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_store::bounds::STEP_COST_MAX;
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Share, Store, memory};
use postrider_types::{CampaignId, InDoubtPolicy, LaneName, LeaseToken, Variables, WorkerId};

use super::*;
use crate::{Settings, SystemClock};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Leases that end, one behind each step of a purge.
type Ending = Arc<Mutex<Vec<LeaseToken>>>;

/// Has a worker end a lease behind each step of a purge, so that what it gives back is where the
/// purge has been already.
struct Returning(Box<dyn Backend>, Ending);

impl Backend for Returning {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let is_purge = |request: &Request| matches!(request, Request::Purge { .. });
        let is_meant = batch.iter().any(is_purge);
        let replies = self.0.apply(batch, now)?;
        if is_meant && let Some(token) = self.1.lock().unwrap().pop() {
            let end = Request::End {
                token,
                filings: Vec::new(),
                throttle: None,
            };
            let ended = self.0.apply(vec![end], now)?;
            assert_eq!(ended, [Reply::Done { more: false }]);
        }
        Ok(replies)
    }
}

async fn ask(postrider: &Postrider, request: Request) -> Reply {
    postrider.store().ask(request).await.unwrap()
}

/// A pipeline that sends nothing, and a running campaign with a chunk for each of `sizes`.
async fn running(ending: &Ending, sizes: &[u64]) -> (Postrider, CampaignId) {
    let (backend, reader) = memory::parts([7; 32]);
    let backend = Box::new(Returning(backend, Arc::clone(ending)));
    let store = Store::inline(backend, reader, Arc::new(|| NOW));
    let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
    settings.is_sending = false;
    let clock = SystemClock::starting_at(NOW);
    let postrider = Postrider::start(store, settings, clock).await.unwrap();

    let content = bytes::Bytes::from_static(b"an email");
    let (tenant, email) = (TenantId::DEFAULT, EmailId::of(&content));
    let put = Request::PutEmail {
        tenant,
        email,
        content,
    };
    ask(&postrider, put).await;
    let create = Request::Create {
        tenant,
        name: "hello".to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    let Reply::Campaign(campaign) = ask(&postrider, create).await else {
        panic!("there is no campaign")
    };
    let campaign = campaign.id;
    let change = CampaignChange::Start;
    ask(&postrider, Request::Change { campaign, change }).await;
    let mut number = 0..;
    for &size in sizes {
        let next = number.by_ref().take(usize::try_from(size).unwrap());
        let to = next.map(|n| {
            (
                format!("{n}@example.test").parse().unwrap(),
                Variables::default(),
            )
        });
        let file = Request::File {
            tenant,
            campaign,
            lane: LaneName::from_stored("example.test"),
            recipients: to.collect(),
        };
        ask(&postrider, file).await;
    }
    (postrider, campaign)
}

/// Leases the next chunk.
async fn claim(postrider: &Postrider, claim: u64) -> LeaseToken {
    let request = Request::Claim {
        claim,
        worker: WorkerId(7),
        skip: Vec::new(),
        share: Share::WHOLE,
        until: NOW.plus(Duration::from_secs(60)),
    };
    match ask(postrider, request).await {
        Reply::Claimed(claimed) => claimed.token,
        reply => panic!("nothing to claim: {reply:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_leases_give_back_behind_a_purge_is_purged_too() {
    let ending = Ending::default();
    let (postrider, campaign) = running(&ending, &[3, STEP_COST_MAX]).await;
    let token = claim(&postrider, 1).await;
    ending.lock().unwrap().push(token);
    let target = PurgeTarget::Campaign(campaign);
    let purged = postrider.purge(target, false, false).await.unwrap();
    assert_eq!((purged.matched, purged.busy), (STEP_COST_MAX + 3, 0));
    let read = postrider
        .store()
        .read(move |reader| reader.campaign(campaign));
    assert_eq!(read.await.unwrap().unwrap().tally.open(), 0);
    postrider.drain(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_count_before_a_purge_is_made_once() {
    let ending = Ending::default();
    let (postrider, campaign) = running(&ending, &[3, STEP_COST_MAX]).await;
    let target = PurgeTarget::Campaign(campaign);
    let would = postrider.purge(target, false, true).await.unwrap();
    assert_eq!((would.matched, would.busy), (STEP_COST_MAX + 3, 0));
    postrider.drain(Duration::from_secs(1)).await;
}
