//! One session as a state machine without I/O.
//!
//! Octets from the server go in by [`Dialogue::receive`]; what they mean comes out of
//! [`Dialogue::step`], and the octets to write out of [`Dialogue::take_command`]. Nothing here waits
//! or reads a clock: [`Dialogue::phase`] says whose allowance runs.
//!
//! ```text
//! greeting - EHLO [HELO] - idle - [RSET] MAIL RCPT DATA - body - dot - idle - QUIT
//! ```
//!
//! Invariants:
//! - One command is out at a time, and nothing is unread when it goes out. So a reply can only
//!   belong to the command before it.
//! - A transaction that was opened and did not reach its dot leaves the session dirty, and a dirty
//!   session begins the next transaction with RSET: servers keep MAIL open after a refused RCPT or
//!   DATA, and would take the next RCPT into it. A clean one never does, because servers count RSET
//!   as junk and turn against clients that say it often.
//! - Once closed, always closed.

use postrider_types::{Phase, Reply};

use crate::command::{self, Transaction};
use crate::content::Content;
use crate::ehlo::Capabilities;
use crate::envelope::{ClientName, Envelope};
use crate::full_reply::FullReply;
use crate::reply::ReplyParser;
use crate::trouble::{Cause, Trouble};

/// What the shell has to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write the next command.
    Command,
    /// Nothing: the session stands and is idle.
    Opened,
    /// Write the body.
    SendBody,
    /// Nothing: the message was accepted with this reply, and the session is idle.
    Accepted(Reply),
    /// Close the stream: QUIT was answered.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The greeting, or the reply to this phase's command, is outstanding.
    Expecting(Phase),
    Idle,
    /// The server waits for the body, or has it and waits for the terminator.
    Body,
    Closed,
}

/// The client's side of one session.
#[derive(Debug)]
pub(crate) struct Dialogue {
    name: ClientName,
    state: State,
    parser: ReplyParser,
    capabilities: Capabilities,
    /// EHLO was refused, and HELO said instead.
    is_helo: bool,
    /// A transaction was opened and did not reach its dot.
    is_dirty: bool,
    /// A transaction was begun before the present one.
    is_reused: bool,
    /// Octets to write.
    command: Vec<u8>,
    /// The commands of the transaction at hand that have not gone out.
    transaction: Transaction,
}

impl Dialogue {
    /// A session whose greeting has not come yet.
    pub(crate) fn new(name: ClientName) -> Self {
        Self {
            name,
            state: State::Expecting(Phase::Greeting),
            parser: ReplyParser::default(),
            capabilities: Capabilities::default(),
            is_helo: false,
            is_dirty: false,
            is_reused: false,
            command: Vec::new(),
            transaction: Transaction::default(),
        }
    }

