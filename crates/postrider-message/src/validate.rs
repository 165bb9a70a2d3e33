//! What an email must be before anything is made of it. Every check runs, and every problem is
//! reported.
//!
//! Templates are not checked here: compiling them is the check.

use postrider_types::bounds::{ATTACHMENTS_MAX, HEADERS_MAX};
use postrider_types::{Attachment, Email, Mailbox};

use crate::bounds::{
    CONTENT_TYPE_BYTES_MAX, DISPLAY_NAME_BYTES_MAX, FILENAME_BYTES_MAX, HEADER_NAME_BYTES_MAX,
};
use crate::header::has_control;
use crate::{Field, Limits, Problem, list};

/// Fields that we write, that a server writes, or that would change whom the message is to.
const RESERVED_NAMES: &[&str] = &[
    "apparently-to",
    "authentication-results",
    "bcc",
    "cc",
    "date",
    "delivered-to",
    "dkim-signature",
    "domainkey-signature",
    "envelope-to",
    "errors-to",
    "from",
    "message-id",
    "mime-version",
    "received",
    "received-spf",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
    "x-original-to",
];

/// Families of such fields.
const RESERVED_PREFIXES: &[&str] = &["arc-", "content-", "resent-", "x-postrider-"];

/// Everything that is wrong with `email`, apart from its templates.
pub(crate) fn problems(email: &Email, limits: Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_size(email, limits, &mut problems);
    check_mailbox(Field::From, &email.from, &mut problems);
    if let Some(reply_to) = &email.reply_to {
        check_mailbox(Field::ReplyTo, reply_to, &mut problems);
    }
    if email.subject.trim().is_empty() {
        let detail = "the subject is empty";
        problems.push(Problem::new(Field::Subject, "subject_empty", detail));
    }
    let is_empty = |body: &Option<String>| body.as_ref().is_none_or(|b| b.trim().is_empty());
    if is_empty(&email.html) && is_empty(&email.text) {
        let detail = "the email needs an html or a text body";
        problems.push(Problem::new(Field::Email, "body_missing", detail));
    }
    list::check(email, &mut problems);
    check_headers(email, &mut problems);
    check_attachments(&email.attachments, &mut problems);
    problems
}

fn check_size(email: &Email, limits: Limits, problems: &mut Vec<Problem>) {
    let (bytes, bytes_max) = (email.content_bytes(), limits.email_bytes_max);
    if bytes > bytes_max {
        let detail =
            format!("the email takes {bytes} bytes, and at most {bytes_max} bytes are allowed");
        problems.push(Problem::new(Field::Email, "email_too_large", detail));
    }
}

fn check_mailbox(field: Field, mailbox: &Mailbox, problems: &mut Vec<Problem>) {
    let mut push = |code, detail: String| problems.push(Problem::new(field, code, detail));
    let name = mailbox.name.as_deref().unwrap_or_default();
    if has_control(name) {
        let detail = "the display name contains a line break or another control character";
        push("control_character", detail.to_owned());
    }
    if name.len() > DISPLAY_NAME_BYTES_MAX {
        let detail = format!(
            "the display name takes {} bytes, and at most {DISPLAY_NAME_BYTES_MAX} are allowed",
            name.len()
        );
        push("display_name_too_long", detail);
    }
    // One such recipient needs a server with SMTPUTF8; such a sender would need it everywhere.
    if !mailbox.address.as_str().is_ascii() || has_control(mailbox.address.as_str()) {
        let detail = "the part before the @ must be ASCII, because few servers take anything else";
        push("address_not_ascii", detail.to_owned());
    }
}

