//! Messages as Python's `email` package reads them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};

use super::asking::ask;
use super::python;

/// One message, taken apart and decoded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ParsedMessage {
    /// Name and decoded, unfolded value of each header field, in order.
    pub headers: Vec<(String, String)>,
    /// The content type of each part, multiparts included, outermost first.
    pub structure: Vec<String>,
    /// The parts that hold content, in order.
    pub parts: Vec<ParsedPart>,
    /// What the parser had to forgive; empty for a well-formed message.
    pub defects: Vec<String>,
}

/// One part with content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ParsedPart {
    /// Type and subtype, lower case.
    pub content_type: String,
    /// Lower case, when the part names one.
    pub charset: Option<String>,
    /// The decoded file name, when the part has one.
    pub filename: Option<String>,
    /// `inline` or `attachment`, when the part says so.
    pub disposition: Option<String>,
    /// The bytes without their transfer encoding, nothing else changed: lines end in CRLF.
    #[serde(rename = "content_base64", deserialize_with = "base64_bytes")]
    pub content: Vec<u8>,
}

impl ParsedMessage {
    /// The value of the only header field of that name; more than one is a failure.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let first = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "more than one {name} in {:?}",
            self.headers
        );
        first
    }

    /// The first part of that content type.
    pub fn part(&self, content_type: &str) -> Option<&ParsedPart> {
        self.parts
            .iter()
            .find(|part| part.content_type == content_type)
    }
}

/// Parses messages in one run of Python; the answers are in the order of the questions.
pub async fn parse_messages<M: AsRef<[u8]>>(messages: &[M]) -> Vec<ParsedMessage> {
    ask(python("parse_message.py"), messages).await
}

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD
        .decode(text)
        .map_err(serde::de::Error::custom)
}
