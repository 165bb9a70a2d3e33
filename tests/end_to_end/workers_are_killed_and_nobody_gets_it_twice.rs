//! Two worker processes are killed again and again. The service starts them anew, answers all the
//! while, and by the receiver's own log nobody gets a message twice and nobody is left out.

use postrider_api::{CampaignVerb, Worker};
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::until;
use postrider_types::DeliveryState;
use rustix::process::{Pid, Signal, kill_process};

use crate::house::{
    ANSWERS, House, Mock, SOON, Service, assert_balance, beside_others, hello, in_state,
    lines_of_people, tally,
};

const CONNECTIONS: usize = 8;

/// Domains enough that both workers have some.
const DOMAINS: usize = 8;

/// A mock that is never done at once, so that there is always something under way.
async fn busy_mock(house: &House) -> Mock {
    let busy = Behaviour {
        reply_delay: "4ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let domains = (0..DOMAINS).map(|n| format!("r{n}.test"));
    let profile = domains.fold(Profile::sink(), |profile, domain| {
        profile.with_domain(&domain, busy.clone())
    });
    Mock::start(house, profile).await
}

fn config(mock: &Mock) -> String {
    format!(
        "[route]\nrelay = \"{}\"\nconnections = {CONNECTIONS}\n[workers]\ncount = 2\n",
        mock.route()
    )
}

fn list(each: usize) -> String {
    let lines = (0..DOMAINS).map(|n| lines_of_people(each, &format!("r{n}.test")));
    format!("email,name\n{}", lines.collect::<String>())
}

/// The workers, once both live.
async fn living(service: &Service) -> Vec<Worker> {
    until(SOON, "two workers that live", async || {
        let workers = service.client.workers().await.expect(ANSWERS).data;
        assert_eq!(workers.len(), 2);
        workers
            .iter()
            .all(|worker| worker.pid.is_some())
            .then_some(workers)
    })
    .await
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).expect("a process has a number above 0")
}

/// Waits until a process has ended; one that nobody waits for has ended too.
async fn is_gone(process: u32) {
    until(SOON, "the end of a process", async || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
        let has_ended = stat.map_or(true, |stat| stat.contains(") Z "));
        has_ended.then_some(())
    })
    .await;
}

#[tokio::test]
async fn workers_are_killed_ten_times_and_nobody_gets_it_twice() {
    const KILLS: usize = 10;
    const EACH: usize = 150;
    const COUNT: usize = EACH * DOMAINS;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock)).await;
    let id = service.campaign("hello", &hello(), &list(EACH)).await;
    service.change(id, CampaignVerb::Start).await;
    for kill in 1..=KILLS {
        mock.has_accepted((COUNT * kill / (KILLS + 2)) as u64).await;
        let victim = living(&service).await[kill % 2].pid.expect("it lives");
        kill_process(pid(victim), Signal::KILL).expect("it can be killed");
        // The API is another process, and does not notice.
        assert_balance(&service.client.campaign(id).await.expect(ANSWERS));
    }
    let campaign = service.end_of(id).await;
    let workers = living(&service).await;
    let restarts: u64 = workers.iter().map(|worker| worker.restarts).sum();
    assert_eq!(restarts, KILLS as u64);
    let in_doubt = usize::try_from(campaign.count(DeliveryState::InDoubt)).expect("few");
    assert!(in_doubt <= KILLS * CONNECTIONS, "{in_doubt} in doubt");

    let receipts = service.export(id).await;
    let accepts = mock.accepts_by_recipient();
    let twice: Vec<_> = accepts.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "accepted more than once: {twice:?}");
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    assert_eq!(delivered.len() + in_doubt, COUNT, "{:?}", tally(&receipts));
    assert!(
        delivered
            .iter()
            .all(|recipient| accepts.contains_key(recipient))
    );
    service.stop().await;
}

#[tokio::test]
async fn a_killed_service_takes_its_workers_along_and_goes_on_at_the_next_start() {
    const EACH: usize = 50;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock)).await;
    let id = service.campaign("hello", &hello(), &list(EACH)).await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(100).await;
    let workers = living(&service).await;
    service.kill().await;
    for worker in workers {
        is_gone(worker.pid.expect("it lived")).await;
    }

    let service = house.serve(&config(&mock)).await;
    let campaign = service.end_of(id).await;
    let in_doubt = campaign.count(DeliveryState::InDoubt);
    assert!(in_doubt <= CONNECTIONS as u64, "{in_doubt} in doubt");
    let all = (EACH * DOMAINS) as u64;
    assert_eq!(campaign.count(DeliveryState::Delivered) + in_doubt, all);
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    service.stop().await;
}

#[tokio::test]
async fn a_drain_lets_workers_end_what_is_under_way() {
    const EACH: usize = 100;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock)).await;
    let id = service.campaign("hello", &hello(), &list(EACH)).await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(100).await;
    let workers = living(&service).await;
    service.stop().await;
    for worker in workers {
        is_gone(worker.pid.expect("it lived")).await;
    }
    let states = tally(&house.export("hello").await);
    assert!(!states.contains_key(&DeliveryState::InDoubt), "{states:?}");
    let delivered = states[&DeliveryState::Delivered];
    assert_eq!(delivered, mock.accepts_by_recipient().len());
    assert!(delivered < EACH * DOMAINS, "it ended too late");
}
