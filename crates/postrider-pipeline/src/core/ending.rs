//! A message on a connection has ended: what becomes of the connection, of the slot, and of the
//! delivery.

use postrider_types::reply::Reply;
use postrider_types::{Outcome, Timestamp};

use super::Core;
use super::connections::{Afterwards, Busy, Fate, Progress};
use super::event::{ConnectionId, Effect, End};
use super::hands::Stage;
use super::hearing::Heard;
use super::judge::{Attempt, Circumstances, Judgement, judge};
use super::pools::PoolId;
use crate::bounds::LOSSES_MAX;

impl Core {
    /// A transaction is over: go on with the connection, and judge the delivery.
    pub(super) fn handle_end(
        &mut self,
        connection: ConnectionId,
        end: End,
        is_reusable: bool,
        chance: f64,
        now: Timestamp,
    ) {
        let Some(lead) = self.connections.lead(connection) else {
            return;
        };
        let heard = self.hear(&end, lead.pool, now);
        let is_used_up = heard.ends_session();
        let is_answered = self.hear_answer(connection, lead, &end, &heard);
        let ended = self
            .connections
            .end(connection, is_reusable, is_used_up, now);
        let Some(ended) = ended else {
            return;
        };
        let busy = ended.busy;
        if ended.is_pipelining && end.is_out_of_step() {
            let pool = self.lines.pools.pool_mut(lead.pool);
            pool.contact.fell_out_of_step(now);
        }
        self.lines
            .landed(lead.pool, &busy.domain, ended.next.as_deref());
        if !is_answered {
            self.hear_nothing(lead, (&end, &heard), ended.fate, chance, now);
        }
        match ended.fate {
            Fate::Open => self.lines.pools.change(lead.way),
            Fate::Worn => {
                self.effects.push(Effect::Quit(connection));
                self.lines.pools.change(lead.way);
            }
            Fate::Lost => self.make_way(lead),
        }
        if let Progress::Begun(dot_at) = busy.progress {
            self.lines.answered(lead.pool, &busy.domain, dot_at, now);
        }
        if matches!(end, End::Unbuildable(_)) {
            self.give_back(&busy, lead.way, now);
        }
        let token = busy.strand.hand;
        let Some(hand) = self.hands.get_mut(&token) else {
            return self.record_late(&busy, end, heard, chance, now);
        };
        hand.in_flight -= 1;
        hand.worked_at = now;
        self.judge_end(busy, lead.pool, end, heard, chance, now);
        self.stop_waiting(token, now);
    }

    /// What the end of a transaction means for the delivery, whose chunk is in hand.
    fn judge_end(
        &mut self,
        busy: Busy,
        pool: PoolId,
        end: End,
        heard: Heard,
        chance: f64,
        now: Timestamp,
    ) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        if let Progress::Abandoned(afterwards) = busy.progress {
            match afterwards {
                Afterwards::Again => self.put_back(&busy),
                Afterwards::Return => self.record_return(&busy, None, now),
                Afterwards::Forget => {}
            }
            return;
        }
        let is_begun = matches!(busy.progress, Progress::Begun(_));
        let mut losses = hand.losses.get(&busy.index).copied().unwrap_or(0);
        if is_begun && end.is_out_of_step() {
            // Who has begun cannot go again from this hand, so lost step defers him at once.
            losses = LOSSES_MAX;
        }
        let said = end.reason();
        let recipient = &hand.chunk.recipients[busy.index];
        let circumstances = Circumstances {
            classification: heard.classification,
            rests_until: heard.rests_until,
            recipient,
            losses,
            backoff: &self.settings.backoff,
            chance,
        };
        match judge(end, &circumstances, now) {
            Judgement::Record(Outcome::Returned, reply, _) => {
                self.record_return(&busy, reply, now);
            }
            Judgement::Record(outcome, reply, attempt) => {
                let made = u16::from(attempt == Attempt::Made);
                let attempt = recipient.attempts.saturating_add(made);
                self.record(busy.strand.hand, busy.index, attempt, outcome, reply, now);
            }
            Judgement::Again { .. } if is_begun => self.record_return(&busy, said, now),
            Judgement::Again { is_loss } => {
                hand.losses
                    .insert(busy.index, losses.saturating_add(u8::from(is_loss)));
                self.put_back(&busy);
            }
            Judgement::Wait(until, reply) => self.wait_uncharged(&busy, pool, until, reply, now),
        }
    }

    /// A delivery waits until its site has rested, and no attempt is charged; or it is too old for
    /// that.
    fn wait_uncharged(
        &mut self,
        busy: &Busy,
        pool: PoolId,
        until: Timestamp,
        reply: Reply,
        now: Timestamp,
    ) {
        let (token, index) = (busy.strand.hand, busy.index);
        let is_given_up = self.is_given_up(busy.strand, index, pool, now);
        let Some(hand) = self.hands.get_mut(&token) else {
            return;
        };
        let attempt = hand.chunk.recipients[index].attempts.saturating_add(1);
        if !is_given_up {
            let lane = hand.chunk.lane.clone();
            hand.leave(index, lane, until);
        }
        if matches!(busy.progress, Progress::Begun(_)) {
            let reply = Some(reply.clone());
            self.record(token, index, attempt, Outcome::Returned, reply, now);
        }
        if is_given_up {
            self.expire(token, index, Some(reply), now);
        }
    }

    /// Sends a recipient to the back of its strand.
    fn put_back(&mut self, busy: &Busy) {
        let Some(hand) = self.hands.get_mut(&busy.strand.hand) else {
            return;
        };
        hand.put_back(busy.strand.strand, busy.index);
        if hand.stage == Stage::Working {
            self.lines.line_up(busy.strand, &busy.domain);
        }
    }
}
