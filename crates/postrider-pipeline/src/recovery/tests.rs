//! What a start takes up, and steps that go on when the store failed for a moment.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Backend, memory};
use postrider_types::{EmailId, InDoubtPolicy, LaneName, Variables};

use super::*;
use crate::{Postrider, Settings, SystemClock};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Cannot write a few times, whenever a step is among what is asked.
struct Weak(Box<dyn Backend>, usize);

impl Backend for Weak {
    fn apply(&mut self, batch: Vec<Request>, now: Timestamp) -> Result<Vec<Reply>, StoreError> {
        let is_meant =
            |request: &Request| matches!(request, Request::Unpark { .. } | Request::Sweep { .. });
        if self.1 > 0 && batch.iter().any(is_meant) {
            self.1 -= 1;
            let reason = "no space left on device".to_owned();
            return Err(StoreError::Unwritable { reason });
        }
        self.0.apply(batch, now)
    }
}

/// A store with one draft of one recipient, that fails its first few steps.
async fn store(failures: usize) -> (Store, CampaignId) {
    let (backend, reader) = memory::parts([7; 32]);
    let store = Store::inline(Box::new(Weak(backend, failures)), reader, Arc::new(|| NOW));
    let campaign = draft(&store, TenantId::DEFAULT).await;
    (store, campaign)
}

/// A draft of a tenant, with one recipient.
async fn draft(store: &Store, tenant: TenantId) -> CampaignId {
    let content = bytes::Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    let requests = vec![
        Request::PutEmail {
            tenant,
            email,
            content,
        },
        Request::Create {
            tenant,
            name: "hello".to_owned(),
            email,
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after: Duration::from_secs(900),
            send_at: None,
        },
    ];
    let replies = store.submit(requests).await.unwrap();
    let Reply::Campaign(campaign) = &replies[1] else {
        panic!("{replies:?}")
    };
    let campaign = campaign.id;
    let to = "0@example.test".parse().unwrap();
    let file = Request::File {
        tenant,
        campaign,
        lane: LaneName::from_stored("example.test"),
        recipients: vec![(to, Variables::default())],
    };
    store.ask(file).await.unwrap();
    campaign
}

#[tokio::test(start_paused = true)]
async fn a_start_ends_what_a_deleted_tenant_left_and_nothing_of_others() {
    let (store, other) = store(0).await;
    let name = "acme".to_owned();
    let created = store.ask(Request::CreateTenant { name }).await.unwrap();
    let Reply::Tenant(tenant) = created else {
        panic!("{created:?}")
    };
    let tenant = tenant.id;
    let left = draft(&store, tenant).await;
    store.ask(Request::DeleteTenant { tenant }).await.unwrap();

    let (mut running, _) = recover(&store, Vec::new(), &Alarm::new()).await.unwrap();
    while running.join_next().await.is_some() {}
    let open = async |campaign| {
        let found = store.read(move |reader| reader.campaign(campaign)).await;
        found.unwrap().unwrap().tally.open()
    };
    assert_eq!((open(left).await, open(other).await), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn parked_chunks_are_put_back_although_the_store_failed_for_a_moment() {
    let (store, campaign) = store(3).await;
    let change = CampaignChange::Start;
    store
        .ask(Request::Change { campaign, change })
        .await
        .unwrap();
    steps(&store, campaign, CampaignState::Running).await;
    let lanes = store.read(|reader| reader.lanes(10)).await.unwrap();
    assert_eq!(lanes.len(), 1, "nothing is queued");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_cancelled_campaign_is_told_when_its_sweep_is_done() {
    let (store, campaign) = store(1).await;
    let mut settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
    settings.is_sending = false;
    let postrider = Postrider::start(store, settings, SystemClock::starting_at(NOW)).await;
    let postrider = postrider.unwrap();
    let finished = tokio::spawn({
        let postrider = postrider.clone();
        async move { postrider.finished(campaign).await }
    });
    tokio::task::yield_now().await;
    let change = CampaignChange::Cancel;
    postrider.change_campaign(campaign, change).await.unwrap();
    let span = Duration::from_secs(10);
    let finished = tokio::time::timeout(span, finished).await;
    let campaign = finished.expect("nobody said so").unwrap().unwrap();
    assert_eq!(campaign.tally.open(), 0);
    postrider.drain(span).await;
}
