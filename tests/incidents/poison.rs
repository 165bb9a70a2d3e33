//! The poison pill (Gusto, Sidekiq): one job takes its worker's memory, and the next worker's.
//!
//! There, recovery put the work of a dead worker in front of everybody else's, so that the same job
//! met the next worker first, and the next. Here whoever was in hand when a worker died is tried in
//! a process of its own, and what kills that is put aside; all others go to the tail.

use std::collections::HashMap;
use std::time::Duration;

use postrider_api::{CampaignVerb, NewEmail, Purged, Quarantine, QuarantinedEmail};
use postrider_mock_smtp::Profile;
use postrider_tests::house::{
    ANSWERS, CAMPAIGN, House, Mock, Service, alone, assert_balance, beside_others, hello, in_state,
    lines_of_people,
};
use postrider_tests::{is_full, until};
use postrider_types::{CampaignId, CampaignState, DeliveryState};

const WORKERS: usize = 2;
const CONNECTIONS: usize = 10;
const DOMAINS: usize = 8;

/// Whose merge data takes all memory; they wait in the middle of everybody.
const POISON: &str = "poison@r3.test";

/// What the service and each of its workers may ask of the system.
const ADDRESS_SPACE_KIB: u64 = 512 * 1024;

/// A text that doubles as often as the recipient's data says: nothing for everybody, and more than
/// any machine has for one. The engine counts steps, and these are few.
const BOMB: &str = "{% set ns = namespace(a='xxxxxxxx') %}\
    {% for i in range(n|int) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}Hello {{ name }}.\n";

/// Deaths of workers that one recipient may cost, and one email.
const DEATHS_OF_A_RECIPIENT: u64 = 3;
const DEATHS_OF_AN_EMAIL: u64 = 4;

/// How much of its throughput a run may lose to the poison in it.
const THROUGHPUT_MIN: f64 = 0.8;

/// How long a run may take, all of it as fast as the machine goes.
fn long() -> Duration {
    CAMPAIGN * if is_full() { 8 } else { 1 }
}

/// How many others there are at each domain.
fn each() -> usize {
    if is_full() { 12_500 } else { 750 }
}

#[tokio::test]
async fn a_recipient_whose_data_takes_all_memory_is_put_aside_and_all_others_get_it_once() {
    let _turn = alone().await;
    let (poisoned, deaths) = bomb_run(60).await;
    assert!(
        (1..=DEATHS_OF_A_RECIPIENT).contains(&deaths),
        "{deaths} deaths"
    );
    if is_full() {
        let (clean, deaths_without) = bomb_run(0).await;
        assert_eq!(deaths_without, 0);
        let share = poisoned / clean;
        println!("{deaths} deaths; {poisoned:.0}/s with, {clean:.0}/s without: {share:.2}");
        assert!(share > THROUGHPUT_MIN, "{share:.2} of the throughput");
    }
}

/// One campaign in which the data of one recipient doubles a text so often; the accepts a second
/// by the receiver's log, and how many workers died.
async fn bomb_run(doublings: u32) -> (f64, u64) {
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let service = house.serve_within(&config(&mock), ADDRESS_SPACE_KIB).await;
    let email = NewEmail {
        text: Some(BOMB.to_owned()),
        ..hello()
    };
    let list = list_with(&format!("{POISON},Eve,{doublings}\n"));
    let id = service.campaign("october", &email, &list).await;
    service.change(id, CampaignVerb::Start).await;
    let campaign = service.end_within(long(), id).await;
    let deaths = deaths(&service).await;
    let quarantined = campaign.count(DeliveryState::Quarantined);
    assert_eq!(quarantined, u64::from(doublings > 0), "{campaign:?}");
    assert_all_but(&service, &mock, id, quarantined, deaths).await;
    if quarantined == 1 {
        assert_shown(&house, &service, id).await;
    }
    service.stop().await;
    (accepts_a_second(&mock), deaths)
}

/// The people of all domains, with a line of somebody else among them.
fn list_with(line: &str) -> String {
    let mut list = "email,name,n\n".to_owned();
    for domain in 0..DOMAINS {
        if domain == DOMAINS / 2 {
            list.push_str(line);
        }
        let people = lines_of_people(each(), &format!("r{domain}.test"));
        list.extend(people.lines().map(|line| format!("{line},0\n")));
    }
    list
}

fn config(mock: &Mock) -> String {
    format!(
        "[route]\nrelay = \"{}\"\nconnections = {CONNECTIONS}\n[workers]\ncount = {WORKERS}\n",
        mock.route()
    )
}

/// How many workers have died: nothing else restarts one here.
async fn deaths(service: &Service) -> u64 {
    let workers = service.client.workers().await.expect(ANSWERS).data;
    assert_eq!(workers.len(), WORKERS);
    workers.iter().map(|worker| worker.restarts).sum()
}

