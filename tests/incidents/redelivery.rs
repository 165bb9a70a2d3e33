//! Eighty-seven copies (SourceLair, Celery on Redis): mail that is due much later, and restarts.
//!
//! There, a job that was due in 96 hours sat in the hand of a worker whose claim was good for one,
//! so every hour another worker got it too. Here what is due later is in no hand: it waits in the
//! store with its time, and a lease is taken when it is due.
//!
//! Scaled by 1:1800: a lease of two seconds instead of an hour, due in 192 seconds instead of 96
//! hours, a restart every second instead of every thirty minutes. At full length it runs in
//! simulated time (`postrider-pipeline`).

use std::collections::HashMap;
use std::time::Duration;

use postrider_api::{AfterIntake, CampaignVerb, NewCampaign, Time};
use postrider_mock_smtp::log::{self, Line};
use postrider_mock_smtp::{Behaviour, Profile, Share};
use postrider_tests::house::{
    ANSWERS, CAMPAIGN, House, Mock, SOON, Service, assert_balance, beside_others, hello,
    lines_of_people, people,
};
use postrider_tests::{is_full, until};
use postrider_types::{CampaignId, CampaignState, DeliveryState, Timestamp};
use tokio::time::Instant;

use crate::after_the_end::{assert_at_most_one_each, assert_not_stored};

/// Every domain that defers each recipient once, so that all are due later.
const LATER: &str = "later.test";

/// The other way to be due later: a campaign with a time.
const TIMED: &str = "timed.test";

/// How long the service lives before it is restarted.
const LIFE: Duration = Duration::from_secs(1);

/// How long before anything is due the service is asked to end and not killed.
const MARGIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn what_is_due_later_arrives_once_however_often_the_service_is_restarted() {
    let _turn = beside_others().await;
    let (each, due_in) = if is_full() { (5_000, 192) } else { (400, 8) };
    let due_in = Duration::from_secs(due_in);
    let house = House::new();
    let mock = mock_that_defers(&house).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[workers]\ncount = 2\n\
         [lease]\ntime = \"2s\"\nslice = \"500ms\"\n\
         [retry]\ndelay_min = \"{due}s\"\ndelay_max = \"{due}s\"\njitter = 0.0\n",
        mock.route(),
        due = due_in.as_secs(),
    );
    let mut service = house.serve(&config).await;
    let later = service
        .campaign("later", &hello(), &people(each, LATER))
        .await;
    let created_at = service
        .client
        .campaign(later)
        .await
        .expect(ANSWERS)
        .created_at;
    let send_at = created_at.0.plus(due_in);
    let timed = timed_campaign(&service, each, send_at).await;
    service.change(later, CampaignVerb::Start).await;

    let began = Instant::now();
    let mut restarts = 0;
    while !lives(&service, [later, timed]).await {
        let is_waiting =
            began.elapsed() + MARGIN < due_in && has_deferred(&service, later, each).await;
        // While all wait, nothing is under way that a crash could leave in doubt.
        if is_waiting {
            service.kill().await;
        } else {
            service.stop().await;
        }
        service = house.serve(&config).await;
        restarts += 1;
    }
    for id in [later, timed] {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        assert_eq!(
            campaign.count(DeliveryState::Delivered),
            each as u64,
            "{campaign:?}"
        );
    }
    service.stop().await;
    let least = due_in.as_secs() / 3;
    assert!(restarts >= least, "{restarts} restarts, not {least}");
    assert_once_and_not_before_due(&mock, each, due_in, send_at);
}

/// A receiver that puts everybody of one domain off, once.
async fn mock_that_defers(house: &House) -> Mock {
    let later = Behaviour {
        defer_share: Share::ALL,
        defer_times_max: Some(1),
        ..Behaviour::accept()
    };
    Mock::start(house, Profile::sink().with_domain(LATER, later)).await
}

