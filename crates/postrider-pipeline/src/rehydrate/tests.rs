//! Bodies come into memory as far as there is room for them.

use bytes::Bytes;
use postrider_message::codec;
use postrider_store::{Request, memory};
use postrider_types::{Attachment, Email, Timestamp};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const TENANT: TenantId = TenantId::DEFAULT;

/// The stored form of an email with an attachment of so many bytes.
fn content(attached: usize) -> Bytes {
    let from = "News <news@example.test>".parse().unwrap();
    let mut email = Email::html(from, "Hello", "<p>Hello");
    email.attachments.push(Attachment {
        filename: "a.bin".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        content: Bytes::from(vec![7; attached]),
    });
    Bytes::from(codec::encode(&email))
}

/// Bodies within a budget, and the emails with attachments of these sizes in the store; nothing
/// is cached.
async fn bodies(in_use_bytes_max: u64, attached: &[usize]) -> (Bodies, Vec<EmailId>) {
    let store = memory::inline([7; 32], Arc::new(|| NOW));
    let mut emails = Vec::new();
    for attached in attached {
        emails.push(put(&store, content(*attached)).await);
    }
    let settings = CacheSettings {
        bytes_max: 0,
        load_bytes_max: 1 << 20,
        in_use_bytes_max,
    };
    let preparing = Preparing {
        solo: Arc::default(),
        in_hand: None,
    };
    let bodies = Bodies::new(store, settings, Limits::STANDARD, preparing);
    emails.iter().for_each(|email| bodies.hold(TENANT, *email));
    (bodies, emails)
}

async fn put(store: &Store, content: Bytes) -> EmailId {
    let (tenant, email) = (TENANT, EmailId::of(&content));
    let put = Request::PutEmail {
        tenant,
        email,
        content,
    };
    store.ask(put).await.unwrap();
    email
}

#[tokio::test]
async fn an_email_that_could_never_fit_is_told_with_numbers_and_not_loaded() {
    let (bodies, emails) = bodies(100_000, &[200_000]).await;
    let Err(BodyTrouble::Unusable(reason)) = bodies.bring(TENANT, emails[0]).await else {
        panic!("it fits")
    };
    let bytes = prepared_bytes(content(200_000).len().try_into().unwrap());
    assert!(reason.contains(&format!("about {bytes} bytes")), "{reason}");
    let key = "cache.in_use_bytes_max is 100000";
    assert!(reason.ends_with(key), "{reason}");
    assert_eq!(bodies.loaded(), 0);
}

#[tokio::test]
async fn what_does_not_fit_beside_the_others_comes_when_they_are_gone() {
    let (bodies, emails) = bodies(100_000, &[50_000, 50_001]).await;
    bodies.bring(TENANT, emails[0]).await.unwrap();
    let second = bodies.bring(TENANT, emails[1]).await;
    assert!(matches!(second, Err(BodyTrouble::NoRoom)), "{second:?}");
    assert_eq!(bodies.loaded(), 1);
    bodies.let_go(TENANT, emails[0]);
    bodies.bring(TENANT, emails[1]).await.unwrap();
    assert!(bodies.get(TENANT, emails[1]).is_some());
}

#[tokio::test]
async fn a_body_takes_the_room_that_it_takes_and_not_what_was_thought() {
    let (bodies, emails) = bodies(100_000, &[40_000, 28_000]).await;
    // Together more than 102,000 bytes by their stored size, and less when they are there.
    for email in emails {
        bodies.bring(TENANT, email).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_there_or_is_no_email_says_so() {
    let (bodies, _) = bodies(100_000, &[]).await;
    let check = async |email: EmailId, expect: &str| {
        bodies.hold(TENANT, email);
        match bodies.bring(TENANT, email).await {
            Err(BodyTrouble::Unusable(reason)) => assert!(reason.contains(expect), "{reason}"),
            other => panic!("{other:?}"),
        }
        bodies.let_go(TENANT, email);
    };
    check(EmailId::of(b"nothing"), "is missing from the store").await;
    let damaged = put(&bodies.store, Bytes::from_static(b"no email")).await;
    check(damaged, "").await;
}

#[test]
fn attachments_of_any_size_take_no_more_than_was_thought() {
    for attached in [0, 1, 56, 57, 4_000, 100_000, 1_000_000] {
        let content = content(attached);
        let stored_bytes = u64::try_from(content.len()).unwrap();
        let body = prepare(EmailId::of(&content), content, Limits::STANDARD).unwrap();
        // What every body has around its attachments.
        let around = 4_000;
        let taken = weight_of(&body);
        assert!(
            taken <= prepared_bytes(stored_bytes) + around,
            "{attached}: {taken}"
        );
    }
}

#[tokio::test]
async fn what_one_tenant_lacks_another_has() {
    let (bodies, emails) = bodies(100_000, &[1_000]).await;
    let stranger = TenantId(9);
    bodies.hold(stranger, emails[0]);
    let missing = bodies.bring(stranger, emails[0]).await;
    assert!(
        matches!(missing, Err(BodyTrouble::Unusable(_))),
        "{missing:?}"
    );
    bodies.bring(TENANT, emails[0]).await.unwrap();
    assert!(bodies.get(stranger, emails[0]).is_none());
}
