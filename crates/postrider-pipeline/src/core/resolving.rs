//! Where DNS sends the mail of a domain; and what becomes of whom nobody can reach.

use std::sync::Arc;

use postrider_smtp::Trouble;
use postrider_smtp::mx::{NoRoute, Resolution};
use postrider_smtp::site::SiteName;
use postrider_types::Timestamp;

use super::Core;
use super::event::{Effect, End};
use super::hands::{Hand, Stage, StrandId};
use super::judge::{Circumstances, Judgement, judge};
use crate::settings::RouteId;

impl Core {
    /// Asks DNS for domains whose mail waits for that.
    pub(super) fn resolve(&mut self) {
        while let Some((route, domain)) = self.lines.next_to_ask() {
            self.effects.push(Effect::Resolve(route, domain));
        }
    }

    /// DNS has said where the mail of a domain goes, or that there is no such place.
    pub(super) fn handle_resolved(
        &mut self,
        route: RouteId,
        domain: &Arc<str>,
        resolved: Result<Resolution, NoRoute>,
        chance: f64,
        now: Timestamp,
    ) {
        match resolved {
            Ok(Resolution {
                target,
                valid_until,
            }) => {
                let is_used = |pool| self.connections.of_pool(pool).all() > 0;
                let way = self.lines.pools.way_to(route, &target, is_used, now);
                self.lines.resolved(domain, way, valid_until);
            }
            Err(no_route) => {
                let trouble = Trouble::from(no_route);
                let site = SiteName::of_host(domain);
                for strand in self.lines.unresolved(domain) {
                    self.end_strand(strand, &trouble, &site, chance, now);
                }
            }
        }
    }

    /// Nobody of a strand can be sent to, and each has this for an attempt.
    pub(super) fn end_strand(
        &mut self,
        strand: StrandId,
        trouble: &Trouble,
        site: &SiteName,
        chance: f64,
        now: Timestamp,
    ) {
        let is_working = |hand: &&mut Hand| hand.stage == Stage::Working;
        let Some(hand) = self.hands.get_mut(&strand.hand).filter(is_working) else {
            return;
        };
        let chunk = Arc::clone(&hand.chunk);
        for index in hand.take_strand(strand.strand) {
            let (end, recipient) = (End::Refused(trouble.clone()), &chunk.recipients[index]);
            let meaning = self.settings.classifier.classify(trouble, site);
            self.meanings.note(trouble.phase(), &meaning);
            let circumstances = Circumstances {
                classification: Some(meaning),
                rests_until: None,
                recipient,
                // Lost often enough, so that it is not sent again from this hand.
                losses: u8::MAX,
                backoff: &self.settings.backoff,
                chance,
            };
            if let Judgement::Record(outcome, reply, _) = judge(end, &circumstances, now) {
                let attempt = recipient.attempts.saturating_add(1);
                self.record(strand.hand, index, attempt, outcome, reply, now);
            } else {
                debug_assert!(false, "whoever cannot be reached is not sent to again");
            }
        }
        self.asked.may_claim(now);
    }
}
