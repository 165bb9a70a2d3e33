//! The transactions of an opened session as a state machine without I/O.
//!
//! Octets from the server go in by [`Session::receive`]; what they mean comes out of
//! [`Session::step`], and the octets to write out of [`Session::take_output`]. Nothing here waits
//! or reads a clock: [`Session::phase`] says whose allowance runs.
//!
//! ```text
//! lock-step:   MAIL - RCPT - DATA - body - dot -             MAIL - RCPT - …
//! PIPELINING: [MAIL   RCPT   DATA]- body -[dot [RSET] MAIL   RCPT   DATA]- body -[dot …
//! CHUNKING:   [MAIL   RCPT]        -[BDAT LAST  [RSET] MAIL   RCPT]       -[BDAT LAST …
//! ```
//!
//! Invariants:
//! - Every reply belongs to the oldest command without one, by its place and never by its code or
//!   text (RFC 2920 §3.1). A reply that cannot stand in its place, or that stands where nothing was
//!   asked, means that the two sides count differently: the session is over, and nothing that
//!   was matched for the present envelope counts.
//! - At most one message is between its terminator and the reply. The terminator is prepared by
//!   [`Session::prepare_terminator`] and binds from [`Session::dot_is_out`] on, which only the
//!   shell knows.
//! - A transaction that was opened and did not reach its dot leaves the session dirty, and so does
//!   a DATA that was not answered with 354. A dirty session begins the next group with RSET:
//!   servers keep MAIL open after a refused RCPT or DATA, and would take the next RCPT into it. A
//!   clean one never does, because servers count RSET as junk and turn against clients that say it
//!   often.
//! - Once closed, always closed.

use std::collections::VecDeque;

use postrider_types::{Phase, Reply};

use crate::command::{self, EnvelopeCommands, Form};
use crate::ehlo::{Capabilities, Extensions};
use crate::reply::ReplyParser;
use crate::transfer::Outgoing;
use crate::trouble::{Cause, Trouble};

mod ending;
mod group;

use group::Group;

/// Most replies that can be outstanding: a chunk, the chunk that ends the message, RSET, MAIL,
/// RCPT, and DATA where there are no chunks.
const EXPECTED_MAX: usize = 6;

/// What the server's replies came to.
#[derive(Debug)]
pub(crate) enum Event {
    /// The envelope was accepted, and the server waits for the body.
    GoAhead,
    /// A chunk that is not the last was taken.
    ChunkTaken,
    /// The message whose terminator was out was accepted with this reply.
    Accepted(Reply),
    /// QUIT was answered.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two messages, or behind a dot that nothing follows.
    Idle,
    /// Commands of an envelope are out, maybe behind a dot.
    Envelope,
    /// The server waits for the body, or has it and waits for the terminator.
    Body,
    Closed,
}

/// The client's side of one session.
#[derive(Debug)]
pub(crate) struct Session {
    state: State,
    parser: ReplyParser,
    capabilities: Capabilities,
    extensions: Extensions,
    /// What each outstanding reply will be about, the oldest first.
    expected: VecDeque<Phase>,
    /// Replies read so far.
    replies: u64,
    /// Octets to write.
    output: Vec<u8>,
    commands: EnvelopeCommands,
    /// What is known of the envelope that is out.
    group: Group,
    /// A chunk of the present message was refused.
    chunk_refusal: Option<Trouble>,
    /// The last chunk of the message before was refused. RFC 3030 §2 leaves open what state the
    /// server is in, and some keep the transaction open.
    is_last_refused: bool,
    /// The next group must begin with RSET.
    is_dirty: bool,
    /// A transaction was opened before.
    is_reused: bool,
    /// A message was accepted before.
    has_accepted: bool,
}

impl Session {
    /// An idle session on which the server offered this, and of that these may be used.
    pub(crate) fn new(capabilities: Capabilities, extensions: Extensions) -> Self {
        Self {
            state: State::Idle,
            parser: ReplyParser::default(),
            capabilities,
            extensions,
            expected: VecDeque::with_capacity(EXPECTED_MAX),
            replies: 0,
            output: Vec::new(),
            commands: EnvelopeCommands::default(),
            group: Group::default(),
            chunk_refusal: None,
            is_last_refused: false,
            is_dirty: false,
            is_reused: false,
            has_accepted: false,
        }
    }

    /// Which of the offered extensions may be used; what turned out to be refused is not among
    /// them any more.
    pub(crate) const fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// Says anew which of the offered extensions may be used.
    pub(crate) const fn set_extensions(&mut self, extensions: Extensions) {
        self.extensions = extensions;
    }

