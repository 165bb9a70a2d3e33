//! The stored content of an email, before it is rendered for anyone.
//!
//! Subject, bodies and extra header values are templates; whether they compile is checked where
//! templates are known, in `postrider-message`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::Mailbox;

/// One email, put once and then immutable; known by its [`EmailId`](crate::EmailId).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Who it is from; also the reverse path of the envelope.
    pub from: Mailbox,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<Mailbox>,
    /// The subject: a template, not escaped.
    pub subject: String,
    /// The HTML body: a template whose variables are escaped for HTML.
    pub html: Option<String>,
    /// The plain text body: a template, not escaped.
    pub text: Option<String>,
    /// Extra header fields, in this order; at most 50.
    pub headers: Vec<Header>,
    /// Attachments, in this order; at most 50.
    pub attachments: Vec<Attachment>,
}

/// An extra header field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The field's name (RFC 5322 §3.6.8).
    pub name: String,
    /// The field's value: a template, not escaped; line breaks in the result are an error.
    pub value: String,
}

/// A file that travels with the email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name that the recipient sees.
    pub filename: String,
    /// The media type, such as `application/pdf`.
    pub content_type: String,
    /// The bytes.
    pub content: Bytes,
}

impl Email {
    /// An email with a subject and an HTML body, and nothing else.
    pub fn html(from: Mailbox, subject: &str, html: &str) -> Self {
        Self {
            from,
            reply_to: None,
            subject: subject.to_owned(),
            html: Some(html.to_owned()),
            text: None,
            headers: Vec::new(),
            attachments: Vec::new(),
        }
    }

    /// Bytes of content: subject, bodies, headers and attachments. What the size limit bounds.
    pub fn content_bytes(&self) -> usize {
        let bodies = [&self.html, &self.text]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum::<usize>();
        let headers = self
            .headers
            .iter()
            .map(|h| h.name.len() + h.value.len())
            .sum::<usize>();
        let attachments = self
            .attachments
            .iter()
            .map(|a| a.content.len())
            .sum::<usize>();
        self.subject.len() + bodies + headers + attachments
    }
}
