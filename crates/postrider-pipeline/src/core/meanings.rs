//! What ends meant, counted for metrics: by phase, class and action.
//!
//! Counted is every message that ended on a connection, every one that ended without any because
//! its site cannot be reached, and every try to connect that failed. All three labels come from closed
//! sets, so there are at most a few hundred counters, of which a few dozen are ever used.

use std::borrow::Cow;
use std::collections::BTreeMap;

use postrider_smtp::classify::{Action, Classification};
use postrider_types::Phase;
use serde::{Deserialize, Serialize};

use super::event::End;

/// The class of what was accepted, which no rule classifies.
const DELIVERED: &str = "delivered";

/// The class of what was found lost at the gate: the message was begun, and never sent.
const RETURNED: &str = "returned";

/// In place of a phase or an action where there is none.
const NONE: &str = "none";

/// How many ends meant the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeaningCount {
    /// Where in the session: `connect`, `greeting`, `ehlo`, `tls`, `auth`, `rset`, `mail`, `rcpt`,
    /// `data`, `body`, `dot`, `quit`; `none` where the message could not be built.
    pub phase: Cow<'static, str>,
    /// What it meant for the delivery: `delivered`, `deferred`, `bounced`, `failed`, `in_doubt`,
    /// `neutral` or `returned`.
    pub class: Cow<'static, str>,
    /// What it meant beyond it: `suppress`, `throttle_site`, `throttle_recipient`,
    /// `suspend_route` or `none`.
    pub action: Cow<'static, str>,
    /// How many since the start.
    pub count: u64,
}

/// All counters since the start.
#[derive(Debug, Default)]
pub(super) struct Meanings {
    counters: BTreeMap<(&'static str, &'static str, &'static str), u64>,
    count: u64,
}

impl Meanings {
    /// One failure that the table has classified.
    pub(super) fn note(&mut self, phase: Phase, meaning: &Classification) {
        let action = meaning.action.map_or(NONE, Action::as_str);
        self.add(label(phase), meaning.class.as_str(), action);
    }

    /// One end that no rule is asked about. A refusal is one that [`note`](Self::note) takes, and
    /// what we gave up ourselves is none.
    pub(super) fn note_end(&mut self, end: &End) {
        match end {
            End::Accepted(_) => self.add(label(Phase::Dot), DELIVERED, NONE),
            End::InDoubt(trouble) => self.add(label(trouble.phase()), "in_doubt", NONE),
            End::Unsent(trouble) => self.add(label(trouble.phase()), RETURNED, NONE),
            End::Unbuildable(_) => self.add(NONE, "failed", NONE),
            End::Refused(_) | End::Abandoned => {}
        }
    }

    fn add(&mut self, phase: &'static str, class: &'static str, action: &'static str) {
        self.count += 1;
        *self.counters.entry((phase, class, action)).or_default() += 1;
    }

    /// How many there were in all; changes whenever a counter does.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The counters, in order.
    pub(super) fn counts(&self) -> Vec<MeaningCount> {
        let counters = self.counters.iter();
        counters
            .map(|(&(phase, class, action), &count)| MeaningCount {
                phase: phase.into(),
                class: class.into(),
                action: action.into(),
                count,
            })
            .collect()
    }
}

const fn label(phase: Phase) -> &'static str {
    match phase {
        Phase::Connect => "connect",
        Phase::Greeting => "greeting",
        Phase::Ehlo => "ehlo",
        Phase::Tls => "tls",
        Phase::Auth => "auth",
        Phase::Rset => "rset",
        Phase::Mail => "mail",
        Phase::Rcpt => "rcpt",
        Phase::Data => "data",
        Phase::Body => "body",
        Phase::Dot => "dot",
        Phase::Quit => "quit",
    }
}
