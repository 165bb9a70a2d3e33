//! STARTTLS (RFC 3207) and AUTH (RFC 4954).

use std::ops::ControlFlow::{self, Break, Continue};

use bytes::{Buf, BytesMut};

use crate::bounds::AUTH_LINE_BYTES_MAX;
use crate::chance::draw;
use crate::dialogue::auth::{self, Exchange, Turn};
use crate::dialogue::hello::Session;
use crate::dialogue::reply;
use crate::dialogue::{Dialogue, Effects, Line, Next, Phase, Times, checked_line, find_line};
use crate::profile::Certificate;

/// How the mock behaves in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) certificate: Certificate,
    /// Whether it is broken off after the client's first words.
    pub(crate) is_broken: bool,
}

impl Dialogue {
    /// How a handshake of this connection goes: always the same under one seed.
    pub(crate) fn handshake(&self) -> Handshake {
        let tls = &self.entry.offer().tls;
        let connection = self.entry.connection().to_string();
        let drawn = draw(self.entry.plan().profile.seed, "handshake", &connection, 0);
        Handshake {
            certificate: tls.certificate,
            is_broken: tls.handshake_failure_share.holds(drawn),
        }
    }

    /// A handshake has succeeded: what was said before it no longer counts.
    pub(crate) fn secured(&mut self) {
        self.drop_transaction();
        self.session = Session {
            is_secure: true,
            ..Session::default()
        };
    }

    pub(super) fn start_tls(&mut self, times: Times, effects: &mut Effects) -> ControlFlow<Next> {
        if self.session.is_secure {
            return self.out_of_order(&reply::TLS_ACTIVE, times, effects);
        }
        if !self.entry.offer().tls.is_offered {
            return self.out_of_order(&reply::TLS_NOT_OFFERED, times, effects);
        }
        let _ = self.say(&reply::READY_FOR_TLS, effects);
        Break(Next::StartTls)
    }

    pub(super) fn auth(
        &mut self,
        mechanism: &str,
        initial: Option<&str>,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        if !self.session.is_extended {
            return self.out_of_order(&reply::HELLO_FIRST, times, effects);
        }
        let Some(auth) = &self.entry.offer().auth else {
            return self.out_of_order(&reply::AUTH_NOT_OFFERED, times, effects);
        };
        if auth.is_only_after_tls && !self.session.is_secure {
            return self.out_of_order(&reply::TLS_FIRST, times, effects);
        }
        if self.session.is_authenticated {
            return self.out_of_order(&reply::AUTH_TWICE, times, effects);
        }
        if self.transaction.is_some() {
            return self.out_of_order(&reply::AUTH_IN_MAIL, times, effects);
        }
        let turn = auth::begin(auth, mechanism, initial);
        self.take_turn(turn, effects)
    }

    /// The client's next line of a log-in. Nothing of it is recorded.
    pub(super) fn read_response(
        &mut self,
        exchange: Exchange,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let end = match find_line(input, AUTH_LINE_BYTES_MAX) {
            Line::Whole(end) => end,
            Line::Open => {
                self.phase = Phase::Auth(exchange);
                return Break(Next::Read);
            }
            Line::TooLong => {
                self.phase = Phase::LongLine;
                return self.refuse_line(&reply::LINE_TOO_LONG, times, effects);
            }
        };
        self.group.add_part();
        let line = checked_line(&input[..end], AUTH_LINE_BYTES_MAX)
            .and_then(|line| str::from_utf8(line).map_err(|_| reply::AUTH_BAD_BASE64));
        let turn = match (line, &self.entry.offer().auth) {
            (Ok(line), Some(auth)) => Ok(exchange.respond(auth, line)),
            (Ok(_), None) => Ok(Turn::Refused(reply::AUTH_FAILED)),
            (Err(refusal), _) => Err(refusal),
        };
        input.advance(end);
        if !input.is_empty() {
            let detail = "more was sent before the reply to a line of a log-in";
            if let Some(closed) = self.out_of_step(detail, times, effects) {
                return closed;
            }
        }
        match turn {
            Ok(turn) => self.take_turn(turn, effects),
            Err(refusal) => self.refuse_line(&refusal, times, effects),
        }
    }

    fn take_turn(&mut self, turn: Turn, effects: &mut Effects) -> ControlFlow<Next> {
        match turn {
            Turn::Ask(exchange, question) => {
                self.phase = Phase::Auth(exchange);
                let _ = self.say(&question, effects);
                Continue(())
            }
            Turn::Accepted => {
                self.session.is_authenticated = true;
                self.say(&reply::AUTHENTICATED, effects)
            }
            Turn::Refused(refusal) => self.refuse(&refusal, effects),
        }
    }
}
