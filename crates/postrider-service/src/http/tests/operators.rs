//! What operators do about deliveries in doubt and in quarantine, over a service that sends
//! nothing: the scenes hold the leases themselves.

use super::*;
use postrider_api::{ErrorKind, LiftRequest, Resolution, Resolve};
use postrider_store::quarantine::Subject;
use postrider_store::{Claimed, Reply, Request, Share};
use postrider_types::{
    CampaignState, DeliveryId, DeliveryState, PauseReason, TenantId, Timestamp, WorkerId,
};

const ADA: &str = "ada@a.test";

impl Scene {
    /// A campaign to one address, started, and its chunk under a lease.
    async fn leased(&self) -> (CampaignId, Claimed) {
        let id = self.campaign("october").await;
        self.add(id, &csv(&[ADA]), AfterIntake::Seal).await;
        let claimed = self.lease(id).await;
        (id, claimed)
    }

    /// Starts a campaign and takes a chunk of it under a lease.
    pub(super) async fn lease(&self, id: CampaignId) -> Claimed {
        let started = self.client.change_campaign(id, CampaignVerb::Start);
        started.await.unwrap();
        let claim = tokio::time::timeout(PATIENCE, async {
            loop {
                let claim = Request::Claim {
                    claim: 1,
                    worker: WorkerId(7),
                    skip: Vec::new(),
                    share: Share::WHOLE,
                    until: Timestamp::NEVER.minus(PATIENCE),
                };
                match self.store_says(claim).await {
                    Reply::Claimed(claimed) => break *claimed,
                    _ => tokio::task::yield_now().await,
                }
            }
        });
        claim.await.expect("the chunk is queued")
    }

    async fn store_says(&self, request: Request) -> Reply {
        let store = self.service.postrider().store();
        store.ask(request).await.unwrap()
    }

    /// Begins the first delivery of a leased chunk.
    async fn begin(&self, claimed: &Claimed) {
        let first = &claimed.recipients[0];
        let begin = Request::Begin {
            token: claimed.token,
            delivery: DeliveryId {
                tenant: TenantId::DEFAULT,
                campaign: claimed.campaign,
                recipient: first.recipient,
            },
            address: first.address.clone(),
            attempt: 1,
        };
        assert_eq!(self.store_says(begin).await, Reply::Done { more: false });
    }

    /// Puts something of a leased chunk aside, and ends the lease.
    pub(super) async fn quarantine(&self, claimed: &Claimed, what: Subject) {
        let aside = Request::Quarantine {
            token: claimed.token,
            what,
            reason: "the template loops".to_owned(),
        };
        assert_eq!(self.store_says(aside).await, Reply::Done { more: false });
        let end = Request::End {
            token: claimed.token,
            filings: Vec::new(),
            throttle: None,
        };
        assert_eq!(self.store_says(end).await, Reply::Done { more: false });
    }

    async fn state_of_ada(&self) -> DeliveryState {
        self.client.receipts_of(ADA).await.unwrap().data[0].state
    }
}

#[tokio::test]
async fn a_doubt_is_listed_and_settled_by_a_person_but_not_retried_too_early() {
    let scene = Scene::idle().await;
    let (id, claimed) = scene.leased().await;
    scene.begin(&claimed).await;
    scene.store_says(Request::reap(Timestamp::NEVER)).await;

    let in_doubt = Some(DeliveryState::InDoubt);
    let listed = scene.client.receipts(id, in_doubt, None, None).await;
    assert_eq!(listed.unwrap().data.len(), 1);
    let retry = Resolve::all(vec![DeliveryState::InDoubt], Resolution::Retry, "again");
    let early = scene.client.resolve(id, &retry).await.unwrap();
    assert_eq!((early.matched, early.too_early), (0, 1));
    let delivered = Resolve {
        into: Resolution::Delivered,
        reason: "their log has it".into(),
        ..retry
    };
    let settled = scene.client.resolve(id, &delivered).await.unwrap();
    assert_eq!(settled.matched, 1);
    assert_eq!(scene.state_of_ada().await, DeliveryState::Delivered);
    let again = scene.client.resolve(id, &delivered).await.unwrap();
    assert_eq!(again.matched, 0, "nobody is left in doubt");
    scene.stop().await;
}

