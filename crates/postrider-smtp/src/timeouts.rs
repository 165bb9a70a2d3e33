//! How long each phase of a session may take.
//!
//! A deadline is for the whole exchange, from the first octet of a command to the last octet of
//! its reply, never for a single read: a server that sends one octet a second holds nothing. The
//! body is bounded twice: each block must make progress, and all of it must keep a minimum rate.

use std::time::Duration;

use postrider_types::Phase;

/// One allowance per phase. There is no `Default`: start from [`Timeouts::STANDARD`] and say what
/// differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The TCP connection to one address.
    pub connect: Duration,
    /// From the open connection to the complete greeting.
    pub greeting: Duration,
    /// EHLO and, apart, HELO.
    pub ehlo: Duration,
    /// STARTTLS and, apart, the handshake of TLS.
    pub tls: Duration,
    /// AUTH and, apart, each response to a challenge.
    pub auth: Duration,
    /// Everything until a session stands, over all hosts and addresses that are tried for it.
    pub opening: Duration,
    /// RSET between transactions.
    pub rset: Duration,
    /// MAIL FROM.
    pub mail: Duration,
    /// RCPT TO.
    pub rcpt: Duration,
    /// DATA, until 354.
    pub data: Duration,
    /// Each block of the body: how long the server may take nothing at all.
    pub body_block: Duration,
    /// All that comes before the terminator of one message, from RSET or MAIL on; its octets at
    /// the minimum rate come on top. Each phase may use up its own allowance, all together not.
    pub message: Duration,
    /// Bytes a second that the whole body must keep after the first `body_block`; 0 counts as 1.
    pub body_rate_min: u64,
    /// The terminator and its reply. Short values make duplicates (RFC 5321 §4.5.3.2.6).
    pub dot: Duration,
    /// QUIT, and the last words of a server that has stopped listening.
    pub quit: Duration,
}

impl Timeouts {
    /// The minimums of RFC 5321 §4.5.3.2; where it names none, the defaults of Postfix.
    pub const STANDARD: Self = Self {
        connect: Duration::from_secs(30),
        greeting: Duration::from_secs(300),
        ehlo: Duration::from_secs(300),
        tls: Duration::from_secs(300),
        auth: Duration::from_secs(300),
        opening: Duration::from_secs(900),
        rset: Duration::from_secs(20),
        mail: Duration::from_secs(300),
        rcpt: Duration::from_secs(300),
        data: Duration::from_secs(120),
        body_block: Duration::from_secs(180),
        message: Duration::from_secs(600),
        body_rate_min: 500,
        dot: Duration::from_secs(600),
        quit: Duration::from_secs(5),
    };

    /// The allowance of a phase; for [`Phase::Body`], of one block.
    pub const fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Connect => self.connect,
            Phase::Greeting => self.greeting,
            Phase::Ehlo => self.ehlo,
            Phase::Tls => self.tls,
            Phase::Auth => self.auth,
            Phase::Rset => self.rset,
            Phase::Mail => self.mail,
            Phase::Rcpt => self.rcpt,
            Phase::Data => self.data,
            Phase::Body => self.body_block,
            Phase::Dot => self.dot,
            Phase::Quit => self.quit,
        }
    }

    /// The allowance of a whole body of this size: one block, and its bytes at the minimum rate.
    pub const fn body(&self, bytes: u64) -> Duration {
        self.body_block.saturating_add(self.at_minimum_rate(bytes))
    }

    /// The allowance of a message with so many octets, up to its terminator.
    pub const fn message(&self, bytes: u64) -> Duration {
        self.message.saturating_add(self.at_minimum_rate(bytes))
    }

    const fn at_minimum_rate(&self, bytes: u64) -> Duration {
        let rate = if self.body_rate_min == 0 {
            1
        } else {
            self.body_rate_min
        };
        Duration::from_secs(bytes.div_ceil(rate))
    }
}

const _: () = assert!(
    Timeouts::STANDARD.dot.as_secs() >= 600,
    "a shorter wait for the reply to the dot makes duplicates"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_given_one_block_and_its_size_at_the_minimum_rate() {
        let timeouts = Timeouts::STANDARD;
        assert_eq!(timeouts.body(0), Duration::from_secs(180));
        assert_eq!(timeouts.body(1_001), Duration::from_secs(183));
    }

    #[test]
    fn the_allowance_of_a_body_never_overflows() {
        let timeouts = Timeouts {
            body_rate_min: 0,
            ..Timeouts::STANDARD
        };
        assert_eq!(
            timeouts.body(u64::MAX),
            Duration::from_secs(u64::MAX).saturating_add(timeouts.body_block)
        );
    }
}
