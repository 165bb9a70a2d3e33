//! What went wrong, and what it condemns.
//!
//! # Policy
//!
//! The code decides severity, the phase decides scope; enhanced code and text are kept for people.
//!
//! - **Before a session stands** (connect, greeting, EHLO, TLS, AUTH) nothing is said about any
//!   message: the site is condemned, and only for now. Not even a 554 greeting is permanent, for a
//!   blocked address would bounce the whole queue; nor is a 535, for the credentials are ours. Some
//!   of it is [lasting](Trouble::is_lasting) all the same, and not to be tried again soon.
//! - **421** is the server's leave at any moment: this session is over, the message waits. In the
//!   place of an answer to MAIL, behind a message that was accepted, it is [`Cause::Leave`].
//! - **530, 534, 535, 538** ask for credentials or encryption. That is our configuration, so the
//!   site waits; bouncing the queue for it would be the worst of all mistakes.
//! - **503, a refusal that says so in words (`step`), a 2xx or 3xx that does not fit, a line that
//!   is no reply**: the two sides no longer mean the same command. The session is closed and the
//!   message waits. Never permanent. So it is where MAIL, RCPT or DATA is not known (500, 502) to a
//!   server that got them in a group. In lock-step those judge like any other code.
//! - **BDAT that is not known** (500, 502) to a server that offers CHUNKING: the same, and no other
//!   session with it should send chunks. What the server makes of the chunk, nobody knows.
//! - **RSET and QUIT** concern no message. Whatever they bring, only the session ends.
//! - **MAIL, DATA, the body and its final dot**: 4xx defers the message, 5xx bounces it. Not so a
//!   MAIL that is refused for its SIZE: it is said once more without (`session/group.rs`).
//! - **RCPT**: the same for the recipient.
//! - **A reply in mid-body** is the reason why the server stopped listening; it judges the message,
//!   and the session cannot be used again.
//! - **In a group** every reply is matched by its place. The first refusal judges, and stays however
//!   the session ends; what follows from it (503, "no valid recipients") judges nothing. A reply
//!   that cannot stand in its place judges nothing either, and takes back what was matched before.
//! - **A lost session** (end of stream, reset, deadline) before the terminator is transient and
//!   condemns the session only: the server must discard what it has (RFC 5321 §4.1.1.10).
//! - **The same from the first octet of the terminator on** is [in doubt](Trouble::is_in_doubt), as is
//!   a reply to the dot that is neither 2xx, 4xx nor 5xx.
//! - **Between two transactions** a server may leave without a word; that is
//!   [neutral](Trouble::is_neutral): no failure of anything.
//! - **What we refuse ourselves** before MAIL is permanent, in the words that a server would use,
//!   and leaves the session as it was.
//! - **Where DNS says that nobody takes mail** for the domain, that is permanent for the recipient,
//!   in the words that a server would use. Where DNS does not say, the site waits.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use postrider_types::{EnhancedCode, Phase, Reply, Scope, Severity};

use crate::auth::AuthError;
use crate::dial::HostsTried;
use crate::mx::NoRoute;
use crate::relay::RelayError;
use crate::reply::ReplyError;
use crate::tls::TlsError;

pub(crate) mod step;

/// Why a message did not get its 2xx: one struct for every failure of a session.
#[derive(Debug, Clone)]
pub struct Trouble {
    scope: Scope,
    severity: Severity,
    phase: Phase,
    reply: Option<Reply>,
    source: Option<Cause>,
}

