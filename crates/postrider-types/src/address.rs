//! Addresses and domains as the rest of Postrider sees them.
//!
//! Parsing is lettre's; three things are ours. The domain is kept as lower-case A-labels (IDNA),
//! because lanes, limits and servers without SMTPUTF8 know it only so. Address literals such as
//! `ada@[192.0.2.1]` are refused: a newsletter has no business there. And control characters are
//! refused everywhere, quoted or not, because an address ends up in an SMTP command.
//!
//! Nearly every address of a list is plain: letters, digits and the usual signs. Those are taken
//! after one look at their bytes, ten times as fast as IDNA and lettre come to the same result.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use crate::bounds::{DOMAIN_BYTES_MAX, LOCAL_PART_BYTES_MAX};

/// Why a text is not an address that can be mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing, or only blanks.
    #[error("the address is empty")]
    Empty,
    /// There is no `@`.
    #[error("the address has no @")]
    MissingAt,
    /// The part before the `@` breaks RFC 5321 §4.1.2, or is longer than 64 octets.
    #[error("the part before the @ is not a valid local part")]
    LocalPart,
    /// The part after the `@` is not a domain name, or is longer than 255 octets.
    #[error("the part after the @ is not a valid domain")]
    Domain,
    /// The part after the `@` is an address literal.
    #[error("the domain is an address literal, which is not mailed")]
    Literal,
    /// A control character, such as a line break.
    #[error("the address contains a control character")]
    Control,
    /// The quotes or angle brackets of `Name <address>` do not match up.
    #[error("the name or the angle brackets are not closed")]
    Mailbox,
}

impl AddressError {
    /// The stable code of this error in reports and API answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_address",
            Self::MissingAt => "missing_at_sign",
            Self::LocalPart => "invalid_local_part",
            Self::Domain => "invalid_domain",
            Self::Literal => "address_literal",
            Self::Control => "control_character",
            Self::Mailbox => "invalid_mailbox",
        }
    }
}

/// A domain name: lower-case A-labels, at most 255 octets, no trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Domain(String);

impl Domain {
    /// The name in lower-case ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if is_plain_domain(text) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Self::parse_in_full(text)
    }
}

