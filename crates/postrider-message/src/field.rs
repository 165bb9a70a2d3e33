//! The parts of an email by the names that its author knows them by.

use std::fmt;

use serde::{Serialize, Serializer};

/// A part of an email that can be wrong. Prints as in the API: `headers[0].value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The email as a whole.
    Email,
    /// The sender.
    From,
    /// Where answers go.
    ReplyTo,
    /// The recipient's address.
    To,
    /// The subject.
    Subject,
    /// The HTML body.
    Html,
    /// The plain text body.
    Text,
    /// All extra header fields.
    Headers,
    /// The name of the extra header field with this index.
    HeaderName(usize),
    /// The value of the extra header field with this index.
    HeaderValue(usize),
    /// All attachments.
    Attachments,
    /// The file name of the attachment with this index.
    Filename(usize),
    /// The media type of the attachment with this index.
    ContentType(usize),
    /// The list that the email belongs to.
    ListId,
    /// How a recipient leaves the list, as a whole.
    Unsubscribe,
    /// The address that a recipient opens to leave the list.
    UnsubscribeUrl,
    /// The address that a recipient writes to to leave the list.
    UnsubscribeMailto,
    /// Whether one click is enough to leave the list.
    UnsubscribeOneClick,
    /// What receivers count complaints by.
    FeedbackId,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => f.write_str("email"),
            Self::From => f.write_str("from"),
            Self::ReplyTo => f.write_str("reply_to"),
            Self::To => f.write_str("to"),
            Self::Subject => f.write_str("subject"),
            Self::Html => f.write_str("html"),
            Self::Text => f.write_str("text"),
            Self::Headers => f.write_str("headers"),
            Self::HeaderName(index) => write!(f, "headers[{index}].name"),
            Self::HeaderValue(index) => write!(f, "headers[{index}].value"),
            Self::Attachments => f.write_str("attachments"),
            Self::Filename(index) => write!(f, "attachments[{index}].filename"),
            Self::ContentType(index) => write!(f, "attachments[{index}].content_type"),
            Self::ListId => f.write_str("list_id"),
            Self::Unsubscribe => f.write_str("unsubscribe"),
            Self::UnsubscribeUrl => f.write_str("unsubscribe.url"),
            Self::UnsubscribeMailto => f.write_str("unsubscribe.mailto"),
            Self::UnsubscribeOneClick => f.write_str("unsubscribe.is_one_click"),
            Self::FeedbackId => f.write_str("feedback_id"),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
