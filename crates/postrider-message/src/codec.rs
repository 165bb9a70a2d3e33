//! The stored form of an email: one version byte, then postcard.
//!
//! An [`EmailId`](postrider_types::EmailId) is the hash of these bytes, so the form of a version
//! never changes: another form is another version, and the old one stays readable. An email is
//! written in the oldest version that can hold it, so what an older build stored keeps its id.
//!
//! Version 1 is what every email has. Version 2 is that, and behind it what bulk mail says of
//! itself: List-Id, unsubscribing and Feedback-ID.

use postrider_types::{Attachment, Email, Header, Mailbox, Unsubscribe};

/// The newest version that is read and written.
const VERSION: u8 = 2;

/// The fields of version 1, in their order. As a tuple they have no names that could be changed
/// together with those of [`Email`].
type Plain<B, T, H, A> = (B, Option<B>, T, Option<T>, Option<T>, H, A);

/// What version 2 adds, in its order.
type Bulk<T, U> = (Option<T>, Option<U>, Option<T>);

/// Stored bytes that are not an email.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// There are no bytes at all.
    #[error("the stored email is empty")]
    Empty,
    /// A version that this build does not know; a newer one wrote it.
    #[error("the stored email has format version {0}, and this build reads {VERSION}")]
    Version(u8),
    /// The bytes are damaged, or not an email.
    #[error("the stored email is damaged")]
    Damaged(#[source] postcard::Error),
    /// There are bytes behind the email.
    #[error("the stored email has {0} bytes too many")]
    Trailing(usize),
}

/// The stored form of an email. The same email has the same bytes.
pub fn encode(email: &Email) -> Vec<u8> {
    let plain: Plain<&Mailbox, &str, &[Header], &[Attachment]> = (
        &email.from,
        email.reply_to.as_ref(),
        &email.subject,
        email.html.as_deref(),
        email.text.as_deref(),
        &email.headers,
        &email.attachments,
    );
    let bulk: Bulk<&str, &Unsubscribe> = (
        email.list_id.as_deref(),
        email.unsubscribe.as_ref(),
        email.feedback_id.as_deref(),
    );
    let is_plain = bulk == (None, None, None);
    let mut bytes = Vec::with_capacity(email.content_bytes() + 1024);
    bytes.push(if is_plain { 1 } else { 2 });
    let mut bytes = postcard::to_extend(&plain, bytes).expect("a Vec takes whatever is written");
    if !is_plain {
        bytes = postcard::to_extend(&bulk, bytes).expect("a Vec takes whatever is written");
    }
    bytes
}

/// The email behind its stored form.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] did not write. Lengths are checked against the
/// bytes that are there before memory is taken for them.
pub fn decode(bytes: &[u8]) -> Result<Email, CodecError> {
    let (&version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if !(1..=VERSION).contains(&version) {
        return Err(CodecError::Version(version));
    }
    let (plain, rest) = postcard::take_from_bytes(rest).map_err(CodecError::Damaged)?;
    let (bulk, rest) = match version {
        1 => ((None, None, None), rest),
        _ => postcard::take_from_bytes(rest).map_err(CodecError::Damaged)?,
    };
    match rest.len() {
        0 => Ok(email_of(plain, bulk)),
        count => Err(CodecError::Trailing(count)),
    }
}

fn email_of(
    plain: Plain<Mailbox, String, Vec<Header>, Vec<Attachment>>,
    bulk: Bulk<String, Unsubscribe>,
) -> Email {
    let (from, reply_to, subject, html, text, headers, attachments) = plain;
    let (list_id, unsubscribe, feedback_id) = bulk;
    Email {
        from,
        reply_to,
        subject,
        html,
        text,
        headers,
        attachments,
        list_id,
        unsubscribe,
        feedback_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use postrider_types::{Attachment, EmailId, Header};
    use proptest::prelude::*;

    fn email() -> Email {
        Email {
            from: "\"News, daily\" <news@example.test>".parse().unwrap(),
            reply_to: Some("answers@example.test".parse().unwrap()),
            subject: "Hi {{ name }}".into(),
            html: Some("<p>ä</p>".into()),
            text: None,
            headers: vec![Header {
                name: "X-A".into(),
                value: "b".into(),
            }],
            attachments: vec![Attachment {
                filename: "a.bin".into(),
                content_type: "application/octet-stream".into(),
                content: Bytes::from_static(&[0, 1, 255]),
            }],
            list_id: None,
            unsubscribe: None,
            feedback_id: None,
        }
    }

    /// One that needs version 2.
    fn bulk() -> Email {
        Email {
            list_id: Some("weekly.news.example.test".into()),
            unsubscribe: Some(Unsubscribe {
                url: Some("https://example.test/u/{{ token }}".into()),
                mailto: None,
                is_one_click: true,
            }),
            ..email()
        }
    }

    #[test]
    fn an_email_reads_back_as_it_was_written() {
        for email in [email(), bulk()] {
            assert_eq!(decode(&encode(&email)).unwrap(), email);
        }
        assert_eq!(encode(&email())[0], 1);
        let with_feedback_id = Email {
            feedback_id: Some("a:b:c:sender".into()),
            ..email()
        };
        let stored = encode(&with_feedback_id);
        assert_eq!(stored[0], 2);
        assert_eq!(decode(&stored).unwrap(), with_feedback_id);
    }

    #[test]
    fn the_stored_form_and_so_the_id_never_changes() {
        let id = EmailId::of(&encode(&email()));
        assert_eq!(
            id.to_string(),
            "eml_4af06c0171cd008d56b3aec4036b94476750e08534f186ab54d746454842fd67"
        );
        let id = EmailId::of(&encode(&bulk()));
        assert_eq!(
            id.to_string(),
            "eml_f5a5e63aa65e360e3d3e2c08589a49ad0bf020c7ae5225deecb7d2001da3e0ed"
        );
    }

    #[test]
    fn what_is_not_an_email_is_refused_with_its_reason() {
        assert!(matches!(decode(&[]), Err(CodecError::Empty)));
        assert!(matches!(decode(&[9, 1]), Err(CodecError::Version(9))));
        assert!(matches!(decode(&[0, 1]), Err(CodecError::Version(0))));
        let mut stored = encode(&bulk());
        stored[0] = 1;
        assert!(matches!(decode(&stored), Err(CodecError::Trailing(_))));
        let mut stored = encode(&email());
        stored.push(0);
        assert!(matches!(decode(&stored), Err(CodecError::Trailing(1))));
        stored.truncate(stored.len() / 2);
        assert!(matches!(decode(&stored), Err(CodecError::Damaged(_))));
    }

    #[test]
    fn a_length_beyond_the_end_takes_no_memory() {
        let mut stored = vec![1];
        stored.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(decode(&stored).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            for version in 1..=VERSION {
                let mut stored = vec![version];
                stored.extend(&tail);
                drop(decode(&stored));
            }
        }
    }
}
