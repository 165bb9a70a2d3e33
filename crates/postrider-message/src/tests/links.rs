//! The links by which a recipient leaves a list.

use mail_parser::MessageParser;
use serde_json::json;

use super::list::{check_refused, list_fields, unsubscribe, with_url};
use super::render;
use crate::RenderError;

fn check_link_refused(url: &str, value: &serde_json::Value) {
    let error = render(&with_url(url), value).unwrap_err();
    assert!(matches!(error, RenderError::Link { .. }), "{url}: {error}");
    assert_eq!(error.code(), "link_invalid");
}

#[test]
fn a_link_that_no_recipient_could_open_is_refused_at_once() {
    for bad in [
        "http://example.test/",
        "http://example.test/{{ name }}",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://:443/",
        "https://a..test/",
        "https://(a.test)/",
        "https://a.test:x/",
        "https://[::/",
        "https://example.test/=?utf-8?Q?=0D=0ABcc:_eve?=",
        "https://example.test@evil.test/",
        "https://example.test/a b",
        "https://example.test/ä",
        "https://example.test/%zz",
        "https://example.test/>",
        "https://example.test/\r\nBcc: eve@evil.test",
    ] {
        check_refused("unsubscribe.url", "link_invalid", |email| {
            email.unsubscribe = Some(unsubscribe(Some(bad), None));
        });
    }
    for bad in [
        "",
        "leave",
        "a@b@c",
        "leave@example.test\r\n",
        "mailto:leave@example.test x",
    ] {
        check_refused("unsubscribe.mailto", "link_invalid", |email| {
            email.unsubscribe = Some(unsubscribe(None, Some(bad)));
        });
    }
    let long = format!("https://example.test/{}", "a".repeat(900));
    check_refused("unsubscribe.url", "link_invalid", |email| {
        email.unsubscribe = Some(unsubscribe(Some(&long), None));
    });
}

#[test]
fn a_link_that_a_variable_breaks_fails_its_recipient() {
    for evil in [
        "x>, <https://evil.test/",
        "x\r\nBcc: eve@evil.test",
        "x\ny",
        "x\0y",
        "x y",
        "\u{760d}\u{760a}",
        "x%",
    ] {
        let value = json!({"name": "Ada", "token": evil});
        check_link_refused("https://example.test/{{ token }}", &value);
        // Encoded, every one of them is part of the link.
        let email = with_url("https://example.test/{{ token|urlencode }}");
        let fields = list_fields(&email, &value);
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[0].matches('<').count(), 1);
    }
    let whole = json!({"name": "Ada", "link": "http://example.test/"});
    check_link_refused("{{ link }}", &whole);
}

#[test]
fn a_link_is_written_as_it_is_whatever_it_looks_like() {
    for url in [
        "https://example.test/dG9rZW4=?list=7",
        "https://example.test/?a=?b",
        "https://example.test:8443/x",
        "https://192.0.2.1/x",
        "https://[2001:db8::1]:443/x",
    ] {
        let fields = list_fields(&with_url(url), &json!({"name": "Ada"}));
        assert_eq!(fields[0], format!("List-Unsubscribe: <{url}>"));
    }
    let email = with_url("https://example.test/{{ token }}?list=7");
    let value = json!({"name": "Ada", "token": "dG9rZW4="});
    let fields = list_fields(&email, &value);
    assert_eq!(
        fields[0],
        "List-Unsubscribe: <https://example.test/dG9rZW4=?list=7>"
    );
}

#[test]
fn the_longest_link_stays_on_its_line() {
    let start = "https://example.test/";
    let token = "x".repeat(crate::bounds::LINK_BYTES_MAX - start.len());
    let email = with_url("https://example.test/{{ token }}");
    let bytes = render(&email, &json!({"name": "Ada", "token": token})).unwrap();
    let link = format!("List-Unsubscribe: <{start}{token}>\r\n");
    assert!(memchr::memmem::find(&bytes, link.as_bytes()).is_some());
    let over = json!({"name": "Ada", "token": format!("{token}x")});
    assert_eq!(
        render(&email, &over).unwrap_err().code(),
        "rendered_too_large"
    );
}

#[test]
fn a_parser_of_others_finds_the_links() {
    let mut email = with_url("https://example.test/{{ name }}");
    email.unsubscribe.as_mut().unwrap().mailto = Some("leave@example.test".into());
    let bytes = render(&email, &json!({"name": "Ada"})).unwrap();
    let message = MessageParser::new().parse(&bytes).unwrap();
    let links: Vec<_> = message
        .list_unsubscribe()
        .as_address()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(links[0].address(), Some("https://example.test/Ada"));
    assert_eq!(links[1].address(), Some("mailto:leave@example.test"));
}
