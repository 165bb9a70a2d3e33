//! How a session begins, as a state machine without I/O.
//!
//! ```text
//! greeting - EHLO [HELO] - [STARTTLS - handshake - EHLO] - [AUTH] - opened
//! ```
//!
//! Octets from the server go in by [`Opening::receive`]; what they mean comes out of
//! [`Opening::step`], and the octets to write out of [`Opening::take_command`]. Nothing here waits or
//! reads a clock: [`Opening::phase`] says whose allowance runs.
//!
//! Invariants:
//! - One command is out at a time, and nothing is unread when it goes out.
//! - Nothing that came in the clear counts after the handshake: octets behind the answer to
//!   STARTTLS end the session, and what was offered before is forgotten (RFC 3207 §4.2).
//! - Credentials go out only over verified TLS, or to this machine.
//! - What the server offered counts only when nothing came behind its offer, so that the session
//!   begins with nothing unread.

mod shell;

use postrider_types::Phase;
use secrecy::SecretSlice;

use crate::auth::{AuthError, Credentials, Exchange};
use crate::command;
use crate::ehlo::Capabilities;
use crate::envelope::ClientName;
use crate::full_reply::FullReply;
use crate::reply::ReplyParser;
use crate::tls::TlsError;
use crate::trouble::{Cause, Trouble};

pub(crate) use shell::{advance, introduce};

/// What a session needs before it stands.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What we call ourselves.
    pub(crate) name: ClientName,
    /// Whether to ask for encryption.
    pub(crate) starttls: StartTls,
    /// What to log in with.
    pub(crate) credentials: Option<Credentials>,
    /// Whether credentials may go out as things are: TLS is there already and verified, or the
    /// server is on this machine.
    pub(crate) is_protected: bool,
}

/// Whether to ask for encryption within the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartTls {
    /// No: it is not wanted, or there already.
    Never,
    /// When it is offered. A server that then refuses is talked to in the clear.
    IfOffered,
    /// Or there is no session.
    Required,
}

/// What the shell has to do next.
#[derive(Debug)]
pub(crate) enum OpeningStep {
    /// Write the next command.
    Command,
    /// Do the handshake of TLS, and say [`Opening::secured`].
    Handshake,
    /// Nothing: the session stands, and this is what the server offered.
    Opened(Capabilities),
}

/// The client's side of a session that does not stand yet.
#[derive(Debug)]
pub(crate) struct Opening {
    plan: Plan,
    /// The greeting, or the reply to this phase's command, is outstanding.
    phase: Phase,
    parser: ReplyParser,
    /// EHLO was not known, and HELO said instead.
    is_helo: bool,
    capabilities: Capabilities,
    /// The log-in that is under way.
    exchange: Option<Exchange>,
    /// Octets to write. Some of them are secret.
    command: SecretSlice<u8>,
}

