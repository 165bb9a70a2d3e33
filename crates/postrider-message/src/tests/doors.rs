//! Every door of a message at once, with whatever may come through it: what comes out is one
//! message, in canonical form, that a parser of others reads as it was meant.

use mail_parser::{MessageParser, MimeHeaders};
use postrider_types::{Address, Email, Mailbox, Unsubscribe};
use proptest::prelude::*;
use serde_json::json;

use super::{attachment, email, header, prepare, render_to};

/// Texts that play a header, a body, a command, or the end of one. Among them CRLF injection
/// (CVE-2015-9096), characters that narrow to CR and LF (CVE-2025-7962), and what ends a message
/// for servers that take a bare LF (CVE-2023-51764).
const TRICKS: &[&str] = &[
    "\r\nBcc: eve@evil.test",
    "\nBcc: eve@evil.test",
    "\rBcc: eve@evil.test",
    "\r\n Bcc: eve@evil.test",
    "\r\n\r\n<script>",
    "\r\n.\r\nMAIL FROM:<eve@evil.test>",
    "\n.\n",
    "\r.\r",
    "\r\n.\r",
    ".",
    "..",
    "\0",
    "\u{b}\u{c}\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}\u{2029}",
    "\u{760d}\u{760a}Bcc: eve@evil.test",
    "\u{10a}\u{10d}",
    "\u{ff0e}\u{ff20}",
    "=0D=0ABcc: eve@evil.test",
    "=?utf-8?Q?=0D=0ABcc:_eve=40evil.test?=",
    "=?utf-8?B?DQpCY2M6IGV2ZUBldmlsLnRlc3Q=?=",
    "%0d%0aBcc:%20eve@evil.test",
    "\" <eve@evil.test>, \"",
    "a@b.test> SIZE=1\r\nRCPT TO:<eve@evil.test",
    "--=_a_",
    "\u{feff}",
    "\u{202e}tset.live",
];

/// Any text, with a trick somewhere in it more often than not.
fn text() -> impl Strategy<Value = String> {
    let trick = prop::sample::select(TRICKS).prop_map(str::to_owned);
    let plain = "[ -~äß漢]{0,80}";
    prop_oneof![
        trick.clone(),
        (plain, trick, plain).prop_map(|(before, trick, behind)| before + &trick + &behind),
        any::<String>(),
        "[a-z ]{0,1200}",
    ]
}

/// Puts a text through each door of a stored email, without template expressions.
const DOORS: &[fn(&mut Email, String)] = &[
    |email, text| email.from.name = Some(text),
    |email, text| {
        email.reply_to = Some(Mailbox {
            name: Some(text),
            address: "answers@example.test".parse().unwrap(),
        });
    },
    |email, text| email.subject = text,
    |email, text| email.text = Some(format!("x{text}")),
    |email, text| email.html = Some(format!("x{text}")),
    |email, text| email.headers.push(header("X-Extra", &text)),
    |email, text| email.headers.push(header(&text, "x")),
    |email, text| email.attachments[0].filename = text,
    |email, text| email.attachments[0].content_type = text,
    |email, text| email.attachments[0].content = text.into(),
    |email, text| email.list_id = Some(format!("{text} <a.example.test>")),
    |email, text| email.list_id = Some(text),
    |email, text| email.feedback_id = Some(text),
    |email, text| email.unsubscribe = Some(links(&format!("https://example.test/{text}"), "")),
    |email, text| email.unsubscribe = Some(links("https://example.test/", &text)),
];

fn links(url: &str, subject: &str) -> Unsubscribe {
    Unsubscribe {
        url: Some(url.to_owned()),
        mailto: Some(format!("leave@example.test?subject={subject}")),
        is_one_click: true,
    }
}

/// An email in which everything is fixed.
fn fixed() -> Email {
    let mut email = email();
    email.subject = "Hi".into();
    email.text = Some("text".into());
    email.html = Some("<p>html".into());
    email.attachments = vec![attachment("a.bin", "x")];
    email
}

/// The names of the fields of a message, from its bytes.
fn field_names(message: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(message).unwrap();
    let (header, _) = text.split_once("\r\n\r\n").unwrap();
    let lines = header
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    lines
        .map(|line| {
            line.split_once(':')
                .expect("a line of a header is a field")
                .0
                .to_owned()
        })
        .collect()
}

fn check(message: &[u8]) {
    super::assert_canonical(message);
    let known = [
        "From",
        "Reply-To",
        "To",
        "Date",
        "Message-ID",
        "X-Postrider-Campaign",
        "Subject",
        "List-Id",
        "Feedback-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "X-Extra",
        "MIME-Version",
        "Content-Type",
    ];
    let names = field_names(message);
    for name in &names {
        assert!(known.contains(&name.as_str()), "{name} came through a door");
        let count = names.iter().filter(|other| *other == name).count();
        assert_eq!(count, 1, "{name} is there {count} times");
    }
    let parsed = MessageParser::new().parse(message).unwrap();
    let from: Vec<_> = parsed.from().unwrap().iter().collect();
    assert_eq!(from.len(), 1);
    assert_eq!(from[0].address(), Some("news@example.test"));
    assert_eq!(
        parsed.to().unwrap().first().unwrap().address(),
        Some("ada@example.test")
    );
    assert_eq!(parsed.attachment_count(), 1);
    assert_eq!(parsed.text_body_count(), 1);
    assert_eq!(parsed.html_body_count(), 1);
}

