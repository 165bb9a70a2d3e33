//! What is signed, and what a signature looks like. That receivers accept it is shown in the
//! tests package, by verifiers of others.

use encodify::base64;
use postrider_types::{Address, CampaignId, Email, Timestamp, Unsubscribe};
use serde_json::json;

use super::{attachment, email, header, prepare, variables};
use crate::dkim::{BodyHasher, Identities, Identity, SigningKey};
use crate::{Heading, Message, MessageId, MessageKey};

fn key(pem: &str) -> SigningKey {
    SigningKey::from_pem(&pem.into()).unwrap()
}

fn identities() -> Identities {
    let domain = || "example.test".parse().unwrap();
    let rsa = key(include_str!("../dkim/test_keys/rsa2048.pem"));
    let ed25519 = key(include_str!("../dkim/test_keys/ed25519.pem"));
    Identities::new([
        Identity::new(domain(), "r1".parse().unwrap(), rsa),
        Identity::new(domain(), "e1".parse().unwrap(), ed25519),
    ])
    .unwrap()
}

fn sign(email: &Email, identities: &Identities) -> Message {
    let prepared = prepare(email).unwrap();
    let to: Address = "ada@receiver.test".parse().unwrap();
    let message_id = MessageId::of(
        &MessageKey([7; 32]),
        CampaignId(7),
        &to.key(),
        "example.test",
    );
    let heading = Heading {
        to: &to,
        message_id: &message_id,
        date: Timestamp::from_micros(1_700_000_000_999_999),
        campaign: CampaignId(7),
    };
    let variables = variables(&json!({"name": "Ada"}));
    prepared
        .render_signed(&variables, &heading, identities)
        .unwrap()
}

/// The signatures on top of a message, and the rest of it.
fn parted(message: &Message) -> (String, Vec<u8>) {
    let (signatures, _) = message.segments().split_first().unwrap();
    let signatures = signatures.bytes();
    let rest = message.to_vec().split_off(signatures.len());
    (String::from_utf8(signatures.to_vec()).unwrap(), rest)
}

/// The value of a tag in a signature, without white space.
fn tag(signature: &str, name: &str) -> String {
    let tags = signature
        .split(';')
        .map(|tag| tag.trim().split_once('=').unwrap());
    let (_, value) = tags.rev().find(|(tag, _)| *tag == name).expect(name);
    value.split_whitespace().collect()
}

#[test]
fn a_signature_says_what_it_covers_and_by_whom() {
    let mut email = email();
    email.reply_to = Some("answers@example.test".parse().unwrap());
    email.list_id = Some("news.example.test".into());
    email.feedback_id = Some("postrider".into());
    email.unsubscribe = Some(Unsubscribe {
        url: Some("https://example.test/{{ name }}".into()),
        mailto: None,
        is_one_click: true,
    });
    email.headers.push(header("X-Issue", "7"));
    let (signatures, rest) = parted(&sign(&email, &identities()));
    let (rsa, ed25519) = signatures.split_once("\r\nDKIM-Signature: ").unwrap();
    assert!(rsa.starts_with(
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t=1700000000;\r\n\
         \td=example.test;\r\n\ts=r1;\r\n\th=From:Reply-To:"
    ));
    assert_eq!(
        tag(rsa, "h"),
        "From:Reply-To:Subject:Date:To:Message-ID:MIME-Version:Content-Type:List-Id:\
         List-Unsubscribe:List-Unsubscribe-Post:Feedback-ID:From:Reply-To:Subject:Date:To:Cc:\
         Message-ID:MIME-Version:Content-Type:List-Unsubscribe:List-Unsubscribe-Post"
    );
    assert_eq!(tag(ed25519, "a"), "ed25519-sha256");
    assert_eq!(tag(ed25519, "s"), "e1");
    for same in ["h", "bh", "t", "d"] {
        assert_eq!(tag(rsa, same), tag(ed25519, same));
    }
    let bytes = |signature| base64::STANDARD.decode(tag(signature, "b")).unwrap().len();
    assert_eq!((bytes(rsa), bytes(ed25519)), (256, 64));
    assert!(
        signatures.lines().all(|line| line.len() <= 78),
        "{signatures}"
    );
    let body = memchr::memmem::find(&rest, b"\r\n\r\n").unwrap() + 4;
    let mut hasher = BodyHasher::new();
    hasher.update(&rest[body..]);
    assert_eq!(tag(rsa, "bh"), base64::STANDARD.encode(hasher.finish()));
}