impl Domain {
    fn parse_in_full(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('[') {
            return Err(AddressError::Literal);
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| AddressError::Domain)?;
        let has_empty_label = ascii.split('.').any(str::is_empty);
        let is_numeric = ascii
            .rsplit('.')
            .next()
            .is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if has_empty_label || is_numeric || ascii.len() > DOMAIN_BYTES_MAX {
            return Err(AddressError::Domain);
        }
        Ok(Self(ascii))
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// An address: a local part exactly as it was written, and a [`Domain`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The whole address, `local part @ domain`.
    text: String,
    /// Where the `@` stands in `text`.
    at: usize,
}

impl Address {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, as written.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`: lower-case A-labels.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The domain as a value of its own.
    pub fn to_domain(&self) -> Domain {
        Domain(self.domain().to_owned())
    }

    /// Whether a server needs SMTPUTF8 to take this address (RFC 6531 §3.1).
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }

    /// What makes two addresses the same recipient.
    pub fn key(&self) -> AddressKey {
        let local = self.local_part();
        if local.is_ascii() {
            return AddressKey(self.text.to_ascii_lowercase());
        }
        let composed: String = local.nfc().collect();
        let folded: String = composed.to_lowercase().nfc().collect();
        AddressKey(format!("{folded}@{}", self.domain()))
    }

    /// An address that a store wrote: already in the form of [`Address::as_str`], so only its
    /// `@` is looked for. Anything else must go through [`str::parse`].
    ///
    /// # Errors
    /// [`AddressError::MissingAt`] when the text cannot have been written by a store.
    pub fn from_stored(text: String) -> Result<Self, AddressError> {
        let at = text.rfind('@').ok_or(AddressError::MissingAt)?;
        Ok(Self { text, at })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches([' ', '\t']);
        if let Some((local, domain)) = text.rsplit_once('@')
            && is_plain_local_part(local)
            && is_plain_domain(domain)
        {
            let mut text = text.to_owned();
            text[local.len()..].make_ascii_lowercase();
            return Ok(Self {
                text,
                at: local.len(),
            });
        }
        Self::parse_in_full(text)
    }
}

impl Address {
    fn parse_in_full(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::MissingAt)?;
        if local.len() > LOCAL_PART_BYTES_MAX {
            return Err(AddressError::LocalPart);
        }
        let domain = Domain::parse_in_full(domain)?;
        // Combining marks are letters too once they are composed.
        let composed: String = local.nfc().collect();
        lettre::Address::new(composed, domain.as_str()).map_err(|error| match error {
            lettre::address::AddressError::InvalidDomain => AddressError::Domain,
            _ => AddressError::LocalPart,
        })?;
        Ok(Self {
            text: format!("{local}@{domain}"),
            at: local.len(),
        })
    }
}

/// Whether `local` is a dot-atom in ASCII (RFC 5322 §3.2.3) of permitted length.
fn is_plain_local_part(local: &str) -> bool {
    let is_atext =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(byte);
    let is_atom = |atom: &[u8]| !atom.is_empty() && atom.iter().all(is_atext);
    local.len() <= LOCAL_PART_BYTES_MAX && local.as_bytes().split(|byte| *byte == b'.').all(is_atom)
}

/// Whether `domain` is a host name in ASCII (RFC 1123 §2.1) in which IDNA has nothing to check.
fn is_plain_domain(domain: &str) -> bool {
    const LABEL_BYTES_MAX: usize = 63;
    // With its length octets and the root a name has 255 (RFC 1035 §2.3.4).
    const TEXT_BYTES_MAX: usize = 253;
    let is_plain_label = |label: &[u8]| {
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.iter().all(is_inner)
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            // `xn--` and its kin.
            && label.get(2..4) != Some(b"--")
    };
    let mut labels = domain.as_bytes().rsplit(|byte| *byte == b'.');
    let is_numeric = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
    domain.len() <= TEXT_BYTES_MAX
        && labels
            .next()
            .is_some_and(|last| is_plain_label(last) && !is_numeric(last))
        && labels.all(is_plain_label)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Without the local part: what is printed for debugging may reach a log, and people do not.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address {
    /// Full parsing, because this is also the way in from outside.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// What makes two addresses the same recipient: the domain, and the local part in NFC and lower
/// case. Dots and plus signs are not folded, because only the receiver knows what they mean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(String);

impl AddressKey {
    /// The folded address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 128 bits of BLAKE3 over the folded address: enough that no two recipients of
    /// one audience ever meet.
    pub fn hash(&self) -> u128 {
        let bytes = *blake3::hash(self.0.as_bytes()).as_bytes();
        let (head, _) = bytes.split_at(16);
        u128::from_le_bytes(head.try_into().expect("16 of 32 bytes"))
    }
}

/// An address with an optional display name, as in `Ada <ada@example.test>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name as a person reads it: unquoted and not encoded. `None` when there is none.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

impl FromStr for Mailbox {
    type Err = AddressError;

    /// Reads `ada@example.test`, `Ada <ada@example.test>` or `"Lovelace, Ada" <ada@example.test>`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Ok(Self {
                name: None,
                address: text.parse()?,
            });
        };
        let (name, address) = inner.rsplit_once('<').ok_or(AddressError::Mailbox)?;
        let address = address.parse()?;
        let name = unquote(name.trim()).ok_or(AddressError::Mailbox)?;
        if name.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        Ok(Self {
            name: (!name.is_empty()).then_some(name),
            address,
        })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => {
                let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{quoted}\" <{}>", self.address)
            }
            None => self.address.fmt(f),
        }
    }
}

