//! The poison pill, its aftermath: operators had to find jobs by class in many queues, and could
//! not take out what was running. Here one command takes out a campaign, an email, a tenant or a
//! lane, queued and in hand, everywhere at once, after a dry run that says how many.

use std::time::Duration;

use postrider_api::{CampaignVerb, NewCampaign, NewEmail, Purged};
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::house::{ANSWERS, House, Mock, SOON, Service, beside_others, hello, people};
use postrider_tests::until;
use postrider_types::{CampaignId, DeliveryState};

const TENANT: &str = "acme";

/// Two chunks and some of each campaign.
const COUNT: u64 = 1_100;

/// Connections to each domain.
const EACH_AT_ONCE: u64 = 2;

/// What is purged, each by another word, and what is left alone.
const DOMAINS: [&str; 5] = ["a.test", "b.test", "c.test", "d.test", "stays.test"];

#[tokio::test]
async fn one_command_takes_out_what_waits_and_what_is_in_hand_by_campaign_email_tenant_or_lane() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = slow_mock(&house).await;
    let service = house.serve(&config(&mock)).await;
    service.client.create_tenant(TENANT).await.expect(ANSWERS);
    let mut campaigns = Vec::new();
    for domain in DOMAINS {
        let tenant = (domain == "c.test").then_some(TENANT);
        campaigns.push(started(&service, domain, tenant).await);
    }
    service.has_in_hand(DOMAINS.len()).await;

    let email = service.client.campaign(campaigns[1]).await.expect(ANSWERS);
    let email = email.email_id.to_string();
    let words = [
        ["--campaign", "a.test"],
        ["--email", &email],
        ["--tenant", TENANT],
        ["--lane", "d.test"],
    ];
    for (what, id) in words.into_iter().zip(&campaigns) {
        let dry = purge(&house, what, "--dry-run").await;
        assert!(dry.is_dry_run && dry.matched + dry.busy <= COUNT, "{dry:?}");
        // Nothing ends but what the receiver answers meanwhile.
        assert!(dry.matched + 50 > COUNT, "{what:?}: {dry:?}");
        let before = service.client.campaign(*id).await.expect(ANSWERS);
        assert_eq!(before.count(DeliveryState::Cancelled), 0, "{what:?}");
        let done = purge(&house, what, "--yes").await;
        assert!(done.busy <= EACH_AT_ONCE, "{what:?}: {done:?}");
        assert_taken_out(&service, *id).await;
    }
    let stays = service.client.campaign(campaigns[4]).await.expect(ANSWERS);
    assert_eq!(stays.count(DeliveryState::Cancelled), 0);
    service.stop().await;
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
}

/// A receiver that keeps every connection busy for a while with each message.
async fn slow_mock(house: &House) -> Mock {
    let slow = Behaviour {
        reply_delay: "500ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = DOMAINS.iter().fold(Profile::sink(), |profile, domain| {
        profile.with_domain(domain, slow.clone())
    });
    Mock::start(house, profile).await
}

/// Every domain has a lane of its own.
fn config(mock: &Mock) -> String {
    let limits = DOMAINS
        .map(|domain| format!("[limits.domain.\"{domain}\"]\nconnections = {EACH_AT_ONCE}\n"));
    format!(
        "[route]\nrelay = \"{}\"\nconnections = 20\n[workers]\ncount = 2\n{}",
        mock.route(),
        limits.concat(),
    )
}

/// A campaign with an email of its own, named as its domain.
async fn started(service: &Service, domain: &str, tenant: Option<&str>) -> CampaignId {
    let client = service.client.of_tenant(tenant);
    let email = NewEmail {
        subject: format!("To {domain}"),
        ..hello()
    };
    let put = client.put_email(&email, &[]).await.expect(ANSWERS);
    let new = NewCampaign::new(domain, put.id);
    let id = client.create_campaign(&new).await.expect(ANSWERS).id;
    let count = usize::try_from(COUNT).expect("few");
    service
        .add(id, &people(count, domain), postrider_api::AfterIntake::Seal)
        .await;
    service.change(id, CampaignVerb::Start).await;
    id
}

async fn purge(house: &House, what: [&str; 2], how: &str) -> Purged {
    let words = ["purge", "-o", "json", what[0], what[1], how];
    let ended = house.run(&words).await.with(0);
    serde_json::from_str(&ended.stdout).expect("the answer is JSON")
}

/// All ended cancelled but those whose message had begun.
async fn assert_taken_out(service: &Service, id: CampaignId) {
    const BEGUN_END_WITHIN: Duration = SOON;
    let campaign = until(BEGUN_END_WITHIN, "the end of what had begun", async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        (campaign.open() == 0).then_some(campaign)
    })
    .await;
    let delivered = campaign.count(DeliveryState::Delivered);
    let cancelled = campaign.count(DeliveryState::Cancelled);
    assert_eq!(delivered + cancelled, COUNT, "{campaign:?}");
    assert!(cancelled + 50 > COUNT, "{campaign:?}");
}
