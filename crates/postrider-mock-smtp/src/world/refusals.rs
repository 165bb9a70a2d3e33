//! Refusals by their code, in the words that receivers use for it.
//!
//! The texts of single providers (Google's 4.7.28, Microsoft's RP-001, Yahoo's TSS04 …) stand in the
//! profiles that speak them, each with its source; these are the plain ones that many share.

use std::borrow::Cow;

use crate::dialogue::reply::Reply;

/// A domain that is dark, and says so (RFC 5321 §3.8).
pub(crate) const OUT_OF_SERVICE: Reply = of(
    421,
    "4.3.2",
    "Service not available, closing transmission channel",
);

/// A provider's door, for a domain that is not the provider's (Postfix, `reject_unauth_destination`).
pub(crate) const NOT_OURS: Reply = of(554, "5.7.1", "Relay access denied");

/// One message more than a connection may bring (Postfix, `smtpd_client_message_rate_limit`, says
/// the like; Google and Microsoft close with a 421 of their own).
pub(crate) const OVER_MESSAGES: Reply = of(
    421,
    "4.7.0",
    "Too many messages for this session, closing connection",
);

/// By code: the common words where there are some, and plain ones for all others.
static KNOWN: [Reply; 13] = [
    of(421, "4.7.0", "Try again later, closing connection"),
    of(
        450,
        "4.2.1",
        "The user you are trying to contact is receiving mail too quickly",
    ),
    of(
        451,
        "4.3.0",
        "Mail server temporarily rejected message. Please try again later",
    ),
    of(
        452,
        "4.2.2",
        "The recipient's inbox is out of storage space. Please try again later",
    ),
    of(
        454,
        "4.7.0",
        "Throttling failure: Maximum sending rate exceeded",
    ),
    of(521, "5.3.2", "This host does not accept mail"),
    of(
        550,
        "5.1.1",
        "The email account that you tried to reach does not exist",
    ),
    of(551, "5.1.6", "User not local"),
    of(552, "5.2.2", "The recipient's inbox is full and inactive"),
    of(553, "5.1.3", "The recipient address is not valid"),
    of(554, "5.7.1", "Message rejected due to content or policy"),
    of(555, "5.5.4", "Unsupported option in MAIL or RCPT command"),
    of(556, "5.1.10", "Domain does not accept mail"),
];

/// A refusal with this code, from 400 to 599.
pub(crate) fn of_code(code: u16) -> Reply {
    let known = KNOWN.iter().find(|reply| reply.code == code);
    let plain = || match code {
        ..500 => Reply::of(code, "4.0.0", "Please try again later".to_owned()),
        _ => Reply::of(code, "5.0.0", "Rejected".to_owned()),
    };
    known.cloned().unwrap_or_else(plain)
}

const fn of(code: u16, enhanced: &'static str, text: &'static str) -> Reply {
    Reply {
        code,
        enhanced: Cow::Borrowed(enhanced),
        text: Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_an_enhanced_code_of_its_class() {
        for code in 400..600 {
            let reply = of_code(code);
            assert_eq!(reply.code, code);
            assert!(
                reply
                    .enhanced
                    .starts_with(if code < 500 { "4." } else { "5." }),
                "{reply:?}"
            );
            assert!(!reply.text.is_empty());
        }
    }
}
