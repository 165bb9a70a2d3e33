//! The replies to one envelope: `[RSET] MAIL RCPT [DATA]`, all at once or one after the other.
//!
//! In a group the server answers all commands, whatever it thinks of the first. What counts is the
//! first refusal; what follows from it (503, "no valid recipients") says nothing new. What may
//! follow and must not be overlooked is a go-ahead:
//!
//! - RCPT was refused and DATA is answered with 354 all the same: a lone dot ends a message that
//!   has no recipients (RFC 2920 §3.1). Its reply accepts nothing.
//! - MAIL was refused and DATA is answered with 354: the server has another transaction open, and a
//!   dot would send an empty message under its envelope. Only closing is safe.
//!
//! A MAIL that is refused for its SIZE, which the server offers, is said once more without, and so is
//! every later one: the parameter only saves the server work, and a broken offer must not cost
//! recipients. What else MAIL asks for (8BITMIME, SMTPUTF8) the message needs, and RCPT asks for
//! nothing, so a refusal of those stands.

use postrider_types::{Phase, Reply};

use super::{Event, Session, State};
use crate::command;
use crate::trouble::{Cause, Trouble, step};

/// What is known of the envelope that is out.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The first refusal: what becomes of the message.
    refusal: Option<Trouble>,
    is_mail_taken: bool,
    /// DATA was answered with 354.
    is_data_taken: bool,
    /// A lone dot is out, in the place of DATA.
    is_lone_dot: bool,
    /// MAIL was refused because the server still has the transaction before open.
    is_nested: bool,
    /// MAIL was refused because of the size that it told.
    is_about_size: bool,
}

impl Group {
    /// What becomes of the message when the session ends here. A MAIL that was to be said once
    /// more has not been judged.
    pub(super) fn take_refusal(&mut self) -> Option<Trouble> {
        self.refusal.take().filter(|_| !self.is_about_size)
    }
}

impl Session {
    /// Puts an envelope out: all of it, or its first command.
    pub(super) fn open_group(&mut self, has_rset: bool) {
        self.state = State::Envelope;
        self.group = Group::default();
        self.commands.rewind(has_rset);
        self.ask_next();
    }

    /// One reply to a command of the envelope.
    pub(super) fn answer_envelope(
        &mut self,
        phase: Phase,
        code: u16,
    ) -> Result<Option<Event>, Trouble> {
        match (phase, code) {
            _ if self.group.is_lone_dot && code != 421 => {}
            (Phase::Rset, 200..300) => {
                self.is_dirty = false;
                self.is_last_refused = false;
            }
            (Phase::Mail, 200..300) => {
                self.is_dirty = true;
                self.is_reused = true;
                self.group.is_mail_taken = true;
            }
            // 251 and 252 count: the server has taken the recipient (RFC 5321 §4.2.2). One that
            // was taken without MAIL was taken into another transaction.
            (Phase::Rcpt, 200..300) => self.is_dirty = true,
            (Phase::Data, 354) => self.group.is_data_taken = true,
            _ => self.refuse(phase, code)?,
        }
        if self.group.refusal.is_some() {
            self.commands.stop();
        }
        if self.is_expecting() {
            return Ok(None);
        }
        if self.commands.is_over() {
            return self.conclude();
        }
        if !self.has_unread() {
            self.ask_next();
        }
        Ok(None)
    }

    /// Puts the next command out, or all of them.
    fn ask_next(&mut self) {
        let is_pipelining = self.is_pipelining();
        while let Some((phase, line)) = self.commands.next_line() {
            tracing::trace!(%phase, command = %String::from_utf8_lossy(line).trim_end(), "command");
            self.output.extend_from_slice(line);
            self.expected.push_back(phase);
            if !is_pipelining {
                break;
            }
        }
    }

