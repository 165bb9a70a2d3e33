//! What receivers refuse with, grouped for people: a million replies say a few dozen things.
//!
//! Kept in memory since the start of the process, in a bounded number of groups; what says something
//! new when all are taken counts as one group of its own.

use std::collections::HashMap;

use postrider_smtp::classify::{Action, Class, Classification, normalise};
use postrider_types::Timestamp;
use postrider_types::reply::Reply;
use serde::{Deserialize, Serialize};

use crate::bounds::REFUSAL_GROUPS_MAX;

/// The line under which everything counts that has no group of its own.
const OTHERS: &str = "(others)";

/// Refusals that say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalGroup {
    /// The reply without what differs from message to message.
    pub line: String,
    /// The rule that said what it means, for the last of them.
    pub rule: String,
    /// What it meant for the delivery.
    pub class: Class,
    /// What it meant beyond it.
    pub action: Option<Action>,
    /// How many there were.
    pub count: u64,
    /// When the last of them came.
    pub last_at: Timestamp,
}

/// All groups since the start.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_line: HashMap<String, RefusalGroup>,
}

impl Refusals {
    /// One more refusal.
    pub(super) fn note(&mut self, reply: &Reply, meaning: &Classification, now: Timestamp) {
        let line = normalise(reply);
        let is_known = self.by_line.contains_key(&line);
        let line = if is_known || self.by_line.len() < REFUSAL_GROUPS_MAX - 1 {
            line
        } else {
            OTHERS.to_owned()
        };
        let group = self
            .by_line
            .entry(line)
            .or_insert_with_key(|line| RefusalGroup {
                line: line.clone(),
                rule: String::new(),
                class: meaning.class,
                action: meaning.action,
                count: 0,
                last_at: now,
            });
        group.count += 1;
        group.last_at = now;
        group.class = meaning.class;
        group.action = meaning.action;
        group.rule.clear();
        group.rule.push_str(meaning.rule.as_str());
    }

    /// The groups, those with the most refusals first.
    pub(super) fn groups(&self) -> Vec<RefusalGroup> {
        let mut groups: Vec<_> = self.by_line.values().cloned().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.line.cmp(&b.line)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use postrider_smtp::Trouble;
    use postrider_smtp::classify::Classifier;
    use postrider_smtp::site::SiteName;
    use postrider_types::Phase;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn note(refusals: &mut Refusals, code: u16, text: &str) {
        let reply = Reply::new(code, None, text);
        let trouble = Trouble::refused(Phase::Rcpt, reply.clone());
        let site = SiteName::of_host("mx.example.test");
        let meaning = Classifier::built_in().classify(&trouble, &site);
        refusals.note(&reply, &meaning, NOW);
    }

    #[test]
    fn replies_that_say_the_same_are_one_group_and_the_largest_comes_first() {
        let mut refusals = Refusals::default();
        note(&mut refusals, 450, "busy, id 123456789012");
        for n in 0..1_000 {
            note(
                &mut refusals,
                550,
                &format!("<{n}@example.test>: user unknown"),
            );
        }
        let groups = refusals.groups();
        assert_eq!(groups.len(), 2);
        let first = &groups[0];
        assert_eq!(first.line, "550 <address>: user unknown");
        assert_eq!((first.count, first.class), (1_000, Class::Bounced));
        assert_eq!(first.rule, "no-such-recipient-words");
        assert_eq!(first.action, Some(Action::Suppress));
    }

    #[test]
    fn a_receiver_that_always_says_something_new_takes_a_bounded_number_of_groups() {
        let mut refusals = Refusals::default();
        let letter = |n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap());
        for n in 0..10_000_u32 {
            let word: String = [n, n / 26, n / 676].map(letter).iter().collect();
            note(&mut refusals, 550, &format!("no {word}"));
        }
        let groups = refusals.groups();
        assert_eq!(groups.len(), REFUSAL_GROUPS_MAX);
        assert_eq!(groups[0].line, OTHERS);
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 10_000);
    }
}
