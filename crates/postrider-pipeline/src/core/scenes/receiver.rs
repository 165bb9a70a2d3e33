//! The receiver at the other end: what it does with each message, and when it is heard of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use postrider_smtp::site::Target;
use postrider_smtp::{Cause, Extensions, ReplyError, Trouble};
use postrider_types::reply::Reply;
use postrider_types::{Phase, Timestamp};

use super::world::World;
use crate::chance::Chance;
use crate::core::{ConnectionId, End, Event, Job, Offer};
use crate::settings::RouteId;

/// What the receiver does with one message.
#[derive(Debug, Clone)]
pub(super) enum Does {
    Accept,
    /// Refuses at RCPT with this code.
    RefuseAtRcpt(u16),
    /// Refuses the whole message with this code.
    RefuseAtDot(u16),
    /// Refuses at MAIL in these words, and hangs up when they are a 421.
    SayAtMail(&'static str),
    /// Refuses at RCPT in these words, and hangs up when they are a 421.
    SayAtRcpt(&'static str),
    /// Refuses the whole message in these words, and hangs up when they are a 421.
    SayAtDot(&'static str),
    /// Refuses with this code while the body is written, and hangs up.
    RefuseInBody(u16),
    /// Hangs up while the body is written, before the gate.
    LoseBeforeGate,
    /// Has hung up when the dot is to be written.
    LoseAtGate,
    /// Says this, which is no refusal, when the dot is to be written, and we hang up.
    SayAtGate(&'static str),
    /// Talks nonsense when the dot is to be written, and we hang up.
    BabbleAtGate,
    /// Nothing: we come to the dot too late, and do not write it.
    MissTheDot,
    /// Takes the message and hangs up before the reply.
    AcceptAndLose,
    /// Takes the message, says so and hangs up.
    AcceptAndClose,
    /// Answers MAIL with something that fits another command.
    FallOutOfStep,
    /// Has hung up before MAIL, as servers do between two messages.
    HangUp,
    /// We could not build it.
    CannotBuild,
    /// Takes this long, and accepts.
    Slowly(Duration),
    /// Takes this long, and refuses the whole message with this code.
    RefuseSlowly(u16, Duration),
}

impl World {
    pub(super) fn connect(
        &mut self,
        connection: ConnectionId,
        route: RouteId,
        target: Option<&Arc<Target>>,
        allowed: Extensions,
    ) {
        self.connects.push(allowed.pipelining);
        self.sizes.push(allowed.size);
        self.chunks.push(allowed.chunking);
        self.open.insert(connection);
        self.network.lead(connection, route, target);
        self.check_caps();
        let is_unlucky = self.chance.as_mut().is_some_and(Chance::is_amiss);
        let is_dead = self.network.is_dead(connection);
        let has_enough = self
            .sessions_max
            .is_some_and(|max| self.open_beside(connection) > max);
        let enough = (Phase::Greeting, "421 4.7.0 too many connections");
        let turns_away = self.turns_away.or_else(|| has_enough.then_some(enough));
        let event = if let Some((phase, words)) = turns_away {
            Event::ConnectFailed(connection, refusal(phase, words))
        } else if self.now < self.unreachable_until || is_dead || is_unlucky {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            Event::ConnectFailed(connection, Trouble::lost(Phase::Connect, refused.into()))
        } else {
            Event::Connected {
                connection,
                is_pipelining: self.is_pipelining && allowed.pipelining,
                mail_max: self.mail_max,
            }
        };
        let delay = self.opens_after.unwrap_or_else(|| self.delay());
        self.at(self.now.plus(delay), event);
        let is_used = |offer: &Offer| match offer {
            Offer::Size => allowed.size,
            Offer::Chunks => allowed.chunking,
        };
        if let Some(offer) = self.breaks.filter(is_used) {
            let soon = delay.saturating_add(Duration::from_micros(1));
            let event = Event::OfferBroken(connection, offer);
            self.at(self.now.plus(soon), event);
        }
    }

    pub(super) fn quit(&mut self, connection: ConnectionId) {
        // What is not open yet is opened no further.
        let is_of_it = |event: &Event| match event {
            Event::Connected { connection: of, .. } | Event::ConnectFailed(of, _) => {
                *of == connection
            }
            _ => false,
        };
        self.later.retain(|(_, event)| !is_of_it(event));
        let delay = self.delay();
        self.at(self.now.plus(delay), Event::Closed(connection));
    }

    /// An envelope is written now, and the receiver comes to it at `from`.
    pub(super) fn transmit(&mut self, connection: ConnectionId, job: &Job, from: Timestamp) {
        let address = job.recipient().address.to_string();
        self.network
            .check(connection, job.recipient().address.domain());
        let does = self.script.get_mut(&address).and_then(VecDeque::pop_front);
        let by_chance = || self.chance.as_mut().map(Chance::does);
        let does = does.or_else(by_chance).unwrap_or(Does::Accept);
        if !matches!(does, Does::CannotBuild) {
            self.mails.push((self.now, address.clone()));
            self.seen.push((from, address.clone()));
        }
        match does {
            Does::CannotBuild => {
                let end = End::Unbuildable("`name` is missing".to_owned());
                self.end(connection, end, true, from);
            }
            Does::RefuseAtRcpt(code) => {
                let trouble = Trouble::refused(Phase::Rcpt, Reply::new(code, None, "no"));
                self.end(connection, End::Refused(trouble), true, from);
            }
            Does::SayAtMail(words) => {
                let (end, is_open) = said(Phase::Mail, words);
                self.end(connection, end, is_open, from);
            }
            Does::SayAtRcpt(words) => {
                let (end, is_open) = said(Phase::Rcpt, words);
                self.end(connection, end, is_open, from);
            }
            Does::LoseBeforeGate => {
                let trouble = Trouble::lost(Phase::Body, Cause::Closed);
                self.end(connection, End::Refused(trouble), false, from);
            }
            Does::HangUp => {
                let trouble = Trouble::lost(Phase::Mail, Cause::ClosedIdle);
                self.end(connection, End::Refused(trouble), false, from);
            }
            Does::FallOutOfStep => {
                let trouble = Trouble::lost(Phase::Mail, Cause::OutOfPlace);
                self.end(connection, End::Refused(trouble), false, from);
            }
            does => {
                let before = self.at_gate.insert(connection, (address, does));
                assert!(before.is_none(), "two messages at one gate");
                let delay = self.delay();
                self.at(from.plus(delay), Event::AtGate(connection));
            }
        }
    }

    /// The terminator, and an envelope behind it.
    pub(super) fn dot(&mut self, connection: ConnectionId, next: Option<&Job>) {
        let (address, does) = self
            .at_gate
            .remove(&connection)
            .expect("a message is at the gate");
        let (end, is_open, after) = self.take(address, &does);
        let until = self.now.plus(after);
        self.end(connection, end, is_open, until);
        let Some(next) = next else {
            return;
        };
        assert!(self.is_pipelining, "an envelope behind a lock-step dot");
        self.followers += 1;
        if is_open {
            return self.transmit(connection, next, until);
        }
        let to = next.recipient().address.to_string();
        self.mails.push((self.now, to));
        let trouble = Trouble::lost(Phase::Mail, Cause::ClosedIdle);
        self.end(connection, End::Refused(trouble), false, until);
    }

    /// What becomes of a message that is let through the gate, whether the connection lasts, and
    /// after how long that is known.
    fn take(&mut self, to: String, does: &Does) -> (End, bool, Duration) {
        let refused = |phase, code| {
            let trouble = Trouble::refused(phase, Reply::new(code, None, "no"));
            End::Refused(trouble)
        };
        match *does {
            Does::RefuseAtDot(code) => return (refused(Phase::Dot, code), true, Duration::ZERO),
            Does::SayAtDot(words) => {
                let (end, is_open) = said(Phase::Dot, words);
                return (end, is_open, Duration::ZERO);
            }
            Does::RefuseInBody(code) => return (refused(Phase::Body, code), false, Duration::ZERO),
            Does::RefuseSlowly(code, after) => {
                return (refused(Phase::Dot, code), code != 421, after);
            }
            Does::SayAtGate(words) => {
                let trouble = refusal(Phase::Body, words);
                return (End::Refused(trouble), false, Duration::ZERO);
            }
            Does::BabbleAtGate => {
                let garbage = Cause::Garbage(ReplyError::NoCode);
                let trouble = Trouble::lost(Phase::Body, garbage);
                return (End::Refused(trouble), false, Duration::ZERO);
            }
            Does::MissTheDot => return (End::Abandoned, false, Duration::ZERO),
            Does::LoseAtGate => {
                let trouble = Trouble::lost(Phase::Body, Cause::Closed);
                return (End::Unsent(trouble), false, Duration::ZERO);
            }
            _ => {}
        }
        self.accepted.push((self.now, to));
        let accepted = End::Accepted(Reply::new(250, None, "queued"));
        match *does {
            Does::AcceptAndLose => {
                let trouble = Trouble::lost(Phase::Dot, Cause::Closed);
                (End::InDoubt(trouble), false, self.latency)
            }
            Does::AcceptAndClose => (accepted, false, self.latency),
            Does::Slowly(after) => (accepted, true, after),
            _ => (accepted, true, self.latency),
        }
    }

    fn end(&mut self, connection: ConnectionId, end: End, is_reusable: bool, at: Timestamp) {
        let ended = Event::Ended {
            connection,
            end,
            is_reusable,
        };
        self.at(at, ended);
    }

    pub(super) fn abandon(&mut self, connection: ConnectionId) {
        self.at_gate.remove(&connection);
        self.end(connection, End::Abandoned, false, self.now);
    }

    /// What chance adds to the way.
    pub(super) fn delay(&mut self) -> Duration {
        self.chance
            .as_mut()
            .map(Chance::network)
            .unwrap_or_default()
    }
}

/// A refusal in a server's own words, such as `421 4.7.0 busy`, and whether it stays.
fn said(phase: Phase, words: &str) -> (End, bool) {
    let trouble = refusal(phase, words);
    let is_open = trouble.reply().is_some_and(|reply| reply.code != 421);
    (End::Refused(trouble), is_open)
}

fn refusal(phase: Phase, words: &str) -> Trouble {
    let mut parts = words.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let code = next().parse().expect("a code");
    let enhanced = next().parse().expect("an enhanced code");
    let reply = Reply::new(code, Some(enhanced), next());
    Trouble::refused(phase, reply)
}
