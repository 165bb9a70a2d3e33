//! The dialogue of one connection as a state machine: bytes in, replies and records out.
//!
//! It does no I/O and knows no clock. It reads as far as it can: a group of pipelined commands is
//! answered in one go. It stops where the connection must do something first: read more, wait
//! before a reply, put on TLS, or close.
//!
//! What is used up between two [`Next::Read`] was in one read of the socket: a *group*. The rules
//! of pipelining (RFC 2920) are rules about groups, and are judged in `group`.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod command;
pub(crate) mod reply;
pub(crate) mod transaction;

mod answers;
mod carry;
mod faults;
mod group;
mod hello;
mod message;
mod security;

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::bounds::DRIP_REST;
use crate::dialogue::auth::Exchange;
use crate::dialogue::body::Chunks;
use crate::dialogue::command::{line_bytes_max, parse};
use crate::dialogue::reply::Reply;
use crate::dialogue::transaction::Transaction;
use crate::log::Close;
use crate::tally::Record;
use crate::world::Entry;
use crate::world::treatment::{Noise, Treatment};

use group::Group;
use hello::Session;
use message::{Chunk, Message};
pub(crate) use security::Handshake;

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
    /// After the replies the client begins a handshake.
    StartTls,
    /// The replies are the last ones, and are to arrive.
    Close,
    /// FIN, without a word about what was asked last.
    Drop,
    /// RST.
    Reset,
    /// Nothing more is said; the client may leave.
    Hold,
    /// The replies from `from` on are the normal one, to be written in an odd way. Then it goes on.
    Odd { odd: Odd, from: usize },
}

/// How a normal reply is written that is not just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// In odd pieces.
    Split,
    /// As no server should.
    Noise(Noise),
}

/// One connection's dialogue.
pub(crate) struct Dialogue {
    entry: Entry,
    phase: Phase,
    session: Session,
    group: Group,
    transaction: Option<Transaction>,
    /// Whether the open transaction takes addresses beyond ASCII.
    is_utf8: bool,
    /// What has come in chunks for the open transaction.
    chunks: Option<Chunks>,
    /// A transaction whose last reply still waits; it keeps its places until that reply leaves.
    ending: Option<Transaction>,
    /// What comes when a reply has waited.
    then: Option<Next>,
    /// Records of a message whose reply waits, in case the client leaves before it.
    unheard: Vec<Record>,
    errors: u32,
    /// Transactions that were begun.
    mails: u32,
    /// Messages whose end was read.
    messages: u64,
    has_quit: bool,
}

enum Phase {
    /// Nothing was said; how the client is greeted.
    Greeting(Box<Treatment>),
    Command,
    /// The rest of a line that was too long.
    LongLine,
    /// The next line belongs to a log-in.
    Auth(Exchange),
    Body(Box<Message>),
    Chunk(Box<Chunk>),
}

impl Dialogue {
    /// A dialogue that begins with this greeting. `in_flight` is how long what a client has sent
    /// may be under way: it cannot have known what was said less than that before it arrived.
    pub(crate) fn new(entry: Entry, greeting: Treatment, in_flight: Duration) -> Self {
        Self {
            entry,
            phase: Phase::Greeting(Box::new(greeting)),
            session: Session::default(),
            group: Group::new(in_flight),
            transaction: None,
            is_utf8: false,
            chunks: None,
            ending: None,
            then: None,
            unheard: Vec::new(),
            errors: 0,
            mails: 0,
            messages: 0,
            has_quit: false,
        }
    }

    /// The rest before each byte of a reply that drips.
    pub(crate) fn drip_rest(&self) -> Duration {
        self.entry.plan().scaled(DRIP_REST)
    }

    /// Gives back what the connection holds; before its last reply is written, so that a client
    /// which has read that reply finds the places free. Answers with the record of the end.
    pub(crate) fn leave(&mut self, turns: u64, now_us: i64) -> Close {
        self.drop_transaction();
        self.ending = None;
        self.phase = Phase::Command;
        self.entry.leave();
        Close {
            at_us: now_us,
            connection: self.entry.connection(),
            messages: self.messages,
            messages_over: self.entry.messages_over(),
            turns,
            has_quit: self.has_quit,
        }
    }

    /// What is to be recorded when the client has left before a reply that still waits.
    pub(crate) fn unheard(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.unheard)
    }

    /// Whether the client sends a message at the moment, and expects no reply.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.phase, Phase::Body(_) | Phase::Chunk(_))
    }

    /// Uses up `input` as far as it can.
    pub(crate) fn advance(
        &mut self,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> Next {
        self.ending = None;
        self.unheard.clear();
        if let Some(next) = self.then.take() {
            return next.after_wait();
        }
        loop {
            let replied = effects.replies.len();
            let flow = match std::mem::replace(&mut self.phase, Phase::Command) {
                Phase::Greeting(treatment) => self.greet(&treatment, effects),
                Phase::Command => self.read_command(input, times, effects),
                Phase::LongLine => self.skip_line(input),
                Phase::Auth(exchange) => self.read_response(exchange, input, times, effects),
                Phase::Body(message) => self.read_body(message, input, times, effects),
                Phase::Chunk(chunk) => self.read_chunk(chunk, input, times, effects),
            };
            self.group
                .note_reply(&effects.replies, replied, &flow, times.now_us);
            if let Break(next) = flow {
                if next == Next::Read {
                    self.group.end();
                }
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
        let bytes_max = line_bytes_max(input);
        let end = match find_line(input, bytes_max) {
            Line::Whole(end) => end,
            Line::Open => return Break(Next::Read),
            Line::TooLong => {
                self.phase = Phase::LongLine;
                return self.refuse_line(&reply::LINE_TOO_LONG, times, effects);
            }
        };
        let command = checked_line(&input[..end], bytes_max).and_then(parse);
        input.advance(end);
        if let Some(next) = self.judge_group(command.as_ref().ok(), input, times, effects) {
            return next;
        }
        match command {
            Ok(command) => self.answer(command, times, effects),
            Err(refusal) => self.refuse_line(&refusal, times, effects),
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

    fn drop_transaction(&mut self) {
        self.transaction = None;
        self.chunks = None;
    }
}

impl Next {
    /// The same, when all that came before it has been written.
    fn after_wait(self) -> Self {
        match self {
            Self::Odd { odd, .. } => Self::Odd { odd, from: 0 },
            next => next,
        }
    }
}

/// What is at the beginning of the input.
enum Line {
    /// A line of so many bytes, its LF included.
    Whole(usize),
    /// Less than a line.
    Open,
    /// More than a line may have, and no end.
    TooLong,
}

fn find_line(input: &[u8], bytes_max: usize) -> Line {
    match memchr::memchr(b'\n', input) {
        Some(end) => Line::Whole(end + 1),
        None if input.len() < bytes_max => Line::Open,
        None => Line::TooLong,
    }
}

/// The line without its CR LF, if it ends so, is not too long, and holds no other CR and no NUL.
fn checked_line(line: &[u8], bytes_max: usize) -> Result<&[u8], Reply> {
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
