//! Signed messages of many kinds verify with the two verifiers that receivers use most, and none
//! does any more when somebody changed an octet or added a field.

use postrider_message::dkim::{Identities, Identity, SigningKey};
use postrider_message::{Heading, Limits, MessageId, MessageKey, Prepared};
use postrider_tests::is_full;
use postrider_tests::peers::{Verdict, verify_by_dkimpy, verify_by_opendkim};
use postrider_types::{
    Address, Attachment, CampaignId, Email, Header, Timestamp, Unsubscribe, Variables,
};

pub(crate) const RSA: &str =
    include_str!("../../crates/postrider-message/src/dkim/test_keys/rsa2048.pem");
pub(crate) const ED25519: &str =
    include_str!("../../crates/postrider-message/src/dkim/test_keys/ed25519.pem");

/// Messages that a verifier gets in one run.
const MESSAGES_PER_RUN: usize = 250;

/// What recipients bring: white space that `relaxed` folds, letters of others, and long words.
const NAMES: &[&str] = &[
    "Ada",
    "  Zoë   Groß ",
    "漢字 かな 한글",
    "=?utf-8?Q?no=20word?=",
    "a-very-long-name-without-any-place-to-fold-it-however-hard-a-header-writer-tries-to-find-one",
];
const TEXTS: &[&str] = &[
    "plain",
    " \t two  blanks \t and\ta tab \t\n\n \n",
    ".\n..\n.dot\r\nline ends of \r all kinds\n\r",
    "Grüße, привет, 你好\n",
    "",
];

#[tokio::test]
async fn signatures_verify_by_others_and_break_with_any_change() {
    let count = if is_full() { 1_000 } else { 100 };
    let (identities, keys) = identities();
    let emails: Vec<_> = emails().iter().map(prepared).collect();
    let signed: Vec<_> = (0..count)
        .map(|number| signed(&emails[number % emails.len()], number, &identities))
        .collect();
    let changed: Vec<_> = signed.iter().enumerate().map(changed).collect();
    for messages in signed.chunks(MESSAGES_PER_RUN) {
        check(messages, &keys, true).await;
    }
    for messages in changed.chunks(MESSAGES_PER_RUN) {
        check(messages, &keys, false).await;
    }
}

/// Both verifiers find both signatures of every message, and say the same.
async fn check(messages: &[Vec<u8>], keys: &[(String, String)], is_valid: bool) {
    let verdict = |selector: &str| Verdict {
        selector: selector.to_owned(),
        is_valid,
    };
    let expect = [verdict("r1"), verdict("e1")];
    let verdicts = [
        verify_by_dkimpy(messages, keys).await,
        verify_by_opendkim(messages, keys).await,
    ];
    for (verifier, verdicts) in ["dkimpy", "OpenDKIM"].iter().zip(verdicts) {
        for (message, found) in messages.iter().zip(verdicts) {
            let text = String::from_utf8_lossy(message);
            assert_eq!(found, expect, "{verifier} on:\n{text}");
        }
    }
}

/// RSA and Ed25519 of one domain, and what DNS would say of them.
pub(crate) fn identities() -> (Identities, Vec<(String, String)>) {
    let identities = [("r1", RSA), ("e1", ED25519)].map(|(selector, pem)| {
        let key = SigningKey::from_pem(&pem.into()).expect("a key");
        let domain = "example.test".parse().expect("a domain");
        Identity::new(domain, selector.parse().expect("a selector"), key)
    });
    let keys = identities
        .iter()
        .map(|identity| (identity.record_name(), identity.key().record()));
    let keys = keys.collect();
    (Identities::new(identities).expect("two names"), keys)
}

fn prepared(email: &Email) -> Prepared {
    Prepared::new(email, Limits::STANDARD).expect("a valid email")
}

