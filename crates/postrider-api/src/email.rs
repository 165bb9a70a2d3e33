//! Emails: put once, and known by an id made of their content.

use bytes::Bytes;
use postrider_types::EmailId;
use serde::{Deserialize, Serialize};

/// An email as it is put: the JSON part `email` of `POST /v1/emails`.
///
/// Addresses are text here, because a wrong one is a problem of the email, reported with all
/// others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    /// Who it is from: `news@example.test` or `News <news@example.test>`.
    pub from: String,
    /// Where answers go, when not to `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// The subject: a template.
    pub subject: String,
    /// The HTML body: a template whose variables are escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The plain text body: a template. An email needs at least one body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Extra header fields, in this order; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<NewHeader>,
    /// The list that the email belongs to: `weekly.news.example.test` or
    /// `Weekly news <weekly.news.example.test>` (List-Id, RFC 2919).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_id: Option<String>,
    /// How a recipient leaves the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
    /// Up to three ids and a sender id of 5 to 15 characters, parted by colons (Feedback-ID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_id: Option<String>,
}

/// How a recipient leaves the list (List-Unsubscribe, RFC 2369 and RFC 8058).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    /// An https address: a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// An address to write to, such as `leave@example.test?subject=stop`: a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailto: Option<String>,
    /// Whether one POST to `url` ends the subscription without any question; unless said
    /// otherwise, it does where there is a url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_one_click: Option<bool>,
}

/// An extra header field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHeader {
    /// The field's name.
    pub name: String,
    /// The field's value: a template.
    pub value: String,
}

/// A file that travels with the email: one part `attachment` of `POST /v1/emails`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// The file name that the recipient sees; at most 255 bytes.
    pub filename: String,
    /// The media type, such as `application/pdf`; at most 255 bytes.
    pub content_type: String,
    /// The bytes.
    pub content: Bytes,
}

/// The answer to putting an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutEmail {
    /// The id of its content.
    #[serde(with = "crate::text")]
    pub id: EmailId,
    /// False when the same content was there already.
    pub is_new: bool,
}

/// An email as it is known: what it says of itself, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The id of its content.
    #[serde(with = "crate::text")]
    pub id: EmailId,
    /// Who it is from.
    pub from: String,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<String>,
    /// The subject: a template.
    pub subject: String,
    /// Bytes of the HTML body before rendering; 0 when there is none.
    pub html_bytes: u64,
    /// Bytes of the text body before rendering; 0 when there is none.
    pub text_bytes: u64,
    /// Extra header fields.
    pub headers: Vec<NewHeader>,
    /// The list that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_id: Option<String>,
    /// How a recipient leaves the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
    /// What receivers count complaints by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback_id: Option<String>,
    /// Its attachments, without their content.
    pub attachments: Vec<Attachment>,
    /// Bytes of content in all: what the size limit bounds.
    pub content_bytes: u64,
}

/// An attachment without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name that the recipient sees.
    pub filename: String,
    /// The media type.
    pub content_type: String,
    /// How many bytes it has.
    pub bytes: u64,
}
