//! Whatever is written is read back by an independent parser.

use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use serde_json::json;

use super::{attachment, email, header, render};

/// Any text that a header can hold.
fn header_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,300}",
        "(=\\?utf-8\\?[qb]\\?|\\?=|[a-zäß漢 ]){0,40}",
        "[a-z]{990,1100}( [a-z]{0,90}){0,9}",
    ]
    .prop_map(|text| text.chars().filter(|c| !c.is_control()).collect())
}

/// Any text at all.
fn body_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\t\r\n]{0,400}",
        "(--=_[am]_|\r\n\\.\r\n|\r|\n|\0|[a-zäß漢 ]{0,90}){0,30}",
    ]
}

/// A body as it arrives: every line ended, and ended by CRLF.
fn canonical(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n").replace('\r', "\n");
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines.replace('\n', "\r\n")
}

proptest! {
    #[test]
    fn any_subject_header_and_name_arrives(
        subject in header_text(),
        extra in header_text(),
        name in header_text(),
    ) {
        let mut email = email();
        email.subject = "{{ s }}".into();
        email.headers.push(header("X-Extra", "{{ x }}"));
        email.text = None;
        email.html = Some("x".into());
        let name: String = name.chars().take(120).collect();
        email.from.name = Some(name.clone());
        let bytes = render(&email, &json!({"s": subject, "x": extra})).unwrap();
        let message = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(message.subject().unwrap_or_default(), subject);
        let with_extra = MessageParser::new().header_text("X-Extra").parse(&bytes).unwrap();
        let arrived = with_extra.header("X-Extra").and_then(|h| h.as_text());
        prop_assert_eq!(arrived.unwrap_or_default(), extra);
        let from = message.from().unwrap().first().unwrap();
        prop_assert_eq!(from.name().unwrap_or_default(), name);
        prop_assert_eq!(from.address(), Some("news@example.test"));
    }

    #[test]
    fn any_body_arrives_as_lines(text in body_text(), html in body_text(), fixed in body_text()) {
        let mut email = email();
        email.subject = "Hi".into();
        email.text = Some("{{ t }}".into());
        email.html = Some("{{ h|safe }}".into());
        email.attachments.push(attachment("ä.bin", fixed.clone()));
        let bytes = render(&email, &json!({"t": text, "h": html})).unwrap();
        let message = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(message.body_text(0).unwrap(), canonical(&text));
        prop_assert_eq!(message.body_html(0).unwrap(), canonical(&html));
        let attached = message.attachment(0).unwrap();
        prop_assert_eq!(attached.contents(), fixed.as_bytes());
        prop_assert_eq!(attached.attachment_name(), Some("ä.bin"));
    }

    #[test]
    fn a_body_without_variables_arrives_the_same(text in body_text()) {
        let text = format!("x{}", text.replace('{', ""));
        let mut email = email();
        email.subject = "Hi".into();
        email.text = Some(text.clone());
        email.html = None;
        let bytes = render(&email, &json!({})).unwrap();
        let message = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(message.body_text(0).unwrap(), canonical(&text));
    }

    #[test]
    fn any_file_name_arrives(name in "[^/\\\\\\p{Cc}]{1,60}|=\\?utf-8\\?Q\\?[^/\\\\\\p{Cc}]{1,20}\\?=") {
        prop_assume!(!name.trim().is_empty() && name.len() <= 255);
        let mut email = email();
        email.attachments.push(attachment(&name, "x"));
        let bytes = render(&email, &json!({"name": "Ada"})).unwrap();
        let message = MessageParser::new().parse(&bytes).unwrap();
        prop_assert_eq!(message.attachment(0).unwrap().attachment_name(), Some(&*name));
    }
}
