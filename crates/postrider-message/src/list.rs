//! What bulk mail says of itself: List-Id (RFC 2919), List-Unsubscribe (RFC 2369) with its one
//! click (RFC 8058), and Feedback-ID.
//!
//! List-Id and Feedback-ID are what receivers count by, so both are fixed text: a recipient in
//! them would make every message a list of its own. The links are templates, because they must
//! say who leaves, and their rendered form is held to the characters of a URI: nothing in it can
//! end the angle brackets, the header line or the header.

use postrider_types::{Address, Email, Unsubscribe};

use crate::bounds::{
    DISPLAY_NAME_BYTES_MAX, FEEDBACK_ID_BYTES_MAX, LINK_BYTES_MAX, LIST_ID_BYTES_MAX,
};
use crate::header::has_control;
use crate::template::{Content, Slot};
use crate::{Field, Problem, RenderError, header};

/// Ids of a Feedback-ID before the sender's.
const FEEDBACK_IDS_MAX: usize = 3;

/// How long the sender's id in a Feedback-ID is, in bytes.
const SENDER_ID_BYTES: std::ops::RangeInclusive<usize> = 5..=15;

/// What the url begins with.
const SCHEME: &str = "https://";

const URL: &str = "an https address of at most 890 printable characters; \
                   `|urlencode` makes any variable fit";
const MAILTO: &str = "an address to write to, such as leave@example.test or \
                      leave@example.test?subject=stop; `|urlencode` makes any variable fit";

/// The extra header fields that `email` may not have, because its own fields give them, each with
/// the name of the field that does.
pub(crate) fn names_given(email: &Email) -> impl Iterator<Item = (&'static str, Field)> {
    let unsubscribe = email.unsubscribe.as_ref().map(|_| Field::Unsubscribe);
    [
        ("list-id", email.list_id.as_ref().map(|_| Field::ListId)),
        ("list-unsubscribe", unsubscribe),
        ("list-unsubscribe-post", unsubscribe),
        (
            "feedback-id",
            email.feedback_id.as_ref().map(|_| Field::FeedbackId),
        ),
    ]
    .into_iter()
    .filter_map(|(name, field)| Some((name, field?)))
}

/// Everything that is wrong with these fields, apart from templates that do not compile.
pub(crate) fn check(email: &Email, problems: &mut Vec<Problem>) {
    let mut push = |field, code, detail: String| problems.push(Problem::new(field, code, detail));
    if let Some(text) = &email.list_id
        && ListId::parse(text).is_none()
    {
        let detail = format!(
            "{text:?} is not the id of a list, such as weekly.news.example.test or \
             Weekly news <weekly.news.example.test>"
        );
        push(Field::ListId, "list_id_invalid", detail);
    }
    if let Some(text) = &email.feedback_id
        && !is_feedback_id(text)
    {
        let detail = format!(
            "{text:?} is not a feedback id: up to {FEEDBACK_IDS_MAX} ids and a sender id of {} to \
             {} characters, parted by colons, of letters, digits, '.', '_' and '-', without \
             variables",
            SENDER_ID_BYTES.start(),
            SENDER_ID_BYTES.end()
        );
        push(Field::FeedbackId, "feedback_id_invalid", detail);
    }
    let Some(unsubscribe) = &email.unsubscribe else {
        return;
    };
    if unsubscribe.url.is_none() && unsubscribe.mailto.is_none() {
        let detail = "it needs a url or a mailto";
        push(Field::Unsubscribe, "unsubscribe_empty", detail.to_owned());
    }
    if unsubscribe.is_one_click && unsubscribe.url.is_none() {
        let detail = "one click needs a url to be sent to (RFC 8058)";
        push(
            Field::UnsubscribeOneClick,
            "one_click_without_url",
            detail.to_owned(),
        );
    }
    // A url without variables is tried as it is.
    if let Some(url) = &unsubscribe.url
        && url.contains('{')
        && !url.starts_with('{')
        && !url.starts_with(SCHEME)
    {
        let detail = format!("the value is not {URL}");
        push(Field::UnsubscribeUrl, "link_invalid", detail);
    }
}

/// Writes the fields that are the same for everyone. Both were checked.
pub(crate) fn write_ids(email: &Email, out: &mut Vec<u8>) {
    if let Some(list) = email.list_id.as_deref().and_then(ListId::parse) {
        header::write_named("List-Id", list.phrase.as_deref(), list.id, out);
    }
    if let Some(feedback_id) = &email.feedback_id {
        header::write_text("Feedback-ID", feedback_id, out);
    }
}

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
        header::write_text("List-Unsubscribe", &links.join(", "), out);
        if self.is_one_click {
            out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
        }
        Ok(())
    }
}

/// A list as its field says it.
struct ListId<'a> {
    /// What people read.
    phrase: Option<String>,
    id: &'a str,
}

impl<'a> ListId<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_matches(' ');
        let (phrase, id) = match text.strip_suffix('>') {
            Some(inner) => inner.rsplit_once('<')?,
            None => ("", text),
        };
        let phrase = phrase.trim_matches(' ');
        let phrase = match phrase.strip_prefix('"').and_then(|p| p.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\\\"", "\""),
            None => phrase.to_owned(),
        };
        let is_fit = !has_control(&phrase)
            && phrase.len() <= DISPLAY_NAME_BYTES_MAX
            && id.len() <= LIST_ID_BYTES_MAX
            && id.contains('.')
            && id.split('.').all(is_label);
        is_fit.then(|| Self {
            phrase: Some(phrase).filter(|phrase| !phrase.is_empty()),
            id,
        })
    }
}

/// Whether `text` is `a:b:c:SenderId`, where the ids before the sender's may be empty or missing.
fn is_feedback_id(text: &str) -> bool {
    let mut ids = text.rsplit(':');
    let sender = ids.next().unwrap_or_default();
    text.len() <= FEEDBACK_ID_BYTES_MAX
        && is_id(sender)
        && SENDER_ID_BYTES.contains(&sender.len())
        && ids.clone().count() <= FEEDBACK_IDS_MAX
        && ids.all(is_id)
}

/// Whether `text` is an https URL with a host and nothing that a header could stumble over.
fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an @ there is no host, and only deceives people.
    text.len() <= LINK_BYTES_MAX
        && is_uri(rest)
        && !authority.is_empty()
        && !authority.contains('@')
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

/// Whether all characters may stand in a URI (RFC 3986 §2), with every % before two digits.
fn is_uri(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    text.bytes().all(is_allowed) && decoded(text).is_some()
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

fn is_label(label: &str) -> bool {
    !label.is_empty() && is_id(label)
}

fn is_id(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
