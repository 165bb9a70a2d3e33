//! A person pauses, resumes and cancels a campaign, and the receiver sees nothing that was not
//! asked for.

use postrider_api::{ApiError, CampaignVerb};
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::until;
use postrider_types::{CampaignState, DeliveryState};

use crate::house::{CAMPAIGN, House, Mock, SOON, Service, beside_others, hello, people, tally};

const COUNT: u32 = 600;

#[tokio::test]
async fn pause_resume_and_cancel_over_http() {
    let _turn = beside_others().await;
    let house = House::new();
    let slow = Behaviour {
        reply_delay: "10ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("slow.test", slow);
    let mock = Mock::start(&house, profile).await;
    let config = format!("[route]\nrelay = \"{}\"\n", mock.route());
    let service = house.serve(&config).await;
    let id = service
        .campaign("slow", &hello(), &people(COUNT as usize, "slow.test"))
        .await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(50).await;

    let paused = service.change(id, CampaignVerb::Pause).await;
    assert_eq!(paused.state, CampaignState::Paused);
    idle(&service).await;
    let accepted = mock.accepted();
    assert!(accepted < u64::from(COUNT), "it was paused on the way");
    // A whole other campaign goes by, and not one message of the paused one.
    let other = service
        .campaign("other", &hello(), &people(300, "other.test"))
        .await;
    service.change(other, CampaignVerb::Start).await;
    let other = service.end_of(other).await;
    assert_eq!(other.count(DeliveryState::Delivered), 300);
    assert_eq!(
        mock.accepted(),
        accepted + 300,
        "a paused campaign sends nothing"
    );
    let paused = service.client.campaign(id).await.unwrap();
    assert_eq!(paused.count(DeliveryState::Delivered), accepted);

    service.change(id, CampaignVerb::Resume).await;
    mock.has_accepted(accepted + 300 + 50).await;
    let cancelled = service.change(id, CampaignVerb::Cancel).await;
    assert_eq!(cancelled.state, CampaignState::Cancelled);
    let cancelled = until(CAMPAIGN, "everybody to be cancelled", async || {
        let campaign = service.client.campaign(id).await.unwrap();
        (campaign.open() == 0).then_some(campaign)
    })
    .await;
    idle(&service).await;
    let of_slow = mock.accepted() - 300;
    assert!(of_slow < u64::from(COUNT), "it was cancelled on the way");
    assert_eq!(cancelled.count(DeliveryState::Delivered), of_slow);
    assert_eq!(
        cancelled.count(DeliveryState::Cancelled),
        u64::from(COUNT) - of_slow
    );
    assert!(cancelled.is_incomplete);
    assert_eq!(tally(&service.export(id).await).len(), 2);

    let again = service
        .client
        .change_campaign(id, CampaignVerb::Resume)
        .await;
    let Err(ApiError::Refused(problem)) = again else {
        panic!("a cancelled campaign cannot be resumed: {again:?}");
    };
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (409, "invalid_state")
    );
    assert_eq!(problem.current_state, Some(CampaignState::Cancelled));
    assert_eq!(problem.allowed, Some(Vec::new()));
    service.stop().await;
    let accepted = mock.accepts_by_recipient();
    assert!(accepted.values().all(|times| *times == 1), "nobody twice");
}

/// Waits until nothing is under way.
async fn idle(service: &Service) {
    until(SOON, "no message to be under way", async || {
        let in_flight = service.metric("postrider_messages_in_flight").await;
        (in_flight == 0).then_some(())
    })
    .await;
}
