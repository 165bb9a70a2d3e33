//! What a client may send in one group, and what it could have known when it sent it.
//!
//! Body, dot, and the commands of the next message may travel together: the content of a message
//! may be the first of a group (RFC 2920 §3.1). What must be the last of its group is followed by
//! nothing; who sends on nevertheless is told 554 and closed, as Postfix does, unless the profile
//! is lenient.

use std::ops::ControlFlow::{self, Break};
use std::time::Duration;

use bytes::BytesMut;

use crate::clock::micros;
use crate::dialogue::command::Command;
use crate::dialogue::reply;
use crate::dialogue::{Dialogue, Effects, Next, Times};
use crate::log::FaultKind;
use crate::profile::{Keyword, Synchronisation};

/// One read of the socket, and the last refusal before it.
#[derive(Debug)]
pub(super) struct Group {
    in_flight_us: i64,
    /// When something was refused last, and that had left.
    refused_at_us: i64,
    /// Commands and messages that were read to their end in this group.
    parts: u32,
    is_fault_noted: bool,
}

impl Group {
    pub(super) fn new(in_flight: Duration) -> Self {
        Self {
            in_flight_us: micros(in_flight),
            refused_at_us: i64::MIN / 2,
            parts: 0,
            is_fault_noted: false,
        }
    }

    /// All that was read is used up; what comes next is another group.
    pub(super) fn end(&mut self) {
        self.parts = 0;
        self.is_fault_noted = false;
    }

    /// One more command or message has come to its end.
    pub(super) fn add_part(&mut self) {
        self.parts += 1;
    }

    /// Whether what comes now was sent before the reply to something in this group had left.
    pub(super) fn has_parts(&self) -> bool {
        self.parts > 0
    }

    /// Remembers when a refusal leaves: what arrives too soon after it was sent before it.
    pub(super) fn note_reply(
        &mut self,
        replies: &[u8],
        from: usize,
        flow: &ControlFlow<Next>,
        now_us: i64,
    ) {
        if matches!(replies.get(from), Some(b'4' | b'5')) {
            let delay = match flow {
                Break(Next::Wait { delay, .. }) => micros(*delay),
                _ => 0,
            };
            self.refused_at_us = now_us.saturating_add(delay);
        }
    }

    /// Whether the client had every refusal in hand when it sent what arrived then.
    pub(super) fn could_have_known(&self, arrived_at_us: i64) -> bool {
        arrived_at_us.saturating_sub(self.refused_at_us) > self.in_flight_us
    }
}

impl Dialogue {
    /// Looks at what follows a command in its group; an answer replaces that of the command.
    pub(super) fn judge_group(
        &mut self,
        command: Option<&Command>,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> Option<ControlFlow<Next>> {
        let is_pipelined = self.group.has_parts();
        self.group.add_part();
        if is_pipelined {
            self.judge_pipelining(times, effects);
        }
        let offer = self.entry.offer();
        let is_lie = offer.offers(Keyword::Pipelining) && !offer.honours(Keyword::Pipelining);
        if is_pipelined && is_lie && self.session.may_pipeline {
            return Some(self.say(&reply::NO_PIPELINING, effects));
        }
        let octets = match command {
            Some(Command::Bdat(chunk)) => usize::try_from(chunk.octets).unwrap_or(usize::MAX),
            Some(Command::Quit) => return None,
            _ => 0,
        };
        if input.len() <= octets {
            return None;
        }
        if !command.is_some_and(Command::is_last_of_group) {
            self.judge_pipelining(times, effects);
            return None;
        }
        let detail = match command {
            Some(Command::Data) => "the message came before its 354",
            _ => "more was sent before the reply to a command that must be the last of its group",
        };
        let closed = self.out_of_step(detail, times, effects);
        if closed.is_some() {
            return closed;
        }
        self.group.parts = 0;
        if command == Some(&Command::StartTls) {
            // Whoever sent this was not yet known; it must never be taken for what comes
            // through TLS (RFC 3207 §6).
            input.clear();
        }
        None
    }

    /// More has come, where the client had to wait: the end, unless the profile is lenient.
    pub(super) fn out_of_step(
        &mut self,
        detail: &str,
        times: Times,
        effects: &mut Effects,
    ) -> Option<ControlFlow<Next>> {
        self.record_fault(FaultKind::Synchronisation, detail, times, effects);
        if self.entry.offer().synchronisation == Synchronisation::Lenient {
            return None;
        }
        let _ = self.say(&reply::OUT_OF_STEP, effects);
        Some(Break(Next::Close))
    }

    /// More has come, where one command at a time is allowed: noted once for a group.
    pub(super) fn judge_pipelining(&mut self, times: Times, effects: &mut Effects) {
        if !self.session.may_pipeline && !self.group.is_fault_noted {
            self.group.is_fault_noted = true;
            let detail = "several commands in one group, and PIPELINING was not offered";
            self.record_fault(FaultKind::PipelinedUnoffered, detail, times, effects);
        }
    }
}
