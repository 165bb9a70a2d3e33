//! The links by which a recipient leaves a list: List-Unsubscribe, and List-Unsubscribe-Post for one
//! click.
//!
//! The rendered form of a link is held to the characters of a URI: nothing in it can end the angle
//! brackets, the header line or the header, or be decoded as an encoded word. It is written as it
//! is, for a link in encoded words is none.

use std::net::{Ipv4Addr, Ipv6Addr};

use postrider_types::{Address, Domain, Unsubscribe};

use crate::bounds::LINK_BYTES_MAX;
use crate::template::{Content, Slot};
use crate::{Field, Problem, RenderError, header};

/// What the url begins with.
pub(super) const SCHEME: &str = "https://";

pub(super) const URL: &str = "an https address of at most 890 printable characters; \
                   `|urlencode` makes any variable fit";
const MAILTO: &str = "an address to write to, such as leave@example.test or \
                      leave@example.test?subject=stop; `|urlencode` makes any variable fit";

/// The field List-Unsubscribe, and List-Unsubscribe-Post behind it.
pub(crate) struct Links {
    url: Option<Content>,
    mailto: Option<Content>,
    is_one_click: bool,
}

impl Links {
    /// The links of `unsubscribe`, each as `compile` gives it.
    pub(crate) fn new(
        unsubscribe: &Unsubscribe,
        mut compile: impl FnMut(Field, &str) -> Option<Content>,
    ) -> Self {
        let mut link = |field, source: &Option<String>| compile(field, source.as_deref()?);
        Self {
            url: link(Field::UnsubscribeUrl, &unsubscribe.url),
            mailto: link(Field::UnsubscribeMailto, &unsubscribe.mailto),
            is_one_click: unsubscribe.is_one_click,
        }
    }

    /// Whether they are the same for everyone.
    pub(crate) fn is_fixed(&self) -> bool {
        let links = [&self.url, &self.mailto];
        links
            .into_iter()
            .all(|link| !matches!(link, Some(Content::Rendered(_))))
    }

    /// What is wrong with the own text of a template that is rendered, as `own_text` gives it: a
    /// blank or a line break in it would fail every recipient.
    pub(crate) fn foreign(
        &self,
        mut own_text: impl FnMut(&Slot) -> Option<String>,
    ) -> Option<Problem> {
        let links = [
            (&self.url, Field::UnsubscribeUrl, URL),
            (&self.mailto, Field::UnsubscribeMailto, MAILTO),
        ];
        links.into_iter().find_map(|(content, field, expected)| {
            let Some(Content::Rendered(slot)) = content else {
                return None;
            };
            let is_fit = own_text(slot)?.bytes().all(is_of_uri);
            (!is_fit).then(|| not_a_link(field, expected))
        })
    }

    /// Writes the fields, with each template as `render` makes it.
    ///
    /// # Errors
    /// [`RenderError::Link`] when what was rendered is not a link; nothing of it is written.
    pub(crate) fn write(
        &self,
        render: impl Fn(&Slot) -> Result<String, RenderError>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        let text = |content: &Content| match content {
            Content::Fixed(text) => Ok(text.clone()),
            Content::Rendered(slot) => render(slot),
        };
        let mut links = Vec::with_capacity(2);
        if let Some(content) = &self.url {
            let url = text(content)?;
            let field = Field::UnsubscribeUrl;
            let expected = URL;
            if !is_url(&url) {
                return Err(RenderError::Link { field, expected });
            }
            links.push(format!("<{url}>"));
        }
        if let Some(content) = &self.mailto {
            let mailto = text(content)?;
            let field = Field::UnsubscribeMailto;
            let expected = MAILTO;
            if !is_mailto(&mailto) {
                return Err(RenderError::Link { field, expected });
            }
            links.push(format!("<mailto:{mailto}>"));
        }
        header::write_structured("List-Unsubscribe", &links.join(", "), out);
        if self.is_one_click {
            out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
        Ok(())
    }
}

/// What to say of a value that is not the link that is expected.
pub(crate) fn not_a_link(field: Field, expected: &str) -> Problem {
    let detail = format!("the value is not {expected}");
    Problem::new(field, "link_invalid", detail)
}

/// Whether `text` is an https URL with a host and nothing that a header could stumble over.
fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    text.len() <= LINK_BYTES_MAX && is_uri(rest) && is_authority(authority)
}

/// Whether `text` is a host, perhaps with a port. A user before it would only deceive people.
fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let host = match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => text,
    };
    let is_v6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let bracketed = host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
    match bracketed {
        Some(text) => is_v6(text),
        None => host.parse::<Ipv4Addr>().is_ok() || host.parse::<Domain>().is_ok(),
    }
}

/// Whether `text` is what stands behind `mailto:` (RFC 6068 §2), for one address.
fn is_mailto(text: &str) -> bool {
    let address = text.split('?').next().unwrap_or_default();
    let is_address = |bytes: Vec<u8>| {
        let address = String::from_utf8(bytes).ok();
        let address = address.and_then(|text| text.parse::<Address>().ok());
        address.is_some_and(|address| address.as_str().is_ascii())
    };
    text.len() <= LINK_BYTES_MAX && is_uri(text) && decoded(address).is_some_and(is_address)
}

/// Whether all characters may stand in a URI (RFC 3986 §2), with every % before two digits, and no
/// reader can take a part of it for an encoded word and decode it.
fn is_uri(text: &str) -> bool {
    text.bytes().all(is_of_uri) && decoded(text).is_some() && !header::has_word(text)
}

fn is_of_uri(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

/// The bytes behind a percent-encoded text; `None` when a % has no two digits behind it.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}
