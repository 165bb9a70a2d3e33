//! What is done to a client at one stage of the dialogue: the seam between deciding and carrying out.
//!
//! The [world](crate::world) decides treatments from the profile, its memory and the time; the
//! [dialogue](crate::dialogue) and its connection carry them out and know nothing of the reasons.
//! A treatment says all there is to do: a delay first, then one act.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dialogue::reply::Reply;

/// Where in a dialogue something can be said or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before the greeting.
    Connect,
    /// At EHLO or HELO.
    Hello,
    /// At MAIL; no recipient is known, so only the door speaks.
    Mail,
    /// At RCPT.
    Rcpt,
    /// Instead of 354: nothing of the message was sent.
    Data,
    /// At the first bytes of the message. A client that has already written the dot by then cannot
    /// know that nothing was accepted.
    Body,
    /// At the final dot.
    Dot,
}

impl Stage {
    /// The name in profiles and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hello => "hello",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Body => "body",
            Self::Dot => "dot",
        }
    }
}

/// A delay, then an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Treatment {
    pub(crate) delay: Duration,
    pub(crate) act: Act,
}

/// What is done at a stage. The *normal reply* is what the protocol asks for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// The normal reply.
    Proceed,
    /// The normal reply, then FIN: a server that ends a connection after its last message.
    ProceedAndClose,
    /// This reply in its place; the dialogue goes on.
    Say(Reply),
    /// This reply in its place, then FIN.
    SayAndClose(Reply),
    /// FIN without a word.
    Close,
    /// RST without a word.
    Reset,
    /// The first half of the normal reply, then FIN.
    Half,
    /// No answer until the client leaves, bounded.
    Hold,
    /// The normal reply as several lines, in odd but legal pieces.
    Split,
    /// What no server should do.
    Noise(Noise),
}

/// What no server should do; a client must survive it in bounded time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// Continuation lines that never end.
    EndlessReply,
    /// A line of 10 MB before the normal reply.
    LongLine,
    /// The normal reply without CR LF, then nothing.
    NoLineEnd,
    /// The normal reply, a byte at a time.
    SlowLoris,
}

/// What becomes of a message at its dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Whether it is accepted and logged, whatever the client is told.
    pub(crate) accepts: bool,
    pub(crate) treatment: Treatment,
}

impl Treatment {
    /// The normal reply at once.
    pub(crate) const PROCEED: Self = Self::now(Act::Proceed);

    pub(crate) const fn now(act: Act) -> Self {
        Self {
            delay: Duration::ZERO,
            act,
        }
    }

    /// A refusal as SMTP means it: 421 also closes (RFC 5321 §3.8).
    pub(crate) fn refuse(reply: Reply) -> Self {
        Self::now(if reply.code == 421 {
            Act::SayAndClose(reply)
        } else {
            Act::Say(reply)
        })
    }

    /// The same, not before `delay` has passed.
    #[must_use]
    pub(crate) fn not_before(mut self, delay: Duration) -> Self {
        self.delay = self.delay.max(delay);
        self
    }
}

impl Act {
    /// Whether the client is told the normal reply in the end, so that the dialogue goes on as normal.
    pub(crate) fn lets_pass(&self) -> bool {
        matches!(
            self,
            Self::Proceed
                | Self::ProceedAndClose
                | Self::Split
                | Self::Noise(Noise::SlowLoris | Noise::LongLine)
        )
    }

    /// Whether the client is told a whole reply in the end, and one that can be read.
    pub(crate) fn is_told(&self) -> bool {
        self.refusal().is_some()
            || matches!(self, Self::Proceed | Self::ProceedAndClose | Self::Split)
    }

    /// The reply that refuses, if it is one.
    pub(crate) fn refusal(&self) -> Option<&Reply> {
        match self {
            Self::Say(reply) | Self::SayAndClose(reply) => Some(reply),
            _ => None,
        }
    }
}