/// The message of the recipient with this number.
fn signed(email: &Prepared, number: usize, identities: &Identities) -> Vec<u8> {
    let to: Address = format!("reader{number}@receiver.test")
        .parse()
        .expect("an address");
    let name = NAMES[number % NAMES.len()];
    let text = TEXTS[number / 3 % TEXTS.len()].repeat(number % 40);
    let json = serde_json::json!({"name": name, "text": text, "number": number});
    let variables = Variables::from_json_object(json.to_string()).expect("small variables");
    let message_id = MessageId::of(
        &MessageKey([7; 32]),
        CampaignId(7),
        &to.key(),
        email.from().domain(),
    );
    let heading = Heading {
        to: &to,
        message_id: &message_id,
        date: Timestamp::from_micros(1_790_000_000_000_000),
        campaign: CampaignId(7),
    };
    let message = email.render_signed(&variables, &heading, identities);
    message.expect("it renders").to_vec()
}

/// The message after somebody was at it: an octet of the body, one of the subject, or one more
/// field that a reader might show.
fn changed((number, message): (usize, &Vec<u8>)) -> Vec<u8> {
    let mut changed = message.clone();
    let find = |needle: &[u8]| {
        let found = message
            .windows(needle.len())
            .position(|window| window == needle);
        found.expect("it is in every message")
    };
    match number % 3 {
        0 => {
            let body = find(b"\r\n\r\n");
            let letters: Vec<_> = (body..message.len())
                .filter(|&at| message[at].is_ascii_alphanumeric())
                .collect();
            changed[letters[number * 7 % letters.len()]] ^= 1;
        }
        1 => changed[find(b"\r\nSubject: ") + "\r\nSubject: ".len()] ^= 1,
        _ => {
            const ADDED: [&str; 4] = ["From", "To", "Subject", "Date"];
            let field = format!("{}: eve@evil.test\r\n", ADDED[number / 3 % ADDED.len()]);
            changed.splice(0..0, field.into_bytes());
        }
    }
    changed
}

/// Emails that differ in what is canonicalised: bodies, parts, encodings and fields.
fn emails() -> Vec<Email> {
    let base = || {
        let from = "News <news@daily.example.test>".parse().expect("a mailbox");
        Email::html(
            from,
            "Hi {{ name }}",
            "<p>Hi {{ name }},\t  {{ text }}</p>\n\n\n",
        )
    };
    let attachment = |filename: &str, bytes: usize| Attachment {
        filename: filename.to_owned(),
        content_type: "application/octet-stream".to_owned(),
        content: (0..bytes)
            .map(|n| n.to_le_bytes()[0])
            .collect::<Vec<_>>()
            .into(),
    };
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    vec![
        base(),
        Email {
            html: None,
            text: Some("{{ text }}x\n\n \n\n".to_owned()),
            ..base()
        },
        Email {
            text: Some("Hello {{ name }}\n{{ text }}\n".to_owned()),
            attachments: vec![attachment("a.bin", 20_000), attachment("Größe.bin", 7)],
            ..base()
        },
        Email {
            // The same for everyone: its hash is made once.
            html: Some("<p>Grüße  an   alle \t</p>\n\n".repeat(300)),
            ..base()
        },
        Email {
            from: "\"Die Post, täglich\" <news@example.test>"
                .parse()
                .expect("a mailbox"),
            reply_to: Some(
                "Antworten <answers@example.test>"
                    .parse()
                    .expect("a mailbox"),
            ),
            subject: "Nr. {{ number }} für {{ name }}:   lang, länger, am längsten ".repeat(4),
            headers: vec![
                header("X-Long", &"word ".repeat(150)),
                header("References", "<1@example.test> <2@example.test>"),
            ],
            ..base()
        },
        Email {
            list_id: Some("Täglich <daily.news.example.test>".to_owned()),
            unsubscribe: Some(Unsubscribe {
                url: Some(
                    "https://example.test/u?r={{ email|urlencode }}&n={{ number }}".to_owned(),
                ),
                mailto: Some("leave@example.test?subject={{ name|urlencode }}".to_owned()),
                is_one_click: true,
            }),
            feedback_id: Some("october:7:daily:postrider".to_owned()),
            ..base()
        },
    ]
}
