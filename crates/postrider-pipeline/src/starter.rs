//! Drafts that start by themselves, at the time that stands in the store.
//!
//! The only clockwork is one sleep until the instant that the store named last. Whatever may
//! bring a nearer one (a new campaign, another time) rings the bell, so nothing polls; and what
//! came due while no process lived starts with the next.

use std::sync::Arc;

use postrider_store::{Reply, Request, Store, StoreError};
use postrider_types::{CampaignState, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::alarm::Alarm;
use crate::bounds::STORE_RETRY_AFTER;
use crate::clock::{Clock, SystemClock};
use crate::recovery::{self, STEPS};

/// Rung when a draft may start earlier than was known; one ring is kept for who does not listen.
pub(crate) type Bell = Arc<Notify>;

/// Starts what is due, for as long as the store works; `started` is told of every start.
pub(crate) async fn run(
    store: Store,
    clock: SystemClock,
    bell: Bell,
    alarm: Alarm,
    started: impl Fn() + Send,
) {
    // Dropped with this, and taken up again by the next start.
    let mut steps = JoinSet::new();
    loop {
        let next_at = match store.ask(Request::StartDue).await {
            Ok(Reply::Started { campaigns, next_at }) => {
                for campaign in campaigns {
                    tracing::info!(%campaign, "a campaign starts at its time");
                    let running = recovery::steps(&store, campaign, CampaignState::Running);
                    steps.spawn(alarm.guard(STEPS, running));
                    started();
                }
                next_at
            }
            Ok(other) => unreachable!("starting what is due is answered with it, not {other:?}"),
            Err(error) if error.is_transient() => {
                tracing::warn!(error = %error, "campaigns that are due wait");
                Some(clock.now().plus(STORE_RETRY_AFTER))
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = %error, "campaigns that are due cannot be started");
                Some(clock.now().plus(STORE_RETRY_AFTER))
            }
        };
        while steps.try_join_next().is_some() {}
        tokio::select! {
            () = bell.notified() => {}
            () = until(next_at, &clock) => {}
        }
    }
}

/// Sleeps until an instant, or for ever.
async fn until(at: Option<Timestamp>, clock: &SystemClock) {
    match at {
        Some(at) => tokio::time::sleep(at.since(clock.now())).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use postrider_store::memory;
    use postrider_store::request::CampaignChange;
    use postrider_types::{CampaignId, EmailId, InDoubtPolicy, TenantId};
    use tokio::time::Instant;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    /// A store with one draft that starts at `send_at`.
    async fn store(clock: SystemClock, send_at: Timestamp) -> (Store, CampaignId) {
        let store = memory::inline([7; 32], clock.as_now());
        let content = bytes::Bytes::from_static(b"an email");
        let (tenant, email) = (TenantId::DEFAULT, EmailId::of(&content));
        let put = Request::PutEmail {
            tenant,
            email,
            content,
        };
        let create = Request::Create {
            tenant,
            name: "later".to_owned(),
            email,
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after: Duration::from_secs(900),
            send_at: Some(send_at),
        };
        let replies = store.submit(vec![put, create]).await.unwrap();
        match &replies[1] {
            Reply::Campaign(campaign) => (store, campaign.id),
            reply => panic!("{reply:?}"),
        }
    }

    /// Runs until a campaign started, and says after how many seconds.
    async fn started_after(store: Store, clock: SystemClock, bell: Bell) -> u64 {
        let begun = Instant::now();
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let started = move || {
            let tell = tell.lock().expect("nobody panicked").take();
            tell.expect("one campaign starts")
                .send(())
                .expect("somebody listens");
        };
        let starter = tokio::spawn(run(store, clock, bell, Alarm::new(), started));
        told.await.unwrap();
        starter.abort();
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_draft_starts_at_its_time_and_nobody_asks_before() {
        let clock = SystemClock::starting_at(NOW);
        let (store, campaign) = store(clock, NOW.plus(Duration::from_secs(3_600))).await;
        let asked_before = store.counts().requests();
        let after = started_after(store.clone(), clock, Bell::default()).await;
        assert_eq!(after, 3_600);
        let found = store.read(move |reader| reader.campaign(campaign)).await;
        assert_eq!(found.unwrap().unwrap().state, CampaignState::Running);
        let asked = store.counts().requests() - asked_before;
        assert!(asked <= 3, "{asked} requests for one start");
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_is_moved_forward_is_heard() {
        let clock = SystemClock::starting_at(NOW);
        let (store, campaign) = store(clock, NOW.plus(Duration::from_secs(3_600))).await;
        let bell = Bell::default();
        let starting = tokio::spawn(started_after(store.clone(), clock, Arc::clone(&bell)));
        tokio::task::yield_now().await;
        let at = Some(NOW.plus(Duration::from_secs(60)));
        let change = CampaignChange::Schedule { at };
        let change = Request::Change { campaign, change };
        store.ask(change).await.unwrap();
        bell.notify_one();
        assert_eq!(starting.await.unwrap(), 60);
    }
}