impl Opening {
    /// A session whose greeting has not come yet.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            phase: Phase::Greeting,
            parser: ReplyParser::default(),
            is_helo: false,
            capabilities: Capabilities::default(),
            exchange: None,
            command: SecretSlice::default(),
        }
    }

    /// Where the opening stands, for deadlines and for blame.
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// The octets to write, once.
    pub(crate) fn take_command(&mut self) -> SecretSlice<u8> {
        std::mem::take(&mut self.command)
    }

    /// Takes octets from the server.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.parser.receive(bytes);
    }

    /// The stream failed, or the allowance of the phase was used up.
    pub(crate) fn lost(&self, cause: Cause) -> Trouble {
        Trouble::lost(self.phase, cause)
    }

    /// The handshake is done: the session begins anew, without a greeting.
    pub(crate) fn secured(&mut self, is_verified: bool) {
        debug_assert!(self.parser.is_empty(), "looked at before the handshake");
        self.plan.is_protected |= is_verified;
        self.plan.starttls = StartTls::Never;
        self.is_helo = false;
        self.capabilities = Capabilities::default();
        self.phase = Phase::Ehlo;
        self.command = command::ehlo(&self.plan.name).into();
    }

    /// What the octets received so far mean; `None` while a reply is incomplete.
    pub(crate) fn step(&mut self) -> Result<Option<OpeningStep>, Trouble> {
        let reply = match self.parser.next_reply() {
            Ok(None) => return Ok(None),
            Ok(Some(reply)) => reply,
            Err(error) => return Err(self.lost(Cause::Garbage(error))),
        };
        tracing::trace!(phase = %self.phase, reply = %reply.condense(), "reply");
        self.answer(&reply).map(Some)
    }

    /// One complete reply.
    fn answer(&mut self, reply: &FullReply) -> Result<OpeningStep, Trouble> {
        match (self.phase, reply.code) {
            (Phase::Greeting, 200..300) => self.ask(Phase::Ehlo, command::ehlo(&self.plan.name)),
            (Phase::Ehlo, 200..300) => {
                // Nothing is offered in a reply to HELO.
                if !self.is_helo {
                    let lines = reply.lines.iter().map(String::as_str);
                    self.capabilities = Capabilities::from_lines(lines);
                }
                self.secure()
            }
            // RFC 5321 §3.2: a server may be too old for EHLO. Asked once, and only after a reply
            // that says so: another refusal is about us, and without extensions we would fail
            // messages for good that the server could have taken.
            (Phase::Ehlo, 500..=502 | 504) if !self.is_helo => {
                self.is_helo = true;
                self.ask(Phase::Ehlo, command::helo(&self.plan.name))
            }
            (Phase::Tls, 220) if self.parser.is_empty() => Ok(OpeningStep::Handshake),
            (Phase::Tls, 220) => Err(self.lost(Cause::Tls(TlsError::Injected))),
            // RFC 3207 §4: after a refusal it is for the client to go on or not.
            (Phase::Tls, 422..) if self.plan.starttls == StartTls::IfOffered => self.log_in(),
            (Phase::Auth, 200..300) => self.opened(),
            (Phase::Auth, 334) => self.respond(),
            (Phase::Auth, 500..) => Err(self.rejected(reply)),
            _ => Err(Trouble::refused(self.phase, reply.condense())),
        }
    }

    /// EHLO is answered: asks for encryption where it is due.
    fn secure(&mut self) -> Result<OpeningStep, Trouble> {
        match (self.plan.starttls, self.capabilities.starttls) {
            (StartTls::IfOffered | StartTls::Required, true) => {
                self.ask(Phase::Tls, command::STARTTLS.to_vec())
            }
            (StartTls::Required, false) => {
                Err(Trouble::lost(Phase::Tls, Cause::Tls(TlsError::NotOffered)))
            }
            (StartTls::IfOffered, false) | (StartTls::Never, _) => self.log_in(),
        }
    }

    /// The session is as secure as it will be: logs in where it is due.
    fn log_in(&mut self) -> Result<OpeningStep, Trouble> {
        let Some(credentials) = &self.plan.credentials else {
            return self.opened();
        };
        let begun = if self.plan.is_protected {
            Exchange::begin(credentials, &self.capabilities.auth)
        } else {
            Err(AuthError::Unprotected)
        };
        let (exchange, line) =
            begun.map_err(|error| Trouble::lost(Phase::Auth, Cause::Auth(error)))?;
        tracing::trace!(mechanism = %exchange.mechanism(), "command AUTH, not shown");
        self.exchange = Some(exchange);
        self.put_out(Phase::Auth, line)
    }

    /// The server wants the next line of the log-in.
    fn respond(&mut self) -> Result<OpeningStep, Trouble> {
        match self.exchange.as_mut().and_then(Exchange::respond) {
            Some(line) => self.put_out(Phase::Auth, line),
            None => Err(self.lost(Cause::OutOfPlace)),
        }
    }

    /// The log-in has failed for good: by the server's decision, or because we broke it off.
    fn rejected(&self, reply: &FullReply) -> Trouble {
        let cancelled = self
            .exchange
            .as_ref()
            .filter(|exchange| exchange.is_cancelled());
        let error = cancelled.map_or(AuthError::Rejected, |exchange| {
            AuthError::Challenged(exchange.mechanism())
        });
        Trouble::refused(self.phase, reply.condense()).because(Cause::Auth(error))
    }

    fn opened(&mut self) -> Result<OpeningStep, Trouble> {
        if !self.parser.is_empty() {
            return Err(self.lost(Cause::OutOfPlace));
        }
        Ok(OpeningStep::Opened(std::mem::take(&mut self.capabilities)))
    }

    /// Puts a command out that may be shown.
    fn ask(&mut self, phase: Phase, command: Vec<u8>) -> Result<OpeningStep, Trouble> {
        tracing::trace!(command = %String::from_utf8_lossy(&command).trim_end(), "command");
        self.put_out(phase, command.into())
    }

    /// Puts a command out, unless the server has said something that nobody asked for.
    fn put_out(&mut self, phase: Phase, line: SecretSlice<u8>) -> Result<OpeningStep, Trouble> {
        self.phase = phase;
        if !self.parser.is_empty() {
            return Err(self.lost(Cause::OutOfPlace));
        }
        self.command = line;
        Ok(OpeningStep::Command)
    }
}

#[cfg(test)]
mod tests;