/// A display name without its quotes (RFC 5322 §3.2.4), or `None` when a quote is left open.
fn unquote(name: &str) -> Option<String> {
    let Some(inner) = name.strip_prefix('"') else {
        return (!name.contains('"')).then(|| name.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next()?),
            '"' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Result<&str, AddressError>) {
        let parsed = text.parse::<Address>();
        assert_eq!(
            parsed.as_ref().map(Address::as_str).map_err(|e| *e),
            expect,
            "{text:?}"
        );
    }

    #[test]
    fn an_address_keeps_its_local_part_and_folds_its_domain() {
        check(
            "Ada.Lovelace+News@Example.TEST",
            Ok("Ada.Lovelace+News@example.test"),
        );
        check(" ada@example.test\t", Ok("ada@example.test"));
        check("ada@bücher.example", Ok("ada@xn--bcher-kva.example"));
        check(
            "\"two words\"@example.test",
            Ok("\"two words\"@example.test"),
        );
        check("jörg@example.test", Ok("jörg@example.test"));
    }

    #[test]
    fn what_cannot_be_mailed_is_refused_with_its_reason() {
        check("", Err(AddressError::Empty));
        check("ada.example.test", Err(AddressError::MissingAt));
        check("@example.test", Err(AddressError::LocalPart));
        check("a b@example.test", Err(AddressError::LocalPart));
        check("ada@", Err(AddressError::Domain));
        check("ada@example..test", Err(AddressError::Domain));
        check("ada@192.0.2.1", Err(AddressError::Domain));
        check("ada@[192.0.2.1]", Err(AddressError::Literal));
        check(
            &format!("{}@example.test", "a".repeat(65)),
            Err(AddressError::LocalPart),
        );
        check(
            &format!("ada@{}.test", "a".repeat(300)),
            Err(AddressError::Domain),
        );
    }

    /// Addresses of few different signs, so that the odd combinations are frequent.
    fn nearly_plain() -> impl Strategy<Value = String> {
        let local = "[aZ7.!+_'@\" ü-]{0,5}|[a-c.]{60,70}";
        let domain = "([aZ7-]{0,4}[.]){0,4}([aZ7.-]{0,5}|xn--[a-z0-9]{0,4}|[ü_]{1,2}|[a-c]{60,70})|([a-z]{49,50}[.]){5}[a-z]{0,5}";
        (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn the_short_way_takes_only_what_the_long_way_takes_and_to_the_same(text in nearly_plain()) {
            let text = text.trim_matches([' ', '\t']);
            prop_assert_eq!(text.parse(), Address::parse_in_full(text));
            let (_, domain) = text.rsplit_once('@').unwrap();
            prop_assert_eq!(domain.parse(), Domain::parse_in_full(domain));
        }
    }

    #[test]
    fn a_line_break_is_refused_even_inside_quotes() {
        check(
            "ada@example.test\r\nRCPT TO:<eve@example.test>",
            Err(AddressError::Control),
        );
        check("\"ada\r\n\"@example.test", Err(AddressError::Control));
        check("ada\0@example.test", Err(AddressError::Control));
    }

    #[test]
    fn the_key_folds_case_and_composition_but_neither_dots_nor_plus() {
        let key = |text: &str| text.parse::<Address>().unwrap().key();
        assert_eq!(key("Ada@Example.test"), key("ada@example.test"));
        assert_eq!(key("jo\u{308}rg@example.test"), key("JÖRG@example.test"));
        assert_ne!(key("a.da@example.test"), key("ada@example.test"));
        assert_ne!(key("ada+x@example.test"), key("ada@example.test"));
    }

    #[test]
    fn a_mailbox_reads_back_as_it_prints() {
        for text in [
            "ada@example.test",
            "\"Lovelace, \\\"Ada\\\"\" <ada@example.test>",
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!(mailbox.to_string(), text);
        }
        let plain: Mailbox = "News <news@example.test>".parse().unwrap();
        assert_eq!(plain.name.as_deref(), Some("News"));
    }

    #[test]
    fn a_mailbox_with_an_open_quote_or_bracket_is_refused() {
        let refused = |text: &str| text.parse::<Mailbox>().unwrap_err();
        assert_eq!(refused("\"Ada <ada@example.test>"), AddressError::Mailbox);
        assert_eq!(refused("ada@example.test>"), AddressError::Mailbox);
        assert_eq!(
            refused("A\r\nBcc: x <ada@example.test>"),
            AddressError::Control
        );
    }
}
