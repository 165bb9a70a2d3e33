//! Two worker processes are killed again and again. The service starts them anew, answers all the
//! while, and by the receiver's own log nobody gets a message twice and nobody is left out.

use postrider_api::{CampaignVerb, Worker};
use postrider_types::DeliveryState;
use rustix::process::{Signal, kill_process};

use crate::crew::{CONNECTIONS, DOMAINS, are_gone, busy_mock, config, list, living, pid, started};
use crate::house::{
    ANSWERS, House, Service, assert_balance, beside_others, hello, in_state, tally,
};

#[tokio::test]
async fn workers_are_killed_ten_times_and_nobody_gets_it_twice() {
    const KILLS: usize = 10;
    const EACH: usize = 150;
    const COUNT: usize = EACH * DOMAINS;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock, 2)).await;
    let id = started(&service, &list(EACH)).await;
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
async fn a_service_that_is_drained_and_one_that_is_killed_take_their_workers_along() {
    const EACH: usize = 100;
    const COUNT: u64 = (EACH * DOMAINS) as u64;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock, 2)).await;
    let id = started(&service, &list(EACH)).await;
    mock.has_accepted(100).await;
    let workers = living(&service).await;
    service.stop().await;
    are_gone(workers).await;
    // What was under way has ended, and nothing is in doubt.
    let states = tally(&house.export("hello").await);
    assert!(!states.contains_key(&DeliveryState::InDoubt), "{states:?}");
    let delivered = states[&DeliveryState::Delivered];
    assert_eq!(delivered, mock.accepts_by_recipient().len());
    assert!((delivered as u64) < COUNT, "it ended too late");

    let service = house.serve(&config(&mock, 2)).await;
    mock.has_accepted(delivered as u64 + 100).await;
    let workers = living(&service).await;
    service.kill().await;
    are_gone(workers).await;

    let service = house.serve(&config(&mock, 2)).await;
    let campaign = service.end_of(id).await;
    let in_doubt = campaign.count(DeliveryState::InDoubt);
    assert!(in_doubt <= 2 * CONNECTIONS as u64, "{in_doubt} in doubt");
    assert_eq!(campaign.count(DeliveryState::Delivered) + in_doubt, COUNT);
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    service.stop().await;
}

#[tokio::test]
async fn a_closed_terminal_drains_the_workers_too_and_leaves_nothing_in_doubt() {
    const EACH: usize = 100;
    const COUNT: u64 = (EACH * DOMAINS) as u64;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock, 2)).await;
    let id = started(&service, &list(EACH)).await;
    mock.has_accepted(100).await;
    let workers = living(&service).await;
    hang_up(&service, &workers);
    let ended = service.ended().await.with(0);
    assert!(ended.stderr.contains("draining"), "{ended}");
    assert!(!ended.stderr.contains("is started again"), "{ended}");
    are_gone(workers).await;

    let service = house.serve(&config(&mock, 2)).await;
    let campaign = service.end_of(id).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), COUNT);
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    service.stop().await;
}

#[tokio::test]
async fn under_nohup_a_closed_terminal_ends_neither_the_service_nor_a_worker() {
    const EACH: usize = 100;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve_under_nohup(&config(&mock, 2)).await;
    let id = started(&service, &list(EACH)).await;
    mock.has_accepted(100).await;
    hang_up(&service, &living(&service).await);
    let campaign = service.end_of(id).await;
    let delivered = campaign.count(DeliveryState::Delivered);
    assert_eq!(delivered, (EACH * DOMAINS) as u64);
    assert!(service.client.ready().await.expect(ANSWERS).is_ready);
    let workers = living(&service).await;
    assert!(workers.iter().all(|worker| worker.restarts == 0));
    let said = service.stderr_so_far();
    assert!(!said.contains("draining"), "{said}");
    service.stop().await;
}

/// Closes the terminal of all of them.
fn hang_up(service: &Service, workers: &[Worker]) {
    for worker in workers {
        let process = pid(worker.pid.expect("it lives"));
        kill_process(process, Signal::HUP).expect("it can be told");
    }
    service.hang_up();
}

#[tokio::test]
async fn a_worker_whose_socket_was_removed_has_a_successor_that_sends() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house.serve(&config(&mock, 2)).await;
    let first = started(&service, &list(1)).await;
    service.end_of(first).await;
    let [victim, other] = &living(&service).await[..] else {
        panic!("there are two");
    };
    let socket = house.data().join("workers.sock");
    std::fs::remove_file(&socket).expect("it can be removed");
    kill_process(pid(victim.pid.expect("it lives")), Signal::KILL).expect("it can be killed");

    // The lanes of the dead one are sent to by its successor alone.
    let second = service.campaign("second", &hello(), &list(2)).await;
    service.change(second, CampaignVerb::Start).await;
    let campaign = service.end_of(second).await;
    let delivered = campaign.count(DeliveryState::Delivered);
    assert_eq!(delivered, 2 * DOMAINS as u64, "{campaign:?}");
    let workers = living(&service).await;
    let lives: Vec<_> = workers.iter().map(|worker| worker.restarts).collect();
    assert_eq!(lives, [1, 0]);
    assert_eq!(workers[1].pid, other.pid, "the other was disturbed");
    assert!(socket.exists());
    let ended = service.stop().await;
    let word = "somebody removed the socket of the workers";
    assert!(ended.stderr.contains(word), "{ended}");
}

#[tokio::test]
async fn a_worker_that_is_stopped_for_good_is_killed_and_its_mail_goes_on() {
    const EACH: usize = 100;
    const COUNT: u64 = (EACH * DOMAINS) as u64;
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let short = "[lease]\ntime = \"2s\"\nslice = \"200ms\"\n";
    let config = format!("{}{short}", config(&mock, 2));
    let service = house.serve(&config).await;
    let id = started(&service, &list(EACH)).await;
    mock.has_accepted(100).await;
    let victim = living(&service).await[0].pid.expect("it lives");
    kill_process(pid(victim), Signal::STOP).expect("it can be stopped");
    let campaign = service.end_of(id).await;
    let in_doubt = campaign.count(DeliveryState::InDoubt);
    assert!(in_doubt <= CONNECTIONS as u64, "{in_doubt} in doubt");
    assert_eq!(campaign.count(DeliveryState::Delivered) + in_doubt, COUNT);
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    let stopped = living(&service).await.remove(0);
    assert_eq!(stopped.restarts, 1);
    let end = stopped.last_end.expect("it is in its second life");
    assert!(end.contains("it has not answered for"), "{end}");
    service.stop().await;
}
