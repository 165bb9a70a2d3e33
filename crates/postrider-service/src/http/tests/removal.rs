//! Taking out what waits, by each of the four things that it can be named by; and a cancel.

use super::*;
use postrider_api::Purge;
use postrider_types::{CampaignState, DeliveryState, LaneName};

/// What is left of a campaign: how many wait, and how many ended cancelled.
async fn left(scene: &Scene, id: CampaignId) -> (u64, u64) {
    let campaign = scene.client.campaign(id).await.unwrap();
    (campaign.open(), campaign.count(DeliveryState::Cancelled))
}

impl Scene {
    /// A started campaign of a tenant for an email with this subject. Nobody works on it.
    async fn waiting(&self, tenant: &str, subject: &str, addresses: &[&str]) -> CampaignId {
        let client = self.client.of_tenant(Some(tenant));
        let email = NewEmail {
            subject: subject.to_owned(),
            ..new_email()
        };
        let email = client.put_email(&email, &[]).await.unwrap().id;
        let new = NewCampaign::new(subject, email);
        let id = client.create_campaign(&new).await.unwrap().id;
        self.add(id, &csv(addresses), AfterIntake::Seal).await;
        let started = client.change_campaign(id, CampaignVerb::Start).await;
        assert_eq!(started.unwrap().state, CampaignState::Running);
        id
    }

    /// Counts first, which changes nothing, and then does it; both say how many.
    async fn purge(&self, what: Purge) -> u64 {
        let is_dry_run = true;
        let count = Purge {
            is_dry_run,
            ..what.clone()
        };
        let would = self.client.purge(&count).await.unwrap();
        let again = self.client.purge(&count).await.unwrap();
        assert_eq!(would, again);
        let done = self.client.purge(&what).await.unwrap();
        assert_eq!((done.matched, done.busy), (would.matched, 0));
        done.matched
    }
}

