//! A message that kills whoever renders it, and an email that kills whoever prepares it: each is
//! found by its first death, tried alone, and put into quarantine with the reason. Everybody else
//! gets it once.

use postrider_api::{CampaignVerb, Quarantine};
use postrider_types::{CampaignId, CampaignState, DeliveryState};

use crate::crew::{
    CONNECTIONS, DOMAINS, SOONER, busy_mock, child_of, config, is_gone, list, living, started,
};
use crate::house::{CAMPAIGN, House, Mock, SOON, Service, beside_others, hello, in_state};
use postrider_tests::{Ended, Running, until};

/// Whose message kills.
const POISON: &str = "poison@r3.test";

/// People at each domain.
const EACH: usize = 40;

/// All but one.
const OTHERS: usize = EACH * DOMAINS;

fn list_with_poison() -> String {
    format!("{}{POISON},Eve\n", list(EACH))
}

/// Waits until nobody is left who waits, and so many are in quarantine.
async fn all_others_are_done(service: &Service, id: CampaignId, quarantined: u64) {
    let campaign = service.end_of(id).await;
    let found = campaign.count(DeliveryState::Quarantined);
    assert_eq!(found, quarantined, "{campaign:?}");
}

/// Everybody else got it once, or is listed as in doubt, at most one for each connection and
/// death; these are in quarantine for this reason.
async fn assert_found(
    service: &Service,
    mock: &Mock,
    id: CampaignId,
    deaths: u64,
    (poisons, reason): (&[&str], &str),
) {
    let receipts = service.export(id).await;
    let accepts = mock.accepts_by_recipient();
    let is_once = accepts.values().all(|times| *times == 1);
    assert!(is_once, "somebody got it twice");
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    let in_doubt = in_state(&receipts, DeliveryState::InDoubt);
    assert_eq!(delivered.len() + in_doubt.len(), OTHERS);
    assert!(delivered.iter().all(|one| accepts.contains_key(one)));
    let bound = usize::try_from(deaths).expect("few") * CONNECTIONS;
    assert!(in_doubt.len() <= bound, "{in_doubt:?}");

    for poison in poisons {
        let found = receipts.iter().find(|one| one.recipient == *poison);
        let found = found.expect("it stands in the list");
        assert_eq!(found.state, DeliveryState::Quarantined, "{found:?}");
        let why = found.reply.as_ref().map(|reply| reply.text.as_str());
        assert_eq!(why, Some(reason));
    }
}

async fn deaths(service: &Service) -> u64 {
    let workers = living(service).await;
    workers.iter().map(|worker| worker.restarts).sum()
}

/// What `quarantine list` says.
async fn quarantine(house: &House) -> Quarantine {
    let listed = house.run(&["quarantine", "list", "-o", "json"]).await;
    serde_json::from_str(&listed.with(0).stdout).expect("the list is JSON")
}

#[tokio::test]
async fn a_recipient_who_kills_a_worker_is_quarantined_and_released_when_it_is_mended() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let service = house
        .serve_with(&config(&mock, 2), "in-render=kill~poison", &[])
        .await;
    let id = started(&service, &list_with_poison()).await;
    all_others_are_done(&service, id, 1).await;
    let deaths = deaths(&service).await;
    assert!((1..=3).contains(&deaths), "{deaths} deaths");
    let reason = "rendering it alone was killed by SIGKILL";
    assert_found(&service, &mock, id, deaths, (&[POISON], reason)).await;
    let campaigns = quarantine(&house).await.campaigns;
    assert_eq!((campaigns.len(), campaigns[0].recipients), (1, 1));
    service.stop().await;

    let service = house.serve(&config(&mock, 2)).await;
    let words = "quarantine release --campaign hello --reason mended";
    let words: Vec<_> = words.split(' ').collect();
    house.run(&words).await.with(0);
    let campaign = service.end_of(id).await;
    assert_eq!(campaign.count(DeliveryState::Quarantined), 0);
    assert_eq!(mock.accepts_by_recipient().get(POISON), Some(&1));
    service.stop().await;
}

