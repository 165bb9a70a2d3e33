//! What the end of a transaction says of the site that it came from, beyond the delivery.
//!
//! - *Answered*: the site took the message, or refused this message or recipient in so many words. Then
//!   sessions there are good for something, and trouble is over (`contact`).
//! - *Came to nothing*: lost, or the server's leave (421), or nobody meant the same command. A session
//!   that ends so before any of its messages was answered counts against its site.
//! - A refusal may also ask for a rest, or refuse us as a whole (`rest`).

use postrider_smtp::Trouble;
use postrider_smtp::classify::{Action, Class, Classification};
use postrider_types::{Scope, Timestamp};

use super::Core;
use super::connections::{Fate, Lead};
use super::event::{ConnectionId, End};
use super::pools::PoolId;
use crate::report;

/// What a transaction that ended says of its site.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// What a refusal means; `None` where nothing was refused.
    pub(super) classification: Option<Classification>,
    /// Until when the site rests because of it.
    pub(super) rests_until: Option<Timestamp>,
}

impl Heard {
    /// Whether the server will take nothing more in this session, although it keeps it open.
    pub(super) fn ends_session(&self) -> bool {
        let class = self.classification.as_ref().map(|meaning| meaning.class);
        class == Some(Class::Neutral)
    }

    /// Whether the site has said something of its own about this message or its recipient.
    fn is_answer(&self, end: &End) -> bool {
        match end {
            End::Accepted(_) => true,
            End::Refused(trouble) => {
                let is_refused = trouble.reply().is_some_and(|reply| reply.code >= 400);
                let is_about_it = matches!(trouble.scope(), Scope::Message | Scope::Recipient);
                is_refused && is_about_it && !trouble.is_local() && !self.ends_session()
            }
            End::Unsent(_) | End::InDoubt(_) | End::Unbuildable(_) | End::Abandoned => false,
        }
    }
}

impl Core {
    /// Learns from an end: what was accepted ends a rest's caution, and a refusal may begin a rest.
    pub(super) fn hear(&mut self, end: &End, pool: PoolId, now: Timestamp) -> Heard {
        self.meanings.note_end(end);
        let trouble = match end {
            End::Accepted(_) => {
                self.hear_acceptance(pool, now);
                return Heard::default();
            }
            End::Refused(trouble) => trouble,
            End::Unsent(_) | End::InDoubt(_) | End::Unbuildable(_) | End::Abandoned => {
                return Heard::default();
            }
        };
        let own = self.lines.pools.pool_mut(pool);
        let site = own.site.clone();
        let meaning = self.settings.classifier.classify(trouble, &site);
        self.meanings.note(trouble.phase(), &meaning);
        let rest = meaning.retry_after.unwrap_or_default();
        let rests_until = match meaning.action {
            Some(Action::ThrottleSite) => own.rest.throttle(rest, now),
            Some(Action::SuspendRoute) => {
                let why = || sentence(site.as_str(), trouble, &meaning);
                let rests_until = own.rest.blame(rest, why, now);
                if rests_until.is_some() {
                    self.lines.pools.note_suspended(pool, true);
                }
                rests_until
            }
            Some(Action::Suppress | Action::ThrottleRecipient) | None => None,
        };
        if let Some(reply) = trouble.reply().filter(|_| !trouble.is_local()) {
            self.refusals.note(reply, &meaning, now);
            tracing::debug!(
                site = site.as_str(),
                phase = %trouble.phase(),
                reply_code = reply.code,
                rule = %meaning.rule,
                class = %meaning.class,
                action = meaning.action.map(Action::as_str),
                "a refusal"
            );
        }
        Heard {
            classification: Some(meaning),
            rests_until,
        }
    }

    /// Learns from an end whether sessions there are good for something. Before the connection is
    /// judged, because its own past counts; says whether any of its messages was answered.
    pub(super) fn hear_answer(
        &mut self,
        connection: ConnectionId,
        lead: Lead,
        end: &End,
        heard: &Heard,
    ) -> bool {
        let was_answered = self.connections.is_answered(connection);
        if heard.is_answer(end)
            && let Some(opened_at) = self.connections.answered(connection)
        {
            if lead.is_trial && !was_answered {
                // Its trial is over, even when it says nothing of a trouble that is younger.
                self.lines.pools.release_held(lead.pool);
            }
            let own = self.lines.pools.pool_mut(lead.pool);
            if own.contact.answered(opened_at) {
                let is_suspended = own.is_suspended();
                self.lines.pools.note_suspended(lead.pool, is_suspended);
                self.lines.pools.opened(lead.pool);
            }
        }
        self.connections.is_answered(connection)
    }

    /// A session has ended, and none of its messages was answered.
    pub(super) fn hear_nothing(
        &mut self,
        lead: Lead,
        (end, heard): (&End, &Heard),
        fate: Fate,
        chance: f64,
        now: Timestamp,
    ) {
        let (End::Refused(trouble) | End::Unsent(trouble) | End::InDoubt(trouble)) = end else {
            return;
        };
        if fate == Fate::Open || heard.rests_until.is_some() || trouble.is_local() {
            return;
        }
        let contact = &mut self.lines.pools.pool_mut(lead.pool).contact;
        if contact.came_to_nothing(trouble, chance, now) {
            self.lines.pools.shut_for(lead.pool);
        }
    }

    fn hear_acceptance(&mut self, pool: PoolId, now: Timestamp) {
        let own = self.lines.pools.pool_mut(pool);
        own.accepted_at = now;
        let was_suspended = own.rest.trouble().is_some();
        let has_grown = own.accepted(now);
        if was_suspended && !own.is_suspended() {
            self.lines.pools.note_suspended(pool, false);
        }
        if has_grown {
            self.lines.pools.release_held(pool);
        }
    }
}

/// Why a route is suspended, for the person who is to act.
pub(super) fn sentence(site: &str, trouble: &Trouble, meaning: &Classification) -> String {
    let (words, rule) = (report::chain(trouble), &meaning.rule);
    format!("{site}: suspended, for it refuses us and not our messages: {words} (rule {rule})")
}
