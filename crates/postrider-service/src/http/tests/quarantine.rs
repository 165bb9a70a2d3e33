//! The quarantine as a list of pages, and the way out of it with a count first.

use super::*;
use postrider_api::{LiftRequest, Quarantine};
use postrider_store::quarantine::Subject;
use postrider_types::{CampaignState, DeliveryState};

const COUNT: LiftRequest = LiftRequest { is_dry_run: true };
const DO: LiftRequest = LiftRequest { is_dry_run: false };

const TWO: [&str; 2] = ["ada@a.test", "bob@a.test"];

impl Scene {
    /// A campaign to these addresses, of which `what` picks something that is put aside.
    async fn put_aside(
        &self,
        named: (&str, &str),
        addresses: &[&str],
        what: impl FnOnce(&postrider_store::Claimed) -> Subject,
    ) -> (CampaignId, EmailId) {
        self.put_aside_of(&self.client, named, addresses, what)
            .await
    }

    /// The same, of the tenant of this client.
    async fn put_aside_of(
        &self,
        client: &Client,
        (name, subject): (&str, &str),
        addresses: &[&str],
        what: impl FnOnce(&postrider_store::Claimed) -> Subject,
    ) -> (CampaignId, EmailId) {
        let email = NewEmail {
            subject: subject.to_owned(),
            ..new_email()
        };
        let email = client.put_email(&email, &[]).await.unwrap().id;
        let new = NewCampaign::new(name, email);
        let id = client.create_campaign(&new).await.unwrap().id;
        self.add(id, &csv(addresses), AfterIntake::Seal).await;
        let claimed = self.lease(id).await;
        self.quarantine(&claimed, what(&claimed)).await;
        (id, email)
    }

    async fn pages(&self, limit: u32) -> Vec<Quarantine> {
        let mut pages: Vec<Quarantine> = Vec::new();
        loop {
            let after = pages.last().and_then(|page| page.next.clone());
            let mut query = vec![("limit", limit.to_string())];
            query.extend(after.map(|after| ("after", after)));
            let request = self.request(Method::GET, "/v1/quarantine").query(&query);
            let page: Quarantine = request.send().await.unwrap().json().await.unwrap();
            assert_eq!(page.has_more, page.next.is_some());
            let is_last = !page.has_more;
            pages.push(page);
            if is_last {
                return pages;
            }
        }
    }
}

#[tokio::test]
async fn the_quarantine_is_walked_page_by_page() {
    let scene = Scene::idle().await;
    let recipient =
        |claimed: &postrider_store::Claimed| Subject::Recipient(claimed.recipients[0].recipient);
    let (first, _) = scene.put_aside(("first", "1"), &TWO[..1], recipient).await;
    let (second, _) = scene.put_aside(("second", "2"), &TWO[..1], recipient).await;
    let (_, one) = scene
        .put_aside(("third", "3"), &TWO, |_| Subject::Email)
        .await;
    let (_, other) = scene
        .put_aside(("fourth", "4"), &TWO, |_| Subject::Email)
        .await;

    let metrics = scene.client.metrics().await.unwrap();
    assert!(
        metrics.contains("\npostrider_quarantined_emails 2\n"),
        "{metrics}"
    );
    for limit in [1, 2, 3, 100] {
        let pages = scene.pages(limit).await;
        let rows = |page: &Quarantine| page.emails.len() + page.campaigns.len();
        assert!(pages.iter().all(|page| rows(page) <= limit as usize));
        let emails = pages.iter().flat_map(|page| &page.emails);
        let mut emails: Vec<_> = emails.map(|email| email.email_id).collect();
        emails.sort_unstable();
        let mut expect = [one, other];
        expect.sort_unstable();
        assert_eq!(emails, expect, "limit {limit}");
        let campaigns = pages.iter().flat_map(|page| &page.campaigns);
        let ids: Vec<_> = campaigns.map(|each| each.campaign_id.as_str()).collect();
        let (first, second) = (first.to_string(), second.to_string());
        assert!(ids.ends_with(&[second.as_str(), first.as_str()]), "{ids:?}");
    }
    let request = scene.request(Method::GET, "/v1/quarantine?after=third");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    scene.stop().await;
}

#[tokio::test]
async fn what_is_known_against_an_email_is_shown_with_its_campaigns() {
    let scene = Scene::idle().await;
    let (id, email) = scene
        .put_aside(("october", "1"), &TWO, |_| Subject::Email)
        .await;
    let record = scene.client.email_record(email).await.unwrap();
    assert!(record.email.reason.contains("the template loops"));
    assert!(record.email.since.is_some());
    let campaign = &record.campaigns[0];
    assert_eq!(campaign.campaign_id, id.to_string());
    assert_eq!(campaign.state, CampaignState::Paused);
    assert_eq!((campaign.quarantined, campaign.waiting), (2, 0));

    let of_nobody = scene.email().await;
    let error = scene.client.email_record(of_nobody).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, Code::NotFound.name());
    scene.stop().await;
}