#[test]
fn no_field_that_people_or_their_readers_believe_can_be_added() {
    let (signatures, rest) = parted(&sign(&email(), &identities()));
    let rest = String::from_utf8(rest).unwrap();
    let (header, _) = rest.split_once("\r\n\r\n").unwrap();
    let signed = tag(signatures.split("\r\nDKIM").next().unwrap(), "h");
    let check = |name: &str, expect: usize| {
        let start = format!("{name}:");
        let there = header
            .lines()
            .filter(|line| line.starts_with(&start))
            .count();
        let covered = signed.split(':').filter(|covered| *covered == name).count();
        assert_eq!(covered - there, expect, "{name}");
    };
    for name in [
        "From",
        "Reply-To",
        "Subject",
        "Date",
        "To",
        "Cc",
        "Message-ID",
        "Content-Type",
    ] {
        check(name, 1);
    }
    // A server of ours may add these where they are not.
    for name in [
        "List-Unsubscribe",
        "Content-Transfer-Encoding",
        "Feedback-ID",
    ] {
        check(name, 0);
    }
}

#[test]
fn a_signed_message_is_the_unsigned_one_with_signatures_on_top() {
    for text in ["the same for everyone", "Hi {{ name }}"] {
        let mut email = email();
        email.html = None;
        email.text = Some(text.into());
        let (_, rest) = parted(&sign(&email, &identities()));
        let unsigned = sign(&email, &Identities::default()).to_vec();
        assert_eq!(rest, unsigned);
        super::assert_canonical(&sign(&email, &identities()).to_vec());
    }
}

#[test]
fn every_attempt_has_the_same_signature() {
    let first = sign(&email(), &identities());
    assert_eq!(first.to_vec(), sign(&email(), &identities()).to_vec());
}

#[test]
fn a_body_hashes_the_same_whether_it_is_rendered_or_not() {
    let (mut fixed, mut rendered) = (email(), email());
    fixed.html = None;
    rendered.html = None;
    // Above and below the size of a segment of its own.
    for repeat in [1, 2000] {
        fixed.text = Some("Hi  Ada \t\n\n x\n\n".repeat(repeat));
        rendered.text = Some(format!("{{# #}}{}", "Hi  Ada \t\n\n x\n\n".repeat(repeat)));
        let (fixed, _) = parted(&sign(&fixed, &identities()));
        let (rendered, _) = parted(&sign(&rendered, &identities()));
        assert_eq!(tag(&fixed, "bh"), tag(&rendered, "bh"));
    }
}

#[test]
fn a_large_attachment_is_signed_where_it_lies() {
    let mut email = email();
    email
        .attachments
        .push(attachment("a.bin", vec![7; 1_000_000]));
    let prepared = prepare(&email).unwrap();
    let to: Address = "ada@receiver.test".parse().unwrap();
    let message_id = MessageId::of(
        &MessageKey([7; 32]),
        CampaignId(7),
        &to.key(),
        "example.test",
    );
    let heading = Heading {
        to: &to,
        message_id: &message_id,
        date: Timestamp::from_micros(0),
        campaign: CampaignId(7),
    };
    let variables = variables(&json!({"name": "Ada"}));
    let plain = prepared.render(&variables, &heading).unwrap();
    let signed = prepared
        .render_signed(&variables, &heading, &identities())
        .unwrap();
    let last = |message: &Message| message.segments().last().unwrap().bytes().as_ptr();
    assert_eq!(last(&plain), last(&signed));
    assert_eq!(signed.segments().len(), plain.segments().len() + 1);
}

#[test]
fn a_domain_without_identities_is_not_signed() {
    let mut email = email();
    email.from = "news@other.test".parse().unwrap();
    let message = sign(&email, &identities());
    assert!(message.segments()[0].bytes().starts_with(b"From:"));
}
