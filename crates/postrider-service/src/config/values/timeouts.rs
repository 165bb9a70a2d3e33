//! How long each phase of an SMTP session may take.

use std::time::Duration;

/// `[timeouts]`: each is for the whole exchange, not for a single read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One whole dial over all hosts and their addresses, up to the end of the log-in.
    pub opening: Duration,
    /// The TCP connection.
    pub connect: Duration,
    /// From the open connection to the complete greeting.
    pub greeting: Duration,
    /// EHLO and, apart, HELO.
    pub ehlo: Duration,
    /// STARTTLS and, apart, the handshake.
    pub tls: Duration,
    /// AUTH and, apart, each response to a challenge.
    pub auth: Duration,
    /// MAIL FROM.
    pub mail: Duration,
    /// RCPT TO.
    pub rcpt: Duration,
    /// DATA, until 354.
    pub data: Duration,
    /// How long the server may take nothing of the body.
    pub body_block: Duration,
    /// A whole message up to the final dot; its octets at the minimum rate come on top.
    pub message: Duration,
    /// The final dot and its reply.
    pub dot: Duration,
    /// RSET between transactions.
    pub rset: Duration,
    /// QUIT.
    pub quit: Duration,
}

impl Timeouts {
    /// The minimums of RFC 5321 §4.5.3.2; where it names none, the defaults of Postfix.
    pub(super) const STANDARD: Self = Self {
        opening: Duration::from_secs(900),
        connect: Duration::from_secs(30),
        greeting: Duration::from_secs(300),
        ehlo: Duration::from_secs(300),
        tls: Duration::from_secs(300),
        auth: Duration::from_secs(300),
        mail: Duration::from_secs(300),
        rcpt: Duration::from_secs(300),
        data: Duration::from_secs(120),
        body_block: Duration::from_secs(180),
        message: Duration::from_secs(600),
        dot: Duration::from_secs(600),
        rset: Duration::from_secs(20),
        quit: Duration::from_secs(5),
    };
}