#[tokio::test]
async fn an_email_is_discarded_with_its_campaigns_after_a_count_that_changes_nothing() {
    let scene = Scene::idle().await;
    let (id, email) = scene
        .put_aside(("october", "1"), &TWO, |_| Subject::Email)
        .await;
    let new = NewCampaign::new("november", email);
    let waiting = scene.client.create_campaign(&new).await.unwrap().id;
    scene
        .add(waiting, &csv(&["eve@a.test"]), AfterIntake::Seal)
        .await;

    let would = scene.client.discard_email(email, COUNT).await.unwrap();
    assert_eq!((would.matched, would.is_dry_run), (3, true));
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.count(DeliveryState::Quarantined), 2);

    let done = scene.client.discard_email(email, DO).await.unwrap();
    assert_eq!((done.matched, done.is_dry_run), (3, false));
    for id in [id, waiting] {
        let campaign = scene.client.campaign(id).await.unwrap();
        assert_eq!(campaign.state, CampaignState::Cancelled);
        assert_eq!(campaign.count(DeliveryState::Cancelled), campaign.audience);
    }
    assert_eq!(scene.pages(100).await[0], Quarantine::default());
    scene.stop().await;
}

#[tokio::test]
async fn a_release_counts_first_too() {
    let scene = Scene::idle().await;
    let (id, email) = scene
        .put_aside(("october", "1"), &TWO, |_| Subject::Email)
        .await;
    let would = scene.client.release_email(email, COUNT).await.unwrap();
    assert_eq!((would.matched, would.is_dry_run), (2, true));
    let done = scene.client.release_email(email, DO).await.unwrap();
    assert_eq!((done.matched, done.is_dry_run), (2, false));
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.count(DeliveryState::Pending), 2);
    scene.stop().await;
}

#[tokio::test]
async fn what_a_deleted_tenant_left_is_listed_and_discarded_and_not_released() {
    let scene = Scene::idle().await;
    scene.client.create_tenant("acme").await.unwrap();
    let acme = scene.client.of_tenant(Some("acme"));
    let of_acme = scene.put_aside_of(&acme, ("october", "1"), &TWO, |_| Subject::Email);
    let (id, email) = of_acme.await;
    scene.client.delete_tenant("acme").await.unwrap();

    let listed = acme.quarantine(None).await.unwrap();
    assert_eq!(listed.emails[0].email_id, email);
    let record = acme.email_record(email).await.unwrap();
    assert_eq!(record.campaigns[0].campaign_id, id.to_string());
    for lift in [COUNT, DO] {
        let error = acme.release_email(email, lift).await.unwrap_err();
        assert_eq!(error.problem().unwrap().code, Code::TenantDeleted.name());
    }
    let metrics = scene.client.metrics().await.unwrap();
    assert!(
        metrics.contains("\npostrider_quarantined_emails 0\n"),
        "{metrics}"
    );
    assert_eq!(acme.discard_email(email, DO).await.unwrap().matched, 2);
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.count(DeliveryState::Cancelled), 2);
    scene.stop().await;
}

#[tokio::test]
async fn an_email_that_is_not_in_quarantine_is_not_discarded() {
    let scene = Scene::idle().await;
    let healthy = scene.campaign("october").await;
    let email = scene.email().await;
    for lift in [COUNT, DO] {
        let error = scene.client.discard_email(email, lift).await.unwrap_err();
        assert_eq!(error.problem().unwrap().code, Code::InvalidState.name());
    }
    let campaign = scene.client.campaign(healthy).await.unwrap();
    assert_eq!(campaign.state, CampaignState::Draft);
    let unknown = EmailId::of(b"never put");
    let error = scene.client.release_email(unknown, DO).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, Code::NotFound.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_chunk_that_is_not_in_quarantine_is_not_found() {
    let scene = Scene::idle().await;
    let client = &scene.client;
    let errors = [
        client.quarantined_chunk(1).await.unwrap_err(),
        client.release_chunk(1, DO).await.unwrap_err(),
        client.discard_chunk(0, COUNT).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.problem().unwrap().code, Code::NotFound.name());
    }
    let request = scene.request(Method::GET, "/v1/quarantine/chunks/x");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    scene.stop().await;
}
