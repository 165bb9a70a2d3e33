//! A site that must be left alone: for how long, and how it begins again.
//!
//! Receivers say that they get too much, or that they want nothing from us. Going on makes it
//! worse: what is a delay becomes a block. So the site *rests*: no new envelope goes there before an
//! instant. Then it gets one connection, and one more with each message that it accepts, as Google
//! asks for in so many words. When the first message after a rest meets the same answer, the next
//! rest is twice as long.
//!
//! The site of a provider rests at the first such reply. A relay passes on what many receivers say,
//! and one of them must not stop the others: it rests after [`ASKS_OF_A_RELAY`] in a row, without an
//! accepted message among them.
//!
//! **A route is suspended** when replies say that our address, our authentication or our log-in is
//! refused: everybody else would be refused too, and a list would be burned. One reply is not
//! enough, for anybody may write such words into the policy of his own domain:
//! [`BLAMES_TO_SUSPEND`] in a row are, without an accepted message among them. It ends by itself
//! with the first accepted message, which is tried when the rest is over.

use std::sync::Arc;
use std::time::Duration;

use postrider_types::Timestamp;

use crate::bounds::{ASKS_OF_A_RELAY, BLAMES_TO_SUSPEND, REST_MAX};

/// Whether a site rests, and how many connections it may have afterwards.
#[derive(Debug)]
pub(super) struct Rest {
    until: Timestamp,
    /// How long the last rest was; zero when a message was accepted since.
    last: Duration,
    /// Most connections; unbounded until the site has rested.
    window: usize,
    /// Replies in a row that ask for a rest, and how many it takes.
    asks: u32,
    asks_needed: u32,
    /// Replies in a row that refuse us, and not the message.
    blames: u32,
    /// Why it is suspended, and since when.
    trouble: Option<(Arc<str>, Timestamp)>,
    /// When the first of the rests in a row began, without an accepted message since.
    since: Option<Timestamp>,
}

impl Rest {
    /// A site that does not rest; a relay, or one of direct delivery.
    pub(super) const fn new(is_relay: bool) -> Self {
        Self {
            until: Timestamp::EPOCH,
            last: Duration::ZERO,
            window: usize::MAX,
            asks: 0,
            asks_needed: if is_relay { ASKS_OF_A_RELAY } else { 1 },
            blames: 0,
            trouble: None,
            since: None,
        }
    }

    /// A message was accepted; says whether the site may have one more connection for it, of at
    /// most `cap`. One that was under way when a rest began, and is accepted during it, says
    /// nothing.
    pub(super) fn accepted(&mut self, cap: usize, now: Timestamp) -> bool {
        if self.until > now {
            return false;
        }
        self.last = Duration::ZERO;
        self.asks = 0;
        self.blames = 0;
        self.trouble = None;
        self.since = None;
        let has_room = self.window < cap;
        self.window = self.window.saturating_add(usize::from(has_room));
        has_room
    }

    /// The site asks for a rest of at least `rest`. When it is over, if it gets one.
    pub(super) fn throttle(&mut self, rest: Duration, now: Timestamp) -> Option<Timestamp> {
        self.asks = self.asks.saturating_add(1);
        if self.asks < self.asks_needed {
            return None;
        }
        self.since.get_or_insert(now);
        // Messages that were under way when the rest began are answered alike, and prove nothing.
        if self.until <= now {
            self.last = (self.last * 2).clamp(rest, REST_MAX.max(rest));
            self.until = now.plus(self.last);
        }
        self.window = 1;
        self.until = self.until.max(now.plus(rest));
        Some(self.until)
    }

    /// A reply refuses us, and not the message. When the rest is over, if there have been enough
    /// of them; `why` is for people.
    pub(super) fn blame(
        &mut self,
        rest: Duration,
        why: impl FnOnce() -> String,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.blames = self.blames.saturating_add(1);
        if self.blames < BLAMES_TO_SUSPEND {
            return None;
        }
        self.since.get_or_insert(now);
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        self.trouble = Some((why().into(), since));
        self.window = 1;
        self.until = self.until.max(now.plus(rest));
        Some(self.until)
    }

