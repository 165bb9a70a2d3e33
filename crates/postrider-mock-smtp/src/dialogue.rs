//! The dialogue of one connection as a state machine: bytes in, replies and records out.
//!
//! It does no I/O and knows no clock. It reads as far as it can: a group of pipelined commands is
//! answered in one go. It stops where the connection must do something first: read more, wait
//! before a reply, or close.

mod answers;

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::body::BodyReader;
use crate::bounds::{COMMAND_BYTES_MAX, CONNECTION_ERRORS_MAX, MAIL_COMMAND_BYTES_MAX};
use crate::command::parse;
use crate::profile::{DropAt, Keyword};
use crate::reply::{self, Reply};
use crate::tally::Record;
use crate::transaction::{Ending, Transaction};
use crate::world::World;

/// What a turn of the dialogue brought; the connection carries it out: records first, then replies.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) records: Vec<Record>,
    pub(crate) replies: Vec<u8>,
}

/// The times of a turn, in microseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When the input arrived; a MAIL counts from then, even if a reply had to wait in between.
    pub(crate) arrived_at_us: i64,
    pub(crate) now_us: i64,
}

/// Why the dialogue stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// All input is used up.
    Read,
    /// The replies from `held_from` on may leave only after the delay. Then it goes on.
    Wait { delay: Duration, held_from: usize },
    /// The replies are the last ones, and are to arrive.
    Close,
    /// The connection is cut, as if a cable was pulled.
    Drop,
}

/// One connection's dialogue.
pub(crate) struct Dialogue {
    world: Arc<World>,
    connection: u64,
    phase: Phase,
    has_said_hello: bool,
    transaction: Option<Transaction>,
    /// A transaction whose last reply still waits; it keeps its places until that reply leaves.
    ending: Option<Transaction>,
    errors: u32,
    messages: u64,
}

enum Phase {
    Command,
    /// The rest of a line that was too long.
    LongLine,
    Body(Box<Message>),
}

/// A message that is being sent.
struct Message {
    reader: BodyReader,
    transaction: Transaction,
}

impl Dialogue {
    pub(crate) fn new(world: Arc<World>, connection: u64) -> Self {
        Self {
            world,
            connection,
            phase: Phase::Command,
            has_said_hello: false,
            transaction: None,
            ending: None,
            errors: 0,
            messages: 0,
        }
    }

    /// Whether the client sends a message at the moment, and expects no reply.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.phase, Phase::Body(_))
    }

    /// Uses up `input` as far as it can.
    pub(crate) fn advance(
        &mut self,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> Next {
        self.ending = None;
        loop {
            let flow = match std::mem::replace(&mut self.phase, Phase::Command) {
                Phase::Command => self.read_command(input, times, effects),
                Phase::LongLine => self.skip_line(input),
                Phase::Body(message) => self.read_body(message, input, times, effects),
            };
            if let Break(next) = flow {
                return next;
            }
        }
    }

    fn read_command(
        &mut self,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if input.len() < MAIL_COMMAND_BYTES_MAX {
                return Break(Next::Read);
            }
            self.phase = Phase::LongLine;
            return self.fault(&reply::LINE_TOO_LONG, effects);
        };
        let command = checked_line(&input[..=end]).and_then(parse);
        input.advance(end + 1);
        match command {
            Ok(command) => self.answer(command, times, effects),
            Err(refusal) => self.fault(&refusal, effects),
        }
    }

    fn skip_line(&mut self, input: &mut BytesMut) -> ControlFlow<Next> {
        let Some(end) = memchr::memchr(b'\n', input) else {
            input.clear();
            self.phase = Phase::LongLine;
            return Break(Next::Read);
        };
        input.advance(end + 1);
        Continue(())
    }

    fn read_body(
        &mut self,
        mut message: Box<Message>,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let has_begun = !input.is_empty();
        if has_begun
            && message
                .transaction
                .drops(DropAt::Body, &mut effects.records)
        {
            return Break(Next::Drop);
        }
        let (taken, is_end) = message.reader.read(input);
        input.advance(taken);
        if is_end {
            return self.end_message(*message, times, effects);
        }
        self.phase = Phase::Body(message);
        Break(Next::Read)
    }

    fn end_message(
        &mut self,
        message: Message,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let Message {
            reader,
            transaction,
        } = message;
        let body = reader.finish();
        if body.bytes > self.world.profile.message_bytes_max {
            return self.say(&reply::TOO_LARGE, effects);
        }
        self.messages += 1;
        let queued = reply::queued(self.connection, self.messages);
        let reply = match transaction.end(&body, queued, &mut effects.records, times.now_us) {
            Ending::Answered(reply) => reply,
            Ending::Dropped => return Break(Next::Drop),
        };
        if !reply.is_refusal() {
            self.errors = 0;
            if body.bare_line_ends > 0 {
                effects
                    .records
                    .push(Record::BareLineEnds(body.bare_line_ends));
            }
        }
        let delay = transaction.reply_delay();
        self.ending = (!delay.is_zero()).then_some(transaction);
        self.say_after(&reply, delay, effects)
    }

    /// Refuses what breaks the protocol; a connection that goes on and on is closed.
    fn fault(&mut self, refusal: &Reply, effects: &mut Effects) -> ControlFlow<Next> {
        self.errors += 1;
        if self.errors <= CONNECTION_ERRORS_MAX {
            return self.say(refusal, effects);
        }
        let _ = self.say(&reply::OVER_ERRORS, effects);
        Break(Next::Close)
    }

    fn say(&self, reply: &Reply, effects: &mut Effects) -> ControlFlow<Next> {
        self.say_after(reply, Duration::ZERO, effects)
    }

    fn say_after(
        &self,
        reply: &Reply,
        delay: Duration,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let held_from = effects.replies.len();
        let with_enhanced = self.world.profile.offers(Keyword::EnhancedStatusCodes);
        reply.write(&mut effects.replies, with_enhanced);
        if delay.is_zero() {
            Continue(())
        } else {
            Break(Next::Wait { delay, held_from })
        }
    }
}

/// The line without its CR LF, if it ends so, is not too long, and holds no other CR and no NUL.
fn checked_line(line: &[u8]) -> Result<&[u8], Reply> {
    let is_mail = line
        .get(..5)
        .is_some_and(|verb| verb.eq_ignore_ascii_case(b"MAIL "));
    let bytes_max = if is_mail {
        MAIL_COMMAND_BYTES_MAX
    } else {
        COMMAND_BYTES_MAX
    };
    if line.len() > bytes_max {
        return Err(reply::LINE_TOO_LONG);
    }
    let text = line.strip_suffix(b"\r\n").ok_or(reply::BARE_LINE_END)?;
    if memchr::memchr2(b'\r', 0, text).is_some() {
        Err(reply::BARE_LINE_END)
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
