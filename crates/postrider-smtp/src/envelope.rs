//! Who sends to whom, and what we call ourselves: the only values that reach a command line.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use postrider_types::{Address, Domain};

/// The paths of one transaction. One recipient, because in bulk mail return path, unsubscribe
/// link and Message-ID differ for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where bounces go; `None` is the null path `<>`.
    pub reverse_path: Option<Address>,
    /// The recipient.
    pub forward_path: Address,
}

impl Envelope {
    /// Whether a server needs SMTPUTF8 to take it (RFC 6531 §3.1).
    pub fn needs_smtputf8(&self) -> bool {
        self.forward_path.needs_smtputf8()
            || self
                .reverse_path
                .as_ref()
                .is_some_and(Address::needs_smtputf8)
    }
}

/// What we call ourselves in EHLO: a domain name, or an address literal such as `[192.0.2.1]`
/// (RFC 5321 §4.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The name as it goes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Domain> for ClientName {
    fn from(domain: Domain) -> Self {
        Self(domain.as_str().to_owned())
    }
}

impl From<IpAddr> for ClientName {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self(format!("[{v4}]")),
            IpAddr::V6(v6) => Self(format!("[IPv6:{v6}]")),
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that cannot be our name in EHLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name for EHLO: give a domain such as mail.example.com, or a literal [192.0.2.1]")]
pub struct ClientNameError;

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(text: &str) -> Result<Self, ClientNameError> {
        let Some(literal) = text.strip_prefix('[') else {
            return text
                .parse::<Domain>()
                .map(Self::from)
                .map_err(|_| ClientNameError);
        };
        let literal = literal.strip_suffix(']').ok_or(ClientNameError)?;
        let address: Result<IpAddr, _> = match literal.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => literal[5..].parse().map(IpAddr::V6),
            _ => literal.parse().map(IpAddr::V4),
        };
        address.map(Self::from).map_err(|_| ClientNameError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_name_is_a_domain_or_an_address_literal() {
        for (text, expect) in [
            ("Mail.Example.test", Some("mail.example.test")),
            ("localhost", Some("localhost")),
            ("[192.0.2.1]", Some("[192.0.2.1]")),
            ("[ipv6:2001:db8::1]", Some("[IPv6:2001:db8::1]")),
            ("192.0.2.1", None),
            ("[::1]", None),
            ("[192.0.2.1", None),
            ("", None),
            ("a b", None),
            ("mail.example.test\r\nRSET", None),
        ] {
            let name = text.parse::<ClientName>();
            assert_eq!(
                name.as_ref().ok().map(ClientName::as_str),
                expect,
                "{text:?}"
            );
        }
    }
}
