//! Paths and addresses (RFC 5321 §4.1.2, RFC 6531 §3.3).

use crate::bounds::{DOMAIN_BYTES_MAX, LOCAL_PART_BYTES_MAX, PATH_BYTES_MAX};

/// An address: local part as written, domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) text: String,
    at: usize,
}

impl Address {
    /// Reads what was between the brackets; a source route before it is dropped
    /// (RFC 5321 §4.1.1.3). Characters beyond ASCII are taken; the caller asks for
    /// [`is_ascii`](Self::is_ascii) where SMTPUTF8 was not declared.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let route_end = path.starts_with('@').then(|| path.find(':')).flatten();
        let path = route_end.map_or(path, |end| &path[end + 1..]);
        let at = path
            .rfind('@')
            .filter(|_| path.len() + 2 <= PATH_BYTES_MAX)?;
        let (local_part, domain) = (&path[..at], &path[at + 1..]);
        if !is_local_part(local_part) || !is_domain(domain) {
            return None;
        }
        let mut text = path.to_owned();
        if domain.is_ascii() {
            text[at..].make_ascii_lowercase();
        } else {
            text.replace_range(at + 1.., &domain.to_lowercase());
        }
        Some(Self { text, at })
    }

    /// The bare `<postmaster>`, as written (RFC 5321 §4.1.1.3).
    pub(crate) fn postmaster(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            at: text.len(),
        }
    }

    pub(crate) fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// Empty for the bare `<postmaster>`.
    pub(crate) fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }
}

/// What is between the angle brackets, and what follows them.
pub(super) fn path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (given, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest
        .strip_prefix('<')
        .filter(|_| given.eq_ignore_ascii_case(keyword))?;
    let end = closing_bracket(rest)?;
    let (path, rest) = (&rest[..end], &rest[end + 1..]);
    (rest.is_empty() || rest.starts_with(' ')).then_some((path, rest))
}

/// Where the path ends: the first `>` outside a quoted local part.
fn closing_bracket(text: &str) -> Option<usize> {
    if !text.contains('"') {
        return text.find('>');
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// A byte that is part of a character beyond ASCII; the line is known to be UTF-8.
fn is_beyond_ascii(byte: u8) -> bool {
    byte >= 0x80
}

fn is_local_part(text: &str) -> bool {
    let is_quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
    let is_atom_text = |byte: u8| {
        is_beyond_ascii(byte) || byte.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(&byte)
    };
    let is_well_formed = if is_quoted {
        text.bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic() || is_beyond_ascii(byte))
    } else {
        text.bytes().all(is_atom_text) && text.split('.').all(|atom| !atom.is_empty())
    };
    is_well_formed && text.len() <= LOCAL_PART_BYTES_MAX
}

fn is_domain(text: &str) -> bool {
    if text.len() > DOMAIN_BYTES_MAX {
        return false;
    }
    if let Some(literal) = text.strip_prefix('[') {
        let is_literal = |byte: u8| byte.is_ascii_alphanumeric() || b".:-".contains(&byte);
        return literal
            .strip_suffix(']')
            .is_some_and(|inner| inner.bytes().all(is_literal));
    }
    let is_label = |label: &str| {
        let is_letter =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || is_beyond_ascii(byte);
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(is_letter)
    };
    text.split('.').all(is_label)
}
