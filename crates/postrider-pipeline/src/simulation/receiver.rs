//! The receivers at the other end: what they do with each message, what of it reaches us, and
//! when. A dot that has left may arrive although its sender is dead.

use std::time::Duration;

use postrider_smtp::{Cause, Trouble};
use postrider_store::quarantine::Held;
use postrider_types::reply::Reply;
use postrider_types::{CampaignId, Phase, Timestamp};

use super::oracle::{Try, Violation, hold};
use super::worker::Place;
use super::world::{Happening, World};
use crate::core::{ConnectionId, End, Event, Job};

/// How long a client waits for the answer to a dot (RFC 5321 §4.5.3.2.6).
pub(super) const DOT_DEADLINE: Duration = Duration::from_secs(600);

/// A message of which all but the dot is written.
#[derive(Debug, Clone)]
pub(super) struct AtGate {
    one: Try,
    fate: Fate,
}

/// What happens to one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Taken, and answered after so long.
    Accept(Duration),
    /// Refused with this code before DATA.
    RefuseAtRcpt(u16),
    /// Refused with this code after the dot, and after so long.
    RefuseAtDot(u16, Duration),
    /// Refused with this code while the body is written; the server hangs up.
    RefuseInBody(u16),
    /// The server hangs up while the body is written.
    HangUpInBody,
    /// The server has hung up when the dot is to be written.
    HangUpAtGate,
    /// Taken, and the connection is lost before the answer.
    AcceptAndDrop,
    /// Not taken, and the connection is lost after the dot.
    DropAndForget,
    /// Taken and answered, and the server hangs up.
    AcceptAndClose,
    /// Taken so late after the dot that nobody waits for the answer any more.
    AcceptTooLate(Duration),
    /// The answer fits another command.
    OutOfStep,
    /// We could not build it.
    Unbuildable,
}

impl World {
    pub(super) fn connect(&mut self, place: Place, connection: ConnectionId, is_allowed: bool) {
        let event = if self.chance.is_unlucky(20) {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            Event::ConnectFailed(connection, Trouble::lost(Phase::Connect, refused.into()))
        } else {
            Event::Connected {
                connection,
                is_pipelining: is_allowed && self.plan.is_pipelining,
                mail_max: None,
            }
        };
        let delay = self.chance.network();
        self.later(delay, Happening::Hear(place, event));
    }

    pub(super) fn quit(&mut self, place: Place, connection: ConnectionId) {
        // What is not open yet is opened no further.
        let is_its = |event: &Event| match event {
            Event::Connected { connection: of, .. } | Event::ConnectFailed(of, _) => {
                *of == connection
            }
            _ => false,
        };
        self.agenda.retain(
            |_, what| !matches!(what, Happening::Hear(of, event) if *of == place && is_its(event)),
        );
        let delay = self.chance.network();
        self.later(delay, Happening::Hear(place, Event::Closed(connection)));
    }

    /// An envelope is written; the receiver comes to it at `from`.
    pub(super) fn transmit(
        &mut self,
        place: Place,
        connection: ConnectionId,
        job: &Job,
        from: Timestamp,
    ) -> Result<(), Violation> {
        let one = Self::one(job);
        let worker = &mut self.workers[place.worker];
        worker.in_hand.push((connection, one.delivery));
        let is_alone = job.chunk.lane.is_solo();
        if self.is_deadly(place, Held::Delivery(one.delivery), is_alone) {
            return Ok(());
        }
        let fate = self.draw_fate(job);
        if fate != Fate::Unbuildable {
            self.check_mail(place, job)?;
        }
        let arrives_at = from.plus(self.chance.network());
        let (end, is_open) = match fate {
            Fate::Unbuildable => (End::Unbuildable("`name` is missing".to_owned()), true),
            Fate::RefuseAtRcpt(code) => (refused(Phase::Rcpt, code), code != 421),
            Fate::HangUpInBody => (lost(Phase::Body, Cause::Closed), false),
            Fate::OutOfStep => (lost(Phase::Mail, Cause::OutOfPlace), false),
            fate => {
                let worker = &mut self.workers[place.worker];
                let before = worker.at_gate.insert(connection, AtGate { one, fate });
                hold!(before.is_none(), "{place} has two messages at one gate");
                let event = Event::AtGate(connection);
                self.agenda.put(arrives_at, Happening::Hear(place, event));
                return Ok(());
            }
        };
        self.end(place, connection, end, is_open, arrives_at);
        Ok(())
    }

