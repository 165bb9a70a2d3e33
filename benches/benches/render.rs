//! What a message costs before it is on the wire, for a newsletter of 25 KB.
//!
//! `prepare` is paid once for each email and load, everything else once for each recipient:
//! the Message-ID, the merge of variables into the prepared parts, and the look over the bytes
//! that dot-stuffing takes. Of an attachment nothing is copied, so `render` with 5 MB attached
//! should cost what it costs without; `wire` looks at every byte of it.

use bytes::Bytes;
use divan::{Bencher, black_box};
use postrider_benches::{START, newsletter};
use postrider_message::{Heading, Limits, MessageId, MessageKey, Prepared, Segment};
use postrider_smtp::Content;
use postrider_types::{Address, Attachment, CampaignId, Email, Variables};

fn main() {
    divan::main();
}

/// Bytes that are attached.
const ATTACHED: [usize; 2] = [0, 5_000_000];

const CAMPAIGN: CampaignId = CampaignId(7);

#[divan::bench(args = ATTACHED)]
fn prepare(bencher: Bencher<'_, '_>, attached: usize) {
    let email = email(attached);
    bencher.bench(|| Prepared::new(black_box(&email), Limits::STANDARD));
}

#[divan::bench]
fn message_id(bencher: Bencher<'_, '_>) {
    let (key, to) = (MessageKey([7; 32]), to().key());
    bencher.bench(|| MessageId::of(&key, CAMPAIGN, black_box(&to), "example.test"));
}

#[divan::bench(args = ATTACHED)]
fn render(bencher: Bencher<'_, '_>, attached: usize) {
    let recipient = Recipient::new(attached);
    bencher.bench(|| recipient.rendered());
}

#[divan::bench(args = ATTACHED)]
fn wire(bencher: Bencher<'_, '_>, attached: usize) {
    let segments = Recipient::new(attached).rendered();
    bencher.bench(|| Content::new(black_box(segments.clone())));
}

/// One recipient of a prepared email.
struct Recipient {
    prepared: Prepared,
    variables: Variables,
    to: Address,
    message_id: MessageId,
}

impl Recipient {
    fn new(attached: usize) -> Self {
        let email = email(attached);
        let prepared = Prepared::new(&email, Limits::STANDARD).expect("the email is valid");
        let variables = r#"{"name":"Ada Lovelace","city":"London"}"#.to_owned();
        let (key, to) = (MessageKey([7; 32]), to());
        Self {
            prepared,
            variables: Variables::from_json_object(variables).expect("small variables"),
            message_id: MessageId::of(&key, CAMPAIGN, &to.key(), "example.test"),
            to,
        }
    }

    fn rendered(&self) -> Vec<Bytes> {
        let heading = Heading {
            to: &self.to,
            message_id: &self.message_id,
            date: START,
            campaign: CAMPAIGN,
        };
        let message = self.prepared.render(black_box(&self.variables), &heading);
        let segments = message.expect("it renders").into_segments();
        segments.map(Segment::into_bytes).collect()
    }
}

fn to() -> Address {
    "ada@receiver.test".parse().expect("an address")
}

fn email(attached: usize) -> Email {
    let (html, text) = newsletter();
    let attachment = Attachment {
        filename: "programme.pdf".into(),
        content_type: "application/pdf".into(),
        content: Bytes::from(vec![0x5a; attached]),
    };
    Email {
        from: "News <news@example.test>".parse().expect("a mailbox"),
        reply_to: None,
        subject: "Neues für {{ name }}".into(),
        html: Some(html),
        text: Some(text),
        headers: Vec::new(),
        attachments: Vec::from_iter((attached > 0).then_some(attachment)),
        list_id: None,
        unsubscribe: None,
        feedback_id: None,
    }
}
