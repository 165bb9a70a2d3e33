//! The payload in the job (Buttondown, 2024): a large email to many who all wait.
//!
//! There, each of 300 jobs carried the whole email, and the scheduler loaded every pending job to
//! find the next one, on a machine with 512 MB. Here a chunk holds the email's id: the body is in
//! the store once, in memory once, and waiting costs neither.

use postrider_api::{AfterIntake, ApiError, CampaignVerb, Code, PutEmail};
use postrider_mock_smtp::Profile;
use postrider_tests::house::{
    ANSWERS, CAMPAIGN, House, Mock, Service, beside_others, hello, large, lines_of_people,
};
use postrider_tests::{is_full, until};
use postrider_types::CampaignId;

/// The attachment of the email.
const BODY_BYTES: usize = 5_000_000;

/// What the service may ask of the system, as the machine of the incident had: 512 MiB.
const ADDRESS_SPACE_KIB: u64 = 512 * 1024;

/// What it may have resident at most.
const RESIDENT_BYTES_MAX: u64 = 128 << 20;

/// What a recipient may cost in the store beside address and variables.
const RECIPIENT_BYTES_MAX: u64 = 200;

/// Domains over which the audience is spread; each gets a message at once, and then waits.
const DOMAINS: usize = 6;

#[tokio::test]
async fn a_large_email_to_many_who_wait_is_stored_once_and_survives_a_kill_in_little_memory() {
    let _turn = beside_others().await;
    let (audience, open) = if is_full() {
        (30_000, 200)
    } else {
        (3_000, 20)
    };
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let throttled = format!(
        "[route]\nrelay = \"{}\"\nconnections = 4\n[limits.default]\nrate = \"1/1h\"\n\
         [limits.domain.\"open.test\"]\nconnections = 3\n",
        mock.route()
    );
    let service = house.serve_within(&throttled, ADDRESS_SPACE_KIB).await;
    let id = large_campaign(&service).await;
    let list = list(audience - open, open);
    let text_bytes = list.len() as u64;
    let report = service.add(id, &list, AfterIntake::Seal).await;
    assert_eq!(report.accepted, audience as u64);
    service.change(id, CampaignVerb::Start).await;
    // Each domain gets one, and waits an hour for the next.
    mock.has_accepted(DOMAINS as u64 + 1).await;
    assert_memory(&service);
    service.kill().await;

    // Another life, the same wait: the file is what a checkpoint at its end leaves.
    let service = house.serve_within(&throttled, ADDRESS_SPACE_KIB).await;
    has_looked_at_all(&service).await;
    assert_memory(&service);
    service.stop().await;
    let stored = std::fs::metadata(house.store_file())
        .expect("a store")
        .len();
    let bound = BODY_BYTES as u64 + text_bytes + audience as u64 * RECIPIENT_BYTES_MAX;
    assert!(stored < bound, "the store has {stored} bytes, over {bound}");

    let opened = format!("{throttled}rate = \"none\"\n");
    let service = house.serve_within(&opened, ADDRESS_SPACE_KIB).await;
    until(CAMPAIGN, "everyone of the opened domain", async || {
        (accepted_of("open.test", &mock) >= open).then_some(())
    })
    .await;
    assert_memory(&service);
    assert_eq!(service.metric("postrider_bodies_loaded_total").await, 1);
    service.stop().await;
    let accepts = mock.accepts();
    assert_eq!(accepted_of("open.test", &mock), open);
    assert!(
        accepts
            .iter()
            .all(|accept| accept.bytes > BODY_BYTES as u64)
    );
    let by_recipient = mock.accepts_by_recipient();
    assert!(by_recipient.values().all(|times| *times == 1), "one each");
}

#[tokio::test]
async fn what_is_too_large_is_refused_at_the_door_by_a_sentence_with_the_limit() {
    let _turn = beside_others().await;
    let house = House::new();
    let service = house.serve("[email]\nsize_max = \"1MB\"\n").await;
    let refused = put_large(&service).await.expect_err("it is too large");
    let ApiError::Refused(problem) = refused else {
        panic!("not a refusal: {refused:?}");
    };
    assert_eq!(problem.code, Code::PayloadTooLarge.name(), "{problem:?}");
    assert_eq!(problem.limit, Some(1_000_000), "{problem:?}");
    assert!(problem.detail.contains("1000000"), "{problem:?}");

    // So is what one recipient brings: the line is refused, and its neighbours are taken.
    let put = service
        .client
        .put_email(&hello(), &[])
        .await
        .expect(ANSWERS);
    let id = service.create("small", put.id).await;
    let long = "x".repeat(20_000);
    let list = format!("email,name\na@a.test,A\nb@a.test,{long}\nc@a.test,C\n");
    let report = service.add(id, &list, AfterIntake::Seal).await;
    assert_eq!((report.accepted, report.bad), (2, 1));
    assert!(report.errors[0].detail.contains("16384"), "{report:?}");
    service.stop().await;
}

/// Puts the large email.
async fn put_large(service: &Service) -> Result<PutEmail, ApiError> {
    service
        .client
        .put_email(&hello(), &[large(BODY_BYTES)])
        .await
}

async fn large_campaign(service: &Service) -> CampaignId {
    let put = put_large(service).await.expect(ANSWERS);
    service.create("large", put.id).await
}

/// So many who wait in all domains but one, and so many in that.
fn list(waiting: usize, open: usize) -> String {
    let each = waiting / DOMAINS;
    let mut list = "email,name\n".to_owned();
    for domain in 0..DOMAINS {
        let rest = if domain == 0 { waiting % DOMAINS } else { 0 };
        list.push_str(&lines_of_people(
            each + rest,
            &format!("closed{domain}.test"),
        ));
    }
    list.push_str(&lines_of_people(open, "open.test"));
    list
}

fn accepted_of(domain: &str, mock: &Mock) -> usize {
    mock.server().mail_times_of(domain).len()
}

/// An empty campaign goes by: by then the service has looked at all that it could send.
async fn has_looked_at_all(service: &Service) {
    let other = service.campaign("other", &hello(), "email,name\n").await;
    service.change(other, CampaignVerb::Start).await;
    service.end_of(other).await;
}

/// The most memory that the service has ever had resident is within the bound.
fn assert_memory(service: &Service) {
    let bytes = service.resident_bytes_max();
    assert!(bytes < RESIDENT_BYTES_MAX, "{} KiB resident", bytes >> 10);
}
