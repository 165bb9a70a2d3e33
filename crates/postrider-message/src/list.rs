//! What bulk mail says of itself: List-Id (RFC 2919), List-Unsubscribe (RFC 2369) with its one
//! click (RFC 8058), and Feedback-ID.
//!
//! List-Id and Feedback-ID are what receivers count by, so both are fixed text: a recipient in
//! them would make every message a list of its own. The links are templates, because they must
//! say who leaves (`links`).

mod links;

use postrider_types::Email;

use crate::bounds::{DISPLAY_NAME_BYTES_MAX, FEEDBACK_ID_BYTES_MAX, LIST_ID_BYTES_MAX};
use crate::header::has_control;
use crate::{Field, Problem, header};

pub(crate) use links::{Links, not_a_link};
use links::{SCHEME, URL};

/// Ids of a Feedback-ID before the sender's.
const FEEDBACK_IDS_MAX: usize = 3;

/// How long the sender's id in a Feedback-ID is, in bytes.
const SENDER_ID_BYTES: std::ops::RangeInclusive<usize> = 5..=15;

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
        problems.push(not_a_link(Field::UnsubscribeUrl, URL));
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

fn is_label(label: &str) -> bool {
    !label.is_empty() && is_id(label)
}

fn is_id(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