    /// Until when no new envelope may go there; in the past when it does not rest.
    pub(super) const fn until(&self) -> Timestamp {
        self.until
    }

    /// Since when it rests again and again, without an accepted message between; `None` when it
    /// does not.
    pub(super) const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// How many connections it may have, of at most `cap`.
    pub(super) fn connections_max(&self, cap: usize) -> usize {
        self.window.min(cap)
    }

    /// Why it is suspended, and since when.
    pub(super) const fn trouble(&self) -> Option<&(Arc<str>, Timestamp)> {
        self.trouble.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> Timestamp {
        START.plus(MINUTE * minutes)
    }

    #[test]
    fn a_rest_is_followed_by_one_connection_and_one_more_with_each_success() {
        let mut rest = Rest::new(false);
        assert_eq!(rest.connections_max(10), 10);
        assert_eq!(rest.throttle(MINUTE, START), Some(at(1)));
        assert_eq!(rest.connections_max(10), 1);
        assert!(!rest.accepted(10, START), "it was under way before");
        assert_eq!(rest.connections_max(10), 1);
        assert!(rest.accepted(10, at(1)) && rest.accepted(10, at(1)));
        assert_eq!(rest.connections_max(10), 3);
        assert!(
            (0..100).any(|_| !rest.accepted(10, at(1))),
            "it grows without end"
        );
        assert_eq!(rest.connections_max(10), 10);
    }

    #[test]
    fn rests_double_until_something_is_accepted_and_are_bounded() {
        let mut rest = Rest::new(false);
        assert_eq!(rest.throttle(MINUTE, at(0)), Some(at(1)));
        assert_eq!(rest.throttle(MINUTE, at(1)), Some(at(3)));
        assert_eq!(rest.throttle(MINUTE, at(3)), Some(at(7)));
        rest.accepted(10, at(7));
        assert_eq!(rest.throttle(MINUTE, at(100)), Some(at(101)));
        let mut now = at(101);
        for _ in 0..20 {
            let until = rest.throttle(MINUTE, now).unwrap();
            assert!(until.since(now) <= REST_MAX);
            now = until;
        }
        let long = REST_MAX * 4;
        assert_eq!(rest.throttle(long, now), Some(now.plus(long)));
    }

    #[test]
    fn a_relay_rests_when_it_is_not_only_one_receiver_that_asks() {
        let mut rest = Rest::new(true);
        for _ in 0..5 {
            assert_eq!(rest.throttle(MINUTE, START), None);
            assert_eq!(rest.throttle(MINUTE, START), None);
            rest.accepted(10, START);
        }
        let found: Vec<_> = (0..3).map(|_| rest.throttle(MINUTE, START)).collect();
        assert_eq!(found, [None, None, Some(at(1))]);
        assert_eq!(rest.connections_max(10), 1);
    }

    #[test]
    fn answers_to_what_was_under_way_do_not_lengthen_a_rest() {
        let mut rest = Rest::new(false);
        rest.throttle(MINUTE * 10, START);
        assert_eq!(rest.throttle(MINUTE, at(1)), Some(at(10)));
        assert_eq!(rest.throttle(MINUTE * 10, at(2)), Some(at(12)));
    }

    #[test]
    fn only_blames_in_a_row_suspend_and_an_accepted_message_ends_it() {
        let mut rest = Rest::new(false);
        let hour = MINUTE * 60;
        let blame = |rest: &mut Rest, now| rest.blame(hour, || "550 5.7.26".to_owned(), now);
        for _ in 0..5 {
            assert_eq!(blame(&mut rest, START), None);
            assert_eq!(blame(&mut rest, START), None);
            rest.accepted(10, START);
        }
        let found: Vec<_> = (0..3).map(|_| blame(&mut rest, START)).collect();
        assert_eq!(found, [None, None, Some(at(60))]);
        assert_eq!(rest.connections_max(10), 1);
        // The first message after the rest is refused alike: suspended again, and since the start.
        assert_eq!(blame(&mut rest, at(60)), Some(at(120)));
        assert_eq!(rest.trouble().map(|(_, since)| *since), Some(START));
        rest.accepted(10, at(120));
        assert_eq!(rest.trouble(), None);
    }
}
