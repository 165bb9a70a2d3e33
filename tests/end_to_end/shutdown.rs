//! A stop in order, a stop that takes too long, a stop at once, and an end by a panic: whatever
//! ends the process, the next one goes on, and nobody gets it twice.

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::{Ended, until};
use postrider_types::{CampaignId, DeliveryState};

use crate::house::{House, Mock, SOON, Service, beside_others, hello, in_state, people};

const COUNT: usize = 40;

const CONNECTIONS: usize = 10;

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let _turn = beside_others().await;
    let scene = Scene::new("700ms").await;
    let (service, id) = scene.sending("", &[]).await;
    service.terminate();
    until(SOON, "the word that it drains", async || {
        service.stderr_so_far().contains("draining").then_some(())
    })
    .await;
    service.terminate();
    let ended = service.ended().await;
    assert_eq!(ended.code, Some(1), "{ended}");
    scene.goes_on(id).await;
}

#[tokio::test]
async fn while_it_drains_it_says_so_to_whoever_comes() {
    let _turn = beside_others().await;
    let scene = Scene::new("1500ms").await;
    let (service, id) = scene.sending("", &[]).await;
    service.terminate();
    until(SOON, "the word that it drains", async || {
        service.stderr_so_far().contains("draining").then_some(())
    })
    .await;
    let ready = service.client.ready().await.expect("it answers");
    let drain = ready.checks.iter().find(|check| check.name == "drain");
    assert!(
        !ready.is_ready && drain.is_some_and(|check| !check.is_ok),
        "{ready:?}"
    );
    service.ended().await.with(0);
    scene.goes_on_without_doubt(id).await;
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut_off() {
    let _turn = beside_others().await;
    let scene = Scene::new("1500ms").await;
    let (service, id) = scene.sending("", &["--drain-within", "100ms"]).await;
    service.terminate();
    let ended = service.ended().await.with(0);
    let word = "some messages had no reply in time";
    assert!(ended.stderr.contains(word), "{ended}");
    scene.goes_on(id).await;
}

#[tokio::test]
async fn a_closed_terminal_drains_it() {
    let _turn = beside_others().await;
    let scene = Scene::new("300ms").await;
    let (service, id) = scene.sending("", &[]).await;
    service.hang_up();
    let ended = service.ended().await.with(0);
    assert!(ended.stderr.contains("draining"), "{ended}");
    scene.goes_on_without_doubt(id).await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_nothing() {
    let _turn = beside_others().await;
    let scene = Scene::new("2ms").await;
    let service = scene.house.serve_unlogged(&scene.config).await;
    let people = people(COUNT, "receiver.test");
    let id = service.campaign("hello", &hello(), &people).await;
    service.change(id, CampaignVerb::Start).await;
    service.end_of(id).await;
    service.terminate();
    service.ended().await.with(0);
    scene.goes_on_without_doubt(id).await;
}

#[tokio::test]
async fn a_panic_of_the_core_ends_the_process() {
    let ended = ends_by("turn=panic@200", &[]).await;
    assert!(ended.stderr.contains("the core panicked"), "{ended}");
}

#[tokio::test]
async fn a_panic_of_a_connection_ends_the_process() {
    let ended = ends_by("after-dot=panic@15", &[]).await;
    assert!(ended.stderr.contains("a connection panicked"), "{ended}");
}

#[tokio::test]
async fn a_panic_of_the_writer_ends_the_process() {
    let ended = ends_by("commit=panic@25", &[]).await;
    let word = "the store's writer panicked";
    assert!(ended.stderr.contains(word), "{ended}");
}

#[tokio::test]
async fn a_panic_of_whoever_looks_after_a_worker_ends_the_process() {
    // The third step that ends leases: the first two are those of the start.
    let plan = "after-dot=kill@15;in-reap=panic@3";
    let ended = ends_by(plan, &["--workers", "1"]).await;
    let word = "the supervisor of a worker panicked";
    assert!(ended.stderr.contains(word), "{ended}");
}

/// A service that ends by this plan calls that a failure, and the next one goes on.
async fn ends_by(plan: &str, words: &[&str]) -> Ended {
    let _turn = beside_others().await;
    let scene = Scene::new("2ms").await;
    let (service, id) = scene.sending(plan, words).await;
    let ended = service.ended().await;
    assert_eq!(ended.code, Some(1), "{ended}");
    assert_eq!(ended.stderr.matches("error:").count(), 1, "{ended}");
    scene.goes_on(id).await;
    ended
}

/// A service that sends slowly.
struct Scene {
    house: House,
    mock: Mock,
    config: String,
}

impl Scene {
    async fn new(reply_delay: &str) -> Self {
        let house = House::new();
        let slow = Behaviour {
            reply_delay: reply_delay.parse().expect("a span"),
            ..Behaviour::accept()
        };
        let profile = Profile::sink().with_domain("receiver.test", slow);
        let mock = Mock::start(&house, profile).await;
        let relay = mock.route();
        let config = format!("[route]\nrelay = \"{relay}\"\nconnections = {CONNECTIONS}\n");
        Self {
            house,
            mock,
            config,
        }
    }

    /// A service with messages under way.
    async fn sending(&self, plan: &str, words: &[&str]) -> (Service, CampaignId) {
        let service = self.house.serve_with(&self.config, plan, words).await;
        let people = people(COUNT, "receiver.test");
        let id = service.campaign("hello", &hello(), &people).await;
        service.change(id, CampaignVerb::Start).await;
        self.mock.has_accepted(1).await;
        (service, id)
    }

    /// The next service finds everybody, and sends nobody anything twice.
    async fn goes_on(&self, id: CampaignId) {
        self.goes_on_with(id, CONNECTIONS).await;
    }

    /// The same, after a stop in order.
    async fn goes_on_without_doubt(&self, id: CampaignId) {
        self.goes_on_with(id, 0).await;
    }

    async fn goes_on_with(&self, id: CampaignId, doubts_max: usize) {
        let service = self.house.serve(&self.config).await;
        service.end_of(id).await;
        let receipts = service.export(id).await;
        service.stop().await;
        let delivered = in_state(&receipts, DeliveryState::Delivered);
        let in_doubt = in_state(&receipts, DeliveryState::InDoubt);
        assert_eq!(delivered.len() + in_doubt.len(), COUNT);
        assert!(in_doubt.len() <= doubts_max, "{in_doubt:?}");
        let accepts = self.mock.accepts_by_recipient();
        assert!(accepts.values().all(|times| *times == 1), "nobody twice");
        assert!(delivered.iter().all(|one| accepts.contains_key(one)));
    }
}
