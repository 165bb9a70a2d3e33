//! The fields by which receivers know bulk mail.

use postrider_types::{Email, Unsubscribe};
use serde_json::json;

use super::{email, header, prepare, render};
pub(super) fn unsubscribe(url: Option<&str>, mailto: Option<&str>) -> Unsubscribe {
    Unsubscribe {
        url: url.map(str::to_owned),
        mailto: mailto.map(str::to_owned),
        is_one_click: url.is_some(),
    }
}

pub(super) fn with_url(url: &str) -> Email {
    Email {
        unsubscribe: Some(unsubscribe(Some(url), None)),
        ..email()
    }
}

/// The lines of the header that begin with `List-` or `Feedback-`, unfolded.
pub(super) fn list_fields(email: &Email, value: &serde_json::Value) -> Vec<String> {
    let bytes = render(email, value).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (header, _) = text.split_once("\r\n\r\n").unwrap();
    let header = header.replace("\r\n ", " ");
    let lines = header.lines().map(str::to_owned);
    lines
        .filter(|line| line.starts_with("List-") || line.starts_with("Feedback-"))
        .collect()
}

pub(super) fn check_refused(field: &str, code: &str, change: impl Fn(&mut Email)) {
    let mut email = email();
    change(&mut email);
    let problems = prepare(&email).unwrap_err();
    let said: Vec<_> = problems
        .iter()
        .map(|p| (p.field.to_string(), p.code))
        .collect();
    assert_eq!(said, [(field.to_owned(), code)], "{problems:?}");
}

#[test]
fn every_field_is_written_once_and_in_its_form() {
    let mut email = email();
    email.list_id = Some("Weekly news <weekly.news.example.test>".into());
    email.feedback_id = Some("october:acme:letters:postrider".into());
    let url = "https://news.example.test/leave?who={{ email|urlencode }}";
    email.unsubscribe = Some(unsubscribe(
        Some(url),
        Some("leave@example.test?subject=stop"),
    ));
    let fields = list_fields(&email, &json!({"name": "Ada"}));
    assert_eq!(
        fields,
        [
            "List-Id: \"Weekly news\" <weekly.news.example.test>",
            "Feedback-ID: october:acme:letters:postrider",
            "List-Unsubscribe: <https://news.example.test/leave?who=ada%40example.test>, \
             <mailto:leave@example.test?subject=stop>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ]
    );
}

#[test]
fn without_one_click_there_is_no_post() {
    let mut email = with_url("https://news.example.test/leave");
    email.unsubscribe.as_mut().unwrap().is_one_click = false;
    let fields = list_fields(&email, &json!({"name": "Ada"}));
    assert_eq!(
        fields,
        ["List-Unsubscribe: <https://news.example.test/leave>"]
    );

    email.unsubscribe = Some(unsubscribe(None, Some("leave+{{ name }}@example.test")));
    let fields = list_fields(&email, &json!({"name": "ada"}));
    assert_eq!(
        fields,
        ["List-Unsubscribe: <mailto:leave+ada@example.test>"]
    );
}

#[test]
fn the_id_of_a_list_has_labels_and_perhaps_a_phrase() {
    for (text, expect) in [
        ("a.b", "<a.b>"),
        (
            " \"Zoë, daily\" <a.b-c.d_1> ",
            "=?utf-8?Q?Zo=C3=AB=2C_daily?= <a.b-c.d_1>",
        ),
        ("x <y <a.b>", "\"x <y\" <a.b>"),
    ] {
        let mut email = email();
        email.list_id = Some(text.into());
        let fields = list_fields(&email, &json!({"name": "Ada"}));
        let parsed = fields[0].strip_prefix("List-Id: ").unwrap();
        assert_eq!(parsed, expect, "{text}");
    }
    let long = format!("a.{}", "b".repeat(254));
    for bad in [
        "",
        "a",
        "a.",
        ".a",
        "a b.c",
        "<a.b",
        "a.b>c",
        "{{ n }}.b",
        "ä.b",
        long.as_str(),
    ] {
        check_refused("list_id", "list_id_invalid", |email| {
            email.list_id = Some(bad.to_owned());
        });
    }
}

#[test]
fn a_feedback_id_ends_with_a_sender_and_has_no_variables() {
    for good in ["postrider", "a:postrider", "a:b:c:postrider", "::c:a.b-c_1"] {
        let mut email = email();
        email.feedback_id = Some(good.into());
        let fields = list_fields(&email, &json!({"name": "Ada"}));
        assert_eq!(fields, [format!("Feedback-ID: {good}")]);
    }
    let long = format!("{}:postrider", "a".repeat(255));
    for bad in [
        "",
        "a",
        "abcd",
        "a:b:c:d:postrider",
        "a:sixteen-letters-",
        "{{ name }}:postrider",
        "a b:postrider",
        long.as_str(),
    ] {
        check_refused("feedback_id", "feedback_id_invalid", |email| {
            email.feedback_id = Some(bad.to_owned());
        });
    }
}

#[test]
fn unsubscribing_needs_somewhere_to_go() {
    check_refused("unsubscribe", "unsubscribe_empty", |email| {
        email.unsubscribe = Some(unsubscribe(None, None));
    });
    check_refused(
        "unsubscribe.is_one_click",
        "one_click_without_url",
        |email| {
            email.unsubscribe = Some(Unsubscribe {
                is_one_click: true,
                ..unsubscribe(None, Some("leave@example.test"))
            });
        },
    );
    check_refused("unsubscribe.url", "template_invalid", |email| {
        email.unsubscribe = Some(unsubscribe(Some("https://example.test/{{"), None));
    });
}

#[test]
fn a_field_that_is_given_is_not_given_as_an_extra_header_too() {
    for (name, change) in [
        (
            "list-id",
            (|email| email.list_id = Some("a.b".into())) as fn(&mut Email),
        ),
        ("Feedback-ID", |email| {
            email.feedback_id = Some("postrider".into())
        }),
        ("List-Unsubscribe", |email| {
            email.unsubscribe = Some(unsubscribe(None, Some("leave@example.test")));
        }),
        ("List-Unsubscribe-Post", |email| {
            email.unsubscribe = Some(unsubscribe(None, Some("leave@example.test")));
        }),
    ] {
        check_refused("headers[0].name", "header_repeated", |email| {
            change(email);
            email.headers.push(header(name, "x"));
        });
        let mut alone = email();
        alone.headers.push(header(name, "x"));
        assert!(prepare(&alone).is_ok(), "{name} alone is the author's own");
    }
}
