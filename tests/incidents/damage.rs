//! Work that can never finish, the other half: what is queued and cannot be read, or has no email.
//!
//! Whoever meets it first puts it aside with its reason, once. It never goes back into a queue as
//! it was, so no worker meets it again, and everybody else's mail goes on.

use postrider_api::{CampaignVerb, LogEntry, NewEmail, Quarantine};
use postrider_mock_smtp::Profile;
use postrider_tests::house::{ANSWERS, House, Mock, SOON, Service, beside_others, hello, people};
use postrider_tests::until;
use postrider_types::{CampaignId, CampaignState, DeliveryState};
use rusqlite::Connection;

/// More than one chunk holds.
const COUNT: usize = 700;

/// How many the first chunk holds.
const TORN: u64 = 500;

/// What stands in the damaged chunk: the right version, and nothing that can be read.
const NONSENSE: &str = "x'02ff'";

#[tokio::test]
async fn what_cannot_be_read_and_what_has_no_email_is_put_aside_at_first_sight() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let config = format!(
        "[route]\nrelay = \"{}\"\n[workers]\ncount = 2\n",
        mock.route()
    );
    let service = house.serve(&config).await;
    let torn = draft(&service, "torn").await;
    let orphan = draft(&service, "orphan").await;
    let whole = draft(&service, "whole").await;
    service.stop().await;
    let chunk = damage(&house, torn, orphan);

    let service = house.serve(&config).await;
    for id in [torn, orphan, whole] {
        service.change(id, CampaignVerb::Start).await;
    }
    let ended = service.end_of(whole).await;
    assert_eq!(ended.count(DeliveryState::Delivered), COUNT as u64);
    let ended = service.end_of(torn).await;
    assert_eq!(ended.state, CampaignState::Finished);
    assert_eq!(ended.count(DeliveryState::Quarantined), TORN);
    assert_eq!(ended.count(DeliveryState::Delivered), COUNT as u64 - TORN);
    is_paused(&service, orphan).await;
    let found = assert_listed(&service, chunk, torn).await;
    assert_told_once(&service, torn).await;
    service.stop().await;
    assert_not_waiting(&house, chunk);

    // Another life meets nothing of it again.
    let service = house.serve(&config).await;
    assert_eq!(service.client.quarantine(None).await.expect(ANSWERS), found);
    service.stop().await;
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
    assert!(
        accepts
            .keys()
            .all(|address| !address.ends_with("@orphan.test"))
    );
}

/// A campaign with an email of its own, which is not started.
async fn draft(service: &Service, name: &str) -> CampaignId {
    let email = NewEmail {
        subject: format!("Hi from {name}"),
        ..hello()
    };
    let list = people(COUNT, &format!("{name}.test"));
    service.campaign(name, &email, &list).await
}

/// Somebody's disk spoils the first chunk of one campaign, and loses the email of another.
fn damage(house: &House, torn: CampaignId, orphan: CampaignId) -> i64 {
    let file = Connection::open(house.store_file()).expect("the file can be opened");
    let first = "SELECT min(chunk) FROM chunks WHERE campaign = ?1";
    let chunk: i64 = file
        .query_row(first, [torn.0], |row| row.get(0))
        .expect("a chunk");
    let tear = format!("UPDATE chunks SET recipients = {NONSENSE} WHERE chunk = ?1");
    assert_eq!(file.execute(&tear, [chunk]).expect("it is torn"), 1);
    let lose = "DELETE FROM emails
        WHERE email = (SELECT email FROM campaigns WHERE campaign = ?1)";
    assert_eq!(file.execute(lose, [orphan.0]).expect("it is lost"), 1);
    chunk
}

async fn is_paused(service: &Service, id: CampaignId) {
    until(SOON, "a campaign without its email is paused", async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        (campaign.state == CampaignState::Paused).then_some(())
    })
    .await;
}

/// One list shows both, and why.
async fn assert_listed(service: &Service, chunk: i64, torn: CampaignId) -> Quarantine {
    let found = service.client.quarantine(None).await.expect(ANSWERS);
    let [email] = found.emails.as_slice() else {
        panic!("not one email: {found:?}");
    };
    assert!(email.reason.contains("missing"), "{email:?}");
    let [aside] = found.chunks.as_slice() else {
        panic!("not one chunk: {found:?}");
    };
    assert_eq!((aside.chunk.cast_signed(), aside.bytes), (chunk, 2));
    assert_eq!(aside.campaign_id, torn.to_string());
    assert!(!aside.reason.is_empty(), "{aside:?}");
    found
}

/// Everyone of the chunk ended once, by the log.
async fn assert_told_once(service: &Service, torn: CampaignId) {
    let mut times = std::collections::BTreeMap::<_, u32>::new();
    let mut after = 0;
    loop {
        let feed = service.client.feed(after, None).await.expect(ANSWERS);
        let Some(last) = feed.data.last() else {
            break;
        };
        after = last.number;
        let is_told = |entry: &&LogEntry| {
            entry.campaign_id == torn && entry.state == DeliveryState::Quarantined
        };
        for entry in feed.data.iter().filter(is_told) {
            *times.entry(entry.recipient_id).or_default() += 1;
        }
    }
    assert_eq!(times.len() as u64, TORN);
    assert!(times.values().all(|times| *times == 1), "told again");
}

fn assert_not_waiting(house: &House, chunk: i64) {
    let file = Connection::open(house.store_file()).expect("the file can be opened");
    for table in ["queue", "parked", "leases"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE chunk = ?1");
        let rows: u32 = file
            .query_row(&sql, [chunk], |row| row.get(0))
            .expect(table);
        assert_eq!(rows, 0, "rows of {table}");
    }
    let sql = "SELECT content FROM chunks_aside WHERE chunk = ?1";
    let kept: Vec<u8> = file
        .query_row(sql, [chunk], |row| row.get(0))
        .expect("kept");
    assert_eq!(kept, [0x02, 0xff], "what was found is kept aside as it was");
}
