//! What a start finds, and the work that goes on in bounded steps.

use postrider_failpoint::FailPoint;
use postrider_store::quarantine::{Reaped, Suspects};
use postrider_store::removal::{Cursor, Walked};
use postrider_store::{Reply, Request, Store, StoreError};
use postrider_types::{CampaignId, CampaignState, TenantId, Timestamp, WorkerId};
use tokio::task::JoinSet;

use crate::bounds::{RECOVERY_PAGE, STORE_RETRY_AFTER};

/// Ends every lease, because no holder of one can live, forgets waits that came from limits, and
/// goes on with what an earlier process left half done.
/// Gives the work that goes on, and what was found.
pub(crate) async fn recover(store: &Store) -> Result<(JoinSet<()>, Reaped), StoreError> {
    let found = reap(store, Timestamp::NEVER).await?;
    if found.leases > 0 {
        tracing::warn!(
            leases = found.leases,
            in_doubt = found.in_doubt,
            filed_again = found.refiled,
            quarantined = found.quarantined,
            "an earlier process ended without a stop; nobody is sent anything twice"
        );
    }
    store.ask(Request::Wake).await?;
    let mut running = JoinSet::new();
    let mut after = TenantId(0);
    loop {
        let page = store.read(move |reader| reader.tenants(after, RECOVERY_PAGE));
        let tenants = page.await?;
        let Some(last) = tenants.last() else { break };
        after = last.id;
        for tenant in tenants {
            if tenant.is_deleted() {
                running.spawn(sweep_tenant(store, tenant.id));
            } else {
                take_up(store, tenant.id, &mut running).await?;
            }
        }
    }
    Ok((running, found))
}

/// Goes on with every campaign of a tenant.
async fn take_up(
    store: &Store,
    tenant: TenantId,
    running: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let page = store.read(move |reader| reader.campaigns(tenant, before, RECOVERY_PAGE));
        let campaigns = page.await?;
        let Some(last) = campaigns.last() else {
            return Ok(());
        };
        before = Some(last.id);
        for campaign in campaigns {
            running.spawn(steps(store, campaign.id, campaign.state));
        }
    }
}

/// Goes on with ending what a deleted tenant left; the next start does when the store cannot.
fn sweep_tenant(store: &Store, tenant: TenantId) -> impl Future<Output = ()> + Send + 'static {
    let store = store.clone();
    async move {
        let mut cursor = Cursor::START;
        loop {
            match store.ask(Request::SweepTenant { tenant, cursor }).await {
                Ok(Reply::Walked(Walked {
                    next: Some(next), ..
                })) => cursor = next,
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%tenant, error = %error, "the sweep of a tenant waits");
                    if !error.is_transient() {
                        return;
                    }
                    tokio::time::sleep(STORE_RETRY_AFTER).await;
                }
            }
        }
    }
}

/// Ends every lease that runs out before `before`, step by step; what that did.
pub(crate) async fn reap(store: &Store, before: Timestamp) -> Result<Reaped, StoreError> {
    let request = Request::Reap {
        before,
        worker: None,
        suspects: Suspects::Nobody,
    };
    in_steps(store, request).await
}

/// Ends every lease of a worker that is gone, step by step; what that did. Nothing that it asked
/// for may be on its way to the store any more.
pub(crate) async fn reap_worker(
    store: &Store,
    worker: WorkerId,
    suspects: Suspects,
) -> Result<Reaped, StoreError> {
    let request = Request::Reap {
        before: Timestamp::EPOCH,
        worker: Some(worker),
        suspects,
    };
    in_steps(store, request).await
}

async fn in_steps(store: &Store, request: Request) -> Result<Reaped, StoreError> {
    let mut sum = Reaped::default();
    loop {
        let reply = store.ask(request.clone()).await?;
        FailPoint::InReap.reached();
        let Reply::Reaped(step) = reply else {
            unreachable!("a reap is answered with what it did, not with {reply:?}");
        };
        sum.leases += step.leases;
        sum.in_doubt += step.in_doubt;
        sum.refiled += step.refiled;
        sum.quarantined += step.quarantined;
        if !step.more {
            return Ok(sum);
        }
    }
}

/// The step-wise work that follows from a campaign's state: parked chunks of a running one go
/// back into the queue, and waiting chunks of a cancelled one end.
pub(crate) fn steps(
    store: &Store,
    campaign: CampaignId,
    state: CampaignState,
) -> impl Future<Output = ()> + Send + 'static {
    let store = store.clone();
    async move {
        let step = match state {
            CampaignState::Running => Request::Unpark { campaign },
            CampaignState::Cancelled => Request::Sweep { campaign },
            CampaignState::Draft | CampaignState::Paused | CampaignState::Finished => return,
        };
        loop {
            match store.ask(step.clone()).await {
                Ok(reply) if is_more(reply.clone()) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%campaign, error = %error, "the steps of a campaign wait");
                    if !error.is_transient() {
                        // The next start, or the next change of the campaign, goes on from here.
                        return;
                    }
                    tokio::time::sleep(STORE_RETRY_AFTER).await;
                }
            }
        }
    }
}

fn is_more(reply: Reply) -> bool {
    matches!(reply, Reply::Done { more: true })
}

#[cfg(test)]
mod tests {
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
            let is_meant = |request: &Request| {
                matches!(request, Request::Unpark { .. } | Request::Sweep { .. })
            };
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

        let (mut running, _) = recover(&store).await.unwrap();
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
}
