//! No text from any door becomes a header field, a part or a line of SMTP.

use mail_parser::MessageParser;
use postrider_types::{Email, Mailbox, Unsubscribe};
use serde_json::json;

use super::{attachment, email, header, prepare, render};

const EVIL: &str = "x\r\nBcc: eve@evil.test\r\n\r\nbody";

fn check_refused(code: &str, field: &str, change: impl Fn(&mut Email)) {
    let mut email = email();
    change(&mut email);
    let problems = prepare(&email).unwrap_err();
    let found = problems
        .iter()
        .any(|p| p.code == code && p.field.to_string() == field);
    assert!(found, "{problems:?}");
}

#[test]
fn a_line_break_in_any_stored_field_is_refused() {
    check_refused("control_character", "subject", |e| e.subject = EVIL.into());
    check_refused("control_character", "from", |e| {
        e.from.name = Some(EVIL.into());
    });
    check_refused("control_character", "reply_to", |e| {
        e.reply_to = Some(Mailbox {
            name: Some(EVIL.into()),
            address: "a@example.test".parse().unwrap(),
        });
    });
    check_refused("control_character", "headers[0].value", |e| {
        e.headers.push(header("X-A", EVIL));
    });
    check_refused("header_name_invalid", "headers[0].name", |e| {
        e.headers.push(header("X-A: b\r\nBcc", "eve@evil.test"));
    });
    check_refused("filename_invalid", "attachments[0].filename", |e| {
        e.attachments.push(attachment(EVIL, ""));
    });
    check_refused("content_type_invalid", "attachments[0].content_type", |e| {
        let mut evil = attachment("a", "");
        evil.content_type = "text/plain\r\nBcc: eve@evil.test".into();
        e.attachments.push(evil);
    });
}

#[test]
fn a_line_break_in_a_variable_fails_the_header_it_reaches() {
    for evil in [EVIL, "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\u{1b}b"] {
        let error = render(&email(), &json!({"name": evil})).unwrap_err();
        assert_eq!(error.code(), "control_character", "{evil:?}");
        let mut email = email();
        email.subject = "Hi".into();
        email.headers.push(header("X-A", "{{ name }}"));
        let error = render(&email, &json!({"name": evil})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "headers[0].value: the rendered value contains a control character"
        );
    }
}

#[test]
fn a_line_break_that_a_template_writes_itself_is_refused_at_once() {
    check_refused("control_character", "subject", |e| {
        e.subject = "Hi {{ name }}\n".into();
    });
    check_refused("control_character", "headers[0].value", |e| {
        e.headers
            .push(header("X-A", "{% if name %}a{% endif %}\r\nBcc: x"));
    });
    check_refused("link_invalid", "unsubscribe.url", |e| {
        e.unsubscribe = Some(Unsubscribe {
            url: Some("https://example.test/{{ name }}\n".into()),
            mailto: None,
            is_one_click: true,
        });
    });
    let mut email = email();
    email.subject = "Hi {{\n name\n}}{# a\nb #}".into();
    assert!(
        prepare(&email).is_ok(),
        "what is inside of tags is not written"
    );
}

#[test]
fn characters_that_narrow_to_cr_and_lf_stay_what_they_are() {
    let bytes = render(&email(), &json!({"name": "a\u{760d}\u{760a}b"})).unwrap();
    let message = MessageParser::new().parse(&bytes).unwrap();
    assert_eq!(message.subject(), Some("Hi a\u{760d}\u{760a}b"));
}

#[test]
fn a_body_that_plays_the_message_stays_a_body() {
    let mut email = email();
    email.subject = "Hi".into();
    email.text = Some("{{ name }}".into());
    email.html = None;
    email.attachments.push(attachment("a.bin", "x"));
    let plain = render(&email, &json!({"name": "x"})).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let (_, boundary) = plain.split_once("boundary=\"").unwrap();
    let (boundary, _) = boundary.split_once('"').unwrap();
    let evil = format!("a\r\n.\r\nQUIT\r\n--{boundary}--\r\n\r\n--{boundary}\r\nX: y\r\n\r\nz\r\n");
    let bytes = render(&email, &json!({"name": evil})).unwrap();
    let message = MessageParser::new().parse(&bytes).unwrap();
    assert_eq!(message.body_text(0).unwrap(), evil);
    assert_eq!(message.attachment_count(), 1);
}

#[test]
fn a_display_name_cannot_play_an_address() {
    let mut email = email();
    let name = "boss@bank.test\" <boss@bank.test>, \"x";
    email.from.name = Some(name.into());
    let bytes = render(&email, &json!({"name": "Ada"})).unwrap();
    let message = MessageParser::new().parse(&bytes).unwrap();
    let from: Vec<_> = message.from().unwrap().iter().collect();
    assert_eq!(from.len(), 1);
    assert_eq!(from[0].address(), Some("news@example.test"));
    assert_eq!(from[0].name(), Some(name));
}

#[test]
fn script_in_a_variable_is_escaped_in_html_and_left_alone_in_text() {
    let bytes = render(&email(), &json!({"name": "<script>1</script>"})).unwrap();
    let message = MessageParser::new().parse(&bytes).unwrap();
    let html = message.body_html(0).unwrap();
    assert_eq!(html, "<p>Hi &lt;script&gt;1&lt;&#x2f;script&gt;</p>\r\n");
    assert_eq!(message.body_text(0).unwrap(), "Hi <script>1</script>\r\n");
}