    /// A reply that is not what was hoped for.
    ///
    /// # Errors
    /// When it ends the session.
    fn refuse(&mut self, phase: Phase, code: u16) -> Result<(), Trouble> {
        self.is_dirty |= phase == Phase::Data;
        let is_first = self.group.refusal.is_none();
        if !is_first && code >= 400 && code != 421 {
            return Ok(());
        }
        let trouble = self.refusal(phase, self.parser.condense());
        if is_first && phase == Phase::Mail {
            self.look_for_remedy(&trouble);
        }
        let is_over = !is_first || trouble.closes_session() && !self.group.is_nested;
        // A reply that cannot stand here condemns what was matched before it, and a MAIL that was
        // to be said once more has not been judged.
        if is_first || code < 400 || self.group.is_about_size {
            self.group.refusal = Some(trouble);
        }
        match self.group.refusal.take_if(|_| is_over) {
            Some(refusal) => {
                self.close();
                Err(refusal)
            }
            None => Ok(()),
        }
    }

    /// What a refusal of a command of the envelope means on this session.
    fn refusal(&self, phase: Phase, reply: Reply) -> Trouble {
        // Every server knows these commands. One that knows them one by one only reads a group as
        // something else.
        let is_of_group = self.is_pipelining() && phase != Phase::Rset;
        if is_of_group && step::is_unknown_command(&reply) {
            return Trouble::unjudged(phase, reply, Cause::OutOfPlace);
        }
        let trouble = Trouble::refused(phase, reply);
        let is_leave = phase == Phase::Mail && self.has_accepted && !trouble.is_out_of_step();
        match trouble.reply() {
            Some(reply) if is_leave && reply.code == 421 => Trouble::leave(reply.clone()),
            _ => trouble,
        }
    }

    /// MAIL was refused: sees whether that is about something that we can do otherwise.
    fn look_for_remedy(&mut self, trouble: &Trouble) {
        let Some(reply) = trouble.reply() else { return };
        self.group.is_nested = reply.code == 503 && self.is_last_refused;
        self.group.is_about_size = self.commands.has_size() && is_about_parameters(reply);
        self.extensions.size &= !self.group.is_about_size;
    }

    /// All replies to the envelope are read.
    fn conclude(&mut self) -> Result<Option<Event>, Trouble> {
        if self.group.refusal.is_none() {
            self.state = State::Body;
            return Ok(Some(Event::GoAhead));
        }
        if self.group.is_data_taken && !self.group.is_mail_taken {
            return Err(self.lost(Cause::Closed));
        }
        if self.has_unread() {
            // What it means will be known when it is complete.
            return Ok(None);
        }
        if self.group.is_data_taken {
            self.group.is_data_taken = false;
            self.group.is_lone_dot = true;
            self.output.extend_from_slice(command::TERMINATOR);
            self.expected.push_back(Phase::Data);
            return Ok(None);
        }
        if self.group.is_about_size {
            self.commands.drop_size();
            self.open_group(self.is_dirty);
            return Ok(None);
        }
        if self.group.is_nested {
            self.is_last_refused = false;
            self.open_group(true);
            return Ok(None);
        }
        self.state = State::Idle;
        match self.group.refusal.take() {
            Some(refusal) => Err(refusal),
            None => Ok(None),
        }
    }

    /// A reply that nobody asked for. In mid-body it is the reason why the server has stopped
    /// listening, and 421 is its leave; anything else means that its replies can no longer be
    /// matched to commands.
    pub(super) fn answer_nothing(&mut self, phase: Phase, code: u16) -> Trouble {
        if phase != Phase::Body && code != 421 {
            return self.lost(Cause::OutOfPlace);
        }
        self.close();
        let refusal = self.group.take_refusal();
        refusal.unwrap_or_else(|| Trouble::refused(phase, self.parser.condense()))
    }
}

/// Whether a refused command had a parameter too many: 555 says so (RFC 5321 §4.1.1.11), 501 and 504
/// may, unless the enhanced code is of another matter than the protocol (RFC 3463 §3.6).
fn is_about_parameters(reply: &Reply) -> bool {
    let is_of_protocol = reply.enhanced.is_none_or(|enhanced| enhanced.subject == 5);
    matches!(reply.code, 501 | 504 | 555) && is_of_protocol
}
