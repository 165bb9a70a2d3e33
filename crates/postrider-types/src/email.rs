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
    /// The list that the email belongs to, as `weekly.news.example.test` or
    /// `Weekly news <weekly.news.example.test>` (RFC 2919); not a template.
    pub list_id: Option<String>,
    /// How a recipient leaves the list.
    pub unsubscribe: Option<Unsubscribe>,
    /// The field Feedback-ID: up to three ids and a sender id, parted by colons; not a template,
    /// because receivers count by it and recipients must not differ.
    pub feedback_id: Option<String>,
}

/// How a recipient leaves the list without reading the message (RFC 2369, RFC 8058).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// An https address: a template, not escaped.
    pub url: Option<String>,
    /// An address to write to, with or without `?subject=…`: a template, not escaped.
    pub mailto: Option<String>,
    /// Whether one POST to `url`, without any question, ends the subscription (RFC 8058).
    pub is_one_click: bool,
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
            list_id: None,
            unsubscribe: None,
            feedback_id: None,
        }
    }

    /// Bytes of content: subject, bodies, headers and attachments. What the size limit bounds.
    pub fn content_bytes(&self) -> usize {
        let links = self.unsubscribe.as_ref();
        let [url, mailto] = [
            links.and_then(|links| links.url.as_ref()),
            links.and_then(|links| links.mailto.as_ref()),
        ];
        let texts = [
            Some(&self.subject),
            self.html.as_ref(),
            self.text.as_ref(),
            self.list_id.as_ref(),
            self.feedback_id.as_ref(),
            url,
            mailto,
        ];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
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
        texts + headers + attachments
    }
}