proptest! {
    #[test]
    fn what_is_stored_is_refused_or_arrives_as_one_message(
        door in prop::sample::select(DOORS),
        text in text(),
    ) {
        let mut email = fixed();
        // The name of an extra header may be any that is not ours.
        let is_name = |email: &Email| email.headers.iter().any(|header| header.name != "X-Extra");
        door(&mut email, text.replace('{', "("));
        prop_assume!(!is_name(&email) || prepare(&email).is_err());
        if let Ok(prepared) = prepare(&email) {
            check(&render_to(&prepared, "ada@example.test", &json!({})).unwrap().to_vec());
        }
    }

    #[test]
    fn what_a_recipient_brings_fails_alone_or_arrives_as_one_message(
        door in prop::sample::select(&["{{ x }}", "{{ x|safe }}", "{{ x|urlencode }}"][..]),
        to in prop::sample::select(DOORS),
        text in text(),
    ) {
        let mut email = fixed();
        to(&mut email, door.to_owned());
        if let Ok(prepared) = prepare(&email)
            && let Ok(message) = render_to(&prepared, "ada@example.test", &json!({"x": text}))
        {
            check(&message.to_vec());
        }
    }

    #[test]
    fn an_address_that_can_be_parsed_cannot_harm_its_header(
        local in "[a-z!#$%&'*+/=?^_`{|}~-]{1,20}(\\.[a-z0-9äß]{1,10}){0,2}\
                  |\"([ !#-\\[\\]-~]|\\\\[ -~]){1,30}\"\
                  |[ -~]{1,70}"
    ) {
        let address = format!("{local}@example.test");
        let Ok(parsed) = address.parse::<Address>() else {
            return Ok(());
        };
        let prepared = prepare(&email()).unwrap();
        let message = render_to(&prepared, &address, &json!({"name": "Ada"})).unwrap();
        let message = message.to_vec();
        let names = std::str::from_utf8(&message).unwrap().split("\r\n\r\n").next().unwrap();
        prop_assert_eq!(names.matches("\r\nTo: ").count(), 1);
        let unfolded = names.replace("\r\n ", " ");
        let to = unfolded.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
        prop_assert_eq!(to, format!("<{parsed}>"));
    }
}

#[test]
fn every_trick_in_every_variable_fails_its_recipient_or_stays_text() {
    for trick in TRICKS {
        let mut email = email();
        email.attachments = vec![attachment("a.bin", "x")];
        let prepared = prepare(&email).unwrap();
        let value = json!({"name": trick});
        let rendered = render_to(&prepared, "ada@example.test", &value);
        let is_control = trick.chars().any(char::is_control);
        assert_eq!(rendered.is_err(), is_control, "{trick:?}");
        if let Ok(message) = rendered {
            check(&message.to_vec());
            let message = message.to_vec();
            let parsed = MessageParser::new().parse(&message).unwrap();
            assert_eq!(parsed.subject(), Some(format!("Hi {trick}").as_str()));
        }
    }
}

#[test]
fn every_trick_in_a_stored_text_is_refused_or_stays_text() {
    for trick in TRICKS {
        let is_control = trick.chars().any(char::is_control);
        let named = |change: fn(&mut Email, &str)| {
            let mut email = email();
            email.attachments = vec![attachment("a.bin", "x")];
            change(&mut email, trick);
            prepare(&email)
        };
        let name = named(|email, trick| email.from.name = Some(trick.to_owned()));
        assert_eq!(name.is_err(), is_control, "{trick:?}");
        let filename = named(|email, trick| email.attachments[0].filename = trick.to_owned());
        let is_refused = is_control || trick.trim().is_empty() || trick.contains(['/', '\\']);
        assert_eq!(filename.is_err(), is_refused, "{trick:?}");
        for prepared in [name, filename].into_iter().flatten() {
            let value = json!({"name": "Ada"});
            let message = render_to(&prepared, "ada@example.test", &value)
                .unwrap()
                .to_vec();
            check(&message);
            let parsed = MessageParser::new().parse(&message).unwrap();
            let shown = [
                parsed.from().unwrap().first().unwrap().name(),
                parsed.attachment(0).unwrap().attachment_name(),
            ];
            assert!(shown.contains(&Some(*trick)), "{trick:?}: {shown:?}");
        }
        for link in ["https://example.test/", "https://"] {
            let url = format!("{link}{trick}");
            let mut email = email();
            email.unsubscribe = Some(links(&url, ""));
            let is_link = trick.bytes().all(|byte| byte.is_ascii_graphic());
            assert!(is_link || prepare(&email).is_err(), "{url:?}");
        }
    }
}