#[tokio::test]
async fn a_recipient_in_quarantine_is_listed_with_its_reason_and_discarded() {
    let scene = Scene::idle().await;
    let (id, claimed) = scene.leased().await;
    let ada = Subject::Recipient(claimed.recipients[0].recipient);
    scene.quarantine(&claimed, ada).await;
    let found = scene.client.quarantine(None).await.unwrap();
    assert_eq!(found.campaigns[0].recipients, 1);
    assert_eq!(found.campaigns[0].campaign_id, id.to_string());
    let history = scene.client.history(id, ADA).await.unwrap().data;
    let last = history.last().unwrap();
    assert_eq!(last.state, DeliveryState::Quarantined);
    let reason = last.reply.as_ref().unwrap();
    assert!(reason.text.contains("the template loops"), "{reason:?}");

    let states = vec![DeliveryState::Quarantined];
    let discard = Resolve::all(states, Resolution::Discard, "hopeless");
    let discarded = scene.client.resolve(id, &discard).await.unwrap();
    assert_eq!(discarded.matched, 1);
    assert_eq!(scene.state_of_ada().await, DeliveryState::Cancelled);
    let found = scene.client.quarantine(None).await.unwrap();
    assert_eq!(found.campaigns, []);
    scene.stop().await;
}

#[tokio::test]
async fn an_email_in_quarantine_pauses_its_campaigns_until_it_is_released_and_they_are_resumed() {
    let scene = Scene::idle().await;
    let (id, claimed) = scene.leased().await;
    scene.quarantine(&claimed, Subject::Email).await;
    let found = scene.client.quarantine(None).await.unwrap();
    assert_eq!(found.emails[0].email_id, claimed.email);
    assert!(found.emails[0].reason.contains("the template loops"));
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.state, CampaignState::Paused);
    assert_eq!(campaign.paused_because, Some(PauseReason::Quarantine));

    let resume = || scene.client.change_campaign(id, CampaignVerb::Resume);
    let error = resume().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    let code = &error.problem().unwrap().code;
    assert_eq!(code, Code::EmailQuarantined.name());
    scene
        .client
        .release_email(claimed.email, LiftRequest::default())
        .await
        .unwrap();
    let found = scene.client.quarantine(None).await.unwrap();
    assert_eq!(found.emails, []);
    let waiting = scene.client.campaign(id).await.unwrap();
    assert_eq!(waiting.state, CampaignState::Paused);
    assert_eq!(waiting.paused_because, Some(PauseReason::Released));
    let resumed = resume().await.unwrap();
    assert_eq!(resumed.state, CampaignState::Running);
    assert_eq!(resumed.paused_because, None);
    scene.stop().await;
}

#[tokio::test]
async fn a_retry_while_a_cancel_goes_on_is_told_to_ask_again_when_that_is_done() {
    let scene = Scene::idle().await;
    let (id, claimed) = scene.leased().await;
    scene.begin(&claimed).await;
    let cancel = scene.client.change_campaign(id, CampaignVerb::Cancel);
    cancel.await.unwrap();
    let retry = Resolve::all(
        vec![DeliveryState::InDoubt],
        Resolution::Retry,
        "by mistake",
    );
    let error = scene.client.resolve(id, &retry).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(problem.code, Code::InvalidState.name());
    assert_eq!(problem.current_state, Some(CampaignState::Cancelled));
    let is_said = problem
        .detail
        .starts_with("the campaign is being cancelled; ask again when");
    assert!(is_said, "{problem}");

    scene.store_says(Request::reap(Timestamp::NEVER)).await;
    let early = scene.client.resolve(id, &retry).await.unwrap();
    assert_eq!((early.matched, early.too_early), (0, 1));
    scene.stop().await;
}
