//! Claims about whole messages, checked with a parser that is not ours.

mod doors;
mod injection;
mod links;
mod list;
mod problems;
mod round_trip;
mod sections;
mod sharing;
mod signing;
mod templates;

use bytes::Bytes;
use postrider_types::{Address, Attachment, CampaignId, Email, Header, Timestamp, Variables};

use crate::{Heading, Limits, Message, MessageId, MessageKey, Prepared, Problem, RenderError};

/// An email with a text and an HTML body.
fn email() -> Email {
    Email {
        from: "News <news@example.test>".parse().unwrap(),
        reply_to: None,
        subject: "Hi {{ name }}".into(),
        html: Some("<p>Hi {{ name }}</p>\n".into()),
        text: Some("Hi {{ name }}\n".into()),
        headers: Vec::new(),
        attachments: Vec::new(),
        list_id: None,
        unsubscribe: None,
        feedback_id: None,
    }
}

fn attachment(filename: &str, content: impl Into<Bytes>) -> Attachment {
    Attachment {
        filename: filename.into(),
        content_type: "application/octet-stream".into(),
        content: content.into(),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

fn variables(value: &serde_json::Value) -> Variables {
    Variables::from_json_object(value.to_string()).unwrap()
}

fn prepare(email: &Email) -> Result<Prepared, Vec<Problem>> {
    Prepared::new(email, Limits::STANDARD).map_err(crate::PrepareError::into_problems)
}

fn render_to(
    prepared: &Prepared,
    to: &str,
    value: &serde_json::Value,
) -> Result<Message, RenderError> {
    let to: Address = to.parse().unwrap();
    let domain = prepared.from().domain();
    let message_id = MessageId::of(&MessageKey([7; 32]), CampaignId(7), &to.key(), domain);
    let heading = Heading {
        to: &to,
        message_id: &message_id,
        date: Timestamp::from_micros(1_700_000_000_000_000),
        campaign: CampaignId(7),
    };
    prepared.render(&variables(value), &heading)
}

fn render(email: &Email, value: &serde_json::Value) -> Result<Vec<u8>, RenderError> {
    let message = render_to(&prepare(email).unwrap(), "ada@example.test", value)?;
    let bytes = message.to_vec();
    assert_canonical(&bytes);
    Ok(bytes)
}

/// CRLF only and at the end, no NUL, 7-bit, no line over 998 octets.
fn assert_canonical(message: &[u8]) {
    let lines: Vec<&[u8]> = message.split(|&b| b == b'\n').collect();
    let (last, lines) = lines.split_last().unwrap();
    assert!(last.is_empty(), "ends with a line ending");
    for line in lines {
        let (end, line) = line.split_last().expect("an LF has a CR before it");
        assert_eq!(*end, b'\r', "an LF has a CR before it");
        assert!(!line.contains(&b'\r'), "a CR has an LF behind it");
        assert!(line.len() <= 998, "a line has {} octets", line.len());
        assert!(
            line.iter().all(|&b| b != 0 && b.is_ascii()),
            "7-bit, no NUL"
        );
    }
}

#[test]
fn a_prepared_email_may_be_shared_by_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Prepared>();
}

#[test]
fn a_whole_message_reads_as_it_should() {
    let mut email = email();
    email.reply_to = Some("answers@example.test".parse().unwrap());
    email.headers.push(header("X-Tag", "{{ name }}"));
    email.attachments.push(attachment("a.bin", &b"\0\x01"[..]));
    let bytes = render(&email, &serde_json::json!({"name": "Zoë"})).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text.replace("\r\n", "\n"),
        include_str!("whole_message.txt")
    );
}

#[test]
fn one_body_without_attachments_is_not_a_multipart() {
    let mut email = email();
    email.html = None;
    let bytes = render(&email, &serde_json::json!({"name": "Ada"})).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\nHi Ada\r\n"
    ));
}

#[test]
fn a_blank_body_is_left_out() {
    let mut email = email();
    email.html = Some("\n".into());
    let bytes = render(&email, &serde_json::json!({"name": "Ada"})).unwrap();
    assert!(memchr::memmem::find(&bytes, b"multipart").is_none());
}

#[test]
fn a_missing_variable_fails_the_recipient_and_is_named() {
    let error = render(&email(), &serde_json::json!({})).unwrap_err();
    assert_eq!(error.code(), "variable_missing");
    let expect = "subject, line 1: the variable \"name\" is not defined";
    assert_eq!(error.to_string(), expect);
}