/// Everybody but so many has it once, or is listed as in doubt: at most one for each connection
/// and death.
async fn assert_all_but(service: &Service, mock: &Mock, id: CampaignId, but: u64, deaths: u64) {
    let receipts = service.export(id).await;
    let accepts = mock.accepts_by_recipient();
    let twice: HashMap<_, _> = accepts.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "accepted more than once: {twice:?}");
    let delivered = in_state(&receipts, DeliveryState::Delivered);
    let in_doubt = in_state(&receipts, DeliveryState::InDoubt);
    assert!(delivered.iter().all(|one| accepts.contains_key(one)));
    let of_others = (delivered.len() + in_doubt.len()) as u64;
    assert_eq!(of_others + but, receipts.len() as u64);
    let bound = CONNECTIONS as u64 * deaths;
    assert!(in_doubt.len() as u64 <= bound, "{in_doubt:?}");
}

/// Who is put aside, why, and after how many deaths, is what the commands say.
async fn assert_shown(house: &House, service: &Service, id: CampaignId) {
    let campaigns = quarantine(house).await.campaigns;
    assert_eq!((campaigns.len(), campaigns[0].recipients), (1, 1));
    assert_eq!(campaigns[0].campaign_id, id.to_string());
    let words = ["quarantine", "show", "-o", "json", "--campaign", "october"];
    let words = words.into_iter().chain(["--address", POISON]);
    let shown = house.run(&words.collect::<Vec<_>>()).await.with(0).stdout;
    assert!(shown.contains("rendering it alone"), "{shown}");
    let receipts = service.export(id).await;
    let receipt = receipts.iter().find(|line| line.recipient == POISON);
    let receipt = receipt.expect("it stands in the list");
    assert_eq!(receipt.attempts, 0, "nothing of it was begun: {receipt:?}");
    let reason = receipt.reply.as_ref().map(|reply| reply.text.as_str());
    let reason = reason.unwrap_or_default();
    assert!(reason.starts_with("rendering it alone "), "{receipt:?}");
}

async fn quarantine(house: &House) -> Quarantine {
    let listed = house.run(&["quarantine", "list", "-o", "json"]).await;
    serde_json::from_str(&listed.with(0).stdout).expect("the list is JSON")
}

/// By the receiver's log, from the first accept to the last.
fn accepts_a_second(mock: &Mock) -> f64 {
    let times = mock.accepts().into_iter().map(|accept| accept.at_us);
    let (first, last) = times.fold((i64::MAX, i64::MIN), |(first, last), at| {
        (first.min(at), last.max(at))
    });
    mock.accepted() as f64 / (last - first) as f64 * 1e6
}

#[tokio::test]
async fn an_email_that_kills_whoever_prepares_it_is_put_aside_and_its_campaign_paused() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let plan = "in-prepare=abort~poison";
    let service = house.serve_with(&config(&mock), plan, &[]).await;
    let good = service.campaign("good", &hello(), &list_with("")).await;
    let email = NewEmail {
        subject: "poison for {{ name }}".to_owned(),
        ..hello()
    };
    let poisoned = service.campaign("poisoned", &email, &list_with("")).await;
    service.change(good, CampaignVerb::Start).await;
    mock.has_accepted(100).await;
    service.change(poisoned, CampaignVerb::Start).await;
    until(CAMPAIGN, "the pause of a campaign", async || {
        let campaign = service.client.campaign(poisoned).await.expect(ANSWERS);
        assert_balance(&campaign);
        (campaign.state == CampaignState::Paused).then_some(())
    })
    .await;
    service.end_within(long(), good).await;
    let deaths = deaths(&service).await;
    assert!(
        (1..=DEATHS_OF_AN_EMAIL).contains(&deaths),
        "{deaths} deaths"
    );
    assert_all_but(&service, &mock, good, 0, deaths).await;
    let [QuarantinedEmail { reason, .. }] = &quarantine(&house).await.emails[..] else {
        panic!("not one email is put aside");
    };
    assert!(reason.starts_with("preparing it alone "), "{reason}");

    // Nobody of it is lost: they wait, and one command takes them all out.
    let all = (each() * DOMAINS) as u64;
    let waiting = service.client.campaign(poisoned).await.expect(ANSWERS);
    assert_eq!(waiting.count(DeliveryState::Pending), all);
    let id = waiting.email_id.to_string();
    let words = ["purge", "--email", &id, "--dry-run", "-o", "json"];
    let dry = house.run(&words).await.with(0).stdout;
    let dry: Purged = serde_json::from_str(&dry).expect("the answer is JSON");
    assert_eq!((dry.matched, dry.busy), (all, 0));
    house.run(&["purge", "--email", &id, "--yes"]).await.with(0);
    let purged = service.client.campaign(poisoned).await.expect(ANSWERS);
    assert_eq!(purged.count(DeliveryState::Cancelled), all);
    service.stop().await;
}
