use super::*;
use postrider_api::ErrorKind;
use postrider_types::{CampaignState, DeliveryState};
use serde_json::json;

#[tokio::test]
async fn a_new_campaign_is_a_draft_with_every_state_in_its_tally() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.state, CampaignState::Draft);
    assert_eq!(campaign.tally.len(), DeliveryState::ALL.len());
    assert_eq!((campaign.audience, campaign.is_sealed), (0, false));
    assert_eq!((campaign.started_at, campaign.ended_at), (None, None));
    let found = scene.client.campaign_named("october").await.unwrap();
    assert_eq!(found, Some(campaign));
    assert_eq!(scene.client.campaign_named("may").await.unwrap(), None);
    scene.stop().await;
}

#[tokio::test]
async fn a_campaign_that_cannot_be_is_refused_with_the_field_that_is_wrong() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let email_id = scene.email().await;
    let refused = async |name: &str, email_id| {
        let new = NewCampaign::new(name, email_id);
        let error = scene.client.create_campaign(&new).await.unwrap_err();
        error.problem().unwrap().clone()
    };
    let problem = refused("october", email_id).await;
    assert_eq!(problem.code, Code::NameTaken.name());
    assert!(problem.detail.contains(&id.to_string()), "{problem}");

    for name in ["", "a\nb", &"x".repeat(201)] {
        let problem = refused(name, email_id).await;
        assert_eq!(problem.code, Code::InvalidCampaign.name());
        assert_eq!(problem.errors[0].field, "name");
    }
    let problem = refused("may", EmailId::of(b"nothing")).await;
    assert_eq!(problem.code, Code::InvalidCampaign.name());
    assert_eq!(problem.errors[0].code, "unknown_email");
    scene.stop().await;
}

#[tokio::test]
async fn a_list_of_campaigns_is_read_page_by_page_newest_first() {
    let scene = Scene::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.insert(0, scene.campaign(name).await);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = scene.client.campaigns(after.as_deref(), Some(2)).await;
        let page = page.unwrap();
        seen.extend(page.data.iter().map(|campaign| campaign.id));
        assert_eq!(page.has_more, page.next.is_some());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    scene.stop().await;
}

#[tokio::test]
async fn every_verb_does_what_the_table_of_allowed_verbs_says() {
    let scene = Scene::start().await;
    for state in CampaignState::ALL {
        for verb in CampaignVerb::ALL {
            let id = in_state(&scene, state, verb).await;
            let changed = scene.client.change_campaign(id, verb).await;
            if CampaignVerb::allowed(state).contains(&verb) {
                changed.unwrap_or_else(|error| panic!("{verb} a {state} campaign: {error}"));
            } else if let Err(error) = changed {
                let problem = error.problem().unwrap();
                assert_eq!(error.kind(), ErrorKind::InvalidState);
                assert_eq!(problem.code, Code::InvalidState.name());
                assert_eq!(problem.current_state, Some(state));
                let allowed = CampaignVerb::allowed(state).to_vec();
                assert_eq!(problem.allowed, Some(allowed));
            } else {
                assert_eq!(changed.unwrap().state, state, "{verb} changes nothing");
            }
        }
    }
    scene.stop().await;
}

/// A campaign of its own for each pair, brought into a state.
async fn in_state(scene: &Scene, state: CampaignState, verb: CampaignVerb) -> CampaignId {
    let id = scene.campaign(&format!("{verb} a {state} one")).await;
    let path: &[CampaignVerb] = match state {
        CampaignState::Draft => &[],
        CampaignState::Running => &[CampaignVerb::Start],
        CampaignState::Paused => &[CampaignVerb::Start, CampaignVerb::Pause],
        CampaignState::Cancelled => &[CampaignVerb::Cancel],
        CampaignState::Finished => &[CampaignVerb::Seal, CampaignVerb::Start],
    };
    for &verb in path {
        scene.client.change_campaign(id, verb).await.unwrap();
    }
    assert_eq!(scene.client.campaign(id).await.unwrap().state, state);
    id
}

#[tokio::test]
async fn a_campaign_that_is_not_there_is_not_found_on_every_route() {
    let scene = Scene::start().await;
    let routes = [
        (Method::GET, "/v1/campaigns/cmp_9"),
        (Method::GET, "/v1/campaigns/cmp_9/receipts"),
        (Method::GET, "/v1/campaigns/cmp_9/export"),
        (Method::POST, "/v1/campaigns/cmp_9/start"),
        (Method::POST, "/v1/campaigns/cmp_9/recipients"),
    ];
    for (method, path) in routes {
        let request = scene.request(method, path);
        let request = request.header("content-type", "text/csv");
        let problem = scene.refused(request).await;
        assert_eq!(problem.code, Code::NotFound.name(), "{path}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn json_is_read_strictly() {
    let scene = Scene::start().await;
    let post = |body: serde_json::Value| {
        let request = scene.request(Method::POST, "/v1/campaigns");
        request.json(&body)
    };
    let email_id = scene.email().await.to_string();
    let typo = json!({"name": "a", "email_id": email_id, "emial": 1});
    let problem = scene.refused(post(typo)).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    assert!(
        problem.detail.contains("unknown field `emial`"),
        "{problem}"
    );
    let problem = scene.refused(post(json!({"name": "a"}))).await;
    assert!(problem.detail.contains("email_id"), "{problem}");
    let problem = scene
        .refused(post(json!({"name": "a", "email_id": "7"})))
        .await;
    assert!(problem.detail.contains("eml_<64 hex digits>"), "{problem}");

    let long = json!({"name": "x".repeat(100_000), "email_id": email_id});
    let problem = scene.refused(post(long)).await;
    assert_eq!(problem.code, Code::PayloadTooLarge.name());
    assert_eq!(problem.limit, Some(64 * 1024));
    let request = scene.request(Method::POST, "/v1/campaigns").body("name=a");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::UnsupportedMediaType.name());

    let id = scene.campaign("a").await;
    let path = format!("/v1/campaigns/{id}/start");
    let request = scene.request(Method::POST, &path).body("{\"x\":1}");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_running_campaign_says_that_its_relay_cannot_be_reached() {
    let nobody = any_port().await.local_addr().unwrap();
    let scene = Scene::start_with(|config| config.route.relay = format!("smtp://{nobody}")).await;
    let id = scene.campaign("october").await;
    scene
        .add(id, &csv(&["ada@a.test"]), AfterIntake::Seal)
        .await;
    let mut campaign = scene
        .client
        .change_campaign(id, CampaignVerb::Start)
        .await
        .unwrap();
    let found = tokio::time::timeout(PATIENCE, async {
        while campaign.held.is_empty() {
            tokio::task::yield_now().await;
            campaign = scene.client.campaign(id).await.unwrap();
        }
    });
    found.await.expect("the trouble shows");
    assert_eq!(campaign.held[0].reason, postrider_api::HeldReason::Route);
    assert!(campaign.held[0].since.is_some());
    let readiness = scene.client.ready().await.unwrap();
    assert!(readiness.is_ready, "mail waits, and the service takes work");
    scene.stop().await;
}