/// A campaign that starts by itself.
async fn timed_campaign(service: &Service, count: usize, send_at: Timestamp) -> CampaignId {
    let put = service
        .client
        .put_email(&hello(), &[])
        .await
        .expect(ANSWERS);
    let new = NewCampaign {
        send_at: Some(Time(send_at)),
        ..NewCampaign::new("timed", put.id)
    };
    let id = service
        .client
        .create_campaign(&new)
        .await
        .expect(ANSWERS)
        .id;
    service
        .add(id, &people(count, TIMED), AfterIntake::Seal)
        .await;
    id
}

/// Lets the service live for a while; whether the campaigns have ended by then.
async fn lives(service: &Service, campaigns: [CampaignId; 2]) -> bool {
    let since = Instant::now();
    until(
        CAMPAIGN,
        "a life, or the end of the campaigns",
        async || {
            let mut are_done = true;
            for id in campaigns {
                let campaign = service.client.campaign(id).await.expect(ANSWERS);
                assert_balance(&campaign);
                are_done &= campaign.state == CampaignState::Finished;
            }
            // Nothing but the time says when a life is over.
            (are_done || since.elapsed() >= LIFE).then_some(are_done)
        },
    )
    .await
}

async fn has_deferred(service: &Service, id: CampaignId, count: usize) -> bool {
    let campaign = service.client.campaign(id).await.expect(ANSWERS);
    campaign.count(DeliveryState::Deferred) == count as u64
}

/// By the receiver's own log: everybody has it once, and nobody was tried before the time.
fn assert_once_and_not_before_due(mock: &Mock, each: usize, due_in: Duration, send_at: Timestamp) {
    let mut put_off = HashMap::new();
    log::read(mock.log(), |line| {
        if let Line::Refuse(refuse) = line {
            let again = put_off.insert(refuse.recipient, refuse.at_us);
            assert!(again.is_none(), "somebody was tried before the time");
        }
    })
    .expect("the log can be read");
    assert_eq!(put_off.len(), each);
    let by_recipient = mock.accepts_by_recipient();
    assert_eq!(by_recipient.len(), 2 * each);
    assert!(by_recipient.values().all(|times| *times == 1), "once each");
    for accept in mock.accepts() {
        let due_us = match put_off.get(&accept.recipient) {
            Some(at_us) => Timestamp::from_micros(*at_us).plus(due_in).as_micros(),
            None => send_at.as_micros(),
        };
        assert!(accept.mail_at_us >= due_us, "too early: {accept:?}");
    }
}

#[tokio::test]
async fn a_cancelled_campaign_takes_at_most_one_more_message_a_connection() {
    const DOMAINS: usize = 8;
    let _turn = beside_others().await;
    let (each, enough) = if is_full() {
        (12_500, 5_000)
    } else {
        (500, 300)
    };
    let house = House::new();
    let slow = Behaviour {
        reply_delay: "10ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let domains: Vec<_> = (0..DOMAINS).map(|n| format!("r{n}.test")).collect();
    let profile = domains.iter().fold(Profile::sink(), |profile, domain| {
        profile.with_domain(domain, slow.clone())
    });
    let mock = Mock::start(&house, profile).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\nconnections = 16\n[workers]\ncount = 2\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let lines = domains.iter().map(|domain| lines_of_people(each, domain));
    let list = format!("email,name\n{}", lines.collect::<String>());
    let id = service.campaign("large", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(enough).await;

    house
        .run(&["campaign", "cancel", "large", "--yes"])
        .await
        .with(0);
    let until_then = mock.accepts().len();
    let campaign = until(SOON, "the end of what had begun", async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        (campaign.open() == 0).then_some(campaign)
    })
    .await;
    service.stop().await;
    let accepts = mock.accepts();
    assert_eq!(
        campaign.count(DeliveryState::Delivered),
        accepts.len() as u64
    );
    let cancelled = campaign.count(DeliveryState::Cancelled);
    assert_eq!(cancelled + accepts.len() as u64, (DOMAINS * each) as u64);
    assert_at_most_one_each(&accepts[until_then..]);
    assert_not_stored(&house, id);
}
