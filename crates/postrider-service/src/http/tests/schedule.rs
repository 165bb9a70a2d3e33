//! When a draft starts by itself.

use super::*;
use postrider_api::Time;
use postrider_types::CampaignState;
use serde_json::json;

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_draft_is_given_another_time_or_none() {
    let scene = Scene::idle().await;
    let id = scene.campaign("october").await;
    let at = time("2100-01-01T00:00:00Z");
    let scheduled = scene.client.schedule_campaign(id, Some(at)).await.unwrap();
    assert_eq!(scheduled.send_at, Some(at));
    assert_eq!(scheduled.state, CampaignState::Draft);
    let cleared = scene.client.schedule_campaign(id, None).await.unwrap();
    assert_eq!(
        (cleared.send_at, cleared.state),
        (None, CampaignState::Draft)
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_time_that_is_over_starts_a_draft_and_a_campaign_that_runs_has_none() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let over = Some(time("2020-01-01T00:00:00Z"));
    scene.client.schedule_campaign(id, over).await.unwrap();
    let started = tokio::time::timeout(PATIENCE, async {
        while scene.client.campaign(id).await.unwrap().state == CampaignState::Draft {
            tokio::task::yield_now().await;
        }
    });
    started.await.expect("the campaign starts");
    let error = scene.client.schedule_campaign(id, None).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(problem.code, Code::InvalidState.name());
    assert_eq!(problem.current_state, Some(CampaignState::Running));
    scene.stop().await;
}

#[tokio::test]
async fn a_schedule_must_say_when() {
    let scene = Scene::idle().await;
    let id = scene.campaign("october").await;
    for body in [json!({}), json!({"send_at": "soon"}), json!({"at": null})] {
        let request = scene.request(Method::POST, &format!("/v1/campaigns/{id}/schedule"));
        let problem = scene.refused(request.json(&body)).await;
        assert_eq!(problem.code, Code::InvalidRequest.name(), "{body}");
    }
    scene.stop().await;
}
