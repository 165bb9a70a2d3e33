use super::*;
use postrider_api::{Resolution, Resolve, Time};
use postrider_types::{CampaignState, DeliveryState, InDoubtPolicy, Timestamp};
use serde_json::json;

const BOUNCED: [DeliveryState; 1] = [DeliveryState::Bounced];

#[tokio::test]
async fn a_campaign_says_what_happens_in_doubt_and_when_it_starts() {
    let scene = Scene::start().await;
    let email_id = scene.email().await;
    let send_at: Time = "2100-01-01T00:00:00Z".parse().unwrap();
    let new = NewCampaign {
        in_doubt: Some(InDoubtPolicy::Retry),
        send_at: Some(send_at),
        ..NewCampaign::new("later", email_id)
    };
    let created = scene.client.create_campaign(&new).await.unwrap();
    let campaign = scene.client.campaign(created.id).await.unwrap();
    assert_eq!(campaign.in_doubt, InDoubtPolicy::Retry);
    assert_eq!(campaign.send_at, Some(send_at));
    assert_eq!(campaign.in_doubt_retry_after_seconds, 900);
    assert_eq!(campaign.state, CampaignState::Draft);

    let unsaid = scene.campaign("unsaid").await;
    let unsaid = scene.client.campaign(unsaid).await.unwrap();
    assert_eq!(
        (unsaid.in_doubt, unsaid.send_at),
        (InDoubtPolicy::Hold, None)
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_campaign_whose_time_has_come_starts_by_itself() {
    let scene = Scene::start().await;
    let new = NewCampaign {
        send_at: Some(Time(Timestamp::EPOCH)),
        ..NewCampaign::new("due", scene.email().await)
    };
    let id = scene.client.create_campaign(&new).await.unwrap().id;
    scene
        .add(id, &csv(&["ada@a.test"]), AfterIntake::Seal)
        .await;
    let finished = scene.service.postrider().finished(id);
    let finished = tokio::time::timeout(PATIENCE, finished).await;
    let finished = finished.expect("it starts and finishes").unwrap();
    assert_eq!(finished.tally[DeliveryState::Delivered], 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_policy_or_a_time_that_is_none_is_refused_with_what_it_can_be() {
    let scene = Scene::start().await;
    let email_id = scene.email().await.to_string();
    let check = async |field: &str, value: &str, expect: &str| {
        let body = json!({"name": "a", "email_id": email_id, field: value});
        let request = scene.request(Method::POST, "/v1/campaigns").json(&body);
        let problem = scene.refused(request).await;
        assert_eq!(problem.code, Code::InvalidRequest.name());
        assert!(problem.detail.contains(expect), "{problem}");
    };
    check("in_doubt", "drop", "assume_delivered").await;
    check("send_at", "tomorrow", "is not a time such as").await;
    scene.stop().await;
}

#[tokio::test]
async fn those_who_bounced_are_tried_again_and_nobody_else() {
    let scene = Scene::start().await;
    let people = ["ada@a.test", "bounce-1@c.test", "bounce-2@d.test"];
    let campaign = scene.sent("october", &people).await;
    let resolve = Resolve {
        domain: Some("C.test".into()),
        is_dry_run: true,
        ..Resolve::all(BOUNCED.to_vec(), Resolution::Retry, "mended")
    };
    let would = scene.client.resolve(campaign.id, &resolve).await.unwrap();
    assert_eq!((would.matched, would.is_dry_run), (1, true));
    let unchanged = scene.client.campaign(campaign.id).await.unwrap();
    assert_eq!(unchanged.state, CampaignState::Finished);

    let resolve = Resolve {
        domain: None,
        recipients: Some(vec!["Bounce-1@c.test".into()]),
        is_dry_run: false,
        ..resolve
    };
    let done = scene.client.resolve(campaign.id, &resolve).await.unwrap();
    assert_eq!((done.matched, done.is_dry_run), (1, false));
    let finished = scene.service.postrider().finished(campaign.id);
    let finished = tokio::time::timeout(PATIENCE, finished).await;
    let finished = finished.expect("it finishes again").unwrap();
    assert_eq!(finished.tally[DeliveryState::Bounced], 2);

    let attempts = async |address: &str| {
        let found = scene.client.receipts_of(address).await.unwrap();
        found.data[0].attempts
    };
    assert_eq!(attempts("bounce-1@c.test").await, 2);
    assert_eq!(attempts("bounce-2@d.test").await, 1);
    assert_eq!(attempts("ada@a.test").await, 1);
    let history = scene.client.history(campaign.id, "bounce-1@c.test").await;
    let reasons: Vec<_> = history.unwrap().data.into_iter().collect();
    let is_said = |reply: &postrider_api::Reply| reply.text.contains("mended");
    assert!(
        reasons
            .iter()
            .any(|entry| entry.reply.as_ref().is_some_and(is_said)),
        "{reasons:?}"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_decision_that_cannot_follow_says_why_and_changes_nothing() {
    let scene = Scene::start().await;
    let campaign = scene.sent("october", &["bounce-1@c.test"]).await;
    let refused = async |resolve: Resolve| {
        let error = scene.client.resolve(campaign.id, &resolve).await;
        let problem = error.unwrap_err().problem().unwrap().clone();
        assert_eq!(problem.code, Code::InvalidSelection.name());
        problem.detail
    };
    let retry = Resolve::all(BOUNCED.to_vec(), Resolution::Retry, "mended");
    let delivered = Resolve {
        into: Resolution::Delivered,
        ..retry.clone()
    };
    let detail = refused(delivered).await;
    assert!(detail.contains("only one that is in_doubt"), "{detail}");
    let silent = Resolve {
        reason: String::new(),
        ..retry.clone()
    };
    assert!(refused(silent).await.contains("a reason has 1 to"));
    let nobody = Resolve {
        recipients: Some(vec!["eve@a.test".into()]),
        ..retry.clone()
    };
    assert!(refused(nobody).await.contains("has no receipt in"));
    let nowhere = Resolve {
        domain: Some("not a domain".into()),
        ..retry
    };
    refused(nowhere).await;
    let after = scene.client.campaign(campaign.id).await.unwrap();
    assert_eq!(after.state, CampaignState::Finished);
    scene.stop().await;
}