/// What happened, where no reply says it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Cause {
    /// The stream failed, or could not be opened.
    #[error("the network failed")]
    Io(#[source] Arc<io::Error>),
    /// The server closed the stream in the middle of an exchange.
    #[error("the server closed the connection")]
    Closed,
    /// The session ended while nothing was asked of it.
    #[error("the session had ended between two messages")]
    ClosedIdle,
    /// The allowance of the phase was used up.
    #[error("nothing complete came within {} s", .0.as_secs_f64())]
    Deadline(Duration),
    /// What came is not a reply.
    #[error("the server does not speak SMTP")]
    Garbage(#[source] ReplyError),
    /// The reply does not fit the command, or nothing was asked.
    #[error("the reply does not fit what was asked")]
    OutOfPlace,
    /// The server has refused BDAT as unknown, although it offers CHUNKING.
    #[error("the server offers chunks and does not know them")]
    NoChunks,
    /// The server has accepted a message on this session, and took its leave (421) at the next
    /// MAIL: some take so many in a session and no more.
    #[error("the server ended the session behind a message")]
    Leave,
    /// We refused it ourselves, before MAIL; the reply says why.
    #[error("refused before it was sent")]
    Guard,
    /// The relay may not be used, or its name does not resolve.
    #[error("the relay cannot be used")]
    Relay(#[source] RelayError),
    /// DNS did not say where mail for the domain goes, for the moment.
    #[error("no host is known for the moment")]
    NoRoute(#[source] Arc<NoRoute>),
    /// The session has no TLS, and may not be without.
    #[error("the session could not be encrypted")]
    Tls(#[source] TlsError),
    /// The log-in failed.
    #[error("the log-in failed")]
    Auth(#[source] AuthError),
    /// Several hosts or addresses were tried, and none of them gave a session.
    #[error(transparent)]
    Hosts(HostsTried),
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl Trouble {
    /// The server answered, and not with what was hoped for.
    pub fn refused(phase: Phase, reply: Reply) -> Self {
        if !is_before_session(phase) && step::is_said(&reply) {
            return Self::unjudged(phase, reply, Cause::OutOfPlace);
        }
        let (severity, scope) = judge(phase, reply.code);
        let is_refusal = reply.code >= 400;
        Self {
            scope,
            severity,
            phase,
            reply: Some(reply),
            source: (!is_refusal).then_some(Cause::OutOfPlace),
        }
    }

    /// The server refused in so many words, but nothing that is about the message: the session is
    /// over for this cause.
    pub(crate) const fn unjudged(phase: Phase, reply: Reply, cause: Cause) -> Self {
        Self {
            scope: Scope::Session,
            severity: Severity::Transient,
            phase,
            reply: Some(reply),
            source: Some(cause),
        }
    }

    /// The server took its leave with this reply (421) in place of an answer to MAIL, on a session
    /// on which it had accepted a message.
    pub fn leave(reply: Reply) -> Self {
        Self::refused(Phase::Mail, reply).because(Cause::Leave)
    }

    /// The session ended, or could not begin, without a reply.
    pub fn lost(phase: Phase, cause: Cause) -> Self {
        let is_open = !is_before_session(phase);
        Self {
            scope: if is_open { Scope::Session } else { Scope::Site },
            severity: Severity::Transient,
            phase,
            reply: None,
            source: Some(cause),
        }
    }

    /// The same, with what we have to say about it.
    pub(crate) fn because(self, cause: Cause) -> Self {
        Self {
            source: Some(cause),
            ..self
        }
    }

    /// We will not send it: permanent, told as a server would, and the session is untouched.
    pub(crate) fn unsendable(
        phase: Phase,
        scope: Scope,
        code: u16,
        (subject, detail): (u16, u16),
        text: &str,
    ) -> Self {
        let enhanced = EnhancedCode {
            class: 5,
            subject,
            detail,
        };
        Self {
            scope,
            severity: Severity::Permanent,
            phase,
            reply: Some(Reply::new(code, Some(enhanced), text)),
            source: Some(Cause::Guard),
        }
    }

    /// DNS says that nobody takes mail for the domain, which is as good as a server's word; `reply` is
    /// what one would have said.
    pub(crate) fn nobody(reply: Reply, no_route: NoRoute) -> Self {
        Self {
            scope: Scope::Recipient,
            severity: Severity::Permanent,
            phase: Phase::Connect,
            reply: Some(reply),
            source: Some(Cause::NoRoute(Arc::new(no_route))),
        }
    }

    /// What it condemns.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether asking again may help.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Where in the session it happened. [`Phase::Dot`] begins with the terminator's first octet.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The server's reply, or our own words when [`is_local`](Self::is_local). `None` when the
    /// session was lost without one.
    pub const fn reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    /// What happened where no reply says it.
    pub const fn cause(&self) -> Option<&Cause> {
        self.source.as_ref()
    }

    /// Whether asking again is useless.
    pub const fn is_permanent(&self) -> bool {
        matches!(self.severity, Severity::Permanent)
    }

    /// Whether we refused it ourselves, so that the reply is ours and not the server's.
    pub const fn is_local(&self) -> bool {
        matches!(self.source, Some(Cause::Guard))
    }

    /// Whether the message may have been accepted all the same: the terminator was, or may have
    /// been, on its way, and no 4xx or 5xx answered it.
    pub fn is_in_doubt(&self) -> bool {
        let is_answered = self.reply.as_ref().is_some_and(|reply| reply.code >= 400);
        self.phase == Phase::Dot && !is_answered
    }

    /// Whether the session only ended between two transactions: no failure of message or site,
    /// and another session may be tried at once.
    pub const fn is_neutral(&self) -> bool {
        matches!(self.phase, Phase::Rset | Phase::Quit)
            || matches!(self.source, Some(Cause::ClosedIdle))
    }

    /// Whether client and server did not mean the same command any more. A site where this happens
    /// in groups may be one that offers PIPELINING and breaks it.
    pub fn is_out_of_step(&self) -> bool {
        let is_503 = self.reply.as_ref().is_some_and(|reply| reply.code == 503);
        is_503 || matches!(self.source, Some(Cause::OutOfPlace | Cause::Garbage(_)))
    }

    /// Whether no session stands for a reason that hardly mends by itself: TLS or the log-in fails,
    /// the greeting or EHLO is refused with 5xx, or what is there does not speak SMTP. Trying again
    /// soon is of no use, and a person has to look.
    pub fn is_lasting(&self) -> bool {
        let is_5xx = self.reply.as_ref().is_some_and(|reply| reply.code >= 500);
        match (&self.source, self.phase) {
            (Some(Cause::Hosts(tried)), _) => tried.is_lasting(),
            (_, Phase::Tls | Phase::Auth) => true,
            (Some(Cause::Garbage(_)), Phase::Greeting | Phase::Ehlo) => true,
            (_, Phase::Greeting | Phase::Ehlo) => is_5xx,
            _ => false,
        }
    }

    /// Whether the session is of no more use.
    pub const fn closes_session(&self) -> bool {
        if self.is_local() {
            return false;
        }
        matches!(self.scope, Scope::Site | Scope::Session) || matches!(self.phase, Phase::Body)
    }
}

/// The policy above as a table: what a reply that was not hoped for means in a phase.
const fn judge(phase: Phase, code: u16) -> (Severity, Scope) {
    let severity = if code >= 500 {
        Severity::Permanent
    } else {
        Severity::Transient
    };
    match (phase, code) {
        _ if is_before_session(phase) => (Severity::Transient, Scope::Site),
        (Phase::Rset | Phase::Quit, _) => (Severity::Transient, Scope::Session),
        (_, ..400 | 421 | 503) => (Severity::Transient, Scope::Session),
        (_, 530 | 534 | 535 | 538) => (Severity::Transient, Scope::Site),
        (Phase::Rcpt, _) => (severity, Scope::Recipient),
        _ => (severity, Scope::Message),
    }
}

/// Whether nothing can have been said about any message yet.
const fn is_before_session(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Connect | Phase::Greeting | Phase::Ehlo | Phase::Tls | Phase::Auth
    )
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.phase;
        match (&self.reply, &self.source) {
            (Some(reply), Some(Cause::Guard | Cause::NoRoute(_))) => {
                write!(f, "not sent: {reply}")
            }
            (_, Some(Cause::Hosts(_))) => f.write_str("no session could be opened"),
            (Some(reply), Some(Cause::OutOfPlace)) => {
                write!(f, "the server answered out of place at {phase}: {reply}")
            }
            (Some(reply), _) if reply.code < 500 => {
                write!(f, "the server deferred at {phase}: {reply}")
            }
            (Some(reply), _) => write!(f, "the server refused at {phase}: {reply}"),
            (None, _) if phase == Phase::Connect => f.write_str("no connection to the server"),
            (None, _) if phase == Phase::Dot => f.write_str(
                "no reply to the final dot, so the message may or may not have been accepted",
            ),
            (None, _) if is_before_session(phase) => write!(f, "no session, lost at {phase}"),
            (None, _) => write!(f, "the session was lost at {phase}, before the final dot"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests;
