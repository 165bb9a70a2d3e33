//! What receivers allow is one allowance, however many processes send: the rate of a domain, and
//! the connections of a route. Both hold while workers die, too.

use std::time::Duration;

use postrider_api::CampaignVerb;
use postrider_mock_smtp::windows::most_in_window;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::until;
use postrider_types::DeliveryState;
use rustix::process::{Pid, Signal, kill_process};

use crate::house::{
    ANSWERS, House, Mock, SOON, Service, alone, beside_others, hello, lines_of_people,
};
use crate::stalls::Stalls;

/// Kills worker 0 and then worker 1, each as soon as it lives.
async fn kill_both(service: &Service) {
    for number in 0..2 {
        let what = format!("worker {number} lives");
        let victim = until(SOON, &what, async || {
            let workers = service.client.workers().await.expect(ANSWERS).data;
            workers[number].pid
        });
        let victim = Pid::from_raw(victim.await.cast_signed());
        kill_process(victim.expect("a number above 0"), Signal::KILL).expect("it can be killed");
    }
}

fn list(domains: &[&str], each: usize) -> String {
    let lines = domains.iter().map(|domain| lines_of_people(each, domain));
    format!("email,name\n{}", lines.collect::<String>())
}

#[tokio::test]
async fn a_domains_rate_is_one_rate_over_two_workers_that_are_killed() {
    const EACH: usize = 120;
    const RATE: f64 = 40.0;
    // What timers and a busy machine may add to a window, if it did not stand still for longer.
    const SLACK: Duration = Duration::from_millis(150);
    let _turn = alone().await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[limits.default]\nrate = \"40/s burst 10\"\n\
         [workers]\ncount = 2\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let domains = ["a.test", "b.test", "c.test", "d.test"];
    let id = service
        .campaign("hello", &hello(), &list(&domains, EACH))
        .await;
    let stalls = Stalls::watch(SLACK);
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(60).await;
    kill_both(&service).await;
    let campaign = service.end_of(id).await;
    let seen = stalls.end();
    service.stop().await;
    assert_eq!(campaign.audience, (EACH * domains.len()) as u64);

    for domain in domains {
        let times_us = mock.server().mail_times_of(domain);
        let width = Duration::from_secs(1);
        let most = most_in_window(&times_us, width);
        // Either end of the way may have stood still.
        let slack = SLACK.max(seen.longest * 2);
        let bound = RATE * (width + slack).as_secs_f64() + 10.0;
        assert!(
            most as f64 <= bound,
            "{most} a second to {domain}, more than {bound}; the machine {seen:?}"
        );
    }
}

#[tokio::test]
async fn the_connections_of_a_route_are_shared_by_workers_and_each_gets_some() {
    const CAP: u64 = 2;
    const EACH: usize = 60;
    let _turn = beside_others().await;
    let house = House::new();
    let domains = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];
    let slow = Behaviour {
        reply_delay: "3ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = domains.iter().fold(Profile::sink(), |profile, domain| {
        profile.with_domain(domain, slow.clone())
    });
    let mock = Mock::start(&house, profile).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\nconnections = {CAP}\n[workers]\ncount = 3\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let id = service
        .campaign("hello", &hello(), &list(&domains, EACH))
        .await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    let all = (EACH * domains.len()) as u64;
    assert_eq!(campaign.count(DeliveryState::Delivered), all);
    let most = mock.server().tally().connections_max;
    assert!(most <= CAP, "{most} connections at once");
    service.stop().await;
}
