//! What makes an email unfit, and how it is said.

use postrider_types::Email;

use super::{attachment, email, header, prepare};
use crate::{Limits, Prepared};

fn check(expect: &str, change: impl Fn(&mut Email)) {
    let mut email = email();
    change(&mut email);
    let problems = prepare(&email).unwrap_err();
    let said: Vec<_> = problems
        .iter()
        .map(|p| format!("{} {}", p.field, p.code))
        .collect();
    assert_eq!(said, [expect]);
}

#[test]
fn an_email_needs_a_subject_and_a_body() {
    check("subject subject_empty", |e| e.subject = " ".into());
    check("email body_missing", |e| {
        e.html = None;
        e.text = Some(" \n".into());
    });
}

#[test]
fn senders_have_short_names_and_ascii_addresses() {
    check("from display_name_too_long", |e| {
        e.from.name = Some("x".repeat(513));
    });
    check("reply_to address_not_ascii", |e| {
        e.reply_to = Some("jörg@example.test".parse().unwrap());
    });
}

#[test]
fn headers_that_are_ours_or_that_change_the_recipient_are_refused() {
    for name in [
        "Bcc",
        "cc",
        "TO",
        "Content-Type",
        "DKIM-Signature",
        "Resent-To",
    ] {
        check("headers[0].name header_reserved", |e| {
            e.headers.push(header(name, "x"));
        });
    }
}

#[test]
fn headers_are_tokens_few_short_and_not_repeated() {
    for name in ["", "X A", "X:", "Ü", &"x".repeat(77)] {
        check("headers[0].name header_name_invalid", |e| {
            e.headers.push(header(name, "x"));
        });
    }
    check("headers[1].name header_repeated", |e| {
        e.headers.extend([header("X-A", "x"), header("x-a", "y")]);
    });
    check("headers too_many_headers", |e| {
        e.headers = vec![header("X-A", "x"); 51];
    });
    check("headers[0].value rendered_too_large", |e| {
        e.headers.push(header("X-A", &"x".repeat(4097)));
    });
}

#[test]
fn attachments_have_names_and_simple_media_types() {
    for name in ["", " ", "a/b", "a\\b", "a\0", &"x".repeat(256)] {
        check("attachments[0].filename filename_invalid", |e| {
            e.attachments.push(attachment(name, ""));
        });
    }
    let with_type = |e: &mut Email, content_type: &str| {
        e.attachments.push(attachment("a", ""));
        e.attachments[0].content_type = content_type.into();
    };
    for bad in [
        "",
        "pdf",
        "a/b/c",
        "a/b;c",
        "a/b; c=d e",
        "a/b; c=\"d\"\"",
        "ä/b",
    ] {
        check("attachments[0].content_type content_type_invalid", |e| {
            with_type(e, bad)
        });
    }
    check("attachments[0].content_type content_type_composite", |e| {
        with_type(e, "Message/rfc822");
    });
    for good in ["text/csv", "text/csv; charset=utf-8", "a/b; c=\"d e\";d=f"] {
        let mut email = email();
        with_type(&mut email, good);
        assert!(prepare(&email).is_ok(), "{good}");
    }
    check("attachments too_many_attachments", |e| {
        e.attachments = vec![attachment("a", ""); 51];
    });
}

#[test]
fn a_broken_template_names_its_field_and_line() {
    check("html template_invalid", |e| e.html = Some("a\n{{ b".into()));
    let mut email = email();
    email.headers.push(header("X-A", "{{"));
    let error = Prepared::new(&email, Limits::STANDARD).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("headers[0].value: line 1: syntax error")
    );
}

#[test]
fn an_email_over_the_limit_is_told_the_limit_and_its_size() {
    let mut email = email();
    email.attachments.push(attachment("a.bin", vec![0; 1000]));
    let bytes = email.content_bytes();
    let limits = Limits {
        email_bytes_max: 1000,
    };
    let error = Prepared::new(&email, limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("email: the email takes {bytes} bytes, and at most 1000 bytes are allowed")
    );
    assert!(
        Prepared::new(
            &email,
            Limits {
                email_bytes_max: bytes
            }
        )
        .is_ok()
    );
}

#[test]
fn all_problems_come_at_once_and_as_values() {
    let mut email = email();
    email.subject = String::new();
    email.html = Some("{{".into());
    email.headers.push(header("Bcc", "x"));
    let error = Prepared::new(&email, Limits::STANDARD).unwrap_err();
    let json = serde_json::to_value(error.problems()).unwrap();
    let codes: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["code"])
        .collect();
    assert_eq!(
        codes,
        ["subject_empty", "header_reserved", "template_invalid"]
    );
    assert_eq!(json[1]["field"], "headers[0].name");
}
