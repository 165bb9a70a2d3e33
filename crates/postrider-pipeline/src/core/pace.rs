//! How briskly dots are answered, and whether a message may stand behind one.
//!
//! **The rule.** With the dot of one message goes the envelope of the next, and from then on the
//! second waits for the first. So that a slow destination still delays no other, a message goes
//! behind a dot only where dots are answered briskly, whoever the message is for. Behind a slow
//! dot the round trip that it would save is a small part anyway.
//!
//! A destination is *brisk* when the last answer to one of its dots took no longer than
//! [`BRISK_MAX`], and it is not *stalled*: it owes answers, and gave none for that long. So the
//! first slow answer, or its absence, ends the joining, and the first brisk one allows it again.
//!
//! Of a destination that nobody knows, only the first dot is out, and the next hop as a whole
//! speaks for it: a list of a hundred thousand domains through one relay has nothing but first
//! dots. The others wait for its answer. So a destination that turns out to be slow holds up at
//! most what stood behind its dots when it became so: one message for each of its connections,
//! while others to the same domains go on elsewhere.

use postrider_types::Timestamp;

use crate::bounds::BRISK_MAX;

/// What is known of the answers to dots of one destination, or of one next hop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Whether the last answer was brisk; `None` before the first.
    was_brisk: Option<bool>,
    /// Dots without an answer.
    dots_out: usize,
    /// Since when answers are owed and none has come.
    silent_since: Timestamp,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            was_brisk: None,
            dots_out: 0,
            silent_since: Timestamp::EPOCH,
        }
    }
}

impl Pace {
    /// A dot leaves.
    pub(super) fn dot(&mut self, now: Timestamp) {
        if self.dots_out == 0 {
            self.silent_since = now;
        }
        self.dots_out += 1;
    }

    /// The answer to a dot that left at `dot_at` has come, or never will.
    pub(super) fn answered(&mut self, dot_at: Timestamp, now: Timestamp) {
        self.dots_out -= 1;
        self.silent_since = now;
        self.was_brisk = Some(now.since(dot_at) <= BRISK_MAX);
    }

    /// Whether dots are answered briskly.
    pub(super) fn is_brisk(&self, now: Timestamp) -> bool {
        let is_stalled = self.dots_out > 0 && now.since(self.silent_since) > BRISK_MAX;
        self.was_brisk == Some(true) && !is_stalled
    }

    /// Whether no dot has left yet.
    pub(super) const fn is_unknown(&self) -> bool {
        self.was_brisk.is_none() && self.dots_out == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    /// Dots that left and were answered at these milliseconds; then whether it is brisk at `now`.
    fn check(dots: &[(u64, Option<u64>)], now: u64, is_brisk: bool) {
        let at = |millis| START.plus(Duration::from_millis(millis));
        let mut pace = Pace::default();
        let mut steps: Vec<(u64, Option<u64>)> = Vec::new();
        for &(left, answered) in dots {
            steps.push((left, None));
            steps.extend(answered.map(|answered| (answered, Some(left))));
        }
        steps.sort_unstable();
        for (when, left) in steps {
            match left {
                None => pace.dot(at(when)),
                Some(left) => pace.answered(at(left), at(when)),
            }
        }
        assert_eq!(pace.is_brisk(at(now)), is_brisk, "{dots:?} at {now}");
    }

    #[test]
    fn nothing_is_brisk_before_its_first_answer() {
        check(&[], 0, false);
        check(&[(0, None)], 10, false);
        check(&[(0, Some(900))], 901, true);
    }

    #[test]
    fn one_slow_answer_ends_it_and_one_brisk_answer_begins_it_again() {
        check(&[(0, Some(10)), (20, Some(1_100))], 1_101, false);
        check(&[(0, Some(1_100)), (1_200, Some(1_210))], 1_211, true);
    }

    #[test]
    fn who_owes_answers_and_gives_none_is_stalled() {
        check(&[(0, Some(10)), (20, None)], 1_000, true);
        check(&[(0, Some(10)), (20, None)], 1_021, false);
        check(&[(0, Some(10)), (20, None), (500, Some(900))], 1_500, true);
        check(&[(0, Some(10))], 100_000, true);
    }
}
