//! What the end of a transaction says of the site that it came from, beyond the delivery.

use std::sync::Arc;

use postrider_smtp::Trouble;
use postrider_smtp::classify::{Action, Class, Classification};
use postrider_types::Timestamp;

use super::Core;
use super::event::End;
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
}

impl Core {
    /// Learns from an end: what was accepted ends a rest's caution, and a refusal may begin a rest.
    pub(super) fn hear(&mut self, end: &End, pool: PoolId, now: Timestamp) -> Heard {
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

    fn hear_acceptance(&mut self, pool: PoolId, now: Timestamp) {
        let own = self.lines.pools.pool_mut(pool);
        let was_suspended = own.rest.trouble().is_some();
        let has_grown = own.accepted(now);
        if was_suspended && own.rest.trouble().is_none() {
            self.lines.pools.note_suspended(pool, false);
        }
        if has_grown {
            self.lines.pools.release_held(pool);
        }
    }

    /// Why a route is suspended, and since when, if one is.
    pub(super) fn suspension(&self) -> Option<(Arc<str>, Timestamp)> {
        let pools = &self.lines.pools;
        let mut troubles = pools
            .suspended()
            .filter_map(|pool| pools.pool(pool).rest.trouble());
        troubles.next().cloned()
    }
}

/// Why a route is suspended, for the person who is to act.
fn sentence(site: &str, trouble: &Trouble, meaning: &Classification) -> String {
    let (words, rule) = (report::chain(trouble), &meaning.rule);
    format!("{site}: suspended, for it refuses us and not our messages: {words} (rule {rule})")
}
