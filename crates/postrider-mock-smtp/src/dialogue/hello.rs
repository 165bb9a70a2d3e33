//! The greeting, and EHLO: what is offered, and what was agreed by it.

use std::ops::ControlFlow;

use crate::dialogue::{Dialogue, Effects, Next, Times};
use crate::profile::{Keyword, Limits};
use crate::world::plan::Offer;
use crate::world::treatment::Treatment;

/// What holds since the last EHLO; TLS makes all of it be forgotten (RFC 3207 §4.2).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Session {
    pub(super) has_said_hello: bool,
    /// Whether it was EHLO, so that extensions may be used.
    pub(super) is_extended: bool,
    /// Whether PIPELINING was offered, perhaps as a lie.
    pub(super) may_pipeline: bool,
    pub(super) is_secure: bool,
    pub(super) is_authenticated: bool,
}

impl Dialogue {
    /// The first words of the dialogue.
    pub(super) fn greet(
        &mut self,
        treatment: &Treatment,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let hostname = self.entry.offer().hostname.clone();
        let greeting = |out: &mut Vec<u8>| {
            out.extend_from_slice(format!("220 {hostname} ESMTP\r\n").as_bytes());
        };
        self.treat_with(treatment, greeting, effects)
    }

    pub(super) fn hello(
        &mut self,
        is_extended: bool,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        self.drop_transaction();
        let treatment = self.entry.at_hello(times.now_us);
        let offer = self.entry.offer();
        if treatment.act.lets_pass() {
            self.session.has_said_hello = true;
            self.session.is_extended = is_extended;
            self.session.may_pipeline = is_extended && offer.offers(Keyword::Pipelining);
        }
        let mut lines = Vec::new();
        write_offer(offer, is_extended, self.session, &mut lines);
        self.treat_with(&treatment, |out| out.extend_from_slice(&lines), effects)
    }
}

/// The reply to EHLO with what is offered, or to HELO without.
fn write_offer(offer: &Offer, is_extended: bool, session: Session, out: &mut Vec<u8>) {
    let mut lines = vec![offer.hostname.clone()];
    if is_extended {
        lines.extend((1..=offer.filler_lines).map(|n| format!("X-FILLER-{n}")));
        lines.extend(offer.keywords.iter().map(|keyword| match keyword {
            Keyword::Size => format!("SIZE {}", offer.size),
            keyword => keyword.name().to_owned(),
        }));
        if offer.tls.is_offered && !session.is_secure {
            lines.push("STARTTLS".to_owned());
        }
        let auth = offer.auth.as_ref();
        if let Some(auth) = auth.filter(|auth| session.is_secure || !auth.is_only_after_tls) {
            let names = auth.mechanisms.iter().map(|mechanism| mechanism.name());
            lines.push(format!("AUTH {}", names.collect::<Vec<_>>().join(" ")));
        }
        lines.extend(limits_line(&offer.limits));
    }
    let last = lines.len() - 1;
    for (at, line) in lines.iter().enumerate() {
        let separator = if at == last { ' ' } else { '-' };
        out.extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
    }
}

/// `LIMITS` with those numbers that there are (RFC 9422 §3).
fn limits_line(limits: &Limits) -> Option<String> {
    let numbers = [
        ("MAILMAX", limits.mailmax),
        ("RCPTMAX", limits.rcptmax),
        ("RCPTDOMAINMAX", limits.rcptdomainmax),
    ];
    let known = numbers
        .iter()
        .filter_map(|(name, max)| max.map(|max| format!(" {name}={max}")));
    (!limits.is_none()).then(|| known.fold("LIMITS".to_owned(), |line, known| line + &known))
}
