//! The end of a message: chunks, the terminator, the envelope behind it, and their replies.
//!
//! What is prepared binds nobody until the shell says that the terminator is out. From then on only
//! a complete reply says what became of the message: 2xx that it was accepted, 4xx and 5xx that
//! it was not, anything else nothing.
//!
//! A server that offers CHUNKING and does not know BDAT reads the octets of the chunk as commands.
//! Its first reply says so, the session is closed, and none with it should send chunks: a broken
//! offer must not cost recipients.

use postrider_types::{Phase, Reply};

use super::{EXPECTED_MAX, Event, Group, Session, State};
use crate::command;
use crate::transfer::Outgoing;
use crate::trouble::{Cause, Trouble, step};

impl Session {
    /// Prepares a chunk that is not the last; its octets follow the output.
    pub(crate) fn prepare_chunk(&mut self, octets: usize) {
        debug_assert!(self.is_in_body() && self.is_chunking());
        self.output
            .extend_from_slice(command::bdat(octets, false).as_bytes());
        self.expected.push_back(Phase::Body);
    }

    /// Prepares the terminator: the dot, or the command of the last chunk, whose octets follow it.
    /// Gives the length of the command. It binds from [`dot_is_out`](Self::dot_is_out) on.
    pub(crate) fn prepare_terminator(&mut self, chunk_octets: usize) -> usize {
        debug_assert!(self.is_in_body() && self.output.is_empty());
        if self.is_chunking() {
            let bdat = command::bdat(chunk_octets, true);
            self.output.extend_from_slice(bdat.as_bytes());
        } else {
            self.output.extend_from_slice(command::TERMINATOR);
        }
        self.output.len()
    }

    /// Puts the envelope of the next message behind the prepared terminator.
    ///
    /// # Errors
    /// As of [`begin`](Self::begin); the terminator stands alone then.
    pub(crate) fn prepare_envelope(&mut self, next: &Outgoing) -> Result<(), Trouble> {
        debug_assert!(self.is_in_body() && self.is_pipelining());
        self.fill(next)?;
        self.commands.rewind(false);
        while let Some((_, line)) = self.commands.next_line() {
            self.output.extend_from_slice(line);
        }
        self.commands.rewind(false);
        Ok(())
    }

    /// The terminator is, or may be, on its way. From here on, whatever is not a reply leaves the
    /// message in doubt.
    pub(crate) fn dot_is_out(&mut self, has_envelope: bool) {
        debug_assert!(self.is_in_body());
        self.expected.push_back(Phase::Dot);
        self.is_dirty = false;
        self.state = State::Idle;
        if has_envelope {
            self.state = State::Envelope;
            self.group = Group::default();
            while let Some((phase, _)) = self.commands.next_line() {
                self.expected.push_back(phase);
            }
        }
        debug_assert!(self.expected.len() <= EXPECTED_MAX);
    }

    /// The reply to a chunk that is not the last.
    pub(super) fn answer_chunk(&mut self, code: u16) -> Result<Option<Event>, Trouble> {
        let is_last_out = self.expected.contains(&Phase::Dot);
        if (200..300).contains(&code) {
            return Ok((!is_last_out).then_some(Event::ChunkTaken));
        }
        if !is_last_out {
            self.close();
            return Err(self.chunk_refused(Phase::Body, self.parser.condense()));
        }
        let trouble = self.chunk_refused(Phase::Dot, self.parser.condense());
        if code < 400 {
            self.close();
            return Err(trouble);
        }
        // Whatever ended here, the end of the message is out, and only its own reply says what
        // became of it.
        self.chunk_refusal = Some(trouble);
        Ok(None)
    }

    /// The reply to the terminator: what became of the message.
    pub(super) fn answer_dot(&mut self, code: u16) -> Result<Option<Event>, Trouble> {
        let reply = self.parser.condense();
        let chunk_refusal = self.chunk_refusal.take();
        if code < 300 && chunk_refusal.is_none() {
            self.is_last_refused = false;
            self.has_accepted = true;
            return Ok(Some(Event::Accepted(reply)));
        }
        if code < 400 {
            // 3xx answers nothing; and what is a message that was taken without its middle?
            self.close();
            return Err(Trouble::refused(Phase::Dot, reply));
        }
        self.is_last_refused = self.is_chunking();
        self.is_dirty = self.is_chunking();
        let trouble = chunk_refusal.unwrap_or_else(|| self.chunk_refused(Phase::Dot, reply));
        if code == 421 || trouble.closes_session() {
            self.close();
        }
        Err(trouble)
    }

    /// What the refusal of a chunk, or of the dot where there are none, means.
    fn chunk_refused(&mut self, phase: Phase, reply: Reply) -> Trouble {
        if self.is_chunking() && step::is_unknown_command(&reply) {
            self.extensions.chunking = false;
            return Trouble::unjudged(phase, reply, Cause::NoChunks);
        }
        Trouble::refused(phase, reply)
    }
}