    /// The terminator is written, and behind it an envelope.
    pub(super) fn dot(
        &mut self,
        place: Place,
        connection: ConnectionId,
        next: Option<&Job>,
    ) -> Result<(), Violation> {
        let worker = &mut self.workers[place.worker];
        let Some(AtGate { one, fate }) = worker.at_gate.remove(&connection) else {
            return Err(Violation(format!("{place} writes a dot of no message")));
        };
        self.oracle.dot(&mut self.host.rows, one)?;
        let arrives_at = self.now.plus(self.chance.network());
        let back = self.chance.network();
        let (end, is_open, after) = match fate {
            Fate::RefuseInBody(code) => (refused(Phase::Body, code), false, Duration::ZERO),
            Fate::HangUpAtGate => {
                let trouble = Trouble::lost(Phase::Body, Cause::Closed);
                (End::Unsent(trouble), false, Duration::ZERO)
            }
            Fate::RefuseAtDot(code, after) => (refused(Phase::Dot, code), code != 421, after),
            Fate::DropAndForget => (in_doubt(Cause::Closed), false, back),
            Fate::AcceptAndDrop => (in_doubt(Cause::Closed), false, back),
            Fate::AcceptTooLate(_) => {
                (in_doubt(Cause::Deadline(DOT_DEADLINE)), false, DOT_DEADLINE)
            }
            Fate::AcceptAndClose => (accepted(), false, back),
            Fate::Accept(after) => (accepted(), true, after.max(back)),
            Fate::RefuseAtRcpt(_) | Fate::HangUpInBody | Fate::OutOfStep | Fate::Unbuildable => {
                return Err(Violation(format!("{place} writes a dot after {fate:?}")));
            }
        };
        let takes_at = match fate {
            Fate::Accept(_) | Fate::AcceptAndClose | Fate::AcceptAndDrop => Some(arrives_at),
            Fate::AcceptTooLate(after) => Some(arrives_at.plus(DOT_DEADLINE).plus(after)),
            _ => None,
        };
        if let Some(takes_at) = takes_at {
            self.agenda.put(takes_at, Happening::Accept(place, one));
        }
        let heard_at = arrives_at.plus(after);
        self.end(place, connection, end, is_open, heard_at);
        match next {
            Some(next) if is_open => self.transmit(place, connection, next, heard_at),
            Some(_) => {
                self.end_unsent(place, connection, heard_at);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn abandon(&mut self, place: Place, connection: ConnectionId) {
        self.workers[place.worker].at_gate.remove(&connection);
        self.end(place, connection, End::Abandoned, false, self.now);
    }

    /// The envelope behind a dot went nowhere.
    pub(super) fn end_unsent(&mut self, place: Place, connection: ConnectionId, at: Timestamp) {
        let gone = lost(Phase::Mail, Cause::ClosedIdle);
        self.end(place, connection, gone, false, at);
    }

    fn end(
        &mut self,
        place: Place,
        connection: ConnectionId,
        end: End,
        is_reusable: bool,
        at: Timestamp,
    ) {
        let ended = Event::Ended {
            connection,
            end,
            is_reusable,
        };
        self.agenda.put(at, Happening::Hear(place, ended));
    }

    fn draw_fate(&mut self, job: &Job) -> Fate {
        let soon = self.chance.network();
        let is_first = job.recipient().attempts == 0;
        if is_first && self.plan.long_wait.is_some() && job.chunk.campaign == CampaignId(1) {
            return Fate::RefuseAtDot(451, soon);
        }
        if !self.chance.is_faulty {
            return Fate::Accept(soon);
        }
        let long = self.chance.within(Duration::from_secs(60));
        match self.chance.below(48) {
            0 => Fate::RefuseAtRcpt(451),
            1 => Fate::RefuseAtRcpt(550),
            2 => Fate::RefuseAtDot(452, soon),
            3 => Fate::RefuseAtDot(554, soon),
            4 => Fate::RefuseAtDot(451, long),
            5 => Fate::RefuseAtDot(421, soon),
            6 => Fate::RefuseInBody(452),
            7 => Fate::RefuseInBody(554),
            8 | 9 => Fate::HangUpInBody,
            10 | 11 => Fate::HangUpAtGate,
            12 => Fate::AcceptAndDrop,
            13 => Fate::DropAndForget,
            14 => Fate::AcceptAndClose,
            15 => Fate::AcceptTooLate(long),
            16 => Fate::OutOfStep,
            17 => Fate::Unbuildable,
            18..=20 => Fate::Accept(long),
            _ => Fate::Accept(soon),
        }
    }
}

fn refused(phase: Phase, code: u16) -> End {
    End::Refused(Trouble::refused(phase, Reply::new(code, None, "no")))
}

fn lost(phase: Phase, cause: Cause) -> End {
    End::Refused(Trouble::lost(phase, cause))
}

fn in_doubt(cause: Cause) -> End {
    End::InDoubt(Trouble::lost(Phase::Dot, cause))
}

fn accepted() -> End {
    End::Accepted(Reply::new(250, None, "queued"))
}