    /// What the server offered.
    pub(crate) const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether a transaction may begin: nothing is outstanding, and nothing came unasked.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle && self.parser.is_empty()
    }

    /// Whether the server has said something that is not a complete reply yet, or not read yet.
    pub(crate) const fn has_unread(&self) -> bool {
        !self.parser.is_empty()
    }

    /// Where the session stands, for deadlines and for blame.
    pub(crate) const fn phase(&self) -> Phase {
        match self.state {
            State::Expecting(phase) => phase,
            State::Body => Phase::Body,
            State::Idle | State::Closed => Phase::Mail,
        }
    }

    /// The octets to write, once.
    pub(crate) fn take_command(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.command)
    }

    /// Takes octets from the server.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.parser.receive(bytes);
    }

    /// Begins a transaction on an idle session.
    pub(crate) fn begin(&mut self, envelope: &Envelope, content: &Content) -> Result<(), Trouble> {
        debug_assert!(self.is_idle(), "the shell looks before it begins");
        self.transaction = Transaction::new(envelope, content, &self.capabilities)?;
        let step = if self.is_dirty {
            self.ask(Phase::Rset, command::RSET.to_vec())
        } else {
            self.ask_mail()
        };
        step.map(drop)
    }

    /// Ends the message. From here on, whatever is not a reply leaves it in doubt.
    pub(crate) fn end_message(&mut self) {
        debug_assert!(self.state == State::Body && self.parser.is_empty());
        self.state = State::Expecting(Phase::Dot);
        self.command = command::TERMINATOR.to_vec();
    }

    /// Ends an idle session.
    pub(crate) fn quit(&mut self) -> Result<(), Trouble> {
        self.ask(Phase::Quit, command::QUIT.to_vec()).map(drop)
    }

    /// The session is over; says what that means where it stood.
    pub(crate) fn lost(&mut self, cause: Cause) -> Trouble {
        let phase = self.phase();
        // Servers leave between messages as they like, and the client learns it from its next MAIL.
        let is_between = self.is_reused && phase == Phase::Mail && self.parser.is_empty();
        let cause = match cause {
            Cause::Closed | Cause::Io(_) if is_between => Cause::ClosedIdle,
            cause => cause,
        };
        self.state = State::Closed;
        Trouble::lost(phase, cause)
    }

    /// What the octets received so far mean; `None` while a reply is incomplete.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Trouble> {
        let reply = match self.parser.next_reply() {
            Ok(None) => return Ok(None),
            Ok(Some(reply)) => reply,
            Err(error) => return Err(self.lost(Cause::Garbage(error))),
        };
        let phase = self.phase();
        tracing::trace!(%phase, reply = %reply.condense(), "reply");
        self.answer(phase, &reply).map(Some).inspect_err(|trouble| {
            self.state = if trouble.closes_session() {
                State::Closed
            } else {
                State::Idle
            };
        })
    }

    /// One complete reply in one phase: the whole of the protocol.
    fn answer(&mut self, phase: Phase, reply: &FullReply) -> Result<Step, Trouble> {
        match (phase, reply.code) {
            (Phase::Greeting, 200..300) => self.ask(Phase::Ehlo, command::ehlo(&self.name)),
            (Phase::Ehlo, 200..300) => {
                if !self.is_helo {
                    let lines = reply.lines.iter().map(String::as_str);
                    self.capabilities = Capabilities::from_lines(lines);
                }
                self.state = State::Idle;
                Ok(Step::Opened)
            }
            // RFC 5321 §3.2: a server may be too old for EHLO. Asked once.
            (Phase::Ehlo, 500..) if !self.is_helo => {
                self.is_helo = true;
                self.ask(Phase::Ehlo, command::helo(&self.name))
            }
            (Phase::Rset, 200..300) => {
                self.is_dirty = false;
                self.ask_mail()
            }
            (Phase::Mail, 200..300) => {
                self.is_dirty = true;
                let rcpt = std::mem::take(&mut self.transaction.rcpt);
                self.ask(Phase::Rcpt, rcpt)
            }
            // 251 and 252 count: the server has taken the recipient (RFC 5321 §4.2.2).
            (Phase::Rcpt, 200..300) => self.ask(Phase::Data, command::DATA.to_vec()),
            (Phase::Data, 354) => {
                self.state = State::Body;
                Ok(Step::SendBody)
            }
            (Phase::Dot, code) => {
                self.is_dirty = false;
                if code >= 300 {
                    return Err(Trouble::refused(phase, reply.condense()));
                }
                self.state = State::Idle;
                Ok(Step::Accepted(reply.condense()))
            }
            (Phase::Quit, _) => {
                self.state = State::Closed;
                Ok(Step::Ended)
            }
            _ => Err(Trouble::refused(phase, reply.condense())),
        }
    }

    fn ask_mail(&mut self) -> Result<Step, Trouble> {
        let mail = std::mem::take(&mut self.transaction.mail);
        self.ask(Phase::Mail, mail)
    }

    /// Puts a command out, unless the server has said something that nobody asked for.
    fn ask(&mut self, phase: Phase, command: Vec<u8>) -> Result<Step, Trouble> {
        self.is_reused |= phase == Phase::Rcpt;
        self.state = State::Expecting(phase);
        if !self.parser.is_empty() {
            return Err(self.unasked(phase));
        }
        tracing::trace!(%phase, command = %String::from_utf8_lossy(&command).trim_end(), "command");
        self.command = command;
        Ok(Step::Command)
    }

    /// The server spoke first. Its leave is worth telling; anything else only means that its
    /// replies can no longer be matched to commands.
    fn unasked(&mut self, phase: Phase) -> Trouble {
        match self.parser.next_reply() {
            Ok(Some(reply)) if reply.code == 421 => {
                self.state = State::Closed;
                Trouble::refused(phase, reply.condense())
            }
            Err(error) => self.lost(Cause::Garbage(error)),
            _ => self.lost(Cause::OutOfPlace),
        }
    }
}
