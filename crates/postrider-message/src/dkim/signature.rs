//! The field DKIM-Signature (RFC 6376 §3.5).

use aws_lc_rs::digest::{Context, SHA256};
use encodify::{Fold, base64};
use postrider_types::Timestamp;

use super::Identity;
use super::canonical::{self, BodyHash};
use crate::RenderError;
use crate::bounds::FOLDED_BYTES_MAX;

/// The fields that are signed when they are there (RFC 6376 §5.4.1, RFC 8058 §4), as they are
/// named in `h=`. Not among them: what servers add or change on the way.
const SIGNED: &[&str] = &[
    "From",
    "Reply-To",
    "Subject",
    "Date",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Feedback-ID",
];

/// The fields that are signed once more than they are there, so that none can be added: those of
/// which people or their readers believe the one that they see (RFC 6376 §8.15).
const OVERSIGNED: &[&str] = &["From", "Reply-To", "Subject", "Date", "To", "Cc"];

/// The fields for which this holds when they are there: a second one would say how to read the
/// signed body, or where to unsubscribe. One that is not there may be added by a server of ours.
const OVERSIGNED_IF_PRESENT: &[&str] = &[
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Writes the signature of each identity over a whole header, without the empty line behind it,
/// and over a body. The fields go on top of the header.
///
/// # Errors
/// [`RenderError::Signing`] when a key does not sign.
pub(crate) fn write_signatures(
    identities: &[Identity],
    header: &[u8],
    body: &BodyHash,
    signed_at: Timestamp,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    let signed = Signed::new(header);
    let mut relaxed = Vec::new();
    for identity in identities {
        let start = out.len();
        write_unsigned(identity, &signed.names, body, signed_at, out);
        relaxed.clear();
        canonical::write_field(&out[start..], &mut relaxed);
        let relaxed = relaxed.strip_suffix(b"\r\n").unwrap_or(&relaxed);

        let mut context = Context::new(&SHA256);
        context.update(&signed.relaxed);
        context.update(relaxed);
        let signature = identity.key().sign(&context.finish());
        let signature = signature.map_err(|_| RenderError::Signing {
            selector: identity.selector().clone(),
        })?;
        let mut column = "\tb=".len();
        base64::STANDARD.encode_folded_append(signature, out, &mut column, Fold::DKIM);
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

/// What all signatures of a message cover.
struct Signed {
    /// The value of `h=`.
    names: Vec<&'static str>,
    /// The fields in that order, in relaxed form.
    relaxed: Vec<u8>,
}

impl Signed {
    fn new(header: &[u8]) -> Self {
        let fields: Vec<_> = Fields(header).collect();
        let mut names = Vec::with_capacity(2 * SIGNED.len());
        let mut relaxed = Vec::with_capacity(header.len());
        for name in SIGNED {
            // The last of several is the first that a receiver takes (RFC 6376 §5.4.2).
            for field in fields.iter().rev().filter(|field| is_named(field, name)) {
                names.push(*name);
                canonical::write_field(field, &mut relaxed);
            }
        }
        let is_there = |name: &&&str| names.contains(*name);
        let present: Vec<_> = OVERSIGNED_IF_PRESENT.iter().filter(is_there).collect();
        names.extend(OVERSIGNED.iter().chain(present));
        Self { names, relaxed }
    }
}

/// The fields of a header, each with its folded lines and its last CRLF.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let is_folded = |end: usize| matches!(self.0.get(end + 1), Some(b' ' | b'\t'));
        let end = memchr::memchr_iter(b'\n', self.0).find(|&end| !is_folded(end));
        let (field, rest) = self.0.split_at(end.map_or(self.0.len(), |end| end + 1));
        self.0 = rest;
        Some(field)
    }
}

fn is_named(field: &[u8], name: &str) -> bool {
    field
        .split_at_checked(name.len())
        .is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":")
        })
}

/// The field up to `b=`, which is how it is hashed (RFC 6376 §3.7).
fn write_unsigned(
    identity: &Identity,
    names: &[&str],
    body: &BodyHash,
    signed_at: Timestamp,
    out: &mut Vec<u8>,
) {
    let algorithm = identity.key().algorithm();
    let (domain, selector) = (identity.domain(), identity.selector());
    let seconds = signed_at.as_micros().div_euclid(1_000_000);
    let start = format!(
        "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; t={seconds};\r\n\
         \td={domain};\r\n\
         \ts={selector};\r\n\
         \th="
    );
    out.extend_from_slice(start.as_bytes());
    let mut column = "\th=".len();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(b':');
            column += 1;
        }
        if column + name.len() + 1 > FOLDED_BYTES_MAX {
            out.extend_from_slice(b"\r\n\t");
            column = 1;
        }
        out.extend_from_slice(name.as_bytes());
        column += name.len();
    }
    out.extend_from_slice(b";\r\n\tbh=");
    base64::STANDARD.encode_append(body, out);
    out.extend_from_slice(b";\r\n\tb=");
}