#[tokio::test]
async fn a_purge_of_an_email_ends_what_waits_of_it_in_all_its_campaigns_and_of_no_other() {
    let scene = Scene::idle().await;
    let first = scene
        .waiting("default", "one", &["ada@a.test", "bob@b.test"])
        .await;
    let other = scene.waiting("default", "two", &["ada@a.test"]).await;
    let email = scene.client.campaign(first).await.unwrap().email_id;
    let second = NewCampaign::new("one again", email);
    let second = scene.client.create_campaign(&second).await.unwrap().id;
    scene
        .add(second, &csv(&["eve@a.test"]), AfterIntake::Seal)
        .await;

    let purge = Purge {
        email: Some(email),
        ..Purge::default()
    };
    assert_eq!(scene.purge(purge).await, 3);
    assert_eq!(left(&scene, first).await, (0, 2));
    assert_eq!(left(&scene, second).await, (0, 1));
    assert_eq!(left(&scene, other).await, (1, 0));
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_of_a_tenant_ends_what_waits_of_it_and_of_no_other() {
    let scene = Scene::idle().await;
    scene.client.create_tenant("acme").await.unwrap();
    let theirs = scene
        .waiting("acme", "one", &["ada@a.test", "bob@b.test"])
        .await;
    let other = scene.waiting("default", "one", &["ada@a.test"]).await;
    let purge = Purge {
        tenant: Some("acme".into()),
        ..Purge::default()
    };
    assert_eq!(scene.purge(purge).await, 2);
    assert_eq!(left(&scene, theirs).await, (0, 2));
    assert_eq!(left(&scene, other).await, (1, 0));
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_of_a_lane_ends_what_waits_in_it_of_all_tenants() {
    let scene = Scene::idle().await;
    scene.client.create_tenant("acme").await.unwrap();
    let one = scene
        .waiting("acme", "one", &["ada@a.test", "bob@b.test"])
        .await;
    let two = scene.waiting("default", "two", &["eve@a.test"]).await;
    let lane = LaneName::tail(&"a.test".parse().unwrap());
    let is_same = lane == LaneName::tail(&"b.test".parse().unwrap());
    assert!(!is_same, "the two domains share a lane; choose another");
    let purge = Purge {
        lane: Some(lane.to_string().to_uppercase()),
        ..Purge::default()
    };
    assert_eq!(scene.purge(purge).await, 2);
    assert_eq!(left(&scene, one).await, (1, 1));
    assert_eq!(left(&scene, two).await, (0, 1));
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_of_a_domain_takes_it_out_of_the_lane_that_it_shares_and_nobody_else() {
    let scene = Scene::idle().await;
    let lane_of = |domain: &str| LaneName::tail(&domain.parse().unwrap());
    let mut names = (0..).map(|number| format!("{number}.test"));
    let neighbour = names.find(|name| lane_of(name) == lane_of("a.test"));
    let neighbour = format!("eve@{}", neighbour.unwrap());
    let people = ["ada@a.test", &neighbour, "bob@A.test"];
    let id = scene.waiting("default", "one", &people).await;
    let purge = |lane: &str| Purge {
        lane: Some(lane.to_owned()),
        ..Purge::default()
    };
    assert_eq!(scene.purge(purge("A.test")).await, 2);
    assert_eq!(left(&scene, id).await, (1, 2));
    for wrong in ["tail-64", "solo-7", "Tail-100"] {
        let error = scene.client.purge(&purge(wrong)).await.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!(problem.code, Code::InvalidSelection.name());
        assert!(problem.detail.contains("tail-00 to tail-63"), "{problem}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_of_what_never_was_is_not_found() {
    let scene = Scene::idle().await;
    let id = scene.waiting("default", "one", &["ada@a.test"]).await;
    let email = scene.client.campaign(id).await.unwrap().email_id;
    scene.client.create_tenant("acme").await.unwrap();
    let check = async |purge: Purge, expect: &str| {
        for is_dry_run in [true, false] {
            let purge = Purge {
                is_dry_run,
                ..purge.clone()
            };
            let error = scene.client.purge(&purge).await.unwrap_err();
            let problem = error.problem().unwrap();
            assert_eq!(problem.code, Code::NotFound.name(), "{problem}");
            assert!(problem.detail.contains(expect), "{problem}");
        }
    };
    let none = Purge::default();
    let of_email = Purge {
        email: Some(EmailId::of(b"never put")),
        ..none.clone()
    };
    check(of_email, "there is no such email").await;
    let of_another = Purge {
        email: Some(email),
        tenant: Some("acme".into()),
        ..none.clone()
    };
    check(of_another, "there is no such email").await;
    let of_campaign = Purge {
        campaign: Some(CampaignId(99)),
        ..none.clone()
    };
    check(of_campaign, "there is no such campaign").await;
    let of_tenant = Purge {
        tenant: Some("nobody".into()),
        ..none.clone()
    };
    check(of_tenant, "there is no such tenant").await;
    let of_domain = Purge {
        lane: Some("b.test".into()),
        ..none
    };
    check(of_domain, "nothing waits for b.test").await;
    assert_eq!(left(&scene, id).await, (1, 0));
    scene.stop().await;
}

#[tokio::test]
async fn a_cancel_of_a_running_campaign_ends_all_that_waits_and_nothing_begins_again() {
    let scene = Scene::idle().await;
    let people = ["ada@a.test", "bob@b.test", "eve@c.test"];
    let id = scene.waiting("default", "october", &people).await;
    let cancelled = scene.client.change_campaign(id, CampaignVerb::Cancel).await;
    assert_eq!(cancelled.unwrap().state, CampaignState::Cancelled);
    let finished = scene.service.postrider().finished(id);
    let finished = tokio::time::timeout(PATIENCE, finished).await;
    finished.expect("what waits is ended").unwrap();
    assert_eq!(left(&scene, id).await, (0, 3));
    for verb in [CampaignVerb::Start, CampaignVerb::Resume] {
        let error = scene.client.change_campaign(id, verb).await.unwrap_err();
        assert_eq!(error.problem().unwrap().code, Code::InvalidState.name());
    }
    scene.stop().await;
}