#[tokio::test]
async fn a_suspect_who_survives_its_trial_is_sent_to_however_large_the_email_is() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let config = format!("{}[trial]\nmemory_max = \"64MiB\"\n", config(&mock, 2));
    // The second of two messages to a twin kills their worker; in a new process it is the first.
    let plan = "in-render=kill~twin@2";
    let service = house.serve_with(&config, plan, &[]).await;
    let id = started(&service, "email,name\ntwin1@r3.test,Ada\n").await;
    service.end_of(id).await;
    let mut email = hello();
    email.text = Some(format!("Hello\n{}", "And so on.\n".repeat(420_000)));
    email.html = Some("<p>And so on.</p>\n".repeat(270_000));
    let list = "email,name\ntwin2@r3.test,Eve\n";
    let id = service.campaign("large", &email, list).await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_of(id).await;
    assert_eq!(deaths(&service).await, 1);
    assert_eq!(campaign.count(DeliveryState::Delivered), 1, "{campaign:?}");
    assert_eq!(mock.accepts_by_recipient()["twin2@r3.test"], 1);
    let ended = service.stop().await;
    let word = "a suspect was tried, and killed nothing";
    assert!(ended.stderr.contains(word), "{ended}");
}

#[tokio::test]
async fn an_email_that_kills_a_worker_is_quarantined_and_its_campaign_is_paused() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let plan = "in-prepare=abort~poison";
    let service = house.serve_with(&config(&mock, 2), plan, &[]).await;
    let mut email = hello();
    email.subject = "poison for {{ name }}".to_owned();
    let poisoned = service.campaign("poisoned", &email, &list(EACH)).await;
    let good = service.campaign("hello", &hello(), &list(EACH)).await;
    service.change(poisoned, CampaignVerb::Start).await;
    service.change(good, CampaignVerb::Start).await;
    until(CAMPAIGN, "a pause", async || {
        let campaign = service.client.campaign(poisoned).await.ok()?;
        (campaign.state == CampaignState::Paused).then_some(())
    })
    .await;
    let campaign = service.end_of(good).await;
    let in_doubt = campaign.count(DeliveryState::InDoubt);
    let delivered = campaign.count(DeliveryState::Delivered);
    assert_eq!(delivered + in_doubt, OTHERS as u64);
    let deaths = deaths(&service).await;
    assert!((1..=4).contains(&deaths), "{deaths} deaths");
    assert!(
        in_doubt <= deaths * CONNECTIONS as u64,
        "{in_doubt} in doubt"
    );
    let emails = quarantine(&house).await.emails;
    assert_eq!(emails.len(), 1, "{emails:?}");
    assert_eq!(emails[0].reason, "preparing it alone was killed by SIGABRT");
    service.stop().await;

    let service = house.serve(&config(&mock, 2)).await;
    let id = emails[0].email_id.to_string();
    house
        .run(&["quarantine", "release", "--email", &id])
        .await
        .with(0);
    service.change(poisoned, CampaignVerb::Resume).await;
    let campaign = service.end_of(poisoned).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), OTHERS as u64);
    service.stop().await;
}

#[tokio::test]
async fn a_service_that_sends_itself_finds_at_its_start_who_killed_it() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let plan = "in-render=fill(600)~poison;in-render=kill~poison";
    let service = house.serve_with(&config(&mock, 0), plan, &[]).await;
    let id = started(&service, &list_with_poison()).await;
    let ended = service.ended().await;
    assert_eq!(ended.code, None, "it did not die: {ended}");

    // With other workers than in its last life.
    let service = house.serve_with(&config(&mock, 2), plan, &[]).await;
    all_others_are_done(&service, id, 1).await;
    assert_eq!(deaths(&service).await, 0);
    let reason = "rendering it alone needed more than 512 MiB";
    assert_found(&service, &mock, id, 1, (&[POISON], reason)).await;
    service.stop().await;
}

/// A service that sends itself, killed by whose message kills; a trial may take long from then on.
async fn killed(house: &House, mock: &Mock) -> CampaignId {
    let alone = format!("{}[trial]\ntime_max = \"10m\"\n", config(mock, 0));
    let service = house.serve_with(&alone, "in-render=kill~poison", &[]).await;
    let id = started(&service, &list_with_poison()).await;
    let ended = service.ended().await;
    assert_eq!(ended.code, None, "it did not die: {ended}");
    id
}