fn check_headers(email: &Email, problems: &mut Vec<Problem>) {
    let headers = email.headers.as_slice();
    if headers.len() > HEADERS_MAX {
        let detail = format!(
            "the email has {} extra headers, and at most {HEADERS_MAX} are allowed",
            headers.len()
        );
        problems.push(Problem::new(Field::Headers, "too_many_headers", detail));
        return;
    }
    for (index, header) in headers.iter().enumerate() {
        let name = header.name.as_str();
        let mut push = |code, detail: String| {
            problems.push(Problem::new(Field::HeaderName(index), code, detail));
        };
        let is_token = |b: u8| b.is_ascii_graphic() && b != b':';
        if name.is_empty() || name.len() > HEADER_NAME_BYTES_MAX || !name.bytes().all(is_token) {
            let detail = format!(
                "{name:?} is not the name of a header: 1 to {HEADER_NAME_BYTES_MAX} printable \
                 ASCII characters without blanks and colons"
            );
            push("header_name_invalid", detail);
        } else if is_reserved(name) {
            let detail = format!("the header {name} is set by Postrider or by mail servers");
            push("header_reserved", detail);
        } else if headers[..index]
            .iter()
            .any(|h| h.name.eq_ignore_ascii_case(name))
        {
            let detail = format!("the header {name} is given twice, and receivers refuse that");
            push("header_repeated", detail);
        } else if let Some((_, given)) =
            list::names_given(email).find(|(given, _)| given.eq_ignore_ascii_case(name))
        {
            let detail = format!("the header {name} is written from {given}; leave it out here");
            push("header_repeated", detail);
        }
    }
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED_NAMES.contains(&name.as_str())
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn check_attachments(attachments: &[Attachment], problems: &mut Vec<Problem>) {
    if attachments.len() > ATTACHMENTS_MAX {
        let detail = format!(
            "the email has {} attachments, and at most {ATTACHMENTS_MAX} are allowed",
            attachments.len()
        );
        problems.push(Problem::new(
            Field::Attachments,
            "too_many_attachments",
            detail,
        ));
        return;
    }
    for (index, attachment) in attachments.iter().enumerate() {
        if !is_filename(&attachment.filename) {
            let detail = format!(
                "{:?} is not a file name: 1 to {FILENAME_BYTES_MAX} bytes without slashes and \
                 control characters",
                attachment.filename
            );
            problems.push(Problem::new(
                Field::Filename(index),
                "filename_invalid",
                detail,
            ));
        }
        let content_type = attachment.content_type.as_str();
        let field = Field::ContentType(index);
        if !is_media_type(content_type) {
            let detail = format!("{content_type:?} is not a media type such as application/pdf");
            problems.push(Problem::new(field, "content_type_invalid", detail));
        } else if is_composite(content_type) {
            // RFC 2045 §6.4 forbids base64 for them.
            let detail = "a multipart or message cannot be attached; send it as \
                          application/octet-stream";
            problems.push(Problem::new(field, "content_type_composite", detail));
        }
    }
}

fn is_filename(name: &str) -> bool {
    !name.trim().is_empty()
        && name.len() <= FILENAME_BYTES_MAX
        && !name.contains(['/', '\\'])
        && !has_control(name)
}

/// Whether a text is `type/subtype` with parameters (RFC 2045 §5.1).
fn is_media_type(text: &str) -> bool {
    let mut parts = text.split(';');
    let media = parts.next().unwrap_or_default();
    text.len() <= CONTENT_TYPE_BYTES_MAX
        && media
            .trim_end_matches(' ')
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && parts.all(|parameter| {
            parameter
                .trim_matches(' ')
                .split_once('=')
                .is_some_and(|(key, value)| {
                    is_token(key) && (is_token(value) || is_quoted_token(value))
                })
        })
}

/// A quoted value without anything that needs its quotes but blanks, so that no parser is
/// needed to find its end.
fn is_quoted_token(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.is_some_and(|inner| {
        inner
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b';'))
    })
}

fn is_token(text: &str) -> bool {
    let is_special = |b| b"()<>@,;:\\\"/[]?=".contains(&b);
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !is_special(b))
}

fn is_composite(content_type: &str) -> bool {
    let kind = content_type.split('/').next().unwrap_or_default();
    kind.eq_ignore_ascii_case("multipart") || kind.eq_ignore_ascii_case("message")
}
