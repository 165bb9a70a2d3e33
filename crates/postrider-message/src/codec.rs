//! The stored form of an email: one version byte, then postcard.
//!
//! An [`EmailId`](postrider_types::EmailId) is the hash of these bytes, so the form of a version
//! never changes: another form is another version, and the old one stays readable.

use postrider_types::Email;

/// The version that is written.
const VERSION: u8 = 1;

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
    let mut bytes = Vec::with_capacity(email.content_bytes() + 1024);
    bytes.push(VERSION);
    postcard::to_extend(email, bytes).expect("a Vec takes whatever is written")
}

/// The email behind its stored form.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] did not write. Lengths are checked against the
/// bytes that are there before memory is taken for them.
pub fn decode(bytes: &[u8]) -> Result<Email, CodecError> {
    let (&version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let (email, trailing) = postcard::take_from_bytes(rest).map_err(CodecError::Damaged)?;
    match trailing.len() {
        0 => Ok(email),
        count => Err(CodecError::Trailing(count)),
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
        }
    }

    #[test]
    fn an_email_reads_back_as_it_was_written() {
        let stored = encode(&email());
        assert_eq!(decode(&stored).unwrap(), email());
    }

    #[test]
    fn the_stored_form_and_so_the_id_never_changes() {
        let id = EmailId::of(&encode(&email()));
        assert_eq!(
            id.to_string(),
            "eml_4af06c0171cd008d56b3aec4036b94476750e08534f186ab54d746454842fd67"
        );
    }

    #[test]
    fn what_is_not_an_email_is_refused_with_its_reason() {
        assert!(matches!(decode(&[]), Err(CodecError::Empty)));
        assert!(matches!(decode(&[9, 1]), Err(CodecError::Version(9))));
        let mut stored = encode(&email());
        stored.push(0);
        assert!(matches!(decode(&stored), Err(CodecError::Trailing(1))));
        stored.truncate(stored.len() / 2);
        assert!(matches!(decode(&stored), Err(CodecError::Damaged(_))));
    }

    #[test]
    fn a_length_beyond_the_end_takes_no_memory() {
        let mut stored = vec![VERSION];
        stored.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(decode(&stored).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut stored = vec![VERSION];
            stored.extend(tail);
            drop(decode(&stored));
        }
    }
}