/// Starts a command whose service tries a suspect first, asks it to end while it does, and gives
/// what it said when it and its trial have ended.
async fn stopped_at_its_trial(house: &House, words: &[&str]) -> Ended {
    let mut command = house.command(words);
    command.arg("--config").arg(house.path("postrider.toml"));
    command.env("FAILPOINTS", "in-render=delay(600000)~poison");
    let starting = Running::start(command);
    let trial = child_of(starting.pid()).await;
    starting.terminate();
    let ended = starting.ended(SOON).await;
    is_gone(trial).await;
    ended
}

#[tokio::test]
async fn a_start_that_is_stopped_kills_its_trial_and_the_next_one_tries_again() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let id = killed(&house, &mock).await;
    let words = ["serve", "--listen", "127.0.0.1:0"];
    let ended = stopped_at_its_trial(&house, &words).await.with(0);
    assert!(ended.stderr.contains("a suspect is tried"), "{ended}");
    assert!(ended.stderr.contains("stopped before it was up"), "{ended}");

    let plan = "in-render=kill~poison";
    let service = house.serve_with(&config(&mock, 2), plan, &[]).await;
    all_others_are_done(&service, id, 1).await;
    assert_eq!(deaths(&service).await, 0);
    let reason = "rendering it alone was killed by SIGKILL";
    assert_found(&service, &mock, id, 1, (&[POISON], reason)).await;
    service.stop().await;
}

#[tokio::test]
async fn a_send_that_is_stopped_before_it_sends_kills_its_trial() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    killed(&house, &mock).await;
    house.write("hi.txt", "Hi");
    house.write("list.csv", "email\nada@r0.test\n");
    let words =
        "send --name other --from news@example.test --subject Hi --text hi.txt --to list.csv";
    let words: Vec<_> = words.split(' ').collect();
    let ended = stopped_at_its_trial(&house, &words).await.with(7);
    assert!(
        ended.stderr.contains("run the same command again"),
        "{ended}"
    );
}

#[tokio::test]
async fn a_service_that_never_gets_done_with_a_message_ends_and_its_next_start_knows_why() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let plan = "in-render=delay(600000)~poison";
    let alone = format!("{}{SOONER}", config(&mock, 0));
    let service = house.serve_with(&alone, plan, &[]).await;
    let id = started(&service, &list_with_poison()).await;
    let ended = service.ended().await.with(1);
    let word = "the service stands still (it has been rendering the message of recipient";
    assert!(ended.stderr.contains(word), "{ended}");

    let with_workers = format!("{}{SOONER}", config(&mock, 2));
    let service = house.serve_with(&with_workers, plan, &[]).await;
    all_others_are_done(&service, id, 1).await;
    assert_eq!(deaths(&service).await, 0);
    let reason = "rendering it alone took longer than 1s";
    assert_found(&service, &mock, id, 1, (&[POISON], reason)).await;
    service.stop().await;
}

#[tokio::test]
async fn a_worker_that_hangs_as_a_whole_is_killed_and_whoever_made_it_hang_is_quarantined() {
    // Two threads hang, which are all that a machine with two processors has for its couriers;
    // so the leases of the worker run out before it is killed.
    const POISONS: [&str; 2] = [POISON, "poison2@r3.test"];
    let _turn = beside_others().await;
    let house = House::new();
    let mock = busy_mock(&house).await;
    let plan = "in-render=delay(600000)~poison";
    let config = format!("{}{SOONER}", config(&mock, 2));
    let service = house.serve_with(&config, plan, &[]).await;
    let list = format!("{}{},Bob\n", list_with_poison(), POISONS[1]);
    let id = started(&service, &list).await;
    all_others_are_done(&service, id, 2).await;
    let deaths = deaths(&service).await;
    assert!((1..=3).contains(&deaths), "{deaths} deaths");
    let reason = "rendering it alone took longer than 1s";
    assert_found(&service, &mock, id, deaths, (&POISONS, reason)).await;
    service.stop().await;
}