    /// What the server offered.
    pub(crate) const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether commands leave in groups.
    pub(crate) const fn is_pipelining(&self) -> bool {
        self.capabilities.pipelining && self.extensions.pipelining
    }

    /// Whether messages are sent in chunks.
    pub(crate) const fn is_chunking(&self) -> bool {
        self.capabilities.chunking && self.extensions.chunking
    }

    /// Whether a transaction may begin: nothing is outstanding, and nothing came unasked.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle && self.expected.is_empty() && self.parser.is_empty()
    }

    /// Whether the session is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether the body is due or the terminator is: what the server says now, nobody asked for.
    pub(crate) fn is_in_body(&self) -> bool {
        self.state == State::Body
    }

    /// Whether a reply is outstanding.
    pub(crate) fn is_expecting(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Whether the server has said something that has not been looked at.
    pub(crate) const fn has_unread(&self) -> bool {
        !self.parser.is_empty()
    }

    /// Whether there is something to write.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Replies read so far: the allowance of a phase begins anew when it changes.
    pub(crate) const fn replies(&self) -> u64 {
        self.replies
    }

    /// Where the session stands, for deadlines and for blame.
    pub(crate) fn phase(&self) -> Phase {
        if self.state == State::Body {
            return Phase::Body;
        }
        if self.expected.contains(&Phase::Dot) {
            return Phase::Dot;
        }
        self.expected.front().copied().unwrap_or(Phase::Mail)
    }

    /// The octets to write, once.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Gives the buffer of [`take_output`](Self::take_output) back, so that it is used again.
    pub(crate) fn recycle(&mut self, mut written: Vec<u8>) {
        if self.output.is_empty() {
            written.clear();
            self.output = written;
        }
    }

    /// Takes octets from the server.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.parser.receive(bytes);
    }

    /// Begins a transaction on an idle session.
    ///
    /// # Errors
    /// Permanent trouble with message or recipient when the server cannot take it; the session
    /// stays idle.
    pub(crate) fn begin(&mut self, mail: &Outgoing) -> Result<(), Trouble> {
        debug_assert!(self.is_idle(), "the shell looks before it begins");
        self.fill(mail)?;
        self.open_group(self.is_dirty);
        Ok(())
    }

    /// Takes the commands of a message.
    fn fill(&mut self, mail: &Outgoing) -> Result<(), Trouble> {
        let form = Form {
            has_size: self.extensions.size,
            has_data: !self.is_chunking(),
        };
        self.commands.fill(mail, &self.capabilities, form)
    }

    /// Ends an idle session.
    pub(crate) fn quit(&mut self) {
        debug_assert!(self.is_idle());
        self.output.extend_from_slice(command::QUIT);
        self.expected.push_back(Phase::Quit);
    }

    /// Ends the session without a word.
    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// The session is over; says what that means where it stood.
    pub(crate) fn lost(&mut self, cause: Cause) -> Trouble {
        let phase = self.phase();
        let refusal = self.group.take_refusal();
        // Servers leave between messages as they like, and the client learns it from its next MAIL.
        let is_between = self.is_reused && phase == Phase::Mail && self.parser.is_empty();
        self.close();
        match (cause, refusal) {
            (cause @ (Cause::Garbage(_) | Cause::OutOfPlace), _) => Trouble::lost(phase, cause),
            // What was refused stays refused, however the session ends.
            (_, Some(refusal)) => refusal,
            (Cause::Closed | Cause::Io(_), None) if is_between => {
                Trouble::lost(phase, Cause::ClosedIdle)
            }
            (cause, None) => Trouble::lost(phase, cause),
        }
    }

    /// What the octets received so far mean; `None` when more is needed, or something is to be
    /// written first.
    ///
    /// # Errors
    /// The envelope or the message was refused, or the session is over.
    pub(crate) fn step(&mut self) -> Result<Option<Event>, Trouble> {
        while self.output.is_empty() {
            let code = match self.parser.next_code() {
                Ok(None) => break,
                Ok(Some(code)) => code,
                Err(error) => return Err(self.lost(Cause::Garbage(error))),
            };
            self.replies += 1;
            let event = self.answer(code)?;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// One complete reply.
    fn answer(&mut self, code: u16) -> Result<Option<Event>, Trouble> {
        let phase = self.phase();
        let expected = self.expected.pop_front();
        tracing::trace!(%phase, reply = %self.parser.condense(), "reply");
        match expected {
            Some(Phase::Body) => self.answer_chunk(code),
            Some(Phase::Dot) => self.answer_dot(code),
            Some(Phase::Quit) => {
                self.close();
                Ok(Some(Event::Ended))
            }
            Some(phase) => self.answer_envelope(phase, code),
            None => Err(self.answer_nothing(phase, code)),
        }
    }
}
