//! The mock's own words, in the manner of real providers.

use std::borrow::Cow;

/// One reply of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// The enhanced code (RFC 3463), left out where the profile does not offer them;
    /// empty where none belongs (220, 250 to EHLO, 354).
    pub(crate) enhanced: &'static str,
    pub(crate) text: Cow<'static, str>,
}

impl Reply {
    const fn new(code: u16, enhanced: &'static str, text: &'static str) -> Self {
        Self {
            code,
            enhanced,
            text: Cow::Borrowed(text),
        }
    }

    /// Whether it refuses what was asked.
    pub(crate) fn is_refusal(&self) -> bool {
        self.code >= 400
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

/// The last reply to a message that was accepted, with a queue id of our own.
pub(crate) fn queued(connection: u64, message: u64) -> Reply {
    let text = Cow::Owned(format!("Ok: queued as {connection:X}.{message:X}"));
    Reply {
        code: 250,
        enhanced: "2.0.0",
        text,
    }
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
}
