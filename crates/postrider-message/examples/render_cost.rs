//! What a message costs: microseconds per render, ours against lettre's and mail-builder's.
//!
//! `cargo run --release -p postrider-message --example render_cost`
#![expect(clippy::print_stdout, reason = "an example that prints its result")]

use std::hint::black_box;

use bytes::Bytes;
use lettre::message::{MultiPart, SinglePart};
use mail_builder::MessageBuilder;
use postrider_message::{Heading, Limits, MessageId, MessageKey, Prepared};
use postrider_types::{Address, Attachment, CampaignId, Email, Timestamp, Variables};

const ROUNDS: u32 = 5_000;

fn main() {
    let (html, text) = newsletter();
    println!(
        "newsletter: {} bytes of html, {} bytes of text, {ROUNDS} rounds",
        html.len(),
        text.len()
    );
    let plain = email(&html, &text, Vec::new());
    report("postrider, 5 merge fields", &plain);
    let fixed = email(
        &html.replace("{{ name }}", "Ada"),
        &text.replace("{{ name }}", "Ada"),
        Vec::new(),
    );
    report("postrider, merge field in the subject only", &fixed);
    report(
        "postrider, with 5 MB attached",
        &email(&html, &text, vec![0x5a; 5_000_000]),
    );

    let (html, text) = (
        html.replace("{{ name }}", "Ada"),
        text.replace("{{ name }}", "Ada"),
    );
    timed("lettre, rendered bodies given", || {
        with_lettre(&html, &text).len()
    });
    timed("mail-builder, rendered bodies given", || {
        with_mail_builder(&html, &text).len()
    });
}

/// A newsletter of 20 KB in HTML and 5 KB in text, with a foreign letter here and there.
fn newsletter() -> (String, String) {
    let paragraph = "<p style=\"margin:0 0 16px\">Der Herbst ist da, und mit ihm die schönsten \
                     Bücher des Jahres. <a href=\"https://example.test/b?id=42\">Weiter</a></p>\n";
    let mut html = "<html><body><h1>Hallo {{ name }}</h1>\n".to_owned();
    while html.len() < 20_000 {
        html.push_str(paragraph);
        if html.len() % 5_000 < paragraph.len() {
            html.push_str("<p>{{ name }}</p>\n");
        }
    }
    html.push_str("</body></html>\n");
    let line = "Der Herbst ist da, und mit ihm die besten Buecher des Jahres.\n";
    (html, format!("Hallo {{{{ name }}}}\n{}", line.repeat(80)))
}

fn email(html: &str, text: &str, attached: Vec<u8>) -> Email {
    let attachment = Attachment {
        filename: "a.pdf".into(),
        content_type: "application/pdf".into(),
        content: Bytes::from(attached),
    };
    Email {
        from: "News <news@example.test>".parse().expect("a valid mailbox"),
        reply_to: None,
        subject: "Neues für {{ name }}".into(),
        html: Some(html.to_owned()),
        text: Some(text.to_owned()),
        headers: Vec::new(),
        attachments: Some(attachment)
            .filter(|a| !a.content.is_empty())
            .into_iter()
            .collect(),
        list_id: None,
        unsubscribe: None,
        feedback_id: None,
    }
}

fn report(what: &str, email: &Email) {
    let prepared = Prepared::new(email, Limits::STANDARD).expect("the email is valid");
    let variables = Variables::from_json_object(r#"{"name":"Ada"}"#.into()).expect("small");
    let to: Address = "ada@example.test".parse().expect("a valid address");
    let key = MessageKey([7; 32]);
    timed(what, || {
        let message_id = MessageId::of(&key, CampaignId(7), &to.key(), prepared.from().domain());
        let heading = Heading {
            to: &to,
            message_id: &message_id,
            date: Timestamp::from_micros(1_700_000_000_000_000),
            campaign: CampaignId(7),
        };
        let message = prepared.render(&variables, &heading).expect("it renders");
        message.len_bytes()
    });
}

fn with_lettre(html: &str, text: &str) -> Vec<u8> {
    lettre::Message::builder()
        .from("News <news@example.test>".parse().expect("a valid mailbox"))
        .to("ada@example.test".parse().expect("a valid mailbox"))
        .subject("Neues für Ada")
        .message_id(Some("<a@example.test>".into()))
        .multipart(
            MultiPart::alternative()
                .singlepart(SinglePart::plain(text.to_owned()))
                .singlepart(SinglePart::html(html.to_owned())),
        )
        .expect("a valid message")
        .formatted()
}

fn with_mail_builder(html: &str, text: &str) -> Vec<u8> {
    MessageBuilder::new()
        .from(("News", "news@example.test"))
        .to("ada@example.test")
        .subject("Neues für Ada")
        .message_id("a@example.test")
        .date(1_700_000_000_i64)
        .text_body(text)
        .html_body(html)
        .write_to_vec()
        .expect("a Vec takes whatever is written")
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example measures real time, without tokio"
)]
fn timed(what: &str, mut once: impl FnMut() -> usize) {
    let bytes = once();
    let start = std::time::Instant::now();
    for _ in 0..ROUNDS {
        black_box(once());
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{micros:8.1} µs a message of {bytes:8} bytes: {what}");
}
