//! The mock's own words, in the manner of real providers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::bounds::REPLY_TEXT_BYTES_MAX;
use crate::error::MockError;

/// One reply of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// The enhanced code (RFC 3463), left out where the profile does not offer them;
    /// empty where none belongs (220, 250 to EHLO, 354).
    pub(crate) enhanced: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
}

impl Reply {
    const fn new(code: u16, enhanced: &'static str, text: &'static str) -> Self {
        Self {
            code,
            enhanced: Cow::Borrowed(enhanced),
            text: Cow::Borrowed(text),
        }
    }

    /// A reply whose words were made while the mock ran.
    pub(crate) fn of(code: u16, enhanced: &'static str, text: String) -> Self {
        Self {
            code,
            enhanced: Cow::Borrowed(enhanced),
            text: Cow::Owned(text),
        }
    }

    /// Appends the line with its CR LF.
    pub(crate) fn write(&self, out: &mut Vec<u8>, with_enhanced: bool) {
        let digits = [self.code / 100, self.code / 10 % 10, self.code % 10];
        out.extend(
            digits
                .iter()
                .map(|digit| b'0' + u8::try_from(*digit).unwrap_or(9)),
        );
        out.push(b' ');
        if with_enhanced && !self.enhanced.is_empty() {
            out.extend_from_slice(self.enhanced.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The reply to a chunk that is not the last.
pub(crate) fn chunk(octets: u64) -> Reply {
    Reply::of(250, "2.0.0", format!("Ok: {octets} octets"))
}

impl FromStr for Reply {
    type Err = MockError;

    /// Reads what people write in a profile: `421 4.7.28 Too many messages`, with or without the
    /// enhanced code, on one line.
    fn from_str(text: &str) -> Result<Self, MockError> {
        let bad = || MockError::Value {
            text: text.to_owned(),
            expected: "a reply of one line, as in \"421 4.7.28 Too many messages\"",
        };
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|code| (200..600).contains(code));
        let code = code.filter(|_| is_code).ok_or_else(bad)?;
        if rest.bytes().any(|byte| byte.is_ascii_control()) || rest.len() > REPLY_TEXT_BYTES_MAX {
            return Err(bad());
        }
        let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
        let (enhanced, said) = if is_enhanced(first) {
            (first, others)
        } else {
            ("", rest)
        };
        Ok(Self {
            code,
            enhanced: Cow::Owned(enhanced.to_owned()),
            text: Cow::Owned(said.to_owned()),
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.enhanced.is_empty() { "" } else { " " };
        write!(f, "{}{space}{} {}", self.code, self.enhanced, self.text)
    }
}

/// Class, subject and detail: `4.7.28` (RFC 3463 §2).
fn is_enhanced(text: &str) -> bool {
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split('.').count() == 3
        && text.split('.').all(is_number)
        && text.starts_with(['2', '4', '5'])
}

/// The last reply to a message that was accepted, with a queue id of our own.
pub(crate) fn queued(connection: u64, message: u64) -> Reply {
    let text = format!("Ok: queued as {connection:X}.{message:X}");
    Reply::of(250, "2.0.0", text)
}

pub(crate) const SENDER_OK: Reply = Reply::new(250, "2.1.0", "Ok");
pub(crate) const RECIPIENT_OK: Reply = Reply::new(250, "2.1.5", "Ok");
pub(crate) const OK: Reply = Reply::new(250, "2.0.0", "Ok");
pub(crate) const GO_AHEAD: Reply = Reply::new(354, "", "End data with <CR><LF>.<CR><LF>");
pub(crate) const CANNOT_VERIFY: Reply = Reply::new(
    252,
    "2.1.5",
    "Cannot VRFY user, but will accept message and attempt delivery",
);
pub(crate) const BYE: Reply = Reply::new(221, "2.0.0", "Bye");

pub(crate) const HELP: Reply = Reply::new(
    214,
    "2.0.0",
    "HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH HELP QUIT",
);
pub(crate) const READY_FOR_TLS: Reply = Reply::new(220, "2.0.0", "Ready to start TLS");
pub(crate) const AUTHENTICATED: Reply = Reply::new(235, "2.7.0", "Authentication successful");

pub(crate) const LINE_TOO_LONG: Reply = Reply::new(500, "5.5.2", "Error: line too long");
pub(crate) const BARE_LINE_END: Reply = Reply::new(
    500,
    "5.5.2",
    "Error: bare <CR> or <LF>, a line must end with <CR><LF>",
);
pub(crate) const UNKNOWN: Reply = Reply::new(500, "5.5.2", "Error: command not recognized");
pub(crate) const BAD_ARGUMENT: Reply = Reply::new(501, "5.5.4", "Error: syntax error in argument");
pub(crate) const BAD_SENDER: Reply = Reply::new(501, "5.1.7", "Bad sender address syntax");
pub(crate) const BAD_RECIPIENT: Reply = Reply::new(501, "5.1.3", "Bad recipient address syntax");
pub(crate) const NOT_ASCII: Reply =
    Reply::new(553, "5.6.7", "SMTPUTF8 is required but not offered");
pub(crate) const BAD_PARAMETER: Reply =
    Reply::new(555, "5.5.4", "Unsupported option in MAIL or RCPT command");
pub(crate) const HELLO_FIRST: Reply = Reply::new(503, "5.5.1", "Error: send HELO/EHLO first");
pub(crate) const NESTED_MAIL: Reply = Reply::new(503, "5.5.1", "Error: nested MAIL command");
pub(crate) const MAIL_FIRST: Reply = Reply::new(503, "5.5.1", "Error: need MAIL command");
pub(crate) const NO_RECIPIENTS: Reply = Reply::new(554, "5.5.1", "Error: no valid recipients");
pub(crate) const TOO_MANY_RECIPIENTS: Reply =
    Reply::new(452, "4.5.3", "Error: too many recipients");
pub(crate) const NO_EXPN: Reply = Reply::new(502, "5.5.1", "Error: command not implemented");
pub(crate) const DATA_AFTER_BDAT: Reply = Reply::new(
    503,
    "5.5.1",
    "Error: DATA and BDAT must not mix in one transaction",
);
pub(crate) const RCPT_AFTER_BDAT: Reply =
    Reply::new(503, "5.5.1", "Error: RCPT after BDAT in one transaction");
pub(crate) const NO_CHUNKING: Reply = Reply::new(502, "5.5.1", "Error: BDAT not implemented");
pub(crate) const NO_PIPELINING: Reply = Reply::new(500, "5.5.1", "Error: Pipelining not supported");
pub(crate) const BAD_CHUNK: Reply = Reply::new(
    501,
    "5.5.4",
    "Error: BDAT needs a size in octets, and LAST or nothing",
);
pub(crate) const MAIL_LIMIT: Reply =
    Reply::new(452, "4.5.3", "Error: too many messages on this connection");
pub(crate) const RECIPIENT_DOMAIN_LIMIT: Reply = Reply::new(
    452,
    "4.5.3",
    "Error: too many recipient domains in one transaction",
);
pub(crate) const TLS_NOT_OFFERED: Reply =
    Reply::new(502, "5.5.1", "Error: STARTTLS is not offered");
pub(crate) const TLS_ACTIVE: Reply = Reply::new(503, "5.5.1", "Error: TLS already active");
pub(crate) const TLS_FIRST: Reply = Reply::new(
    538,
    "5.7.11",
    "Encryption required for requested authentication mechanism",
);
pub(crate) const AUTH_FIRST: Reply = Reply::new(530, "5.7.0", "Authentication required");
pub(crate) const AUTH_NOT_OFFERED: Reply = Reply::new(503, "5.5.1", "Error: AUTH is not offered");
pub(crate) const AUTH_TWICE: Reply = Reply::new(503, "5.5.1", "Error: already authenticated");
pub(crate) const AUTH_IN_MAIL: Reply =
    Reply::new(503, "5.5.1", "Error: AUTH is not allowed in a transaction");
pub(crate) const AUTH_UNKNOWN: Reply = Reply::new(504, "5.5.4", "Unrecognized authentication type");
pub(crate) const AUTH_BAD_BASE64: Reply =
    Reply::new(501, "5.5.2", "Cannot decode the response as base64");
pub(crate) const AUTH_CANCELLED: Reply = Reply::new(501, "5.7.0", "Authentication cancelled");
pub(crate) const AUTH_FAILED: Reply =
    Reply::new(535, "5.7.8", "Authentication credentials invalid");
pub(crate) const OUT_OF_STEP: Reply =
    Reply::new(554, "5.5.0", "Error: SMTP protocol synchronization");
pub(crate) const TOO_LARGE: Reply = Reply::new(
    552,
    "5.3.4",
    "Message size exceeds fixed maximum message size",
);

pub(crate) const NO_SUCH_USER: Reply = Reply::new(
    550,
    "5.1.1",
    "The email account that you tried to reach does not exist. Please check the address for typos",
);
pub(crate) const GREYLISTED: Reply = Reply::new(
    451,
    "4.7.1",
    "Greylisting in action, please come back later",
);
pub(crate) const DEFERRED: Reply = Reply::new(
    451,
    "4.3.0",
    "Mail server temporarily rejected message. Please try again later",
);
pub(crate) const OVER_RATE: Reply = Reply::new(
    421,
    "4.7.28",
    "Our system has detected an unusual rate of email. To protect our users, mail has been temporarily rate limited",
);
pub(crate) const OVER_CONNECTIONS: Reply = Reply::new(
    421,
    "4.7.0",
    "Too many concurrent connections. Please try again later",
);
pub(crate) const OVER_ERRORS: Reply = Reply::new(421, "4.7.0", "Error: too many errors");
pub(crate) const IDLE_TOO_LONG: Reply = Reply::new(421, "4.4.2", "Error: timeout exceeded");
pub(crate) const SHUTTING_DOWN: Reply = Reply::new(421, "4.3.2", "Service shutting down");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_written_only_where_offered() {
        let written = |reply: &Reply, with_enhanced| {
            let mut out = Vec::new();
            reply.write(&mut out, with_enhanced);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&SENDER_OK, true), "250 2.1.0 Ok\r\n");
        assert_eq!(written(&SENDER_OK, false), "250 Ok\r\n");
        assert_eq!(
            written(&GO_AHEAD, true),
            "354 End data with <CR><LF>.<CR><LF>\r\n"
        );
        assert_eq!(
            written(&queued(26, 3), true),
            "250 2.0.0 Ok: queued as 1A.3\r\n"
        );
    }

    #[test]
    fn a_reply_in_a_profile_is_a_code_perhaps_an_enhanced_one_and_words() {
        let check = |text: &str, code, enhanced: &str, words: &str| {
            let reply: Reply = text.parse().unwrap();
            assert_eq!(
                (reply.code, &*reply.enhanced, &*reply.text),
                (code, enhanced, words)
            );
            assert_eq!(reply.to_string(), text);
        };
        check(
            "421 4.7.28 Too many messages",
            421,
            "4.7.28",
            "Too many messages",
        );
        check("550 no such user", 550, "", "no such user");
        check("450 4.2 is no code", 450, "", "4.2 is no code");
        for text in [
            "",
            "4211 x",
            "x",
            "150 x",
            "600 x",
            "+50 x",
            "250 a\r\n250 b",
        ] {
            assert!(text.parse::<Reply>().is_err(), "{text:?} is not a reply");
        }
    }
}
