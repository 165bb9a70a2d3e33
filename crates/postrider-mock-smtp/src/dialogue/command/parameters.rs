//! The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531),
//! AUTH (RFC 4954), RET, ENVID, NOTIFY and ORCPT (RFC 3461).
//!
//! Each is read and checked in full, and may be given once. Of the notifications only their being
//! there is kept: the mock sends none.

use crate::bounds::{ENVID_BYTES_MAX, ORCPT_BYTES_MAX};
use crate::dialogue::command::Address;
use crate::dialogue::reply::{self, Reply};
use crate::profile::Keyword;

/// What a client declares about a message before it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MailParameters {
    /// `SIZE=`, in bytes.
    pub(crate) size: Option<u64>,
    /// Whether `BODY=` was given.
    pub(crate) has_body: bool,
    /// Whether addresses and header fields may go beyond ASCII.
    pub(crate) is_utf8: bool,
    /// Whether `AUTH=` names a submitter.
    pub(crate) has_auth: bool,
    /// Whether `RET=` or `ENVID=` was given.
    pub(crate) has_dsn: bool,
}

/// What a client declares about a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RcptParameters {
    /// Whether `NOTIFY=` or `ORCPT=` was given.
    pub(crate) has_dsn: bool,
}

impl MailParameters {
    /// Reads what follows the path.
    pub(super) fn parse(text: &str) -> Result<Self, Reply> {
        let mut read = Self::default();
        each(text, |name, value| {
            match (name, value) {
                ("SIZE", Some(size)) => read.size = Some(number(size)?),
                ("BODY", Some(kind)) if is_body_type(kind) => read.has_body = true,
                ("SMTPUTF8", None) => read.is_utf8 = true,
                ("AUTH", Some(submitter)) => read.has_auth = submitter_is_named(submitter)?,
                ("RET", Some(wanted)) => read.has_dsn = is_one_of(wanted, &["FULL", "HDRS"])?,
                ("ENVID", Some(id)) => read.has_dsn = is_envelope_id(id)?,
                _ => return Err(reply::BAD_PARAMETER),
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// The extensions that must have been offered for this; AUTH is not among the keywords.
    pub(crate) fn needs(self) -> impl Iterator<Item = Keyword> {
        [
            (self.size.is_some(), Keyword::Size),
            (self.has_body, Keyword::EightBitMime),
            (self.is_utf8, Keyword::SmtpUtf8),
            (self.has_dsn, Keyword::Dsn),
        ]
        .into_iter()
        .filter_map(|(is_used, keyword)| is_used.then_some(keyword))
    }
}

impl RcptParameters {
    /// Reads what follows the path.
    pub(super) fn parse(text: &str) -> Result<Self, Reply> {
        let mut read = Self::default();
        each(text, |name, value| {
            match (name, value) {
                ("NOTIFY", Some(events)) => read.has_dsn = is_notify(events)?,
                ("ORCPT", Some(original)) => read.has_dsn = is_original_recipient(original)?,
                _ => return Err(reply::BAD_PARAMETER),
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// Hands over each parameter, its name in upper case; the second of a name is refused.
fn each(
    text: &str,
    mut take: impl FnMut(&str, Option<&str>) -> Result<(), Reply>,
) -> Result<(), Reply> {
    let mut seen: Vec<String> = Vec::new();
    for parameter in text.split_ascii_whitespace() {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        let name = name.to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(reply::BAD_ARGUMENT);
        }
        take(&name, value)?;
        seen.push(name);
    }
    Ok(())
}

/// At most twenty digits (RFC 1870 §4), and nothing else.
fn number(text: &str) -> Result<u64, Reply> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.ok_or(reply::BAD_ARGUMENT)
}

fn is_body_type(value: &str) -> bool {
    value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME")
}

/// True, or a refusal: the value of a parameter that was given is never false.
fn is_one_of(value: &str, known: &[&str]) -> Result<bool, Reply> {
    let is_known = known.iter().any(|known| value.eq_ignore_ascii_case(known));
    is_known.then_some(true).ok_or(reply::BAD_ARGUMENT)
}

/// `<>` or an address as xtext (RFC 4954 §5).
fn submitter_is_named(value: &str) -> Result<bool, Reply> {
    let text = xtext(value).ok_or(reply::BAD_ARGUMENT)?;
    let is_submitter = text == "<>" || Address::parse(&text).is_some();
    is_submitter.then_some(true).ok_or(reply::BAD_ARGUMENT)
}

fn is_envelope_id(value: &str) -> Result<bool, Reply> {
    let is_id = !value.is_empty() && value.len() <= ENVID_BYTES_MAX && xtext(value).is_some();
    is_id.then_some(true).ok_or(reply::BAD_ARGUMENT)
}

/// `NEVER` alone, or any of the others (RFC 3461 §4.1).
fn is_notify(value: &str) -> Result<bool, Reply> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(true);
    }
    let mut events = value.split(',');
    events.try_fold(true, |_, event| {
        is_one_of(event, &["SUCCESS", "FAILURE", "DELAY"])
    })
}

/// `rfc822;` or another type, and the address as xtext (RFC 3461 §4.2).
fn is_original_recipient(value: &str) -> Result<bool, Reply> {
    let is_known = value.split_once(';').is_some_and(|(kind, address)| {
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !kind.is_empty() && kind.bytes().all(is_atom) && xtext(address).is_some()
    });
    let is_original = is_known && value.len() <= ORCPT_BYTES_MAX;
    is_original.then_some(true).ok_or(reply::BAD_ARGUMENT)
}

/// Decodes xtext: `+` and two hexadecimal digits in upper case stand for a byte
/// (RFC 3461 §4). Characters beyond ASCII come as UTF-8 (RFC 6533 §3).
pub(super) fn xtext(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => {
                let digits = [bytes.next()?, bytes.next()?];
                let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
                let digits = Some(digits).filter(|digits| digits.iter().all(is_digit))?;
                out.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            b'=' => return None,
            byte if byte.is_ascii_graphic() || byte >= 0x80 => out.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(out).ok()
}
